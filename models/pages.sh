#!/usr/bin/env bash
# Writes anew the tables and pictures of the bundled models that Attune's own commands make.
#
#   models/pages.sh FOLDER [ATTUNE]
#
# FOLDER: gtzan/ (the data set: clips.csv, mel3s.safetensors, audio), whole.safetensors (log-mels of whole validation
# clips), valid.csv (path,label,group of the validation clips with audio), sounds.csv (as models/ensemble.md says),
# noise/ and speech/ (sounds that were not trained on). ATTUNE: the program (default target/release/attune). One and a
# half hours on one core.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
data=$1 attune=${2:-target/release/attune}

valid=(eval --manifest "$data/gtzan/clips.csv" --split valid)
"$attune" "${valid[@]}" --mels "$data/gtzan/mel3s.safetensors" --focus rock --page models/ensemble.md --page-name valid
"$attune" "${valid[@]}" --mels "$data/whole.safetensors" --brief --page docs/accuracy.md --page-name ten-genres
"$attune" "${valid[@]}" --mels "$data/whole.safetensors" --focus rock --conditions --page models/ensemble.md \
    --page-name whole_mels
"$attune" eval --manifest "$data/sounds.csv" --conditions --splices 40 --focus rock --pictures docs/figures \
    --page models/ensemble.md
"$attune" lab arena --data "$data/gtzan" --also models/rnn.json --out docs/arena --page docs/accuracy.md
# crates/attune-engine/src/explain/trust.rs repeats some of these; a test holds them together.
"$attune" explain --planted "$data/valid.csv" --examples 100 --noise "$data/noise" --speech "$data/speech" \
    --page docs/accuracy.md
