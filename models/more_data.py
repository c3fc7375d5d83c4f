#!/usr/bin/env python3
"""Lays out more training data than GTZAN has, so that neither source nor codec tells a genre.

    models/more_data.py --data gtzan --source narrow=more/narrow --source free=more/free --source homburg=homburg --out more
    attune train … --aux-data more/aux/narrow --aux-data more/aux/free … --resynthesis gtzan/resynth \
        --coded more/coded/narrow --coded more/coded/various

more/aux/SOURCE/GENRE/…   links to the training part of each source, for `--aux-data`
more/aux/gtzan-narrow     links to GTZAN's training clips that exist at 16 kHz only
more/held_out.csv         the rest, by artists that no training clip is of: path, label, artist, for `attune eval`
more/coded/narrow/…       every GTZAN training clip as an MP3 of 24 kbit/s at 16 kHz
more/coded/various/…      every GTZAN training clip through one of several other codecs, for `--coded`

A source is a folder with a sub-folder for each genre, and optionally index.csv (path, genre, artist). Artists are held
out whole: every third by a hash of the name, and those of --hold-out. Clips without audio are coded from their
resynthesis. Needs ffmpeg.
"""

import argparse
import csv
import hashlib
import subprocess
from pathlib import Path

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
NARROW = ("mp3", ["-ar", "16000", "-c:a", "libmp3lame", "-b:a", "24k"])
VARIOUS = [
    ("mp3", ["-ar", "22050", "-c:a", "libmp3lame", "-b:a", "32k"]),
    ("mp3", ["-ar", "44100", "-c:a", "libmp3lame", "-b:a", "64k"]),
    ("mp3", ["-ar", "12000", "-c:a", "libmp3lame", "-b:a", "16k"]),
    ("m4a", ["-ar", "22050", "-c:a", "aac", "-b:a", "32k"]),
    ("ogg", ["-ar", "16000", "-c:a", "libvorbis", "-q:a", "-1"]),
    ("ogg", ["-ar", "22050", "-c:a", "libvorbis", "-q:a", "-1"]),
    ("wav", ["-ar", "8000", "-c:a", "adpcm_ima_wav"]),
]


def draw(text, count):
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % count


def link_to(file, folder):
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / file.name
    link.unlink(missing_ok=True)
    link.symlink_to(file)


def code(source, target, suffix, options):
    target = target.parent / f"{target.name}.{suffix}"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}")
        command = ["ffmpeg", "-v", "error", "-y", "-i", source, "-ac", "1", *options, "-map_metadata", "-1"]
        subprocess.run([*command, "-f", {"m4a": "mp4"}.get(suffix, suffix), partial], check=True)
        partial.rename(target)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of GTZAN, with clips.csv")
    parser.add_argument("--source", action="append", default=[], metavar="NAME=FOLDER", help="another source")
    parser.add_argument("--hold-out", action="append", default=[], metavar="ARTIST", help="also hold this artist out")
    parser.add_argument("--train-on", action="append", default=[], metavar="ARTIST", help="never hold this artist out")
    parser.add_argument("--leave-out", action="append", default=[], metavar="TITLE", help="neither train nor validate")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    held_out = []
    for source in arguments.source:
        name, folder = source.split("=", 1)
        folder = Path(folder).resolve()
        index = folder / "index.csv"
        rows = {row["path"]: row for row in csv.DictReader(index.open())} if index.exists() else {}
        for file in sorted(file for genre in GENRES for file in (folder / genre).glob("*")):
            row = rows.get(str(file.relative_to(folder)), {})
            artist = row.get("artist", "").removeprefix("The ")
            if row.get("title") in arguments.leave_out:
                continue
            is_held_out = artist in arguments.hold_out or (artist and draw(artist, 3) == 0)
            if is_held_out and artist not in arguments.train_on:
                held_out.append((file, file.parent.name, artist))
                continue
            link_to(file, arguments.out / "aux" / name / file.parent.name)
    with (arguments.out / "held_out.csv").open("w", newline="") as out:
        csv.writer(out).writerows([("path", "label", "artist"), *held_out])
    narrow = {file.stem: file.resolve() for file in (arguments.data / "narrow").glob("*.ogg")}
    for row in csv.DictReader((arguments.data / "clips.csv").open()):
        if row["split"] != "train":
            continue
        clip = row["clip"]
        if clip in narrow:
            link_to(narrow[clip], arguments.out / "aux" / "gtzan-narrow" / row["genre"])
        has_audio = row["audio"] == "yes"
        source = arguments.data / ("train" if has_audio else "resynth") / f"{clip}.ogg"
        if source.exists():
            code(source, arguments.out / "coded" / "narrow" / clip, *NARROW)
            code(source, arguments.out / "coded" / "various" / clip, *VARIOUS[draw(clip, len(VARIOUS))])


if __name__ == "__main__":
    main()
