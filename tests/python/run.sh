#!/usr/bin/env bash
# Builds the Python package as a wheel, installs it into an environment of its own and tests it.
#   tests/python/run.sh [--all] [ARGUMENT...]
# --all also tests the cluster with Ray (about 900 MB of packages). Other arguments go to pytest. The program that
# results are compared with is target/ci/attune, or that in ATTUNE_PROGRAM.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
target=${CARGO_TARGET_DIR:-target}
work=$target/python
python=$work/venv/bin/python

with_ray=false
if [ "${1:-}" = --all ]; then
    with_ray=true
    shift
fi

# Installs what a file of requirements lists, unless the same was installed before.
install() {
    local list=$1 stamp
    stamp=$work/venv/installed-$(basename "$list")
    if ! cmp -s "$list" "$stamp"; then
        "$python" -m pip install -q --disable-pip-version-check -r "$list"
        cp "$list" "$stamp"
    fi
}

if ! [ -x "$python" ]; then
    python3 -m venv "$work/venv"
fi
install tests/python/requirements.txt
if $with_ray; then
    install tests/python/requirements-ray.txt
fi

# The profile of the other tests, with its checks. Packages of others are not built again; our own are, without
# capture and playback.
rm -rf "$work/wheels"
"$work/venv/bin/maturin" build --quiet --profile ci --locked --manifest-path python/Cargo.toml \
    --interpreter "$python" --out "$work/wheels"
"$python" -m pip install -q --disable-pip-version-check --no-deps --force-reinstall "$work"/wheels/attune-*.whl

ATTUNE_PROGRAM=${ATTUNE_PROGRAM:-$(realpath "$target")/ci/attune} ATTUNE_WHEELS=$(realpath "$work/wheels") ATTUNE_WITH_RAY=$with_ray \
    "$python" -m pytest -q -p no:cacheprovider tests/python "$@"
