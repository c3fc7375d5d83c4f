"""The wheel: small, for every Python from 3.10 on, typed, documented; nothing of a window or a sound card in it."""

from __future__ import annotations

import doctest
import importlib
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import attune
from conftest import ROOT, music, write_wav

PACKAGE = Path(attune.__file__).parent


def mypy(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    config = ROOT / "python/pyproject.toml"
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", config, "--cache-dir", folder / "cache", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_the_wheel_is_small_and_for_every_python() -> None:
    (wheel,) = Path(os.environ["ATTUNE_WHEELS"]).glob("*.whl")
    assert re.fullmatch(r"attune-[\d.]+-cp310-abi3-(manylinux|linux)_?\w+\.whl", wheel.name), wheel.name
    assert wheel.stat().st_size <= 25 << 20
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = [archive.read(name).decode() for name in names if name.endswith("/METADATA")]
    for needed in ("attune/py.typed", "attune/_attune.pyi", "attune/cluster/__main__.py"):
        assert needed in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert "Provides-Extra: ray" in metadata and f"Version: {attune.__version__}" in metadata


def test_the_module_needs_no_window_and_no_sound_card() -> None:
    (module,) = PACKAGE.glob("_attune*.so")
    dynamic = subprocess.run(["readelf", "-d", module], capture_output=True, text=True, check=True).stdout
    needed = set(re.findall(r"Shared library: \[(.*?)\]", dynamic))
    system = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2", "libpthread.so.0", "libdl.so.2"}
    assert needed <= system, needed - system
    content = module.read_bytes()
    # Libraries of windows and sound cards that are opened by name at run time.
    for name in (b"libEGL", b"libX11", b"libwayland", b"libasound", b"libpulse"):
        assert name not in content, name


def test_the_types_hold_and_wrong_use_is_found(tmp_path: Path) -> None:
    checked = mypy("-p", "attune", folder=tmp_path)
    assert checked.returncode == 0, checked.stdout
    example = mypy(ROOT / "python/examples/live.py", folder=tmp_path)
    assert example.returncode == 0, example.stdout
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "import attune\n"
        "report = attune.Analyzer().file(3)\n"
        "genre: str = report.answer.genre\n"
        "attune.Stream(44_100).push('sound')\n"
        "report.answer.genre = 'pop'\n"
    )
    found = mypy(wrong, folder=tmp_path).stdout
    assert [int(line) for line in re.findall(r"wrong\.py:(\d+): error", found)] == [2, 3, 4, 5], found


@pytest.mark.parametrize("module", ["attune", "attune.analyzer"])
def test_the_examples_of_the_documentation_are_true(module: str) -> None:
    import numpy as np

    failed, tried = doctest.testmod(importlib.import_module(module), extraglobs={"np": np})
    assert tried and not failed


def test_the_examples_of_the_page_are_true() -> None:
    failed, tried = doctest.testfile(str(ROOT / "docs/python.md"), module_relative=False)
    assert tried and not failed


def test_the_example_runs(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", music(4, 44_100, channels=2), 44_100)
    done = subprocess.run(
        [sys.executable, ROOT / "python/examples/live.py", path], capture_output=True, text=True, check=True
    )
    assert "warming_up" in done.stdout and "whole: " in done.stdout
