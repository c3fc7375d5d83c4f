#!/usr/bin/env bash
# Puts the demo together: demo.ogg and demo.mp3 beside this script. Needs ffmpeg and the recordings of sources.csv,
# found by their SHA-256 anywhere below the folders given: assets/demo/build.sh FOLDER…
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ $# -eq 0 ]; then
    echo "usage: assets/demo/build.sh FOLDER…   (folders with the recordings of sources.csv)" >&2
    exit 2
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# EBU R 128: every section at this loudness, by one constant gain; none then reaches full scale.
loudness=-23
fade=0.02
exact=(-map_metadata -1 -fflags +bitexact -flags:a +bitexact)
quiet=(-hide_banner -loglevel error -nostdin -y)

find "$@" -type f -print0 | xargs -0 sha256sum -- >"$work/digests"
tail -n +2 "$here/sources.csv" | while IFS=, read -r start from digest file; do
    # sha256sum puts a backslash before a digest whose file name it escapes.
    found=$(awk -v digest="$digest" '$1 == digest { print substr($0, 67); exit }' "$work/digests")
    if [ -z "$found" ]; then
        echo "$file with SHA-256 $digest is in none of: $*" >&2
        exit 1
    fi
    printf '%s\t%s\t%s\n' "$start" "$from" "$found" >>"$work/found"
done

tail -n +2 "$here/sections.csv" | while IFS=, read -r start end genre title _; do
    length=$(awk "BEGIN { print $end - $start }")
    inputs=()
    while IFS=$'\t' read -r begin offset path; do
        [ "$begin" = "$start" ] || continue
        inputs+=(-i "$path")
        from=$offset
    done <"$work/found"
    # Stems are summed.
    cut="amix=inputs=$((${#inputs[@]} / 2)):normalize=0,atrim=start=$from:duration=$length,asetpts=PTS-STARTPTS"
    cut="$cut,aresample=44100,aformat=sample_fmts=flt:channel_layouts=stereo"
    ffmpeg "${quiet[@]}" "${inputs[@]}" -filter_complex "$cut" -c:a pcm_f32le "$work/cut.wav"
    measured=$(ffmpeg -hide_banner -nostats -nostdin -i "$work/cut.wav" -af ebur128 -f null - 2>&1 |
        awk '/Integrated loudness/ { found = 1 } found && $1 == "I:" { print $2; exit }')
    gain=$(awk "BEGIN { print $loudness - ($measured) }")
    # The exact length, whatever a resampler adds or leaves out.
    shape="volume=${gain}dB,apad,atrim=end_sample=$((${length%.*} * 44100))"
    shape="$shape,afade=t=in:d=$fade,afade=t=out:st=$(awk "BEGIN { print $length - $fade }"):d=$fade"
    ffmpeg "${quiet[@]}" -i "$work/cut.wav" -af "$shape" -c:a pcm_f32le "$work/$start.wav"
    echo "file '$work/$start.wav'" >>"$work/list"
    echo "$start s $genre, $title: $measured LUFS, gain $gain dB" >&2
done

ffmpeg "${quiet[@]}" -f concat -safe 0 -i "$work/list" "${exact[@]}" -c:a libvorbis -q:a 4 "$here/demo.ogg"
# The first 28 s as mp3, for `attune bench`: what it decodes is then the same everywhere.
ffmpeg "${quiet[@]}" -i "$here/demo.ogg" -t 28 "${exact[@]}" -c:a libmp3lame -ac 2 -ar 44100 -b:a 96k "$here/demo.mp3"
