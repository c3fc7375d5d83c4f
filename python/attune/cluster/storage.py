"""Local paths and object stores, through `pyarrow.fs`."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from pyarrow import fs

from .._spool import spooled
from ..errors import AttuneError

_PART_BYTES = 1 << 20
_PAUSES_S = (1.0, 5.0)
"""Before a read that failed is tried again: a store that was busy must not make an error row."""


def is_local(place: str) -> bool:
    """Whether this is a path of this machine."""
    return "://" not in place


@lru_cache(maxsize=64)
def _store(base: str, query: str) -> Any:
    return fs.FileSystem.from_uri(base + (f"?{query}" if query else ""))[0]


def resolve(place: str) -> tuple[Any, str]:
    """A filesystem, and the path in it. Raises `AttuneError`."""
    if is_local(place):
        return fs.LocalFileSystem(), os.path.abspath(place)
    try:
        if place.startswith("file://"):
            filesystem, path = fs.FileSystem.from_uri(place)
            return filesystem, str(path)
        # One connection for each bucket. A key may have characters that a URI may not: "#" is common in titles.
        scheme, _, rest = place.partition("://")
        path, _, query = rest.partition("?")
        return _store(f"{scheme}://{path.partition('/')[0]}", query), path
    except (OSError, ValueError) as error:
        raise AttuneError(
            "unsupported", f"{place}: {error}", "Name a local path, or a URI such as s3://bucket/key."
        ) from error


@contextmanager
def local_copy(uri: str, time_limit_s: float | None) -> Iterator[str]:
    """The path of a local file with the content of `uri`: itself, or a copy that ends with the block.

    Raises `AttuneError`.
    """
    if is_local(uri):
        yield uri
        return
    end = None if time_limit_s is None else time.monotonic() + time_limit_s
    with spooled(uri.split("?")[0], _parts(uri, end)) as path:
        yield path


def _parts(uri: str, end: float | None) -> Iterator[bytes]:
    filesystem, path = resolve(uri)
    done = 0
    for pause in (*_PAUSES_S, None):
        try:
            with filesystem.open_input_file(path) as source:
                source.seek(done)
                while part := source.read(_PART_BYTES):
                    yield part
                    done += len(part)
                    if end is not None and time.monotonic() > end:
                        raise AttuneError(
                            "time_limit", f"{uri} could not be read in time", "Raise the limit of time."
                        )
                return
        except FileNotFoundError as error:
            raise AttuneError("not_found", f"{uri} does not exist", "Check the manifest.") from error
        except PermissionError as error:
            raise AttuneError(
                "permission_denied", f"{uri} may not be read: {error}", "Check the credentials."
            ) from error
        except OSError as error:
            if pause is None:
                raise AttuneError(
                    "unreadable", f"{uri} cannot be read: {error}", "Check the store and the network."
                ) from error
            time.sleep(pause)
