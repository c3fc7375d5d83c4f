"""The folder that a run fills, and what is true of it when the run has ended.

``table/*.parquet`` are the rows (`attune.table.SCHEMA`), ``checkpoints/`` what Ray knows to be written,
``manifest.parquet`` the tracks, ``settings.json`` what made the rows.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import fs

from ..errors import AttuneError
from ..table import SCHEMA
from .storage import resolve


@dataclass(frozen=True)
class Summary:
    """What a finished run holds."""

    tracks: int
    """In the manifest."""
    rows: int
    """With a result or an error."""
    missing: int
    """Tracks without a row: run again."""
    errors: Mapping[str, int]
    """Rows with an error, by kind."""
    duplicates_removed: int
    """Rows that an interrupted run wrote twice."""
    audio_s: float
    """Seconds of sound, all rows."""
    analyzed: int
    """Rows that this run added."""
    wall_s: float
    """That it took, from the first key to the last row."""
    actors: int
    """Analyzers at once, at most."""

    def document(self) -> str:
        """As one line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)


class Output:
    """The folder of a run."""

    def __init__(self, place: str) -> None:
        self.filesystem, self.path = resolve(place.rstrip("/"))
        self.table = f"{self.path}/table"
        self.checkpoints = f"{self.path}/checkpoints"
        self.manifest = f"{self.path}/manifest.parquet"

    def prepare(self, manifest: Any, settings: Mapping[str, Any]) -> None:
        """Writes down what the rows are of and made with. Raises `AttuneError` if rows of other settings are here."""
        for folder in (self.path, self.table):
            self.filesystem.create_dir(folder, recursive=True)
        text = json.dumps(settings, sort_keys=True)
        path = f"{self.path}/settings.json"
        if self.filesystem.get_file_info(path).type == fs.FileType.File:
            with self.filesystem.open_input_stream(path) as file:
                before = file.read().decode()
            if before != text:
                raise AttuneError(
                    "settings",
                    f"{self.path} has rows made with other settings: {before}",
                    "Use those again, or write to another folder.",
                )
        else:
            self._write(path, text.encode())
        sink = pa.BufferOutputStream()
        pq.write_table(manifest, sink)
        self._write(self.manifest, sink.getvalue())

    def _write(self, path: str, data: Any) -> None:
        with self.filesystem.open_output_stream(path) as file:
            file.write(data)

    def files(self) -> list[str]:
        """Paths of the table's files, in order."""
        selector = fs.FileSelector(self.table, allow_not_found=True)
        found = self.filesystem.get_file_info(selector)
        return sorted(info.path for info in found if info.type == fs.FileType.File and info.path.endswith(".parquet"))

    def remove_duplicates(self) -> int:
        """Keeps one row of each track. A run that is killed between a file and its checkpoint leaves rows to be made
        again. Returns how many were removed."""
        removed = 0
        seen: set[str] = set()
        for path in self.files():
            keys = pq.read_table(path, columns=["track_id"], filesystem=self.filesystem)["track_id"].to_pylist()
            fresh = _fresh(keys, seen)
            if all(fresh):
                continue
            removed += fresh.count(False)
            rows = pq.read_table(path, filesystem=self.filesystem).filter(pa.array(fresh))
            if rows.num_rows:
                sink = pa.BufferOutputStream()
                pq.write_table(rows, sink)
                self._write(path, sink.getvalue())
            else:
                self.filesystem.delete_file(path)
        return removed

    def count(self) -> int:
        """How many rows there are."""
        return sum(pq.read_metadata(path, filesystem=self.filesystem).num_rows for path in self.files())

    def summary(self, manifest: Any, *, before: int, duplicates: int, wall_s: float, actors: int) -> Summary:
        """What is true of the folder now; `before`: rows that were there when the run began."""
        columns = ["track_id", "duration_s", "error_kind"]
        parts = [pq.read_table(path, columns=columns, filesystem=self.filesystem) for path in self.files()]
        empty = SCHEMA.empty_table().select(columns)
        rows = pa.concat_tables([empty, *parts]) if parts else empty
        missing = pc.sum(pc.invert(pc.is_in(manifest["track_id"], rows["track_id"]))).as_py() or 0
        kinds = Counter(kind for kind in rows["error_kind"].to_pylist() if kind is not None)
        return Summary(
            tracks=manifest.num_rows,
            rows=rows.num_rows,
            missing=missing,
            errors=dict(sorted(kinds.items())),
            duplicates_removed=duplicates,
            audio_s=round(pc.sum(rows["duration_s"]).as_py() or 0.0, 3),
            analyzed=rows.num_rows - before,
            wall_s=round(wall_s, 3),
            actors=actors,
        )


def read(out: str) -> Any:
    """All rows of a folder as a `pyarrow.Table`, one of each track, also while a run fills it."""
    output = Output(out)
    parts, seen = [SCHEMA.empty_table()], set[str]()
    for path in output.files():
        rows = pq.read_table(path, filesystem=output.filesystem, schema=SCHEMA)
        parts.append(rows.filter(pa.array(_fresh(rows["track_id"].to_pylist(), seen), pa.bool_())))
    return pa.concat_tables(parts)


def _fresh(keys: list[str], seen: set[str]) -> list[bool]:
    """Which keys are met for the first time; `seen` grows by them."""
    fresh = []
    for key in keys:
        fresh.append(key not in seen)
        seen.add(key)
    return fresh
