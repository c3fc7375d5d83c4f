"""Other processes: results and errors travel, analyzers start anew, spawn and forkserver work."""

from __future__ import annotations

import multiprocessing
import pickle
from pathlib import Path

import pytest

import attune
from conftest import music


def answer(sound: tuple[attune.Analyzer, str]) -> attune.Report:
    analyzer, path = sound
    return analyzer.file(path, hops=True)


def failure(path: str) -> attune.Report:
    return attune.Analyzer().file(path)


def test_results_and_errors_survive_pickling(analyzer: attune.Analyzer, demo: Path) -> None:
    report = analyzer.file(demo, hops=True)
    again = pickle.loads(pickle.dumps(report))
    assert again == report and again.document() == report.document() and again.hops == report.hops
    error = attune.AttuneError("empty", "a.mp3 is empty", "Copy it again.")
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.kind, copy.message, copy.remedy, str(copy)) == (error.kind, error.message, error.remedy, str(error))
    sure = attune.Analyzer(smoothing={"enter": 1.0, "leave": 1.0}, sections=2)
    assert pickle.loads(pickle.dumps(sure)).file(demo) == sure.file(demo)
    assert sure.file(demo) != report


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_pool_gives_the_same(analyzer: attune.Analyzer, demo: Path, method: str) -> None:
    context = multiprocessing.get_context(method)
    with context.Pool(2) as pool:
        reports = pool.map(answer, [(analyzer, str(demo))] * 3)
        with pytest.raises(attune.AttuneError) as raised:
            pool.apply(failure, ("/no/such/file.mp3",))
    assert reports == [analyzer.file(demo, hops=True)] * 3
    assert raised.value.kind == "not_found"


def test_a_stream_is_of_one_process(analyzer: attune.Analyzer) -> None:
    stream = analyzer.stream(22_050)
    stream.push(music(0.5, 22_050))
    with pytest.raises(TypeError, match="pickle"):
        pickle.dumps(stream)
