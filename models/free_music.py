#!/usr/bin/env python3
"""Unlabelled music for `attune train --unlabelled`: excerpts from the music of Debian's free games.

    pip install librosa soundfile
    models/free_music.py --out FOLDER

Needs Debian or Ubuntu with `apt-get` and `dpkg-deb`, and 2 GB in FOLDER. For each architecture-independent package of
6 to 400 MB in the sections games and sound, every OGG, MP3, Opus or FLAC file of at least 400 kB and 20 s yields up to
four evenly spaced excerpts of 30 s: FOLDER/cut/PACKAGE-FILE-N.flac, mono at 22,050 Hz. Packages that are already there
are not fetched again. The recordings of the demo (assets/demo/sources.csv) are left out: nothing is trained on them.
"""

import argparse
import csv
import hashlib
import re
import subprocess
import tarfile
from pathlib import Path

import librosa
import numpy as np
import soundfile

RATE, SECONDS, MOST = 22_050, 30, 4
SMALLEST_FILE, PACKAGE_BYTES = 400_000, range(6_000_000, 400_000_000)
SOUNDS_BUT_NO_MUSIC = ("lomiri", "sonic-pi", "hydrogen", "colobot-common-sounds")
MUSIC = re.compile(r"\.(ogg|oga|mp3|opus|flac)$", re.IGNORECASE)


def packages():
    """Package names, smallest package first."""
    available = subprocess.run(["apt-cache", "dumpavail"], check=True, capture_output=True, text=True).stdout
    found = []
    for stanza in available.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in stanza.splitlines() if re.match(r"\w+: ", line))
        is_wanted = fields.get("Section", "").endswith(("games", "sound")) and fields.get("Architecture") == "all"
        if is_wanted and int(fields.get("Size", 0)) in PACKAGE_BYTES:
            found.append((int(fields["Size"]), fields["Package"]))
    return [name for _, name in sorted(found) if not name.startswith(SOUNDS_BUT_NO_MUSIC)]


def fetch(package, folder):
    """Extracts the music of a package into a folder."""
    folder.mkdir(parents=True)
    subprocess.run(["apt-get", "download", package], cwd=folder, check=True, capture_output=True)
    archive = next(folder.glob("*.deb"))
    content = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE)
    with tarfile.open(fileobj=content.stdout, mode="r|") as files:
        for file in files:
            if file.isfile() and file.size >= SMALLEST_FILE and MUSIC.search(file.name):
                files.extract(file, folder, filter="data")
    archive.unlink()


def demo_digests():
    """SHA-256 of each recording of the demo."""
    with open(Path(__file__).parent.parent / "assets/demo/sources.csv", newline="", encoding="utf-8") as table:
        return {row["sha256"] for row in csv.DictReader(table)}


def cut(path, package, out):
    info = soundfile.info(path)
    if info.duration < 20:
        return
    count = min(MOST, max(1, int(info.duration // SECONDS)))
    for number in range(count):
        start = max(0, info.duration - SECONDS) * (number + 0.5) / count
        frames = int(SECONDS * info.samplerate)
        samples, rate = soundfile.read(path, start=int(start * info.samplerate), frames=frames, always_2d=True)
        samples = librosa.resample(samples.mean(1), orig_sr=rate, target_sr=RATE, res_type="polyphase")
        peak = np.abs(samples).max()
        if peak > 1e-3:
            name = f"{package}-{path.stem.replace(' ', '_')}-{number}.flac"
            soundfile.write(out / name, samples * min(1, 0.95 / peak), RATE, subtype="PCM_16")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    (out / "cut").mkdir(parents=True, exist_ok=True)
    of_demo = demo_digests()
    for package in packages():
        folder = out / "music" / package
        try:
            if not folder.exists():
                fetch(package, folder)
        except (subprocess.CalledProcessError, OSError) as error:
            print(f"left out: {package}: {error}", flush=True)
            continue
        for path in sorted(path for path in folder.rglob("*") if MUSIC.search(path.name)):
            if hashlib.sha256(path.read_bytes()).hexdigest() in of_demo:
                continue
            try:
                cut(path, package, out / "cut")
            except soundfile.LibsndfileError as error:
                print(f"left out: {path}: {error}", flush=True)


if __name__ == "__main__":
    main()
