"""Reads exports back with the tools that they are for, and prints what those found as one JSON document.

    read_back.py BASE       BASE.jams, BASE.hops.parquet, BASE.segments.parquet, BASE.srt, BASE.svg
"""

import json
import sys
import xml.etree.ElementTree as ET

import jams
import pyarrow.parquet as pq
import srt

DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"
SVG = "{http://www.w3.org/2000/svg}"


def read_jams(path):
    # Not valid: an exception.
    document = jams.load(path, validate=True, strict=True)
    annotations = []
    for annotation in document.annotations:
        assert annotation.validate(strict=True), annotation.namespace
        annotations.append(
            {
                "namespace": annotation.namespace,
                "data": [[o.time, o.duration, o.value, o.confidence] for o in annotation.data],
            }
        )
    about = document.file_metadata
    return {"title": about.title, "duration": about.duration, "annotations": annotations}


def read_parquet(path):
    table = pq.read_table(path)
    metadata = pq.read_metadata(path)
    notes = {key.decode(): value.decode() for key, value in (metadata.metadata or {}).items()}
    return {
        "types": {field.name: str(field.type) for field in table.schema},
        "columns": table.to_pydict(),
        "notes": notes,
        "compression": metadata.row_group(0).column(0).compression,
    }


def read_srt(path):
    with open(path, encoding="utf-8") as file:
        subtitles = list(srt.parse(file.read(), ignore_errors=False))
    return [[s.index, s.start.total_seconds(), s.end.total_seconds(), s.content] for s in subtitles]


def read_svg(path):
    root = ET.parse(path).getroot()
    assert root.tag == SVG + "svg", root.tag
    return {
        "title": root.findtext(SVG + "title"),
        "source": next(root.iter(DUBLIN_CORE + "source")).text,
        "tags": sorted({element.tag.split("}")[1] for element in root.iter()}),
        "lines": sum(1 for _ in root.iter(SVG + "polyline")),
    }


base = sys.argv[1]
json.dump(
    {
        "jams": read_jams(base + ".jams"),
        "hops": read_parquet(base + ".hops.parquet"),
        "segments": read_parquet(base + ".segments.parquet"),
        "srt": read_srt(base + ".srt"),
        "svg": read_svg(base + ".svg"),
    },
    sys.stdout,
)
