#!/usr/bin/env bash
# Makes assets/screenshot.png and held.png: the real program in a virtual X server, playing the bundled demo, then with
# a held moment.
#
# Needs Xvfb, xdotool and ImageMagick (test.sh installs them) and a release build. Usage: assets/screenshot.sh [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."

listen_secs=${1:-15}
home=$(mktemp -d)
server=
program=
# shellcheck disable=SC2317 # reached through the trap
finish() {
    for pid in $program $server; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$home"
}
trap finish EXIT

mkfifo "$home/display"
Xvfb -displayfd 3 -screen 0 1440x900x24 -nolisten tcp 3>"$home/display" 2>/dev/null &
server=$!
read -r number <"$home/display"
export DISPLAY=":$number" HOME="$home" XDG_CONFIG_HOME="$home" XDG_RUNTIME_DIR="$home"
unset WAYLAND_DISPLAY

mkdir -p "$home/attune"
printf '{"version": 1, "theme": "dark", "window_size": [1440, 900]}\n' >"$home/attune/settings.json"
target/release/attune assets/demo/demo.ogg &
program=$!
window=$(xdotool search --sync --onlyvisible --name '^Attune$' | head -n 1)
xdotool windowmove "$window" 0 0
# Move the pointer away, so that it opens no hover text.
xdotool mousemove 1439 899
sleep "$listen_secs"
import -window "$window" -define png:compression-level=9 assets/screenshot.png
# A click holds the moment; the explanation takes a few seconds.
xdotool mousemove 1000 200 click 1
xdotool mousemove 1439 899
sleep 5
import -window "$window" -define png:compression-level=9 assets/held.png
echo "assets/screenshot.png assets/held.png"
