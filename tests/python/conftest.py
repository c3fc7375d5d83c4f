"""Sounds to analyse, and the program that results are compared with."""

from __future__ import annotations

import json
import os
import subprocess
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import attune

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "assets/demo"

collect_ignore = [] if os.environ.get("ATTUNE_WITH_RAY") == "true" else ["test_cluster.py"]


@pytest.fixture(scope="session")
def analyzer() -> attune.Analyzer:
    return attune.Analyzer()


@pytest.fixture(scope="session")
def demo() -> Path:
    return DEMO / "demo.mp3"


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[str]]:
    """Lines that the program prints; with settings of nobody, so that its knobs are the defaults."""
    home = tmp_path_factory.mktemp("home")
    command = os.environ["ATTUNE_PROGRAM"]

    def run(*arguments: str | Path) -> list[str]:
        environment = {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home)}
        done = subprocess.run([command, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert done.returncode in (0, 1), arguments
        return done.stdout.decode().splitlines()

    return run


def write_wav(path: Path, samples: np.ndarray[Any, Any], rate_hz: int) -> Path:
    """16 bits, (n,) or (n, channels)."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def read_wav(path: Path) -> tuple[np.ndarray[Any, Any], int]:
    with wave.open(str(path), "rb") as file:
        channels = file.getnchannels()
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
        return (samples if channels == 1 else samples.reshape(-1, channels)), file.getframerate()


def music(seconds: float, rate_hz: int, seed: int = 0, channels: int = 1) -> np.ndarray[Any, Any]:
    """A beat, a bass and chords that change: enough for the models to have answers that move."""
    random = np.random.default_rng(seed)
    t = np.arange(int(seconds * rate_hz)) / rate_hz
    sound = np.zeros((t.size, channels), dtype=np.float32)
    for second in range(int(seconds) + 1):
        here = (t >= second) & (t < second + 1)
        for note in random.choice([110, 138.6, 164.8, 220, 277.2, 329.6, 440], 4, replace=False):
            wave_ = sum(np.sin(2 * np.pi * note * k * t[here]) / k for k in range(1, 5))
            sound[here] += (0.08 * wave_[:, None] * random.uniform(0.5, 1, channels)).astype(np.float32)
    beat = np.exp(-30 * (t * 2 % 1)) * random.normal(0, 0.3, t.size)
    sound += beat[:, None].astype(np.float32)
    return sound[:, 0] if channels == 1 else sound


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path


def parsed(lines: list[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines]
