"""An analyzer in a process of its own: a file that ends it, or never ends, is an error of that file and no other.

``python -m attune.worker`` is that process: it reads one JSON object a line, ``{"path": …, "name": …}``, and writes one
document a line, as ``attune analyze --json`` would.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import IO, Any

from .errors import AttuneError

_START_LIMIT_S = 60.0
"""To load the models on a machine that is busy."""


class Worker:
    """An `Analyzer` in a process of its own, which is started when it is needed and again when it has ended.

    `options` are arguments of `Analyzer`. `time_limit_s` is measured from outside, so it ends what hangs. A file during
    which the process ends is tried once more, in a new one: it may have been killed for another's sake.
    """

    def __init__(
        self,
        options: Mapping[str, Any] | None = None,
        *,
        length_limit_s: float | None = None,
        time_limit_s: float | None = None,
        command: Sequence[str] = (sys.executable, "-m", "attune.worker"),
    ) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        arguments = dict(options or {})
        if "models" in arguments:
            # The process may be started again from another working folder.
            arguments["models"] = [os.path.abspath(os.fspath(model)) for model in arguments["models"]]
        self._settings = {"options": arguments, "length_limit_s": length_limit_s}
        self._time_limit_s = time_limit_s
        self._command = list(command)
        self.started = 0
        """How many processes were started."""

    def start(self) -> None:
        """Starts the process, if none runs, and waits until its models are loaded. Raises `AttuneError`."""
        if self._process is not None:
            return
        environment = {**os.environ, "RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )
        self.started += 1
        try:
            hello = json.loads(self._ask(self._settings, _START_LIMIT_S))
        except (_Ended, TimeoutError) as error:
            how = self._kill()
            raise AttuneError(
                "worker", f"the worker's process does not start: {how}", "Read what it wrote to stderr."
            ) from error
        if hello is not None:
            raise AttuneError(**hello)

    def document(self, path: str | os.PathLike[str], *, name: str | None = None) -> str:
        """The document of a file: of its analysis, or of its failure. Only a process that cannot start raises."""
        path = os.fspath(path)
        shown = path if name is None else name
        request = {"path": path, "name": name}
        for last in (False, True):
            self.start()
            try:
                return self._ask(request, self._time_limit_s)
            except TimeoutError:
                self._kill()
                limit = f"it was not analysed within {self._time_limit_s:g} s"
                error = AttuneError("time_limit", limit, "Raise the limit of time, or leave it out.")
                break
            except _Ended:
                how = self._kill()
                if last:
                    message = f"{shown} ended the process that analysed it, twice: {how}"
                    error = AttuneError("crashed", message, "Leave it out, and report it.")
        return error.document(shown)

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._kill()

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_process"):  # not after wrong arguments
            self.close()

    def _ask(self, request: Mapping[str, Any], limit_s: float | None) -> str:
        assert self._process is not None
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        try:
            try:
                stdin.write(json.dumps(request).encode() + b"\n")
                stdin.flush()
            except BrokenPipeError:
                raise _Ended from None
            return _line(stdout, limit_s).decode()
        except (_Ended, TimeoutError):
            raise
        except BaseException:
            # Its answer would be taken for that of the next request.
            self._kill()
            raise

    def _kill(self) -> str:
        process, self._process = self._process, None
        assert process is not None
        process.kill()
        code = process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    pass  # a request that it never read
        if code < 0 and code != -signal.SIGKILL:
            return f"it was ended by {signal.Signals(-code).name}"
        return "it was killed" if code < 0 else f"it ended with code {code}"


class _Ended(Exception):
    """The process ended before it answered."""


def _line(stdout: IO[bytes], limit_s: float | None) -> bytes:
    """The next line, without its end. The process writes one line for each request, so nothing follows it."""
    end = None if limit_s is None else time.monotonic() + limit_s
    line = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        while not line.endswith(b"\n"):
            left = None if end is None else end - time.monotonic()
            if left is not None and (left <= 0 or not selector.select(left)):
                raise TimeoutError
            part = os.read(stdout.fileno(), 1 << 16)
            if not part:
                raise _Ended
            line += part
    return bytes(line[:-1])


def _end_with(parent: int) -> None:
    """Ends this process soon after its parent, also in the middle of a file."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _serve() -> None:
    parent = os.getppid()
    # Answers have a pipe of their own: whatever else prints goes to stderr.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace", newline="\n")
    os.dup2(2, 1)
    _end_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle.
    requests = sys.stdin
    settings = json.loads(requests.readline() or "null")
    if settings is None:
        return

    def answer(document: str) -> None:
        answers.write(document + "\n")
        answers.flush()

    # Imported here: the parent needs no models.
    from .analyzer import Analyzer

    try:
        analyzer = Analyzer(**settings["options"])
    except AttuneError as error:
        answer(json.dumps(vars(error)))
        return
    answer("null")
    for line in requests:
        request = json.loads(line)
        path, name = request["path"], request["name"]
        try:
            report = analyzer.file(path, name=name, length_limit_s=settings["length_limit_s"])
            answer(report.document())
        except AttuneError as error:
            answer(error.document(path if name is None else name))


if __name__ == "__main__":
    _serve()
