"""What a run is told, and what of it must stay the same until all rows are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Options:
    """A run. Places are local paths or URIs that `pyarrow.fs` knows (``s3://bucket/key?region=…``)."""

    manifest: str
    """Parquet, CSV or NDJSON with a column ``uri`` and, for keys of its own, a column ``track_id``."""
    out: str
    """A folder that all nodes can write to."""
    address: str | None = None
    """Of the Ray cluster; `None`: ``RAY_ADDRESS``, or else this machine alone."""
    actors: int | None = None
    """Analyzers at once; `None`: one for each CPU of the cluster."""
    rows_per_block: int = 32
    """Tracks between two checkpoints of one actor."""
    length_limit_s: float | None = 3 * 3600.0
    """A longer track is an error row."""
    time_limit_s: float | None = 600.0
    """A track that takes longer is an error row."""
    analyzer: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of `attune.Analyzer`."""
    worker: tuple[str, ...] | None = None
    """The command of the process that analyses, if it is not `attune.worker`."""
    progress: bool = True
    """Whether Ray draws its progress bars."""
