"""Tables whose rows are captures: texts with title, language and licence; pictures that lie in a Parquet file."""

import bz2
import gzip
import json

import pyarrow as pa
import pytest

from pipelines.capture.entry import Caps
from pipelines.capture.layout import Layout, Wanted
from tests.capture.uploads import BOTH, MEDIA, PNG, TEXTS, WAV, captured, parquet

ROWS = [
    {"id": "one", "text": "The first text.", "title": "First", "language": "en", "licence": "CC BY 4.0"},
    {"id": 2, "text": "<html>Zweiter", "title": None, "language": None, "licence": None},
    {"id": "one", "text": "Of the same id.", "title": None, "language": None, "licence": None},
    {"id": None, "text": None, "title": None, "language": None, "licence": None},
]


def jsonl(rows):
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def columns(rows):
    return {key: [row[key] for row in rows] for key in rows[0]}


CSV = b"id,text,title,language,licence\none,The first text.,First,en,CC BY 4.0\n2,<html>Zweiter,,,\none,Of the same id.,,,\n,,,,\n"
TABLES = {
    "t.jsonl": jsonl(ROWS),
    "t.jsonl.gz": gzip.compress(jsonl(ROWS)),
    "t.csv": CSV,
    "t.parquet": parquet(columns([{**row, "id": str(row["id"]) if row["id"] else None} for row in ROWS])),
}


@pytest.mark.parametrize("name", TABLES)
def test_every_row_is_a_capture_of_its_text(name, tmp_path):
    found = captured(tmp_path, {name: TABLES[name]}, TEXTS)
    assert found.outcomes == {
        name: "evidence", f"{name}!/one": "fetched", f"{name}!/2": "fetched", f"{name}!/3": "fetched", f"{name}!/4": "empty",
    }  # fmt: skip
    del found.payloads[name]
    assert found.payloads == {
        f"{name}!/one": b"The first text.", f"{name}!/2": b"<html>Zweiter", f"{name}!/3": b"Of the same id.",
    }  # fmt: skip
    assert {row["media_type"] for row in found.captures if row["outcome"] == "fetched"} == {"text/plain"}
    assert [
        (row["subject"], row["role"], row["text"], row["language"], row["locator"]) for row in found.annotations
    ] == [(f"upload://s/{name}!/one", "title", "First", "en", "row 1")]
    assert [(row["subject"], row["expression"]) for row in found.licences] == [(f"upload://s/{name}!/one", "CC-BY-4.0")]
    assert found.row(f"{name}!/one")["headers"] == [("content-language", "en")]
    assert {row["capture_id"] for row in found.annotations} == {found.row(name)["capture_id"]}


def test_a_table_lies_in_every_batch_in_which_it_says_something(tmp_path):
    rows = [{"text": f"text {i}", "title": "T"} for i in range(10)]
    found = captured(tmp_path, {"t.jsonl": jsonl(rows)}, TEXTS, rows=3)
    assert found.batches > 3
    assert found.outcomes["t.jsonl"] == " ".join(["evidence"] * found.batches)


def test_a_path_column_says_what_a_row_is(tmp_path):
    rows = [{"path": "src/a.py", "content": "import os\n"}, {"path": "src/a.py", "content": "import re\n"}]
    layout = Layout(file_column="path", text_column="content")
    found = captured(tmp_path, {"code.jsonl": jsonl(rows)}, TEXTS, layout)
    assert found.row("code.jsonl!/src/a.py")["media_type"] == "text/x-python"
    assert found.outcomes == {"code.jsonl": "evidence", "code.jsonl!/src/a.py": "fetched", "code.jsonl!/2": "fetched"}


def test_a_table_without_the_column_is_one_file_and_says_why(tmp_path):
    found = captured(tmp_path, {"t.jsonl": b'{"words": "x"}\n', "t.csv": b"a,b\n1,2\n"}, TEXTS)
    assert {(row["outcome"], row["detail"]) for row in found.captures} == {
        ("fetched", "no column 'text': taken as one file, not row by row")
    }


def test_rows_that_cannot_be_read_are_damaged_each_with_its_row(tmp_path):
    data = b'{"text": "good"}\n{broken\n{"text": ["no text"]}\n{"text": "\\ud800"}\n{"text": "good too"}\n'
    found = captured(tmp_path, {"t.jsonl": data}, TEXTS)
    assert found.outcomes == {
        "t.jsonl": "evidence", "t.jsonl!/1": "fetched", "t.jsonl!/2": "damaged", "t.jsonl!/3": "damaged",
        "t.jsonl!/4": "damaged", "t.jsonl!/5": "fetched",
    }  # fmt: skip
    assert found.row("t.jsonl!/2")["detail"].startswith("row 2: no JSON: ")


