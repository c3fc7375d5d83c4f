#!/usr/bin/env bash
# Writes anew every table and picture of the bundled models that Attune's own commands make.
#
#   models/pages.sh GTZAN WHOLE.safetensors SOUNDS.csv [ATTUNE]
#
# GTZAN: the data set's folder (clips.csv, mel3s.safetensors, audio). WHOLE: log-mels of whole validation clips.
# SOUNDS: the table that models/ensemble.md describes. ATTUNE: the program (default target/release/attune). About 40
# minutes on one core.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
gtzan=$1 whole=$2 sounds=$3 attune=${4:-target/release/attune}

valid=(eval --manifest "$gtzan/clips.csv" --split valid)
"$attune" "${valid[@]}" --mels "$gtzan/mel3s.safetensors" --focus rock --page models/ensemble.md --page-name valid
"$attune" "${valid[@]}" --mels "$whole" --brief --page docs/accuracy.md --page-name ten-genres
"$attune" "${valid[@]}" --mels "$whole" --focus rock --conditions --page models/ensemble.md --page-name whole_mels
"$attune" eval --manifest "$sounds" --conditions --splices 40 --focus rock --pictures docs/figures \
    --page models/ensemble.md --page-name sounds
"$attune" lab arena --data "$gtzan" --also models/rnn.json --out docs/arena --page docs/accuracy.md
