#!/usr/bin/env bash
# Runs the tests: units, docs, and whole programs with a virtual sound card and screen.
#   ./test.sh [--all] [ARGUMENT...]
# --all also runs the tests that train networks for longer than 10 s. Other arguments go to cargo test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=.ci/packages.sh
. .ci/packages.sh

arguments=()
include_ignored=false
for argument in "$@"; do
    if [ "$argument" = --all ]; then
        include_ignored=true
    else
        arguments+=("$argument")
    fi
done
if $include_ignored; then
    case " $* " in
        *" -- "*) ;;
        *) arguments+=(--) ;;
    esac
    arguments+=(--include-ignored)
fi

ensure_packages build window test
ensure_python_tools
ensure_cargo
# One profile for clippy and tests: what ships, with overflow checks and debug assertions.
exec cargo test --profile ci --workspace ${arguments[@]+"${arguments[@]}"} </dev/null
