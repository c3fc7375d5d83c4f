"""Files and arrays: the same documents as the program's, to the byte."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import attune
from conftest import DEMO, ROOT, music, parsed, read_wav, write_wav

Program = Callable[..., list[str]]


@pytest.mark.parametrize(("file", "duration_s"), [("demo.mp3", 28), ("demo.ogg", 105)])
def test_a_file_has_the_program_s_document(
    analyzer: attune.Analyzer, program: Program, file: str, duration_s: float
) -> None:
    path = DEMO / file
    report = analyzer.file(path)
    assert [report.document()] == program("analyze", "--json", path)
    assert report.as_dict() == json.loads(report.document())
    first = next(segment for segment in report.segments if segment.genre)
    assert first.genre == "classical"
    assert report.source.duration_s == pytest.approx(duration_s, abs=1)
    assert set(report.models[0].probabilities) == set(analyzer.genres)
    assert sum(report.models[0].probabilities.values()) == pytest.approx(1, abs=1e-5)


def test_sections_and_other_models_are_those_of_the_program(program: Program, demo: Path) -> None:
    report = attune.Analyzer(sections=4).file(demo)
    assert [report.document()] == program("analyze", "--json", "--sections=4", demo)
    assert report.sections
    model = ROOT / "models/rnn.json"
    other = attune.Analyzer(models=[model])
    assert other.models == ("rnn",)
    assert [other.file(demo).document()] == program("analyze", "--json", "--model", model, demo)


def test_a_failure_has_the_program_s_document(analyzer: attune.Analyzer, program: Program, folder: Path) -> None:
    (folder / "empty.mp3").touch()
    (folder / "text.wav").write_text("no sound at all, only words " * 20)
    (folder / "cut.wav").write_bytes(write_wav(folder / "whole.wav", music(1, 22_050), 22_050).read_bytes()[:30])
    kinds = []
    for name in ("none.mp3", "empty.mp3", "text.wav", "cut.wav", "."):
        with pytest.raises(attune.AttuneError) as raised:
            analyzer.file(folder / name)
        error = raised.value
        path = str(folder / name)
        assert [error.document(path)] == program("analyze", "--json", path)
        assert error.remedy and error.message in str(error) and error.remedy in str(error)
        kinds.append(error.kind)
    assert kinds[0] == "not_found" and kinds[1] == "empty" and kinds[-1] == "not_a_file"


@pytest.mark.parametrize(("rate_hz", "channels"), [(8_000, 1), (22_050, 2), (44_100, 1), (44_100, 2), (48_000, 6)])
def test_bytes_and_samples_are_heard_like_the_file(
    analyzer: attune.Analyzer, folder: Path, rate_hz: int, channels: int
) -> None:
    path = write_wav(folder / "a.wav", music(7, rate_hz, seed=channels, channels=channels), rate_hz)
    whole = analyzer.file(path, hops=True)
    data = path.read_bytes()
    for form in (data, bytearray(data), memoryview(data)):
        assert analyzer.bytes(form, name=str(path), hops=True) == whole
    samples, _ = read_wav(path)
    heard = analyzer.samples(samples, rate_hz, name=str(path), hops=True)
    assert heard.hops == whole.hops
    same = ("answer", "models", "segments", "warnings")
    assert [getattr(heard, name) for name in same] == [getattr(whole, name) for name in same]
    assert heard.source.duration_s == whole.source.duration_s
    assert analyzer.samples(np.asfortranarray(samples), rate_hz, name=str(path), hops=True) == heard
    assert analyzer.samples(samples.astype(np.float64), rate_hz, name=str(path), hops=True) == heard


def test_channels_of_opposite_polarity_do_not_cancel(analyzer: attune.Analyzer, folder: Path) -> None:
    sound = music(4, 22_050)
    path = write_wav(folder / "a.wav", np.stack([sound, -sound], axis=1), 22_050)
    samples, _ = read_wav(path)
    whole = analyzer.file(path, hops=True)
    heard = analyzer.samples(samples, 22_050, hops=True)
    assert heard.hops == whole.hops and heard.warnings == whole.warnings
    assert "opposite polarity" in whole.warnings[0] and heard.answer.state != "silence"
    stream = analyzer.stream(22_050)
    parts = [stream.push(samples[start : start + 1000]) for start in range(0, len(samples), 1000)]
    assert attune.Hops.joined([*parts, stream.finish()]) == whole.hops


def test_errors_of_bytes_name_them_and_no_temporary_file(analyzer: attune.Analyzer) -> None:
    with pytest.raises(attune.AttuneError) as raised:
        analyzer.bytes(b"no sound at all " * 30, name="s3://music/my song.wma")
    text = str(raised.value)
    assert "s3://music/my song.wma" in text and "/tmp" not in text and "attune-" not in text, text
    with pytest.raises(attune.AttuneError, match="bytes is empty"):
        analyzer.bytes(b"")


def test_arrays_that_cannot_be_are_refused(analyzer: attune.Analyzer) -> None:
    with pytest.raises(TypeError, match="int16: samples / 32768"):
        analyzer.samples(np.zeros(100, dtype=np.int16), 44_100)
    with pytest.raises(ValueError, match="transpose"):
        analyzer.samples(np.zeros((2, 44_100), dtype=np.float32), 44_100)
    with pytest.raises(ValueError, match="shape"):
        analyzer.samples(np.zeros((2, 2, 2), dtype=np.float32), 44_100)
    with pytest.raises(attune.AttuneError, match="4000") as raised:
        analyzer.samples(np.zeros(100, dtype=np.float32), 4_000)
    assert raised.value.kind == "unsupported"


def test_samples_that_are_not_finite_count_as_silence(analyzer: attune.Analyzer) -> None:
    samples = music(3, 22_050)
    samples[1000:1010] = 0
    clean = analyzer.samples(samples, 22_050, hops=True)
    samples[1000:1005], samples[1005:1010] = np.nan, -np.inf
    broken = analyzer.samples(samples, 22_050, hops=True)
    assert broken.hops == clean.hops and not clean.warnings
    assert broken.warnings == ("10 samples were no numbers and count as silence",)


def test_knobs_of_smoothing_change_the_answer_and_are_checked(demo: Path) -> None:
    unsure = attune.Analyzer(smoothing={"enter": 1.0, "leave": 1.0}).file(demo)
    assert unsure.answer.genre is None and not any(segment.genre for segment in unsure.segments)
    for knobs in ({"enter": 2.0}, {"enter": "high"}):
        with pytest.raises(attune.AttuneError) as raised:
            attune.Analyzer(smoothing=knobs)  # type: ignore[arg-type]
        assert raised.value.kind == "settings"
    with pytest.raises(ValueError, match="1 to 8"):
        attune.Analyzer(sections=9)
    with pytest.raises(attune.AttuneError) as raised:
        attune.Analyzer(models=["none.json"])
    assert raised.value.kind == "model"


def test_limits_of_length_and_time(analyzer: attune.Analyzer, folder: Path, demo: Path) -> None:
    with pytest.raises(attune.AttuneError, match="limit of 0:20") as raised:
        analyzer.file(demo, length_limit_s=20)
    assert raised.value.kind == "too_long"
    assert analyzer.file(demo, length_limit_s=29).document() == analyzer.file(demo).document()
    with pytest.raises(attune.AttuneError) as raised:
        analyzer.samples(np.zeros(22_050 * 3600, dtype=np.float32), 22_050, time_limit_s=0.001)
    assert raised.value.kind == "time_limit"


def test_hops_are_those_of_the_program_s_lines(analyzer: attune.Analyzer, program: Program, demo: Path) -> None:
    hops = analyzer.file(demo, hops=True).hops
    assert hops is not None
    lines = parsed(program("analyze", "--ndjson", demo))

    def rounded(row: np.ndarray) -> dict[str, float]:  # type: ignore[type-arg]
        # As the program rounds, in 64 bits.
        values = np.floor(row.astype(np.float64) * 1e6 + 0.5) / 1e6
        return dict(zip(hops.genres, values.tolist(), strict=True))

    of_model = {name: [line for line in lines if line.get("engine") == name] for name in analyzer.models}
    for name, mine in of_model.items():
        assert len(mine) == len(hops)
        for i, line in enumerate(mine):
            assert line["t_s"] == round(float(hops.t_s[i]), 6)
            assert line["probabilities"] == rounded(hops.raw[name][i])
            assert line["smoothed"] == rounded(hops.smoothed[name][i])
    states = [line for line in lines if line["type"] == "state"]
    begins = [i for i in range(len(hops)) if i == 0 or (hops.state[i], hops.genre[i]) != (hops.state[i - 1], hops.genre[i - 1])]
    assert [(line["state"], line["genre"], line["reason"]) for line in states] == [
        (hops.state[i], hops.genre[i], hops.reason[i]) for i in begins
    ]
    changes = [line["since_s"] for line in lines if line["type"] == "change"]
    assert [round(change.since_s, 6) for change in hops.changes] == changes