def test_a_cut_table_gives_its_rows_before_the_cut_and_says_so(tmp_path):
    data = gzip.compress(b"".join(b'{"text": "number %d"}\n' % i for i in range(2000)))
    found = captured(tmp_path, {"t.jsonl.gz": data[: len(data) // 2]}, TEXTS)
    taken = [row for row in found.captures if row["outcome"] == "fetched"]
    assert 500 < len(taken) < 1500
    assert all(found.payloads[f"t.jsonl.gz!/{i}"] == b"number %d" % (i - 1) for i in range(1, len(taken) + 1))
    assert [(row["uri"][11:], row["reason"]) for row in found.captures if row["outcome"] == "damaged"] == [
        (f"t.jsonl.gz!/{len(taken) + 1}", "not_decodable"), ("t.jsonl.gz", "record_truncated"),
    ]  # fmt: skip


def test_a_changed_byte_of_a_compressed_table_costs_the_table(tmp_path):
    data = bytearray(gzip.compress(jsonl(ROWS)))
    data[len(data) // 2] ^= 4
    found = captured(tmp_path, {"t.jsonl.gz": bytes(data)}, TEXTS)
    assert found.outcomes == {"t.jsonl.gz": "damaged"}


def test_lines_and_cells_over_the_cap_are_damaged_and_the_next_ones_are_read(tmp_path):
    caps = Caps(member_bytes=100)
    lines = b'{"text": "a"}\n{"text": "%s"}\n{"text": "c"}\n' % (b"b" * 100)
    found = captured(tmp_path, {"t.jsonl": lines}, TEXTS, caps=caps)
    assert found.outcomes["t.jsonl!/2"] == "damaged"
    assert found.payloads["t.jsonl!/3"] == b"c"
    book = b"text\n" + b"x" * 200_000 + b"\n"
    assert len(captured(tmp_path / "2", {"t.csv": book}, TEXTS).payloads["t.csv!/1"]) == 200_000


def test_a_compressed_table_that_is_a_bomb_is_stopped(tmp_path):
    data = bz2.compress(b'{"text": "' + b"a" * (20 << 20) + b'"}\n')
    found = captured(tmp_path, {"t.jsonl.gz": data}, TEXTS, caps=Caps(unpacked_bytes=1 << 20, ratio=1))
    assert [(row["outcome"], row["reason"]) for row in found.captures] == [("damaged", "too_large")]


IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def test_pictures_and_sound_that_lie_in_parquet_are_captures_with_their_words(tmp_path):
    pictures = pa.array([{"bytes": PNG, "path": "x/a.png"}, {"bytes": PNG + b"2", "path": None}, None], IMAGE)
    files = {
        "p.parquet": parquet(
            {"image": pictures, "text": ["A frog.", "", "of nothing"], "licence": ["MIT", None, None]}
        ),
        "s.parquet": parquet({"audio": [WAV], "text": ["hello"]}),
    }
    found = captured(tmp_path, files, MEDIA)
    assert found.outcomes == {
        "p.parquet": "evidence", "p.parquet!/x/a.png": "fetched", "p.parquet!/2": "fetched", "p.parquet!/3": "damaged",
        "s.parquet": "evidence", "s.parquet!/1": "fetched",
    }  # fmt: skip
    assert found.payloads["p.parquet!/2"] == PNG + b"2"
    assert found.row("s.parquet!/1")["media_type"] == "audio/wav"
    assert found.said == {("p.parquet!/x/a.png", "A frog.", None), ("s.parquet!/1", "hello", None)}
    assert [row["subject"] for row in found.licences] == ["upload://s/p.parquet!/x/a.png"]


def test_parquet_is_read_over_row_groups_and_slices(tmp_path):
    texts = [f"text {i} " + "x" * 3000 for i in range(9000)]
    data = parquet({"text": texts}, row_group_size=7000)
    found = captured(tmp_path, {"t.parquet": data}, TEXTS, rows=2500)
    assert [found.payloads[f"t.parquet!/{i}"].decode() for i in range(1, 9001)] == texts
    assert found.batches == 4


@pytest.mark.parametrize("place", [6, 0.5, -6])
def test_damaged_parquet_never_raises(place, tmp_path):
    data = bytearray(parquet({"text": [f"text {i}" for i in range(500)]}))
    at = int(place * len(data)) if isinstance(place, float) else place
    for i in range(4):
        data[at + (i if at >= 0 else -i)] ^= 0xFF
    found = captured(tmp_path, {"t.parquet": bytes(data)}, TEXTS)
    assert set(found.counts) <= {"damaged", "evidence", "fetched"}
    assert found.counts.get("damaged") or found.counts["fetched"] == 500


def test_parquet_is_no_table_of_rows_where_it_has_neither_texts_nor_media(tmp_path):
    found = captured(tmp_path, {"t.parquet": parquet({"n": [1, 2]})}, BOTH)
    assert found.outcomes == {"t.parquet": "fetched"}


def test_lanes_that_read_no_files_get_a_table_that_from_names_itself(tmp_path):
    web = Wanted(files=False, words=False, texts=True, evidence={})
    found = captured(tmp_path, {"t.jsonl": jsonl(ROWS[:1])}, web, entries=["in/t.jsonl"])
    assert found.outcomes == {"t.jsonl": "evidence", "t.jsonl!/one": "fetched"}


def test_parquet_that_grows_is_read_in_slices_that_fit_and_stopped_at_the_cap(tmp_path):
    bomb = pa.array(["x" * (4 << 20)] * 200).dictionary_encode()
    data = parquet({"text": bomb})
    assert len(data) < 1 << 20
    found = captured(tmp_path, {"t.parquet": data}, TEXTS, caps=Caps(unpacked_bytes=30 << 20, ratio=1))
    assert found.counts == {"evidence": 1, "damaged": 1, "fetched": 8}
    assert found.row("t.parquet!/9")["reason"] == "too_large"
