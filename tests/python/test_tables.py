"""What a run on a cluster is made of, without Ray: manifests, storage, the rows of an actor, the folder of a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import attune
from attune.cluster import Options, listen, read, run, storage
from attune.cluster.listen import Listen
from attune.cluster.manifest import read_manifest
from attune.cluster.output import Output
from attune.cluster.storage import local_copy
from attune.table import SCHEMA, table
from conftest import DEMO


def test_a_row_holds_the_document_and_its_main_fields(
    analyzer: attune.Analyzer, program: Callable[..., list[str]], demo: Path
) -> None:
    (document,) = program("analyze", "--json", demo)
    (failure,) = program("analyze", "--json", "/none.mp3")
    rows = table([("a", document), ("b", failure)]).to_pylist()
    report = analyzer.file(demo)
    assert rows[0]["document"] == report.document() and rows[1]["document"] == failure
    assert (rows[0]["state"], rows[0]["genre"]) == (report.answer.state, report.answer.genre)
    assert (rows[0]["duration_s"], rows[0]["error_kind"]) == (report.source.duration_s, None)
    assert (rows[1]["error_kind"], rows[1]["uri"], rows[1]["state"]) == ("not_found", "/none.mp3", None)
    assert rows[1]["error_remedy"] == json.loads(failure)["error"]["remedy"]


def test_manifests_of_every_form_are_one_table(folder: Path) -> None:
    rows = pa.table({"track_id": ["01", "2"], "uri": [str(Path("a b.mp3").absolute()), "s3://x/c.mp3"]})
    (folder / "m.csv").write_text("track_id,uri,more\n01,a b.mp3,1\n2,s3://x/c.mp3,2\n")
    (folder / "m.ndjson").write_text('{"track_id": "01", "uri": "a b.mp3"}\n{"track_id": "2", "uri": "s3://x/c.mp3"}\n')
    (folder / "many").mkdir()
    pq.write_table(rows, folder / "m.parquet")
    pq.write_table(rows, folder / "many/part.parquet")
    for name in ("m.csv", "m.ndjson", "m.parquet", "many"):
        assert read_manifest(str(folder / name)) == rows, name
    (folder / "bare.csv").write_text("uri\na.mp3\n")
    bare = read_manifest(str(folder / "bare.csv")).to_pylist()
    assert bare == [{"track_id": "a.mp3", "uri": str(Path("a.mp3").absolute())}]


def test_manifests_that_cannot_be_are_refused(folder: Path) -> None:
    (folder / "none.csv").write_text("path\na.mp3\n")
    (folder / "twice.csv").write_text("track_id,uri\n1,a.mp3\n1,b.mp3\n")
    (folder / "no.parquet").write_text("no parquet")
    pq.write_table(pa.table({"track_id": ["1", None], "uri": ["a", "b"]}), folder / "null.parquet")
    for name, message in (
        ("none.csv", "no column uri"),
        ("twice.csv", "more than once: 1"),
        ("no.parquet", "cannot be read"),
        ("null.parquet", "without a track_id"),
        ("absent.csv", "does not exist"),
    ):
        with pytest.raises(attune.AttuneError, match=message):
            read_manifest(str(folder / name))


def test_an_actor_answers_row_by_row(analyzer: attune.Analyzer, demo: Path, folder: Path) -> None:
    (folder / "empty.mp3").touch()
    uris = [str(demo), demo.as_uri(), str(folder / "empty.mp3"), (folder / "none.mp3").as_uri(), str(DEMO / "demo.ogg")]
    actor = Listen({"options": {}, "length_limit_s": None}, time_limit_s=None)
    batch = pa.table({"track_id": [str(i) for i in range(len(uris))], "uri": uris})
    rows = actor(batch)
    assert rows.schema == SCHEMA and actor(batch.slice(0, 0)).num_rows == 0
    found = rows.to_pylist()
    assert [row["track_id"] for row in found] == ["0", "1", "2", "3", "4"]
    assert [row["uri"] for row in found] == uris
    assert [row["error_kind"] for row in found] == [None, None, "empty", "not_found", None]
    assert found[1]["document"] == analyzer.file(demo, name=uris[1]).document()


def test_xargs_one_process_and_an_actor_give_the_same_table(
    program: Callable[..., list[str]], demo: Path, folder: Path
) -> None:
    (folder / "empty.mp3").touch()
    paths = [str(demo), str(DEMO / "demo.ogg"), str(folder / "empty.mp3"), str(folder / "none.mp3")]
    (folder / "list").write_text("".join(f"{path}\n" for path in paths))
    # As `xargs -n 1` does: a process for each file.
    each = [line for path in paths for line in program("analyze", "--json", path)]
    one = program("analyze", "--json", "--files-from", folder / "list")
    tables = [table(list(zip("0123", lines, strict=True))) for lines in (each, one)]
    actor = Listen({"options": {}, "length_limit_s": None}, time_limit_s=None)
    tables.append(actor(pa.table({"track_id": list("0123"), "uri": paths})))
    assert tables[0].num_rows == len(paths)
    for other in tables[1:]:
        assert other.to_pylist() == tables[0].to_pylist()


def test_a_copy_is_read_whole_and_removed(demo: Path) -> None:
    with local_copy(demo.as_uri(), None) as path:
        assert path != str(demo) and Path(path).name == demo.name and Path(path).read_bytes() == demo.read_bytes()
    assert not Path(path).exists() and not Path(path).parent.exists()
    with pytest.raises(attune.AttuneError, match="in time"), local_copy(demo.as_uri(), 0.0):
        pass


def test_rows_that_were_written_twice_are_one(folder: Path) -> None:
    output = Output(str(folder / "out"))
    manifest = pa.table({"track_id": ["a", "b", "c", "d"], "uri": ["1", "2", "3", "4"]})
    output.prepare(manifest, {"attune": "1"})
    good = '{"source": {"path": "x", "duration_s": 2.5}, "answer": {"state": "silence"}}'
    failed = '{"source": {"path": "x"}, "error": {"kind": "empty", "message": "m", "remedy": "r"}}'
    pq.write_table(table([("a", good), ("b", failed)]), f"{output.table}/1.parquet")
    pq.write_table(table([("b", failed), ("c", good)]), f"{output.table}/2.parquet")
    pq.write_table(table([("a", good)]), f"{output.table}/3.parquet")
    assert read(str(folder / "out"))["track_id"].to_pylist() == ["a", "b", "c"]
    assert output.remove_duplicates() == 2 and output.remove_duplicates() == 0
    summary = output.summary(manifest, before=1, duplicates=2, wall_s=1.0, actors=2)
    assert (summary.rows, summary.missing, summary.analyzed, summary.audio_s) == (3, 1, 2, 5.0)
    assert summary.errors == {"empty": 1} and json.loads(summary.document())["tracks"] == 4
    with pytest.raises(attune.AttuneError, match="other settings"):
        output.prepare(manifest, {"attune": "2"})


def test_what_is_wrong_is_said_before_a_cluster_starts(folder: Path) -> None:
    for manifest, kind in ((folder / "none.csv", "not_found"), ("ftp://x/y.csv", "unsupported")):
        with pytest.raises(attune.AttuneError) as raised:
            run(Options(manifest=str(manifest), out=str(folder / "out")))
        assert raised.value.kind == kind


def test_keys_are_read_as_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(storage, "_store", lambda base, query: asked.append((base, query)) or "store")
    assert storage.resolve("s3://bucket/a/Track #3 50%.mp3") == ("store", "bucket/a/Track #3 50%.mp3")
    assert storage.resolve("s3://bucket/k?endpoint_override=x") == ("store", "bucket/k")
    assert asked == [("s3://bucket", ""), ("s3://bucket", "endpoint_override=x")]


class Busy:
    """A store whose first reads fail, one of them in the middle."""

    def __init__(self, content: bytes) -> None:
        self.content, self.at, self.reads = content, 0, 0

    def open_input_file(self, _: str) -> "Busy":
        return self

    def __enter__(self) -> "Busy":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def seek(self, at: int) -> None:
        self.at = at

    def read(self, _: int) -> bytes:
        self.reads += 1
        if self.reads in (1, 3):
            raise OSError("busy")
        part = self.content[self.at : self.at + 3]
        self.at += len(part)
        return part


def test_a_store_that_is_busy_is_asked_again_and_a_full_disk_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Busy(b"0123456789")
    monkeypatch.setattr(storage, "resolve", lambda _: (store, "key"))
    monkeypatch.setattr(storage, "_PAUSES_S", (0.0, 0.0))
    with storage.local_copy("s3://bucket/key", None) as path:
        assert Path(path).read_bytes() == store.content

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(listen, "local_copy", full)
    actor = Listen({}, None)
    rows = actor(pa.table({"track_id": ["1"], "uri": ["s3://bucket/key"]})).to_pylist()
    assert rows[0]["error_kind"] == "unreadable" and "No space left" in rows[0]["error_message"]
