"""Attune: the genre of music, as it plays and of files.

>>> import attune
>>> analyzer = attune.Analyzer()
>>> len(analyzer.genres), analyzer.models
(10, ('lstm', 'tcn', 'attention'))

`Analyzer` answers to files and arrays, `Stream` to blocks of samples as they come. `attune.worker` analyses in a
process of its own, which no file can take down with it; ``python -m attune.cluster`` analyses collections with Ray.
"""

from ._attune import __version__
from .analyzer import Analyzer, Stream
from .errors import AttuneError
from .hops import KINDS, Change, Hop, Hops, SectionMark
from .results import Answer, ModelAnswer, Report, Section, Segment, Source

__all__ = [
    "KINDS",
    "Analyzer",
    "Answer",
    "AttuneError",
    "Change",
    "Hop",
    "Hops",
    "ModelAnswer",
    "Report",
    "Section",
    "SectionMark",
    "Segment",
    "Source",
    "Stream",
    "__version__",
]
