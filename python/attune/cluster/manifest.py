"""Which tracks there are: any manifest, checked and written again as the one that a run reads."""

from __future__ import annotations

import os
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet as pq
from pyarrow import fs

from ..errors import AttuneError
from .storage import resolve

_SHOW = 3
"""How many wrong keys a message names."""


def read_manifest(place: str) -> Any:
    """A table of ``track_id`` and ``uri`` (URIs and absolute paths), both text, the first unique. Raises `AttuneError`.
    """
    filesystem, path = resolve(place)
    try:
        if filesystem.get_file_info(path).type == fs.FileType.Directory:
            columns = pq.read_table(path, filesystem=filesystem)
        else:
            with filesystem.open_input_file(path) as file:
                columns = _parsed(path, file)
    except FileNotFoundError as error:
        raise AttuneError("not_found", f"{place} does not exist", "Check the spelling.") from error
    except (OSError, pa.ArrowInvalid) as error:
        raise AttuneError(
            "manifest", f"{place} cannot be read: {error}", "Give a Parquet, CSV or NDJSON file with a column uri."
        ) from error
    if "uri" not in columns.column_names:
        found = ", ".join(columns.column_names)
        raise AttuneError("manifest", f"{place} has no column uri (but {found})", "Name the column of paths uri.")
    uri = columns["uri"].cast(pa.string())
    key = columns["track_id"].cast(pa.string()) if "track_id" in columns.column_names else uri
    _check(place, key, uri)
    # Other processes have other working folders.
    places = [path if "://" in path else os.path.abspath(path) for path in uri.to_pylist()]
    return pa.table({"track_id": key, "uri": places})


def _parsed(path: str, file: Any) -> Any:
    if path.endswith(".csv"):
        as_text = pyarrow.csv.ConvertOptions(column_types={"track_id": pa.string(), "uri": pa.string()})
        return pyarrow.csv.read_csv(file, convert_options=as_text)
    if path.endswith((".ndjson", ".jsonl", ".json")):
        return pyarrow.json.read_json(file)
    return pq.read_table(file)


def _check(place: str, key: Any, uri: Any) -> None:
    if key.null_count or uri.null_count:
        raise AttuneError("manifest", f"{place} has rows without a track_id or uri", "Leave them out.")
    counts = pc.value_counts(key)
    twice = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
    if len(twice):
        shown = ", ".join(twice.slice(0, _SHOW).to_pylist())
        raise AttuneError(
            "manifest", f"{place} has {len(twice)} keys more than once: {shown}", "Give each row a track_id of its own."
        )
