#!/usr/bin/env python3
"""Makes tests/golden/data/medley_*: tables of medleys, and what mir_eval, SimulEval and NLTK answer to them.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python medley.py

`make.py` runs it too. The tables are drawn by a seed; the figures are those of the libraries, which are called and not
copied (SimulEval is CC BY-SA 4.0).
"""

import csv
import json
import random
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

import mir_eval
import numpy as np
from nltk.translate.metrics import alignment_error_rate
from simuleval.evaluator.scorers.latency_scorer import ALScorer, LAALScorer

DATA = Path(__file__).parent / "data"
TOKENS = ["blues", "classical", "disco", "jazz", "metal", "reggae"]
PIECES = 30


def draw(rng: random.Random) -> tuple[list[dict], list[dict], list[dict]]:
    """Rows of a reference, a hypothesis and an alignment: late, early, wrong, missing and superfluous tokens."""
    reference, hypothesis, links = [], [], []
    for number in range(PIECES):
        piece, at, sections = f"medley-{number:04}", 0, []
        for _ in range(rng.randint(1, 8)):
            length = rng.randint(4 * 22_050, 12 * 22_050)
            sections.append((at / 22_050, (at + length) / 22_050, rng.choice(TOKENS)))
            at += length
        end = at / 22_050
        times = []
        for start, stop, token in sections:
            reference.append({"piece": piece, "start_s": f"{start:.6f}", "end_s": f"{stop:.6f}", "token": token})
            if rng.random() < 0.85:
                said = token if rng.random() < 0.8 else rng.choice(TOKENS)
                times.append((max(0.0, start + rng.choice([0.0, 0.3, -0.4, 1.5, 4.0]) + rng.uniform(-0.2, 0.2)), said))
            if rng.random() < 0.15:
                times.append((rng.uniform(start, stop), rng.choice(TOKENS)))
        times = sorted({round(time, 3): said for time, said in times if time < end - 0.5}.items())
        if number == 7:
            times = []  # nothing is written of this piece
        written = 0.0
        for time, said in times:
            # The last tokens may come only when all has been heard.
            written = max(written, round(min(end, time + rng.uniform(0.5, 6.0)), 3))
            if rng.random() < 0.05:
                written = end
            hypothesis.append({"piece": piece, "token": said, "start_s": f"{time:.3f}", "written_s": f"{written:.6f}"})
        for token, (start, stop, _) in enumerate(sections):
            for unit in range(int(start), int(np.ceil(stop))):
                inside = unit >= start and unit + 1 <= stop
                links.append({"piece": piece, "unit": unit, "token": token, "link": "sure" if inside else "possible"})
                if rng.random() < 0.8:
                    near = min(len(sections) - 1, max(0, token + rng.choice([0, 0, 0, 1, -1])))
                    links.append({"piece": piece, "unit": unit, "token": near, "link": "found"})
    return reference, hypothesis, links


def by_piece(rows: list[dict]) -> dict[str, list[dict]]:
    grouped = defaultdict(list)
    for row in rows:
        grouped[row["piece"]].append(row)
    return grouped


def figures(reference: list[dict], hypothesis: list[dict], links: list[dict]) -> dict:
    """For each piece what the libraries say."""
    written, linked = by_piece(hypothesis), by_piece(links)
    pieces = {}
    all_links = {"found": set(), "sure": set(), "possible": set()}
    for piece, sections in by_piece(reference).items():
        truth = np.array([[float(row["start_s"]), float(row["end_s"])] for row in sections])
        starts = [float(row["start_s"]) for row in written[piece]]
        found = np.array(list(zip(starts, [*starts[1:], truth[-1, 1]])) or np.empty((0, 2)))
        hits = {}
        for window in (0.5, 3.0):
            for trim in (True, False):
                hits[f"{window}/{trim}"] = mir_eval.segment.detection(truth, found, window=window, trim=trim)
        lagging = None
        if written[piece]:
            instance = SimpleNamespace(
                delays=[float(row["written_s"]) for row in written[piece]],
                source_length=truth[-1, 1], reference=True, reference_length=len(sections),
            )
            lagging = {"al": float(ALScorer().compute(instance)), "laal": float(LAALScorer().compute(instance))}
        of = {kind: {(r["unit"], r["token"]) for r in linked[piece] if r["link"] == kind} for kind in all_links}
        of["possible"] |= of["sure"]
        for kind, some in of.items():
            all_links[kind] |= {(piece, *link) for link in some}
        pieces[piece] = {
            "sections": len(sections), "hits": hits, "lagging": lagging,
            "aer": alignment_error_rate(of["sure"], of["found"], of["possible"]),
        }
    aer = alignment_error_rate(all_links["sure"], all_links["found"], all_links["possible"])
    return {"made_by": "tests/golden/medley.py", "mir_eval": mir_eval.__version__, "aer": aer, "pieces": pieces}


def write() -> None:
    DATA.mkdir(exist_ok=True)
    reference, hypothesis, links = draw(random.Random(23))
    for name, rows in [("reference", reference), ("hypothesis", hypothesis), ("alignment", links)]:
        with open(DATA / f"medley_{name}.csv", "w", newline="") as file:
            table = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
            table.writeheader()
            table.writerows(rows)
    scores = figures(reference, hypothesis, links)
    (DATA / "medley_scores.json").write_text(json.dumps(scores, indent=1) + "\n")


if __name__ == "__main__":
    write()
