"""Runs on a cluster of two nodes, with an object store that speaks S3, in a network namespace of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import attune
from conftest import ROOT, music, write_wav

LIMIT_S = 120
"""What the whole of a scenario may take on two cores that do nothing else."""


def in_namespace(*arguments: str | Path, log: Path, limit_s: float) -> dict[str, object]:
    """Runs a scenario where nothing but its own loopback can be reached; what it prints last."""
    inside = 'ip link set lo up && exec "$@"'
    command = ["unshare", "-rn", "sh", "-c", inside, "sh", sys.executable, ROOT / "tests/python/cluster_scenario.py"]
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "AWS_EC2_METADATA_DISABLED": "true"}
    with log.open("w") as errors:
        done = subprocess.run(
            [*command, *arguments], env=environment, stdout=subprocess.PIPE, stderr=errors, timeout=limit_s, text=True
        )
    assert done.returncode == 0, log.read_text()[-4000:]
    result: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return result


@pytest.fixture(scope="module")
def tracks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty short tracks, all different, and among them one that aborts, one that never ends and one of ten hours."""
    folder = tmp_path_factory.mktemp("tracks")
    for i in range(40):
        write_wav(folder / f"{i:02}.wav", music(3 + i % 3, 22_050, seed=i), 22_050)
    (folder / "10-abort.mp3").write_bytes(b"x")
    (folder / "20-endless.mp3").write_bytes(b"x")
    long = folder / "30-hours.wav"
    write_wav(long, music(0.1, 22_050)[:0], 22_050)
    size = 10 * 3600 * 22_050 * 2
    with long.open("r+b") as file:
        file.seek(4)
        file.write((size + 36).to_bytes(4, "little"))
        file.seek(40)
        file.write(size.to_bytes(4, "little"))
        file.truncate(size + 44)
    return folder


def test_node_worker_and_driver_are_killed_and_the_table_is_complete(
    analyzer: attune.Analyzer, tracks: Path, tmp_path: Path
) -> None:
    began = time.monotonic()
    found = in_namespace("kills", tracks, tmp_path, log=tmp_path / "log", limit_s=4 * LIMIT_S)
    took_s = time.monotonic() - began
    rows = {row["track_id"]: row for row in found["rows"]}  # type: ignore[attr-defined]
    names = sorted(path.name for path in tracks.iterdir())
    assert sorted(rows) == names and len(found["rows"]) == len(names), "complete and unique"  # type: ignore[arg-type]
    poison = {"10-abort.mp3": "crashed", "20-endless.mp3": "time_limit", "30-hours.wav": "too_long"}
    for name in names:
        row = rows[name]
        if name in poison:
            assert row["error_kind"] == poison[name], row
        else:
            assert row["document"] == analyzer.file(tracks / name, name=row["uri"]).document()
    assert 0 < found["kept"] < len(names), "rows that the killed driver had finished, and that were not made again"  # type: ignore[operator]
    assert found["summary"]["missing"] == 0 and found["summary"]["analyzed"] == len(names) - found["kept"]  # type: ignore[index,operator]
    assert took_s <= LIMIT_S
