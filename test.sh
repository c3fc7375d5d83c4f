#!/usr/bin/env bash
# Runs the tests: units, docs, whole programs with a virtual sound card and screen, and the Python package.
#   ./test.sh [--all] [ARGUMENT...]
# --all also runs the tests that train networks for longer than 10 s, and those on a Ray cluster, whose packages take
# 900 MB. Other arguments go to cargo test; the Python package is then left out.
#   ./test.sh --proof [long]
# runs what docs/reliability.md rests on and prints one table of it: faults of a device, kills, threads in every order.
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

# What is proved prints lines of `PROOF`, what, figures, with tabs between them.
prove() {
    local log kills=20 tests=() failed=false
    log=$(mktemp)
    if [ "${1:-}" = long ]; then
        kills=100
        tests+=(--include-ignored)
    fi
    ensure_packages build window test
    ensure_cargo
    ATTUNE_TEST_KILLS=$kills cargo test --profile ci --workspace --no-fail-fast \
        --test reliability --test library --test tags -- --nocapture --test-threads=1 ${tests[@]+"${tests[@]}"} \
        faults:: history:: kills:: strangers:: training:: kills_leave a_run_that_is_killed \
        </dev/null >"$log" 2>&1 || failed=true
    tests/interleavings/run.sh -- --nocapture --test-threads=1 </dev/null >>"$log" 2>&1 || failed=true
    if $failed; then
        cat "$log"
    fi
    grep -o 'PROOF.*' "$log" | awk -F '\t' '{ printf "%-44s %s\n", $2, $3 }'
    awk '/^test result:/ { passed += $4; failed += $6 }
        END { printf "%-44s %d passed, %d failed\n", "tests in all", passed, failed }' "$log"
    rm "$log"
    ! $failed
}

if [ "${1:-}" = --proof ]; then
    prove "${2:-}"
    exit
fi

ensure_packages build window package test
ensure_python_tools
ensure_cargo
# One profile for clippy and tests: what ships, with overflow checks and debug assertions.
cargo test --profile ci --workspace ${arguments[@]+"${arguments[@]}"} </dev/null
if $with_python; then
    tests/python/run.sh ${python_arguments[@]+"${python_arguments[@]}"} </dev/null
fi
