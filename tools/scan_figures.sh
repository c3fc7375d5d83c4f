#!/usr/bin/env bash
# Prints the figures of docs/library.md: memory over ten thousand tracks, and what a second core is worth.
#   tools/scan_figures.sh ATTUNE [TRACKS] [MUSIC]
# ATTUNE: the program; TRACKS: how many are made (10000); MUSIC: a folder of real files for the speed (the demo, in 60
# copies that differ in their tags, if not given). Needs python3, and two idle cores for the speed.
set -euo pipefail
attune=$(realpath "$1")
tracks=${2:-10000}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 - "$work" "$tracks" "$here" "${3:-}" <<'PY'
import math, pathlib, random, struct, sys, wave

work, tracks, here, music = pathlib.Path(sys.argv[1]), int(sys.argv[2]), pathlib.Path(sys.argv[3]), sys.argv[4]
# One sound with noise in it, which begins elsewhere in each file.
noise = random.Random(1)
one = [int(9000 * math.sin(2 * math.pi * 440 * n / 8000) + noise.randint(-900, 900)) for n in range(12_000)]
one = struct.pack(f"<{len(one)}h", *one)
for number in range(tracks):
    folder = work / "many" / f"{number // 500:03}"
    folder.mkdir(parents=True, exist_ok=True)
    with wave.open(str(folder / f"{number:05}.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        start = 2 * number
        file.writeframes((one[start:] + one[:start])[: 2 * 9600])
if not music:
    demo = (here / "assets/demo/demo.mp3").read_bytes()
    (work / "music").mkdir()
    for number in range(60):
        # An ID3v1 tag at the end: another file with the same sound.
        title = f"copy {number}".encode().ljust(30, b"\0")
        (work / "music" / f"{number:02}.mp3").write_bytes(demo + b"TAG" + title + bytes(94) + b"\xff")
PY

# The most memory of a run, in MB: sampled, as the kernel keeps the maximum itself.
peak() {
    "$@" >"$work/summary" &
    local pid=$! most=0 now
    while kill -0 "$pid" 2>/dev/null; do
        now=$(awk '/VmHWM/ {print $2}' "/proc/$pid/status" 2>/dev/null || true)
        most=${now:-$most}
        sleep 0.05
    done
    wait "$pid"
    echo "$((most / 1024)) MB: $(cat "$work/summary")"
}

tenth=$work/many/000
echo "$(find "$tenth" -name '*.wav' | wc -l) tracks: $(peak "$attune" scan --quiet --db "$work/few.db" "$tenth")"
echo "$tracks tracks: $(peak "$attune" scan --quiet --db "$work/many.db" "$work/many")"
echo "the same again: $(peak "$attune" scan --quiet --db "$work/many.db" "$work/many")"

seconds() {
    local begun ended
    rm -f "$work"/speed.db*
    begun=$(date +%s.%N)
    "$attune" scan --quiet --threads "$1" --db "$work/speed.db" "${2:-$work/music}" >/dev/null
    ended=$(date +%s.%N)
    awk "BEGIN {printf \"%.2f\", $ended - $begun}"
}
one=$(seconds 1 "${3:-}")
two=$(seconds 2 "${3:-}")
echo "one worker: $one s, two: $two s: $(awk "BEGIN {printf \"%.2f\", $one / $two}") times as fast"
