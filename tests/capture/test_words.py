"""Words about files: sidecars of the same name, and tables that name files; what they cannot be read of is named."""

import gzip

import pytest
import zstandard

from pipelines.capture.layout import Layout
from schemas.errors import SourceError
from tests.capture.uploads import MEDIA, PNG, TEXTS, WAV, captured, parquet, tar, write


def test_words_beside_a_picture_or_recording_of_the_same_name_are_evidence(tmp_path):
    files = {
        "a.png": PNG, "a.txt": "  Ein Frosch.\n".encode("utf-16"), "b.wav": WAV, "b.txt": b"hello there",
        "sub/a.png": PNG, "readme.txt": b"about", "c.txt": b"of c", "empty.png": PNG[:20], "empty.txt": b"", "blank.png": PNG,
        "blank.txt": b" \n",
    }  # fmt: skip
    found = captured(tmp_path, files, MEDIA)
    assert found.said == {("a.*", "Ein Frosch.", None), ("b.*", "hello there", None)}
    assert [(row["location"], row["locator"]) for row in found.annotations] == [("file", "a.txt"), ("file", "b.txt")]
    assert {name: outcome for name, outcome in found.outcomes.items() if name.endswith(".txt")} == {
        "a.txt": "evidence", "b.txt": "evidence", "readme.txt": "fetched", "c.txt": "fetched", "empty.txt": "empty",
        "blank.txt": "evidence",
    }  # fmt: skip
    said_by = {row["capture_id"] for row in found.annotations}
    assert said_by == {found.row("a.txt")["capture_id"], found.row("b.txt")["capture_id"]}


def test_words_that_cannot_be_read_are_damaged(tmp_path):
    files = {"a.png": PNG, "a.txt": bytes(range(32)) * 20, "b.png": PNG, "b.json": b'["no object"]'}
    found = captured(tmp_path, files, MEDIA)
    assert {row["uri"][11:]: row["reason"] for row in found.captures if row["outcome"] == "damaged"} == {
        "a.txt": "not_decodable", "b.json": "not_decodable",
    }  # fmt: skip


