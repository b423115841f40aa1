"""Words and evidence inside archives: captions, tables and licence files that are members beside what they are about."""

import dataclasses
import gzip

from pipelines.capture.layout import Layout
from tests.capture.uploads import BOTH, MEDIA, PNG, TEXTS, captured, tar, zipped

WEIRD = bytes(range(100, 140))


def test_words_of_the_same_name_describe_a_picture_wherever_they_lie_in_the_archive(tmp_path):
    files = {
        "t/b.txt": b" A bird.\n",
        "t/a.png": PNG,
        "t/b.png": PNG[:30],
        "t/readme.txt": b"about",
        "b.txt": b"elsewhere",
    }
    for name, data in {"a.tar": tar(files), "a.tar.gz": gzip.compress(tar(files)), "a.zip": zipped(files)}.items():
        found = captured(tmp_path / name, {name: data}, MEDIA)
        assert found.said == {(f"{name}!/t/b.*", "A bird.", None)}
        assert found.outcomes == {
            f"{name}!/t/b.txt": "evidence", f"{name}!/t/a.png": "fetched", f"{name}!/t/b.png": "fetched",
            f"{name}!/t/readme.txt": "fetched", f"{name}!/b.txt": "fetched",
        }  # fmt: skip
        assert [(row["location"], row["locator"], row["role"]) for row in found.annotations] == [
            ("member", "t/b.txt", "caption")
        ]


def test_webdataset_samples_say_their_words_in_json(tmp_path):
    files = {
        "000.jpg": b"\xff\xd8\xff" + PNG, "000.json": b'{"caption": "A tree.", "language": "en", "licence": "CC BY 4.0", "w": 3}',
        "001.jpg": b"\xff\xd8\xff" + WEIRD, "001.txt": b"Two trees.", "001.json": b'{"text": ["Two trees.", "Trees"]}',
        "002.jpg": b"\xff\xd8\xff2" + PNG, "002.json": b"{broken",
        "003.json": b'{"caption": "of nothing"}',
    }  # fmt: skip
    found = captured(tmp_path, {"00.tar": tar(files)}, MEDIA)
    assert found.said == {
        ("00.tar!/000.*", "A tree.", "en"), ("00.tar!/001.*", "Two trees.", None), ("00.tar!/001.*", "Trees", None),
    }  # fmt: skip
    assert [(row["subject"], row["expression"], row["raw"]) for row in found.licences] == [
        ("upload://s/00.tar!/000.*", "CC-BY-4.0", "CC BY 4.0")
    ]
    assert found.outcomes["00.tar!/002.json"] == "damaged"
    assert found.outcomes["00.tar!/003.json"] == "fetched"


def test_a_table_in_an_archive_describes_its_members(tmp_path):
    files = {"set/metadata.csv": b"file_name,text\nx/a.png,A\nb.png,B\n", "set/x/a.png": PNG, "set/b.png": PNG[:40]}
    found = captured(tmp_path, {"a.zip": zipped(files)}, MEDIA)
    assert found.said == {("a.zip!/set/x/a.png", "A", None), ("a.zip!/set/b.png", "B", None)}
    assert found.outcomes["a.zip!/set/metadata.csv"] == "evidence"
    by_id = {"labels.jsonl": b'{"id": "LJ-1", "words": "hello"}\n', "LJ-1.wav": b"RIFF0000WAVEfmt "}
    layout = Layout(captions="labels.jsonl", file_column="id", text_column="words")
    assert captured(tmp_path / "2", {"a.tar": tar(by_id)}, MEDIA, layout).said == {("a.tar!/LJ-1.*", "hello", None)}


def test_words_are_files_like_others_where_no_lane_asks_for_them(tmp_path):
    files = {"a.png": PNG, "a.txt": b"A.", "metadata.csv": b"file_name,text\na.png,A\n"}
    found = captured(tmp_path, {"a.tar": tar(files)}, TEXTS)
    assert (found.counts, found.annotations) == ({"fetched": 3}, [])


def test_evidence_of_a_lane_is_asked_of_every_member_and_a_licence_file_is_no_item(tmp_path):
    def find(uri, capture_id, data, digest):
        if not data.startswith(b"MIT"):
            return []
        location = "licence_file" if uri.endswith("LICENSE") else "spdx_header"
        subject = uri.removesuffix("LICENSE") if location == "licence_file" else None
        return [
            {"capture_id": capture_id, "subject": subject, "location": location, "locator": "byte 0", "expression": "MIT",
             "raw": "MIT", "evidence_sha256": digest}
        ]  # fmt: skip

    wanted = dataclasses.replace(BOTH, evidence={"code": find})
    files = {"t/LICENSE": b"MIT license", "t/a.c": b"MIT int x;", "t/b.c": b"int y;"}
    found = captured(tmp_path, {"a.tar.gz": gzip.compress(tar(files)), "LICENSE": b"MIT too"}, wanted)
    assert found.outcomes == {
        "LICENSE": "evidence", "a.tar.gz!/t/LICENSE": "evidence", "a.tar.gz!/t/a.c": "fetched", "a.tar.gz!/t/b.c": "fetched",
    }  # fmt: skip
    assert {row["subject"] for row in found.licences} == {"upload://s/", "upload://s/a.tar.gz!/t/", None}
