#!/usr/bin/env bash
# Proves familiarity on genres that were never learnt (docs/accuracy.md): trains a TCN without each pair of genres, and
# reports how well familiarity separates held-out clips of these genres from held-out clips of the others.
#
# Usage: models/left_out.sh DATA OUT [PAIR…], with attune on the PATH. DATA has clips.csv, audio and mel3s.safetensors
# (docs/training.md); a PAIR is as classical,hiphop. A pair takes about five minutes of one core.
set -euo pipefail
data=$1 out=$2
shift 2
(($#)) || set -- classical,hiphop country,metal

for pair; do
    run=$out/without-${pair//,/-}
    [ -e "$run/tcn.json" ] || attune train tcn --data "$data" --leave-out "$pair" --out "$run" --steps 1500 --seed 1 \
        --normalized --renditions 0
    evaluate=(attune eval --model "$run/tcn.json" --manifest "$data/clips.csv" --split valid --unfamiliar --brief)
    echo "== without $pair: excerpts of 3 s, all genres"
    "${evaluate[@]}" --mels "$data/mel3s.safetensors"
    echo "== without $pair: whole clips with audio"
    "${evaluate[@]}"
done