ROWS = [
    {"file_name": "a.png", "text": "A frog.", "language": "en", "licence": "MIT"},
    {"file_name": "sub/b.png", "text": "Zwei, \"drei\"", "language": "de", "licence": "who knows"},
    {"file_name": "c d.png", "text": "", "language": "", "licence": ""},
]  # fmt: skip
CSV = b'file_name,text,language,licence\na.png,A frog.,en,MIT\nsub/b.png,"Zwei, ""drei""",de,who knows\nc d.png,,,\n'
JSONL = (
    b'{"file_name": "a.png", "text": "A frog.", "language": "en", "licence": "MIT"}\n\n'
    b'{"file_name": "./sub/b.png", "text": "Zwei, \\"drei\\"", "language": "de", "licence": "who knows"}\n'
    b'{"file_name": "c d.png", "text": null}\n'
)
TABLES = {
    "metadata.csv": CSV,
    "metadata.tsv": b"\xef\xbb\xbf" + CSV.replace(b'"Zwei, ""drei"""', b"Zwei; \"drei\"").replace(b",", b"\t").replace(b"Zwei;", b"Zwei,"),
    "metadata.jsonl": JSONL,
    "metadata.jsonl.gz": gzip.compress(JSONL[:40]) + gzip.compress(JSONL[40:]),
    "metadata.csv.zst": zstandard.compress(CSV),
    "metadata.parquet": parquet({key: [row[key] for row in ROWS] for key in ROWS[0]}),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_a_table_describes_the_files_of_its_folder(name, tmp_path):
    files = {f"t/{name}": TABLES[name], "t/a.png": PNG, "t/sub/b.png": PNG, "t/c d.png": PNG}
    found = captured(tmp_path, files, MEDIA)
    assert found.said == {("t/a.png", "A frog.", "en"), ("t/sub/b.png", 'Zwei, "drei"', "de")}
    assert found.outcomes == {
        f"t/{name}": "evidence",
        "t/a.png": "fetched",
        "t/sub/b.png": "fetched",
        "t/c%20d.png": "fetched",
    }
    assert [(row["subject"][11:], row["expression"], row["raw"], row["location"]) for row in found.licences] == [
        ("t/a.png", "MIT", "MIT", "table"), ("t/sub/b.png", None, "who knows", "table"),
    ]  # fmt: skip
    assert {row["capture_id"] for row in [*found.annotations, *found.licences]} == {
        found.row(f"t/{name}")["capture_id"]
    }


def test_rows_are_named_by_their_place(tmp_path):
    found = captured(tmp_path, {"metadata.jsonl": JSONL, "2/metadata.csv": CSV}, MEDIA)
    assert [(row["subject"][11:], row["locator"]) for row in found.annotations] == [
        ("2/a.png", "row 1"), ("2/sub/b.png", "row 2"), ("a.png", "row 1"), ("sub/b.png", "row 3"),
    ]  # fmt: skip


def test_the_recipe_names_table_and_columns_and_one_text_may_be_many(tmp_path):
    rows = b'{"file": "a.png", "said": {"de": "Frosch", "zh_CN": ["\xe9\x9d\x92\xe8\x9b\x99", "x"]}}\n{"file": "https://e.example/b.png#x", "said": "B"}\n'
    layout = Layout(captions="words/all.jsonl", file_column="file", text_column="said")
    found = captured(tmp_path, {"words/all.jsonl": rows, "other/all.jsonl": rows}, MEDIA, layout)
    assert found.said == {
        ("words/a.png", "Frosch", "de"), ("words/a.png", "青蛙", "zh-CN"), ("words/a.png", "x", "zh-CN"),
        ("https://e.example/b.png#x", "B", None),
    }  # fmt: skip
    assert found.outcomes == {"words/all.jsonl": "evidence", "other/all.jsonl": "fetched"}


@pytest.mark.parametrize("place", ["set/labels.csv", "labels.csv"])
def test_a_table_outside_of_from_is_captured_too_and_names_members_of_the_archive_beside_it(place, tmp_path):
    write(tmp_path, {"set/a.tar": tar({"in/x.png": PNG}), place: b"file_name,text\nx.png,An X.\n"})
    layout = Layout(captions="labels.csv")
    found = captured(tmp_path, {}, MEDIA, layout, entries=["set/a.tar"])
    assert found.said == {("x.png", "An X.", None)}
    assert found.outcomes == {"a.tar!/in/x.png": "fetched", "labels.csv": "evidence"}


def test_a_missing_table_and_a_missing_column_are_said_to_the_user(tmp_path):
    with pytest.raises(SourceError, match=r"no table gone.csv in in or beside"):
        captured(tmp_path, {"a.png": PNG}, MEDIA, Layout(captions="gone.csv"))
    with pytest.raises(SourceError, match=r"table c.csv of source s has no column 'file_name', but file, words"):
        captured(tmp_path, {"c.csv": b"file,words\na.png,A\n"}, MEDIA, Layout(captions="c.csv"))
    found = captured(
        tmp_path, {"metadata.csv": b"file,words\na.png,A\n"}, MEDIA, entries=["in/metadata.csv", "in/a.png"]
    )
    assert found.row("metadata.csv")["outcome"] == "fetched"
    assert "no column 'file_name'" in found.row("metadata.csv")["detail"]


def test_rows_that_cannot_be_read_are_one_damaged_capture_that_names_them(tmp_path):
    rows = (
        b'{"file_name": "a.png", "text": "A"}\nnot json\n[1]\n{"text": "of nothing"}\n{"file_name": "../../up.png", "text": "x"}\n'
        b'{"file_name": "/abs.png", "text": "x"}\n{"file_name": "b.png", "text": 7}\n{"file_name": "c.png", "text": "\\ud800"}\n'
        + b"[" * 100_000 + b'\n{"file_name": "d.png", "text": "D"}\n'
    )  # fmt: skip
    found = captured(tmp_path, {"metadata.jsonl": rows, "a.png": PNG}, MEDIA)
    assert found.said == {("a.png", "A", None), ("d.png", "D", None)}
    (bad,) = [row for row in found.captures if row["outcome"] == "damaged"]
    assert (bad["uri"], bad["reason"]) == ("upload://s/metadata.jsonl", "not_decodable")
    assert bad["detail"].startswith(
        "rows: 8 cannot be read: row 2: no JSON: Expecting value; row 3: no JSON object; row 4: "
    )
    assert bad["detail"].endswith("; and 3 more")


def test_odd_rows_of_a_csv_are_named(tmp_path):
    rows = b"file_name,text\na.png,A\nb.png,B,more\nc.png,\xff\nd.png,D\n"
    found = captured(tmp_path, {"metadata.csv": rows, "a.png": PNG}, MEDIA)
    assert found.said == {("a.png", "A", None), ("d.png", "D", None)}
    assert "row 2: 3 cells, and the header has 2; row 3: no UTF-8" in found.captures[-1]["detail"]


@pytest.mark.parametrize("name", ["metadata.parquet", "metadata.jsonl.gz", "metadata.csv"])
def test_a_table_that_is_none_is_damaged(name, tmp_path):
    found = captured(tmp_path, {name: b"\x1f\x8b\x08" + bytes(range(200)), "a.png": PNG}, MEDIA)
    assert found.counts["damaged"] == 1
    assert found.annotations == []


def test_a_large_table_goes_into_several_batches_each_with_its_sayer(tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.capture.words.PART_ROWS", 100)
    rows = b"file_name,text\n" + b"".join(b"%d.png,words %d\n" % (i, i) for i in range(1000))
    found = captured(tmp_path, {"metadata.csv": rows, "1.png": PNG}, MEDIA)
    assert len(found.annotations) == 1000
    assert found.batches > 9


def test_no_words_are_looked_for_where_no_lane_asks(tmp_path):
    found = captured(tmp_path, {"a.png": PNG, "a.txt": b"A", "metadata.csv": CSV}, TEXTS)
    assert found.outcomes["a.txt"] == "fetched"
    assert all(row["location"] == "table" and row["role"] == "title" for row in found.annotations)


def test_captions_that_are_no_table_are_refused(tmp_path):
    with pytest.raises(SourceError, match=r"captions = 'words.txt' is no table that is read: .jsonl, .csv"):
        captured(tmp_path, {"words.txt": b"a|A"}, MEDIA, Layout(captions="words.txt"))
