"""`attune.worker` with faults that no real file has (as far as is known): by the file's name, it aborts or hangs.

With ``FAULTY_PAUSE_S`` every file takes that much longer."""

import os
import time
from typing import Any

import attune
from attune import analyzer, worker

file = analyzer.Analyzer.file


def faulty(self: attune.Analyzer, path: str, **options: Any) -> attune.Report:
    known_as = options.get("name") or path
    time.sleep(float(os.environ.get("FAULTY_PAUSE_S", 0)))
    if known_as.endswith("abort.mp3"):
        os.abort()
    if known_as.endswith("endless.mp3"):
        time.sleep(3600)
    if os.path.basename(path) == "prints.mp3":
        print("not an answer", flush=True)
        os.write(1, b"nor this\n")
    return file(self, path, **options)


analyzer.Analyzer.file = faulty  # type: ignore[method-assign, assignment]
worker._serve()
