#!/usr/bin/env bash
# Cross-validates the gate (gate.md): trains it five times, each time with another fifth of its sounds held out, into
# FOLDER/fold1 … fold5.
#
# Usage: models/gate_folds.sh FOLDER, with attune on the PATH. FOLDER has the sub-folders named in gate.md: gtzan-train,
# gtzan-valid (always held out), homburg, esc10, digits; prompts, letters, synthetic (models/free_speech.py); games,
# NUMBER_PACKAGE_NAME.flac, some excerpts from each of the packages below (models/free_music.py).
set -euo pipefail
cd "$1"

digits=("theo lucas" "george" "jackson" "nicolas" "yweweler")
prompts=(en.US es.MX fr.CA it.IT ru.RU)
synthetic=("flite.slt espeak.ja espeak.de" "flite.awb espeak.ru espeak.sv" "flite.rms espeak.ar espeak.en-gb"
    "flite.kal16 espeak.it*" "espeak.hi* espeak.pl* espeak.fr*")
letters=("ar cs da de" "en* es fr" "he hu it lt" "ml nb nds nl" "pt* ru tn uk")
games=("asc btanks frozen-bubble lincity-ng" "singularity supertux wesnoth marsshooter"
    "naev widelands hedgewars warmux" "hyperrogue neverball extremetuxracer freecol" "xmoto zaz trackballs pushover")

set -f # patterns are passed to attune unexpanded
for fold in 0 1 2 3 4; do
    held=(--hold-out 'gtzan-valid/*' --hold-out "esc10/*/$((fold + 1))-*" --hold-out "prompts/*_${prompts[fold]}*"
        --hold-out "homburg/*/*$((2 * fold)).ogg" --hold-out "homburg/*/*$((2 * fold + 1)).ogg")
    for voice in ${digits[fold]}; do held+=(--hold-out "digits/*_${voice}_*"); done
    for voice in ${synthetic[fold]}; do held+=(--hold-out "synthetic/*_${voice}_*"); done
    for language in ${letters[fold]}; do held+=(--hold-out "letters/*_${language}_*"); done
    for game in ${games[fold]}; do held+=(--hold-out "games/*_${game}_*"); done
    attune train tcn --class music=gtzan-train,gtzan-valid,homburg,games \
        --class speech=digits,prompts,letters,synthetic --class other=esc10 --join speech=8 --generate other=660 \
        --group-by '2:_,2:-' "${held[@]}" --variant gate --name gate \
        --out "fold$((fold + 1))" --steps 1000 --seed 1
done
