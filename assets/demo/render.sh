#!/usr/bin/env bash
# Composes and renders the demo: demo.ogg and sections.csv beside this script. Needs cargo, fluidsynth, ffmpeg and
# FluidR3_GM.sf2 (Debian: fluid-soundfont-gm); another path of it may be given as the first argument.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
sound_font=${1:-/usr/share/sounds/sf2/FluidR3_GM.sf2}
if [ ! -f "$sound_font" ]; then
    echo "The sound font $sound_font is not here: install fluid-soundfont-gm or give its path." >&2
    exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cargo run --quiet --release --manifest-path "$here/../../Cargo.toml" --example compose_demo -- \
    "$work/demo.mid" "$here/sections.csv"
fluidsynth -q -n -i -g 0.5 -r 44100 -o synth.chorus.active=0 -F "$work/demo.wav" "$sound_font" "$work/demo.mid"

# The last note rings out for a second.
length=$(tail -n 1 "$here/sections.csv" | awk -F, '{ print $2 + 1 }')
shape="atrim=end=$length,afade=t=out:st=$(awk "BEGIN { print $length - 0.4 }"):d=0.4"
# Two passes, so that one constant gain brings the whole to -16 LUFS (EBU R 128) and the balance stays as it was mixed.
measured=$(ffmpeg -hide_banner -nostats -i "$work/demo.wav" -af "$shape,ebur128" -f null - 2>&1 |
    awk '/Integrated loudness/ { found = 1 } found && $1 == "I:" { print $2; exit }')
gain=$(awk "BEGIN { print -16 - ($measured) }")
ffmpeg -hide_banner -loglevel error -y -i "$work/demo.wav" \
    -af "$shape,volume=${gain}dB,alimiter=limit=0.84:level=false:attack=2:release=40" \
    -map_metadata -1 -fflags +bitexact -flags:a +bitexact -c:a libvorbis -q:a 5 "$here/demo.ogg"
echo "$here/demo.ogg: $measured LUFS brought up by $gain dB" >&2

# The first 28 s as mp3, for `attune bench`: what it decodes is then the same everywhere.
ffmpeg -hide_banner -loglevel error -y -i "$here/demo.ogg" -t 28 -map_metadata -1 -fflags +bitexact -flags:a +bitexact \
    -c:a libmp3lame -ac 2 -ar 44100 -b:a 96k "$here/demo.mp3"
