"""A process of its own: what ends it or hangs is an error of one file."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

import attune
from attune.worker import Worker

FAULTY = (sys.executable, str(Path(__file__).with_name("faulty_worker.py")))


def kind(document: str) -> str | None:
    error = json.loads(document).get("error")
    return error and error["kind"]


def test_a_worker_writes_the_same_documents(analyzer: attune.Analyzer, demo: Path, folder: Path) -> None:
    with Worker() as worker:
        assert worker.document(demo) == analyzer.file(demo).document()
        assert worker.document(demo, name="s3://a/b.mp3") == analyzer.file(demo, name="s3://a/b.mp3").document()
        failed = json.loads(worker.document(folder / "none.mp3"))
        assert failed["error"]["kind"] == "not_found" and failed["source"]["path"] == str(folder / "none.mp3")
        assert worker.started == 1


def test_files_that_abort_or_hang_cost_only_themselves(analyzer: attune.Analyzer, demo: Path, folder: Path) -> None:
    for name in ("abort.mp3", "endless.mp3", "prints.mp3"):
        (folder / name).symlink_to(demo)
    good = analyzer.file(demo).document()
    with Worker(command=FAULTY) as worker:
        crashed = worker.document(folder / "abort.mp3")
        assert kind(crashed) == "crashed" and "SIGABRT" in crashed, crashed
        assert worker.started == 2, "it is tried once more"
        assert worker.document(demo) == good
        assert worker.document(folder / "prints.mp3", name=str(demo)) == good, "what others print is no answer"
    with Worker(time_limit_s=2, command=FAULTY) as worker:
        worker.start()
        began = time.monotonic()
        assert kind(worker.document(folder / "endless.mp3")) == "time_limit"
        assert time.monotonic() - began >= 2 and worker.started == 1
        assert kind(worker.document(folder / "none.mp3")) == "not_found" and worker.started == 2


def test_a_process_that_is_killed_for_anothers_sake_is_tried_again(analyzer: attune.Analyzer, demo: Path) -> None:
    with Worker() as worker:
        worker.start()
        assert worker._process is not None
        os.kill(worker._process.pid, signal.SIGKILL)
        assert worker.document(demo) == analyzer.file(demo).document()
        assert worker.started == 2


def test_the_limit_of_length_and_wrong_options(demo: Path) -> None:
    with Worker(length_limit_s=20) as worker:
        assert kind(worker.document(demo)) == "too_long"
    with Worker({"models": ["none.json"]}) as worker, pytest.raises(attune.AttuneError) as raised:
        worker.document(demo)
    assert raised.value.kind == "model"
    with Worker(command=["false"]) as worker, pytest.raises(attune.AttuneError, match="does not start"):
        worker.document(demo)


def test_the_process_ends_with_its_parent(folder: Path) -> None:
    """Also where the parent is killed in the middle of a file that hangs."""
    (folder / "endless.mp3").touch()
    reads, writes = os.pipe()
    parent = os.fork()
    if parent == 0:
        worker = Worker(command=FAULTY)
        worker.start()
        assert worker._process is not None
        os.write(writes, f"{worker._process.pid}\n".encode())
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGKILL)).start()
        worker.document(folder / "endless.mp3")
        os._exit(3)
    child = int(os.read(reads, 20))
    assert os.waitstatus_to_exitcode(os.waitpid(parent, 0)[1]) == -signal.SIGKILL
    end = time.monotonic() + 10
    while time.monotonic() < end and Path(f"/proc/{child}").exists():
        time.sleep(0.1)
    assert not Path(f"/proc/{child}").exists()


def test_a_call_that_is_interrupted_leaves_no_answer_to_the_next(demo: Path) -> None:
    class Interrupted(Exception):
        pass

    def interrupt(*_: object) -> None:
        raise Interrupted

    with Worker() as worker:
        worker.start()
        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(Interrupted):
                for _ in range(100):
                    worker.document(demo)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert kind(worker.document("none.mp3")) == "not_found"


def test_models_may_be_paths_and_names_need_not_be_text(folder: Path) -> None:
    models = Path(__file__).parents[2] / "models"
    with Worker({"models": [models / "tcn.json"]}) as worker:
        assert kind(worker.document(os.fsdecode(b"/tmp/\xff.mp3"))) == "not_found"
