"""What each hop (23 ms by default) brought: `Hops` as arrays with a row for each, `Hop` as one row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, overload

import numpy as np
import numpy.typing as npt

KINDS = ("music", "speech", "other")
"""The columns of `Hops.kinds`."""


@dataclass(frozen=True)
class Change:
    """The music has changed: what was before it is forgotten."""

    hop: int
    """At which hop this was found."""
    since_s: float
    """About when it changed."""


@dataclass(frozen=True)
class SectionMark:
    """A section that has begun. Once written it never changes."""

    hop: int
    """At which hop it was written."""
    since_s: float
    """Since when it plays."""
    genre: str
    confidence: float


@dataclass(frozen=True)
class Hop:
    """One hop."""

    t_s: float
    """Stream time at the end of its window: when it could be known."""
    state: str
    """``warming_up``, ``silence``, ``unsure``, ``speech``, ``not_music``, ``unfamiliar`` or ``genre``."""
    genre: str | None
    """Its label, if a genre is answered."""
    confidence: float
    """Smoothed probability of speech or another sound where that is answered, else of the most probable genre."""
    rule: str
    """The rule behind the answer, for scripts."""
    reason: str
    """Why, for people."""
    probabilities: Mapping[str, float]
    """The models' mean, smoothed, by genre."""
    models: Mapping[str, Mapping[str, float]]
    """Each model's, smoothed, by genre; without those that are off."""
    kinds: Mapping[str, float]
    """Music, speech and other sounds, smoothed; empty without a gate."""
    familiarity: float | None
    """Smoothed; `None` if no model knows, or nothing has settled."""
    level_db: float
    """Root mean square of about the last 0.4 s, relative to full scale."""


def _by_label(labels: Sequence[str], row: npt.NDArray[np.float32]) -> dict[str, float]:
    return {} if np.isnan(row).any() else dict(zip(labels, row.tolist(), strict=True))


@dataclass(frozen=True, eq=False)
class Hops(Sequence[Hop]):
    """Hops in order: a sequence of `Hop`, and the same as arrays (n: hops, c: genres). The arrays are read-only."""

    genres: tuple[str, ...]
    """Labels of the columns of probabilities."""
    t_s: npt.NDArray[np.float64]
    """(n,)"""
    level_db: npt.NDArray[np.float32]
    """(n,)"""
    ensemble: npt.NDArray[np.float32]
    """The models' mean, smoothed, (n, c)."""
    raw: Mapping[str, npt.NDArray[np.float32]]
    """Each model's calibrated probabilities, not smoothed, (n, c); NaN where it is off."""
    smoothed: Mapping[str, npt.NDArray[np.float32]]
    """The same, smoothed."""
    kinds: npt.NDArray[np.float32]
    """Probabilities of `KINDS`, smoothed, (n, 3); NaN without a gate."""
    familiarity: npt.NDArray[np.float32]
    """(n,); NaN where none is known."""
    confidence: npt.NDArray[np.float32]
    """(n,)"""
    state: tuple[str, ...]
    genre: tuple[str | None, ...]
    rule: tuple[str, ...]
    reason: tuple[str, ...]
    changes: tuple[Change, ...]
    sections: tuple[SectionMark, ...]

    @classmethod
    def _of(cls, genres: tuple[str, ...], models: Sequence[str], columns: dict[str, Any]) -> Hops:
        """From the columns of the extension module."""
        for name in ("raw", "smoothed"):
            columns[name] = dict(zip(models, columns[name], strict=True))
        labels = [None if genre is None else genres[genre] for genre in columns["genre"]]
        columns["genre"] = tuple(labels)
        for name in ("state", "rule", "reason"):
            columns[name] = tuple(columns[name])
        columns["changes"] = tuple(Change(*change) for change in columns["changes"])
        columns["sections"] = tuple(
            SectionMark(hop, since_s, genres[genre], confidence)
            for hop, since_s, genre, confidence in columns["sections"]
        )
        return cls(genres=genres, **columns)._locked()

    def _locked(self) -> Hops:
        for column in self._columns().values():
            for array in column.values() if isinstance(column, Mapping) else (column,):
                if isinstance(array, np.ndarray):
                    array.flags.writeable = False
        return self

    def _columns(self) -> dict[str, Any]:
        return {column.name: getattr(self, column.name) for column in fields(self)}

    @staticmethod
    def joined(parts: Sequence[Hops]) -> Hops:
        """The hops of several pushes of one stream as one; `parts` must not be empty."""
        first = parts[0]
        starts = np.cumsum([0, *(len(part) for part in parts)]).tolist()
        columns: dict[str, Any] = {}
        for name, column in first._columns().items():
            mine = [getattr(part, name) for part in parts]
            if name in ("changes", "sections"):
                columns[name] = tuple(
                    type(mark)(**{**vars(mark), "hop": start + mark.hop})
                    for start, marks in zip(starts, mine, strict=False)
                    for mark in marks
                )
            elif name == "genres":
                columns[name] = column
            elif isinstance(column, Mapping):
                columns[name] = {key: np.concatenate([part[key] for part in mine]) for key in column}
            elif isinstance(column, tuple):
                columns[name] = tuple(value for part in mine for value in part)
            else:
                columns[name] = np.concatenate(mine)
        return Hops(**columns)._locked()

    def __len__(self) -> int:
        return len(self.state)

    @overload
    def __getitem__(self, at: int) -> Hop: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Hop, ...]: ...
    def __getitem__(self, at: int | slice) -> Hop | tuple[Hop, ...]:
        if isinstance(at, slice):
            return tuple(self[i] for i in range(*at.indices(len(self))))
        i = range(len(self))[at]
        familiarity = float(self.familiarity[i])
        models = {name: _by_label(self.genres, rows[i]) for name, rows in self.smoothed.items()}
        return Hop(
            t_s=float(self.t_s[i]),
            state=self.state[i],
            genre=self.genre[i],
            confidence=float(self.confidence[i]),
            rule=self.rule[i],
            reason=self.reason[i],
            probabilities=_by_label(self.genres, self.ensemble[i]),
            models={name: row for name, row in models.items() if row},
            kinds=_by_label(KINDS, self.kinds[i]),
            familiarity=None if np.isnan(familiarity) else familiarity,
            level_db=float(self.level_db[i]),
        )

    def __iter__(self) -> Iterator[Hop]:
        return (self[i] for i in range(len(self)))

    def __eq__(self, other: object) -> bool:
        """Whether all columns are equal to the bit (NaN equals NaN)."""
        if not isinstance(other, Hops):
            return NotImplemented
        mine, theirs = self._columns(), other._columns()
        return all(_equal(mine[name], theirs[name]) for name in mine)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        span = f", {self.t_s[0]:.3f} s to {self.t_s[-1]:.3f} s" if len(self) else ""
        return f"<Hops: {len(self)}{span}>"


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, Mapping):
        return list(a) == list(b) and all(_equal(a[key], b[key]) for key in a)
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b, equal_nan=True)
    return bool(a == b)
