"""What an actor of the pool does: rows of keys in, rows of results out, in order, one for one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from ..errors import AttuneError
from ..table import table
from ..worker import Worker
from .storage import is_local, local_copy


class Listen:
    """An analyzer in a process of its own, and a thread that fetches the next track while it works.

    Every error is a row. The actor itself never touches audio, so that no file can end it; what ends it (a node that is
    gone) has nothing to do with the rows, and Ray starts them again.
    """

    def __init__(self, worker: Mapping[str, Any], time_limit_s: float | None) -> None:
        self._worker = Worker(**worker, time_limit_s=time_limit_s)
        self._worker.start()
        self._time_limit_s = time_limit_s
        self._fetcher = ThreadPoolExecutor(1)

    def __call__(self, batch: Any) -> Any:
        """A `pyarrow.Table` of track_id and uri to one of `attune.table.SCHEMA`."""
        keys, uris = batch["track_id"].to_pylist(), batch["uri"].to_pylist()
        return table(zip(keys, self._documents(uris), strict=True))

    def _documents(self, uris: list[str]) -> Iterator[str]:
        ahead = self._fetch(uris[0]) if uris else None
        for i, uri in enumerate(uris):
            assert ahead is not None
            now, ahead = ahead, self._fetch(uris[i + 1]) if i + 1 < len(uris) else None
            try:
                copy, path = now.result()
                with copy:
                    document = self._worker.document(path, name=None if is_local(uri) else uri)
            except AttuneError as error:
                document = error.document(uri)
            yield document

    def _fetch(self, uri: str) -> Future[tuple[ExitStack, str]]:
        return self._fetcher.submit(self._fetched, uri)

    def _fetched(self, uri: str) -> tuple[ExitStack, str]:
        try:
            with ExitStack() as stack:
                path = stack.enter_context(local_copy(uri, self._time_limit_s))
                return stack.pop_all(), path
        except OSError as error:
            raise AttuneError(
                "unreadable", f"{uri} cannot be copied to this machine: {error}", "Make room for temporary files."
            ) from error
