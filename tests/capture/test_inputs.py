"""What `from` names: files of a folder, file or glob, how each is read, and what is passed over with a word."""

import dataclasses
import gzip
import os

import pytest

from pipelines.capture.inputs import adopt, named
from pipelines.capture.layout import Form, Layout, Wanted
from pipelines.capture.subject import beside, names, upload_uri
from pipelines.capture.upload import capture_upload
from pipelines.payload import payload_bytes
from pipelines.store import Store
from schemas.errors import SourceError
from tests.capture.uploads import BOTH, MEDIA, TEXTS, captured, parquet, tar, write, zipped
from tests.conftest import site_at

WEB = Wanted(files=False, words=False, texts=True, evidence={})
FILES = {
    "a.png": b"1", "a.txt": b"1", "b.txt": b"1", "sub/c.tar.gz": b"1", "metadata.csv": b"1", "t.jsonl": b"1", "p.parquet": b"1",
    "w.warc.gz": b"1", "sub/d.PNG": b"1", "sub/d.json": b"1",
}  # fmt: skip


def test_how_a_file_is_read_follows_from_its_name_its_neighbours_and_the_lanes(tmp_path):
    write(tmp_path / "in", FILES)
    common = {
        "a.png": Form.FILE, "b.txt": Form.FILE, "sub/c.tar.gz": Form.MEMBERS, "p.parquet": Form.ROWS, "w.warc.gz": Form.RECORDS,
        "sub/d.PNG": Form.FILE,
    }  # fmt: skip
    sidecars = {"a.txt": Form.SIDECAR, "sub/d.json": Form.SIDECAR, "metadata.csv": Form.TABLE}
    plain = {"a.txt": Form.FILE, "sub/d.json": Form.FILE, "metadata.csv": Form.ROWS, "t.jsonl": Form.ROWS}
    assert named(["in"], tmp_path, Layout(), MEDIA).forms == common | sidecars | {"t.jsonl": Form.FILE}
    assert named(["in"], tmp_path, Layout(), TEXTS).forms == common | plain
    assert named(["in"], tmp_path, Layout(), BOTH).forms == common | sidecars | {"t.jsonl": Form.ROWS}


def test_lanes_that_read_no_files_get_archives_and_the_rest_is_named(tmp_path):
    write(tmp_path / "in", {"w.warc.gz": b"1", "t.jsonl": b"1"})
    found = named(["in"], tmp_path, Layout(), WEB)
    assert list(found.files) == ["w.warc.gz"]
    assert found.ignored == (f"{tmp_path}/in/t.jsonl (no archive of web records)",)
    assert list(named(["in/*.jsonl"], tmp_path, Layout(), WEB).files) == ["t.jsonl"]
    with pytest.raises(SourceError, match=r"holds nothing to read; its lanes read .warc"):
        named(["in/sub"], write(tmp_path / "in/sub", {"x.txt": b"1"}) or tmp_path, Layout(), WEB)


def test_hidden_files_and_links_out_of_the_folder_are_passed_over_with_a_word(tmp_path):
    write(tmp_path, {"in/a.txt": b"1", "in/.DS_Store": b"1", "in/.git/config": b"1", "out/secret.txt": b"1"})
    (tmp_path / "in/out.txt").symlink_to(tmp_path / "out/secret.txt")
    (tmp_path / "in/inside.txt").symlink_to("a.txt")
    (tmp_path / "in/gone.txt").symlink_to("nowhere")
    (tmp_path / "in/folder").symlink_to(tmp_path / "out")
    os.mkfifo(tmp_path / "in/pipe")
    found = named(["in"], tmp_path, Layout(), BOTH)
    assert list(found.files) == ["a.txt", "inside.txt"]
    assert [line.removeprefix(f"{tmp_path}/") for line in found.ignored] == [
        "in/folder (a link out of the folder)", "in/gone.txt (no plain file)", "in/out.txt (a link out of the folder)",
        "in/pipe (no plain file)", f"2 hidden files or folders in {tmp_path}/in",
    ]  # fmt: skip


def test_two_files_of_one_name_in_a_source_are_refused(tmp_path):
    write(tmp_path, {"a/x.txt": b"1", "b/x.txt": b"2"})
    with pytest.raises(SourceError, match=r"are both called x.txt in one source; give each a source"):
        named(["a", "b"], tmp_path, Layout(), BOTH)
    assert list(named(["a", "a/x.txt"], tmp_path, Layout(), BOTH).files) == ["x.txt"]
    write(tmp_path, {"c/x.txt": b"1"})
    assert named(["a", "c"], tmp_path, Layout(), BOTH).files == {"x.txt": tmp_path / "a/x.txt"}


def test_a_missing_input_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"source input .*/gone does not exist; its lanes read files"):
        named(["gone"], tmp_path, Layout(), BOTH)


def test_a_file_whose_name_is_no_utf_8_is_captured_under_its_bytes(tmp_path):
    write(tmp_path / "in", {"caf\udce9.txt": b"good", "b\udcff.bin": b""})
    (tmp_path / "in" / "\udce9.lnk").symlink_to("/nowhere")
    found = captured(tmp_path, {})
    assert found.outcomes == {"caf%E9.txt": "fetched", "b%FF.bin": "empty"}
    assert found.ignored == ["in/\\udce9.lnk (a link out of the folder)"]


def test_a_path_of_a_table_is_relative_to_its_folder():
    table = upload_uri("s", "set one/m.csv")
    assert beside(table, "a b.jpg") == "upload://s/set%20one/a%20b.jpg"
    assert beside(table, "./x/../a.jpg") == "upload://s/set%20one/a.jpg"
    assert beside(table, "../a.jpg") == "upload://s/a.jpg"
    assert beside(table, "x\\a.jpg") == "upload://s/set%20one/x/a.jpg"
    assert beside(table, "LJ001") == "upload://s/set%20one/LJ001.*"
    assert beside(table, "http://e.example/a b.jpg") == "http://e.example/a%20b.jpg"
    assert [beside(table, path) for path in ("../../a", "/a.jpg", ".", "")] == [None] * 4
    inside = upload_uri("s", "z.zip", "t/m.csv")
    assert beside(inside, "../a.jpg") == "upload://s/z.zip!/a.jpg"
    assert beside(inside, "../../a.jpg") is None
    assert beside(table, "b") in names(upload_uri("s", "set one/b.tar.gz".replace(".tar.gz", ".wav")))


def test_a_remote_store_gives_the_same_captures(tmp_path):
    write(tmp_path / "in", {
        "a.tar": tar({"t/x.txt": b"1" * 600}), "b.tar.gz": gzip.compress(tar({"y": b"2"})), "c.zip": zipped({"z": b"3"}),
        "d.txt": b"4", "e.jsonl": b'{"text": "5"}\n', "f.parquet": parquet({"text": ["6", "7"]}),
    })  # fmt: skip
    local = captured(tmp_path, {}, TEXTS)
    site = dataclasses.replace(site_at(tmp_path / "remote"), store=Store(root="memory:///"))
    found = named(["in"], tmp_path, Layout(), TEXTS)
    files = [adopt(site, name, path, found.forms[name]) for name, path in found.files.items()]
    (batch,) = capture_upload(site.store, files, "s", Layout(), TEXTS, 100)
    assert batch.captures.to_pylist() == local.captures
    places = [row["payload"] for row in local.captures]
    assert [payload_bytes(site.store, place) for place in places] == list(local.payloads.values())
