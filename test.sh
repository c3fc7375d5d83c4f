#!/usr/bin/env bash
# Runs all tests: units, docs, and whole programs with a virtual sound card and screen. Arguments go to cargo test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=.ci/packages.sh
. .ci/packages.sh

ensure_packages build window test
ensure_cargo
# Release only: what is tested is what runs, and nothing is compiled twice.
exec cargo test --release "$@" </dev/null
