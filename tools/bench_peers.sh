#!/usr/bin/env bash
# Times Attune beside PyTorch, ONNX Runtime and librosa: the same work and weights, in turn in one run.
#   tools/bench_peers.sh [--json] [--quick] [--only NAME]... [--markdown FILE.md] [--python FILE] [FILE...]
# Without --python the libraries are installed once, in the user's cache: up to 2.7 GB to download, 4.6 GB on disk.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=.ci/packages.sh
. "$root/.ci/packages.sh"

ensure_packages build
ensure_cargo
cargo build --release --manifest-path "$root/Cargo.toml" -p attune --bin attune -p attune-lab --example bench_peers >&2
# As in attune itself: one thread, unless a row says otherwise.
export CANDLE_NUM_THREADS=${CANDLE_NUM_THREADS:-1} RAYON_NUM_THREADS=${RAYON_NUM_THREADS:-1}
exec "${CARGO_TARGET_DIR:-$root/target}/release/examples/bench_peers" "$@"
