"""Reads a Parquet file with pyarrow, and prints its types and columns as one JSON document.

    read_table.py FILE.parquet
"""

import json
import sys

import pyarrow.parquet as pq

table = pq.read_table(sys.argv[1])
json.dump(
    {"types": {field.name: str(field.type) for field in table.schema}, "columns": table.to_pydict()},
    sys.stdout,
)
