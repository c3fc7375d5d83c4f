"""`Analyzer`: models, loaded once, for files and arrays. `Stream`: one stream, pushed in blocks of any length."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _attune
from ._spool import spooled
from .hops import Hops
from .results import Report

Samples = npt.NDArray[np.floating[Any]]
"""Full scale is -1 to 1; (n,) for mono, (n, channels) otherwise."""


def _float32(samples: Samples) -> npt.NDArray[np.float32]:
    array = np.asarray(samples)
    if not np.issubdtype(array.dtype, np.floating):
        raise TypeError(
            f"samples are floats from -1 to 1, not {array.dtype}: divide integers by their full scale "
            "(int16: samples / 32768)"
        )
    return array.astype(np.float32, copy=False)


class Analyzer:
    """Models, loaded once. Threads may share one; a pickled one loads its models again where it is unpickled.

    `models`: paths of manifests (``NAME.json``), the bundled models if there are none. `smoothing`: knobs by name, as
    in the settings file; those left out have their defaults. `sections`: also list the sections of the music, each
    this many steps of 0.74 s (1 to 8) after it began. Raises `AttuneError`.

    >>> report = Analyzer().samples(np.zeros(44_100, dtype=np.float32), 44_100)
    >>> report.answer.state, report.source.duration_s
    ('silence', 1.0)
    """

    def __init__(
        self,
        *,
        models: Iterable[str | os.PathLike[str]] = (),
        smoothing: Mapping[str, float] | None = None,
        sections: int | None = None,
    ) -> None:
        self._arguments = ([os.fspath(path) for path in models], smoothing and dict(smoothing), sections)
        paths, knobs, k = self._arguments
        if k is not None and not 1 <= k <= 8:
            raise ValueError(f"sections is a number of steps from 1 to 8, not {k}")
        self._engine = _attune.Engine(paths, None if knobs is None else json.dumps(knobs), k)
        self._genres = tuple(self._engine.genres)
        named = [name for name, _ in self._engine.models]
        self._models = tuple(named[:-1] if self._engine.has_gate else named)

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, self._arguments

    @property
    def genres(self) -> tuple[str, ...]:
        """The labels that the models know, in the order of the columns of probabilities."""
        return self._genres

    @property
    def models(self) -> tuple[str, ...]:
        """Their names."""
        return self._models

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of each model's weights, and of the gate's."""
        return dict(self._engine.models)

    @property
    def hop_s(self) -> float:
        """Seconds from one hop to the next."""
        return self._engine.hop_s

    def file(
        self,
        path: str | os.PathLike[str],
        *,
        name: str | None = None,
        hops: bool = False,
        length_limit_s: float | None = None,
        time_limit_s: float | None = None,
    ) -> Report:
        """A file, as ``attune analyze --json`` analyses it.

        `name`: what the report and errors call it, if not by its path. `hops`: also what each hop brought. A file that
        lasts longer than `length_limit_s` of sound, or takes longer than `time_limit_s`, is an error (``too_long``,
        ``time_limit``). Raises `AttuneError`.
        """
        limits = (length_limit_s, time_limit_s)
        return self._report(*self._engine.file(os.fspath(path), name, limits, hops))

    def bytes(
        self,
        data: bytes | bytearray | memoryview,
        *,
        name: str = "bytes",
        hops: bool = False,
        length_limit_s: float | None = None,
        time_limit_s: float | None = None,
    ) -> Report:
        """A file that is in memory; it lies in a temporary folder while it is analysed. Otherwise as `file`."""
        with spooled(name, [data]) as path:
            return self.file(
                path, name=name, hops=hops, length_limit_s=length_limit_s, time_limit_s=time_limit_s
            )

    def samples(
        self,
        samples: Samples,
        rate_hz: int,
        *,
        name: str = "samples",
        hops: bool = False,
        length_limit_s: float | None = None,
        time_limit_s: float | None = None,
    ) -> Report:
        """Samples at any rate from 8 to 192 kHz: floats of full scale -1 to 1, (n,) or (n, channels).

        Channels are mixed down as those of files. Samples that are not finite count as 0. Otherwise as `file`.
        """
        limits = (length_limit_s, time_limit_s)
        return self._report(*self._engine.samples(_float32(samples), rate_hz, name, limits, hops))

    def stream(self, rate_hz: int) -> Stream:
        """A stream at this rate, through the same models."""
        return Stream(rate_hz, self)

    def _report(self, document: str, columns: dict[str, Any] | None) -> Report:
        return Report.from_document(document, None if columns is None else self._hops(columns))

    def _hops(self, columns: dict[str, Any]) -> Hops:
        return Hops._of(self._genres, self._models, columns)


def _again(
    models: list[str], smoothing: dict[str, float] | None, sections: int | None
) -> Analyzer:
    return Analyzer(models=models, smoothing=smoothing, sections=sections)


class Stream:
    """One stream. How its samples are cut into blocks changes no bit of the hops.

    Threads may push to different streams at once; one stream belongs to one thread at a time.

    >>> stream = Stream(48_000)
    >>> noise = np.random.default_rng(0).normal(0, 0.1, 24_000).astype(np.float32)
    >>> hops = stream.push(noise)
    >>> len(hops), hops[-1].state
    (17, 'warming_up')
    >>> sorted(hops[-1].probabilities)[:3]
    ['blues', 'classical', 'country']
    """

    def __init__(self, rate_hz: int, analyzer: Analyzer | None = None) -> None:
        self._analyzer = analyzer or Analyzer()
        self._rate_hz = rate_hz
        self._stream = _attune.Stream(self._analyzer._engine, rate_hz)

    @property
    def rate_hz(self) -> int:
        """Of the samples that it takes."""
        return self._rate_hz

    def push(self, samples: Samples) -> Hops:
        """The next samples, floats of full scale -1 to 1, (n,) or (n, channels); the hops that they complete."""
        return self._analyzer._hops(self._stream.push(_float32(samples)))

    def finish(self) -> Hops:
        """The sound has ended: the hops that the resampler still held. Only a `reset` begins another."""
        return self._analyzer._hops(self._stream.finish())

    def reset(self, at_s: float = 0.0) -> None:
        """Forgets all that was heard; the next sample is at stream time `at_s`."""
        self._stream.reset(at_s)

    @property
    def not_finite(self) -> int:
        """Samples so far that were NaN or infinite; each counted as 0."""
        return self._stream.not_finite

    @property
    def faults(self) -> list[str]:
        """Models that failed and are left out since."""
        return self._stream.faults
