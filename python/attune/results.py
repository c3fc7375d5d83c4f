"""Results: a whole sound (`Report`), and each hop on the way (`Hops`). Times in seconds, probabilities 0 to 1."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .hops import Hops


@dataclass(frozen=True)
class Source:
    """What was analysed."""

    path: str
    """As it was given."""
    duration_s: float
    """Of the samples that were decoded."""
    rate_hz: int
    channels: int
    decoder: str


@dataclass(frozen=True)
class Answer:
    """The one answer to the whole."""

    state: str
    """``genre``, ``unsure``, ``silence``, ``speech``, ``not_music`` or ``unfamiliar``."""
    genre: str | None
    """Its label, if a genre is answered."""
    confidence: float | None
    """Probability of speech or another sound where that is answered, else of the most probable genre."""
    reason: str
    """Why, for people."""
    rule: str
    """The rule behind it, for scripts."""
    familiarity: float | None
    """About the share of known music that is no more familiar; `None` if no model knows."""
    kinds: Mapping[str, float]
    """Mean probabilities of music, speech and other sounds; empty without a gate."""


@dataclass(frozen=True)
class ModelAnswer:
    """One model's view of the whole."""

    name: str
    genre: str | None
    """Its most probable genre; `None` without audible frames."""
    probabilities: Mapping[str, float]
    """By genre; empty without audible frames."""


@dataclass(frozen=True)
class Segment:
    """A stretch of the same answer."""

    start_s: float
    end_s: float
    state: str
    """As of `Answer`, and ``warming_up``."""
    genre: str | None
    confidence: float
    """Mean of the smoothed probability of what is answered, or of the most probable genre."""


@dataclass(frozen=True)
class Section:
    """A section that was listed as the sound went on."""

    since_s: float
    written_s: float
    """How much had sounded when it was written."""
    genre: str
    confidence: float


@dataclass(frozen=True)
class Report:
    """A whole sound: what ``attune analyze --json`` writes of it."""

    attune: str
    """Version of Attune."""
    source: Source
    answer: Answer
    models: tuple[ModelAnswer, ...]
    segments: tuple[Segment, ...]
    sections: tuple[Section, ...] | None
    """`None` unless the `Analyzer` lists them."""
    warnings: tuple[str, ...]
    """What was not as it should be, though the sound could be analysed."""
    hops: Hops | None = None
    """`None` unless they were asked for."""
    _document: str = field(default="", repr=False, compare=False)

    @classmethod
    def from_document(cls, document: str, hops: Hops | None = None) -> Report:
        """The report that a document of ``attune analyze --json`` describes (not one of a failure)."""
        fields: dict[str, Any] = json.loads(document)
        sections = fields.get("sections")
        answer = fields["answer"]
        return cls(
            attune=fields["attune"],
            source=_known(Source, fields["source"]),
            answer=_known(Answer, {"familiarity": None, "kinds": {}, **answer}),
            models=_all_known(ModelAnswer, fields["engines"]),
            segments=_all_known(Segment, fields["segments"]),
            sections=None if sections is None else _all_known(Section, sections),
            warnings=tuple(fields["warnings"]),
            hops=hops,
            _document=document,
        )

    def document(self) -> str:
        """The JSON document, as ``attune analyze --json`` writes it, without the end of its line."""
        return self._document

    def as_dict(self) -> dict[str, Any]:
        """The JSON document as a dict of its own."""
        result: dict[str, Any] = json.loads(self._document)
        return result


def _known(cls: type[Any], fields: Mapping[str, Any]) -> Any:
    """A dataclass from the fields that it has: later versions may write more."""
    return cls(**{name: fields[name] for name in cls.__dataclass_fields__})


def _all_known(cls: type[Any], rows: Iterable[Mapping[str, Any]]) -> tuple[Any, ...]:
    return tuple(_known(cls, row) for row in rows)
