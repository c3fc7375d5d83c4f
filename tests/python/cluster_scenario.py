"""What happens to a cluster, played in this network namespace: `cluster_scenario.py kills TRACKS FOLDER`.

Two nodes of Ray, an object store, and `python -m attune.cluster` as driver. An analyzing process, its actor, a node and
the driver are killed in turn; then the same command runs again. Prints what the folder holds, as JSON.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.request import urlopen

PORT = 5555
STORE = f"http://127.0.0.1:{PORT}"
WORKER = f"{sys.executable} {Path(__file__).with_name('faulty_worker.py')}"

os.environ.update(
    AWS_ACCESS_KEY_ID="test",
    AWS_SECRET_ACCESS_KEY="test",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_ENDPOINT_URL=STORE,
    # Ray gives its workers a niceness of 15: on a busy machine they hardly run.
    RAY_worker_niceness="0",
    # Each file takes this much longer, so that a kill finds work under way.
    FAULTY_PAUSE_S="0.6",
)

T = TypeVar("T")


def until(what: Callable[[], T], limit_s: float = 200.0) -> T:
    """The first value of `what` that is true."""
    end = time.monotonic() + limit_s
    while not (value := what()):
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.5)
    return value


def say(text: str) -> None:
    print(f"{time.monotonic() - BEGAN:6.1f} s  {text}", file=sys.stderr, flush=True)


BEGAN = time.monotonic()


def workers() -> list[int]:
    """The processes that analyse, below this one, oldest first."""
    parents, lines = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                lines[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except (OSError, IndexError):
                continue

    def is_below(pid: int) -> bool:
        while pid in parents and pid != os.getpid():
            pid = parents[pid]
        return pid == os.getpid()

    # The driver has the name among its arguments.
    return sorted(pid for pid, line in lines.items() if line.strip() == WORKER and is_below(pid))


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def start_store() -> subprocess.Popen[bytes]:
    log = subprocess.DEVNULL
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(PORT)], stdout=log, stderr=log
    )

    def answers() -> bool:
        try:
            return bool(urlopen(STORE).status == 200)
        except OSError:
            return False

    until(answers)
    return server


def upload(tracks: Path) -> list[dict[str, str]]:
    """The manifest: all in the store, but for the one of ten hours."""
    from pyarrow import fs

    store = fs.S3FileSystem(endpoint_override=STORE, allow_bucket_creation=True)
    store.create_dir("music")
    rows = []
    for path in sorted(tracks.iterdir()):
        uri = str(path)
        if path.stat().st_size < 100 << 20:
            with store.open_output_stream(f"music/{path.name}") as file:
                file.write(path.read_bytes())
            uri = f"s3://music/{path.name}"
        rows.append({"track_id": path.name, "uri": uri})
    return rows


def kills(tracks: Path, folder: Path) -> dict[str, Any]:
    from ray.cluster_utils import Cluster

    import attune.cluster
    from attune.cluster.output import Output

    rows = upload(tracks)
    manifest = folder / "tracks.ndjson"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    say(f"{len(rows)} tracks in the store")
    # A lost node is noticed after 3 s; by default it takes 15 or more.
    health = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 1000, "health_check_failure_threshold": 3}
    head = {"num_cpus": 2, "include_dashboard": False, "_system_config": health}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    other = cluster.add_node(num_cpus=2)
    say("two nodes")

    out = "s3://music/out"
    command = [sys.executable, "-m", "attune.cluster", "--manifest", str(manifest), "--out", out]
    command += ["--address", cluster.address, "--actors", "2", "--rows-per-block", "3"]
    command += ["--time-limit", "12", "--worker", WORKER]
    output = Output(out)
    def more(than: int) -> int:
        """How many files the table has, once it has more. Counting rows would load the store as much as the run does."""
        return until(lambda: max(0, len(output.files()) - than)) + than

    driver = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=sys.stderr)
    files = more(0)
    os.kill(until(workers)[0], signal.SIGKILL)
    say(f"worker killed, {files} files")
    files = more(files)
    os.kill(parent_of(until(workers)[-1]), signal.SIGKILL)
    say(f"actor killed, {files} files")
    files = more(files)
    cluster.remove_node(other, allow_graceful=False)
    say(f"node killed, {files} files")
    cluster.add_node(num_cpus=2)
    files = more(files)
    assert driver.poll() is None, "the driver ended before it could be killed"
    driver.kill()
    driver.wait()
    kept = attune.cluster.read(out).num_rows
    say(f"driver killed, {kept} rows")

    again = subprocess.run(command, stdout=subprocess.PIPE, stderr=sys.stderr, timeout=300)
    say(f"second run ended with {again.returncode}")
    assert again.returncode == 1, "error rows are said"
    table = attune.cluster.read(out)
    columns = ["track_id", "uri", "error_kind", "document"]
    result = {
        "kept": kept,
        "summary": json.loads(again.stdout),
        "rows": table.select(columns).to_pylist(),
        "stored_rows": output.count(),
    }
    cluster.shutdown()
    return result


def main() -> None:
    scenario, tracks, folder = sys.argv[1:]
    assert scenario == "kills"
    # Paths of sockets are short.
    sessions = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    os.environ["RAY_TMPDIR"] = sessions
    store = start_store()
    try:
        print(json.dumps(kills(Path(tracks), Path(folder))), flush=True)
    finally:
        store.kill()
        store.wait()
        shutil.rmtree(sessions, ignore_errors=True)


if __name__ == "__main__":
    main()
