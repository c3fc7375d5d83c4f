"""Sets the genre of copies of music files, and compares all other tags before and after as mutagen reads them.

    pip install mutagen==1.48.1
    cargo build --release -p attune-tags --example set_genre
    python crates/attune-tags/tests/corpus.py target/release/examples/set_genre FOLDER
"""

import collections
import pathlib
import shutil
import subprocess
import sys
import tempfile

import mutagen

GENRE = {"TCON", "genre", "\xa9gen", "gnre", "GENRE", "IGNR", "Genre"}


def tags(path):
    """Every tag but the genre, with pictures and their bytes."""
    file = mutagen.File(path)
    if file is None:
        return None
    found = collections.Counter()
    for key, value in (file.tags or {}).items() if hasattr(file.tags, "items") else file.tags or []:
        if key not in GENRE:
            found[(key, repr(value), getattr(value, "data", b""))] += 1
    for picture in getattr(file, "pictures", []):
        found[("picture", picture.type, picture.data)] += 1
    return found


def main(program, folder):
    counts = collections.Counter()
    with tempfile.TemporaryDirectory() as work:
        for path in sorted(pathlib.Path(folder).iterdir()):
            copy = pathlib.Path(work) / path.name
            shutil.copy(path, copy)
            try:
                before = tags(copy)
            except Exception:  # mutagen refuses some of its own test files
                before = None
            said = subprocess.run([program, copy], capture_output=True, text=True, timeout=60)
            if said.returncode != 0:
                counts["crashed"] += 1
                print("crashed", path, said.stderr[-300:])
                continue
            outcome, *why = said.stdout.strip().split("\t")
            if outcome == "refused":
                if copy.read_bytes() != path.read_bytes():
                    counts["REFUSED AND CHANGED"] += 1
                    print("refused and changed", path)
                counts["refused: " + why[-1].split(" (")[0]] += 1
                continue
            if before is None:
                counts["written, not read by mutagen"] += 1
                continue
            try:
                after = tags(copy)
            except Exception as error:
                after = collections.Counter([repr(error)])
            if after == before:
                counts["written, all else equal"] += 1
            else:
                counts["DIFFERENT"] += 1
                print("different", path, list((before - after).items())[:3], list((after - before).items())[:3])
    for outcome, count in sorted(counts.items()):
        print(f"{count:5}  {outcome}")
    return any(outcome.isupper() or outcome == "crashed" for outcome in counts)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
