"""Figures of the package, on a machine that does nothing else and a wheel of the release profile: `measure.py FILE…`.

    maturin build --release --manifest-path python/Cargo.toml --out dist    # install it, then:
    python tests/python/measure.py assets/demo/demo.ogg
    python tests/python/measure.py --ray assets/demo/demo.ogg

The first prints what two threads do in the time of one, what 100,000 streams leave behind, and the cost of a stream's
push. The second prints how much longer a run on a cluster of this machine takes than one `Analyzer` for each core.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import multiprocessing
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

import attune


def threads(files: list[str]) -> dict[str, float]:
    """How much faster two threads are than one, each with the same files."""
    analyzer = attune.Analyzer()
    work = files * 8

    def timed(count: int) -> float:
        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            began = time.perf_counter()
            list(pool.map(analyzer.file, work))
            return time.perf_counter() - began

    timed(1)
    ratios = [timed(1) / timed(2) for _ in range(3)]
    return {"two_threads_times_one": round(sorted(ratios)[1], 2)}


def resident_mb() -> float:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


def streams() -> dict[str, float]:
    """Memory after 100,000 streams, beyond that after 1,000."""
    analyzer = attune.Analyzer()
    sound = np.random.default_rng(0).normal(0, 0.1, 4096).astype(np.float32)
    begun = 0.0
    for i in range(100_000):
        analyzer.stream(22_050).push(sound)
        if i == 1000:
            begun = resident_mb()
    return {"mb_after_100000_streams": round(resident_mb() - begun, 1)}


def push() -> dict[str, float]:
    """Microseconds for a block of 512 samples at 22,050 Hz, one hop, from Python."""
    stream = attune.Stream(22_050)
    sound = np.random.default_rng(0).normal(0, 0.1, 512).astype(np.float32)
    took = []
    for _ in range(5000):
        began = time.perf_counter()
        stream.push(sound)
        took.append(time.perf_counter() - began)
    return {"push_512_us_median": round(1e6 * sorted(took)[len(took) // 2], 1)}


def alone(files: list[str]) -> None:
    analyzer = attune.Analyzer()
    for file in files:
        analyzer.file(file)


def cluster(files: list[str], copies: int) -> dict[str, float]:
    """Wall time of a run (from its first key to its last row) over that of bare analyzers on the same cores."""
    from attune.cluster import Options, run

    cores = len(os.sched_getaffinity(0))
    work = files * copies
    with multiprocessing.get_context("spawn").Pool(cores) as pool:
        pool.map(alone, [[]] * cores)
        began = time.perf_counter()
        pool.map(alone, [work[i::cores] for i in range(cores)], chunksize=1)
        bare_s = time.perf_counter() - began
    with tempfile.TemporaryDirectory() as folder:
        manifest = Path(folder, "tracks.ndjson")
        rows = [{"track_id": str(i), "uri": os.path.abspath(file)} for i, file in enumerate(work)]
        manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
        out = str(Path(folder, "out"))
        summary = run(Options(manifest=str(manifest), out=out, actors=cores, progress=False))
    assert summary.rows == len(work) and not summary.errors
    core_hours = summary.wall_s * cores / len(work) * 1e6 / 3600
    return {
        "tracks": len(work),
        "mean_s": round(summary.audio_s / len(work), 1),
        "bare_s": round(bare_s, 2),
        "cluster_s": round(summary.wall_s, 2),
        "overhead": round(summary.wall_s / bare_s - 1, 3),
        "extrapolated_core_hours_of_a_million": round(core_hours, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--ray", action="store_true")
    parser.add_argument("--copies", type=int, default=400, help="how often each file is analysed with --ray")
    typed = parser.parse_args()
    figures = cluster(typed.files, typed.copies) if typed.ray else {**threads(typed.files), **streams(), **push()}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
