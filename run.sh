#!/usr/bin/env bash
# Builds Attune and opens its window: ./run.sh [FILE]. Without a display it analyses the bundled demo in the terminal.
# Other arguments are passed to the program: ./run.sh devices
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=.ci/packages.sh
. "$here/.ci/packages.sh"

has_display=false
if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || [ "$(uname -s)" != Linux ]; then
    has_display=true
fi

ensure_packages build
if $has_display; then
    ensure_packages window
fi
ensure_cargo
cargo build --release --bin attune --manifest-path "$here/Cargo.toml"
attune=${CARGO_TARGET_DIR:-$here/target}/release/attune

if $has_display; then
    exec "$attune" "$@"
fi
if [ $# -gt 0 ] && [ ! -e "$1" ]; then
    exec "$attune" "$@" # a subcommand needs no display
fi
if [ $# -eq 0 ]; then
    echo "No display found: analysing the demo in the terminal." >&2
    "$attune" demo
else
    "$attune" analyze "$@"
fi
echo "To open the window, run this in a graphical session (or over ssh -X), with DISPLAY or WAYLAND_DISPLAY set." >&2
