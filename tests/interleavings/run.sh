#!/usr/bin/env bash
# Runs the threads' hand-overs in every order that they can run in, under loom: ./run.sh [ARGUMENT of cargo test]...
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..
made=$root/target/interleavings
mkdir -p "$made"
# The source of the two libraries, as the program has them, with loom's atomics in the place of core's.
cargo metadata --quiet --format-version 1 --locked --manifest-path "$root/Cargo.toml" |
    python3 -c '
import json, sys
for package in json.load(sys.stdin)["packages"]:
    if package["name"] in ("rtrb", "triple_buffer"):
        print(package["name"], package["manifest_path"].rsplit("/", 1)[0])' |
    while read -r name from; do
        rm -rf "${made:?}/$name"
        mkdir -p "$made/$name"
        cp -r "$from/src" "$made/$name/src"
        find "$made/$name/src" -name '*.rs' -exec sed -i -E \
            's/^use core::sync::atomic::/use loom::sync::atomic::/; s/^    sync::atomic::\{AtomicU8, Ordering\},$//' {} +
        if [ "$name" = triple_buffer ]; then
            sed -i 's/^use alloc::sync::Arc;/use alloc::sync::Arc;\nuse loom::sync::atomic::{AtomicU8, Ordering};/' \
                "$made/$name/src/lib.rs"
        fi
        grep -q 'use loom::sync::atomic::' "$made/$name/src/lib.rs"
        if grep -rnE 'core::sync::atomic|std::sync::atomic' "$made/$name/src" | grep -v '//' | grep -v 'mod tests' |
            grep -vE 'lib.rs:6[3-9][0-9]|lib.rs:[7-9][0-9][0-9]'; then
            echo "$name has atomics that are not loom's" >&2
            exit 1
        fi
        # Its own table, without what only its tests need.
        awk '/^\[(dev-dependencies|\[?bench|\[test|profile)/ { skip = 1; next } /^\[/ { skip = 0 }
             /^\[\[(bench|test)\]\]/ { skip = 1 } !skip' "$from/Cargo.toml" > "$made/$name/Cargo.toml"
        printf '\n[dependencies.loom]\nversion = "0.7"\n\n[workspace]\n' >> "$made/$name/Cargo.toml"
    done
export CARGO_TARGET_DIR=$made/build
cargo test --quiet --manifest-path "$here/Cargo.toml" "$@"
