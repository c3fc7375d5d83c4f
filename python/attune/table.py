"""One row for each sound: documents of ``attune analyze --json`` as an Arrow table. Needs pyarrow.

Documents may come from `Worker`, `Report.document`, or the program; a row holds the whole document beside its main
fields, so nothing is lost.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

SCHEMA: Any = pa.schema(
    [
        pa.field("track_id", pa.string(), nullable=False),
        pa.field("uri", pa.string(), nullable=False),
        ("attune", pa.string()),
        ("duration_s", pa.float64()),
        ("rate_hz", pa.int64()),
        ("channels", pa.int64()),
        ("decoder", pa.string()),
        ("state", pa.string()),
        ("genre", pa.string()),
        ("confidence", pa.float64()),
        ("familiarity", pa.float64()),
        ("reason", pa.string()),
        ("rule", pa.string()),
        ("warnings", pa.list_(pa.string())),
        ("error_kind", pa.string()),
        ("error_message", pa.string()),
        ("error_remedy", pa.string()),
        pa.field("document", pa.string(), nullable=False),
    ]
)
"""Times in seconds, probabilities 0 to 1. A sound has either the fields of an answer or those of an error."""


def row(track_id: str, document: str) -> dict[str, Any]:
    """The row of one document."""
    fields: Mapping[str, Any] = json.loads(document)
    source = fields["source"]
    error = fields.get("error") or {}
    answer = fields.get("answer") or {}
    values = {
        "track_id": track_id,
        "uri": source["path"],
        "attune": fields.get("attune"),
        "warnings": fields.get("warnings"),
        "document": document,
    }
    values.update({name: source.get(name) for name in ("duration_s", "rate_hz", "channels", "decoder")})
    for name in ("state", "genre", "confidence", "familiarity", "reason", "rule"):
        values[name] = answer.get(name)
    values.update({f"error_{name}": error.get(name) for name in ("kind", "message", "remedy")})
    return values


def table(rows: Iterable[tuple[str, str]]) -> Any:
    """A `pyarrow.Table` of `SCHEMA` from pairs of track_id and document."""
    return pa.Table.from_pylist([row(track_id, document) for track_id, document in rows], schema=SCHEMA)
