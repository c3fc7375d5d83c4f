"""The genre of a wav file as it would be heard live, and of the whole: `python live.py song.wav`."""

from __future__ import annotations

import sys
import wave

import numpy as np

import attune


def main(path: str) -> None:
    with wave.open(path, "rb") as file:
        channels, rate_hz = file.getnchannels(), file.getframerate()
        frames = file.readframes(file.getnframes())
    samples = np.frombuffer(frames, "<i2").astype(np.float32).reshape(-1, channels) / 32768

    analyzer = attune.Analyzer()
    stream = analyzer.stream(rate_hz)
    shown: str | None = None
    for start in range(0, len(samples), 1024):
        for hop in stream.push(samples[start : start + 1024]):
            answer = hop.genre or hop.state
            if answer != shown:
                shown = answer
                print(f"{hop.t_s:7.2f} s  {answer}  {hop.confidence:.0%}  {hop.reason}")

    try:
        report = analyzer.file(path)
    except attune.AttuneError as error:
        sys.exit(f"{error.kind}: {error}")
    best = max(report.models[0].probabilities.items(), key=lambda pair: pair[1])
    answer = report.answer.genre or report.answer.state
    print(f"whole: {answer}; {report.models[0].name}: {best[0]}, {best[1]:.0%}")


if __name__ == "__main__":
    main(sys.argv[1])
