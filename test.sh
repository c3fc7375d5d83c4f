#!/usr/bin/env bash
# Runs the tests: units, docs, whole programs with a virtual sound card and screen, and the Python package.
#   ./test.sh [--all] [ARGUMENT...]
# --all also runs the tests that train networks for longer than 10 s, and those on a Ray cluster, whose packages take
# 900 MB. Other arguments go to cargo test; the Python package is then left out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=.ci/packages.sh
. .ci/packages.sh

arguments=()
python_arguments=()
with_python=true
include_ignored=false
for argument in "$@"; do
    if [ "$argument" = --all ]; then
        include_ignored=true
    else
        arguments+=("$argument")
        with_python=false
    fi
done
if $include_ignored; then
    case " $* " in
        *" -- "*) ;;
        *) arguments+=(--) ;;
    esac
    arguments+=(--include-ignored)
    python_arguments+=(--all)
fi

ensure_packages build window package test
ensure_python_tools
ensure_cargo
# One profile for clippy and tests: what ships, with overflow checks and debug assertions.
cargo test --profile ci --workspace ${arguments[@]+"${arguments[@]}"} </dev/null
if $with_python; then
    tests/python/run.sh ${python_arguments[@]+"${python_arguments[@]}"} </dev/null
fi
