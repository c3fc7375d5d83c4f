#!/usr/bin/env python3
"""Speech for training the gate (`models/gate.md`): free recordings and synthetic voices from Debian packages.

    apt-get install espeak-ng flite
    pip install librosa soundfile
    models/free_speech.py --out FOLDER

Needs Debian or Ubuntu with `apt-get` and `dpkg-deb`. FOLDER/prompts: Asterisk's telephone prompts in five languages,
one speaker each, except that English and Spanish share one (CC BY-SA 3.0); FOLDER/letters: letters and syllables from
KLettres in some twenty languages (GPL 2+); FOLDER/synthetic: the first Harvard sentences (IEEE 1969), spoken by the
voices of eSpeak NG and Flite. Files are named NUMBER_VOICE_NAME.flac, mono at 22,050 Hz, so that
`attune train --group-by 2:_` never splits a voice between training and validation.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import librosa
import soundfile

RATE, LONGEST, FEWEST_SECONDS = 22_050, 30, 0.3
LANGUAGES = ("en", "es", "fr", "it", "ru")
PACKAGES = [f"asterisk-core-sounds-{language}-wav" for language in LANGUAGES] + ["klettres-data"]
MOST_PROMPTS, MOST_LETTERS = 60, 30
SENTENCES = (
    "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background.",
    "It's easy to tell the depth of a well. These days a chicken leg is a rare dish.",
    "Rice is often served in round bowls. The juice of lemons makes fine punch.",
    "The box was thrown beside the parked truck. The hogs were fed chopped corn and garbage.",
    "Four hours of steady work faced us. A large size in stockings is hard to sell.",
    "The boy was there when the sun rose. A rod is used to catch pink salmon.",
    "The source of the huge river is the clear spring. Kick the ball straight and follow through.",
    "Help the woman get back to her feet. A pot of tea helps to pass the evening.",
    "Smoky fires lack flame and heat. The soft cushion broke the man's fall.",
    "The salt breeze came across from the sea. The girl at the booth sold fifty bonds.",
)
FLITE = ("awb", "kal16", "rms", "slt")
ESPEAK = ("en-gb", "en-us+f3", "de", "fr-fr+f2", "es+m3", "ru", "it+f4", "pl+m5", "sv", "ja", "ar", "hi+f1")


def write(samples, path):
    if len(samples) < FEWEST_SECONDS * RATE:
        return
    partial = path.with_suffix(".partial")
    soundfile.write(partial, samples[: LONGEST * RATE], RATE, format="FLAC")
    partial.replace(path)


def copy(paths, voice, out):
    for number, path in enumerate(paths):
        samples, _ = librosa.load(path, sr=RATE)
        write(samples, out / f"{number}_{voice.replace('_', '.')}_{path.stem.replace('_', '.')}.flac")


def longest(paths, most):
    """The longest files, so that all voices have about equally many."""
    return sorted(paths, key=lambda path: (-path.stat().st_size, path.name))[:most]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    prompts, letters, synthetic = (options.out / name for name in ("prompts", "letters", "synthetic"))
    for folder in (prompts, letters, synthetic):
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(["apt-get", "download", *PACKAGES], check=True, cwd=scratch)
        for package in Path(scratch).glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", package, scratch], check=True)
        for voice in sorted(Path(scratch, "usr/share/asterisk/sounds").iterdir()):
            spoken_prompts = [path for path in voice.rglob("*.wav") if path.parent.name != "silence"]
            copy(longest(spoken_prompts, MOST_PROMPTS), voice.name, prompts)
        for language in sorted(Path(scratch, "usr/share/klettres").iterdir()):
            copy(longest(language.rglob("*.ogg"), MOST_LETTERS), language.name, letters)
        spoken = Path(scratch, "spoken.wav")
        commands = {f"flite.{voice}": ["flite", "-voice", voice, "-o", spoken, "-t"] for voice in FLITE}
        commands |= {f"espeak.{voice}": ["espeak-ng", "-v", voice, "-w", spoken] for voice in ESPEAK}
        for voice, command in commands.items():
            for number, sentence in enumerate(SENTENCES):
                subprocess.run([*command, sentence], check=True, stderr=subprocess.DEVNULL)
                samples, _ = librosa.load(spoken, sr=RATE)
                write(samples, synthetic / f"{number}_{voice}_sentence.flac")


if __name__ == "__main__":
    main()
