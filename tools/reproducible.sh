#!/usr/bin/env bash
# Builds the last commit twice, in two folders of other names, and compares the programs: the same to the byte, and with
# no path of this machine. Takes two builds from scratch.
#   tools/reproducible.sh
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for folder in one another-folder/with-a-longer-name; do
    git clone --quiet "$root" "$work/$folder"
    CARGO_TARGET_DIR="$work/$folder/target" "$work/$folder/tools/package.sh" --quick --out "$work/$folder/packages"
done
one=$work/one/target/reproducible/release/attune
another=$work/another-folder/with-a-longer-name/target/reproducible/release/attune
sha256sum "$one" "$another" | sed "s|$work/||"
cmp "$one" "$another"
for path in "$work" "$root" "${CARGO_HOME:-$HOME/.cargo}"; do
    if grep -aqF "$path" "$one"; then
        echo "the program holds the path $path" >&2
        exit 1
    fi
done
echo "the same program, without a path of this machine"
