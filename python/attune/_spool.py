"""Sounds that are no local files, in a temporary file while they are analysed."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


@contextmanager
def spooled(name: str, parts: Iterable[bytes | bytearray | memoryview]) -> Iterator[str]:
    """The path of a file with this content. Its last part is like that of `name`: remedies name it."""
    base = re.sub(r"[^\w.-]", "_", os.path.basename(name))[-100:] or "sound"
    with tempfile.TemporaryDirectory(prefix="attune-") as folder:
        path = os.path.join(folder, base)
        with open(path, "xb") as file:
            for part in parts:
                file.write(part)
        yield path
