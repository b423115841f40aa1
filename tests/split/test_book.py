"""Books: the whole text without notices, in one item with its chapters; real editions of one book come out alike."""

import itertools
import json
import unicodedata
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.child import Limits, RowFailed
from pipelines.kernels.minhash import jaccard, normalise, shingles
from pipelines.split.book import BOOK_FACTS, BOOK_SPLIT, book_reader, split_book
from pipelines.split.book_child import BOOK_TYPES, read_book
from pipelines.split.html_child import tidy
from schemas.digest import digest, sha256
from schemas.item import child_id, item_schema, text_sha256

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data is not beside this checkout")

HEADER = (
    "Title: Night\n\nAuthor: Ann Author\n\n*** START OF THE PROJECT GUTENBERG EBOOK NIGHT ***\n\nProduced by Bob\n\n"
)
FOOTER = "\n\n*** END OF THE PROJECT GUTENBERG EBOOK NIGHT ***\n\nlicence\n"
BODY = "NIGHT\n\nCHAPTER I\n\nIt rained.\n\nCHAPTER II\n\nIt stopped."


def read(data: str | bytes, media_type: str = "text/plain") -> dict[str, object]:
    raw = data.encode() if isinstance(data, str) else data
    return dict(
        read_book({"data": raw, "charset": None, "media_type": media_type, "skip": list(BOOK_SPLIT.settings["skip"])})
    )


def batch(files: list[tuple[bytes | None, str]]) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Root items of these files and their payloads."""
    rows = [
        {
            "item_id": digest("root", n), "capture_id": digest("capture", n), "source": "tests", "modality": "text",
            "media_type": kind, "content_sha256": sha256(data or b""), "licence": "CC0-1.0",
        }
        for n, (data, kind) in enumerate(files)
    ]  # fmt: skip
    columns = {
        "data": pa.array([data for data, _ in files], pa.large_binary()),
        "charset": pa.nulls(len(files), pa.string()),
        "media_type": pa.array([kind for _, kind in files], pa.string()),
    }
    return pa.RecordBatch.from_pylist(rows, schema=item_schema(BOOK_FACTS)), pa.RecordBatch.from_pydict(columns)


@pytest.fixture(scope="module")
def child():
    with book_reader() as child:
        yield child


def test_a_book_is_one_child_with_its_facts(child):
    items, payloads = batch([((HEADER + BODY + FOOTER).encode(), "text/plain")])
    children, found = split_book(BOOK_SPLIT, items, payloads, child)
    children.validate(full=True)
    parent = items.to_pylist()[0]
    assert children.to_pylist() == [
        {
            "item_id": child_id(parent["item_id"], BOOK_SPLIT.op_id, 0, text_sha256(BODY)),
            "parent_id": parent["item_id"],
            "capture_id": parent["capture_id"],
            "text_capture_id": None,
            "source": "tests",
            "modality": "text",
            "media_type": "text/plain",
            "language": None,
            "text": BODY,
            "payload": None,
            "content_sha256": text_sha256(BODY),
            "licence": "CC0-1.0",
            "facts": {
                "title": "Night",
                "author": "Ann Author",
                "chapters": [
                    {"title": "CHAPTER I", "start": 7, "end": 30},
                    {"title": "CHAPTER II", "start": 30, "end": 53},
                ],
                "charset": "utf-8",
                "gutenberg": True,
                "notice": "Title: Night Author: Ann Author *** START OF THE PROJECT GUTENBERG EBOOK NIGHT *** Produced by Bob",
            },
        }
    ]
    assert found.to_pylist()[0]["verdict"] == "split"


def test_every_parent_has_its_decision_in_order(child):
    files = [
        (BODY.encode(), "text/plain"), (None, "text/plain"), ((HEADER + FOOTER).encode(), "text/plain"), (b"%PDF-1.4", "text/plain"),
        (b"x", "application/pdf"), (b"\x93", "text/plain"), (b"<p>a page", "text/html"), (b"", "text/html"),
    ]  # fmt: skip
    items, _ = batch(files)
    small = BOOK_SPLIT.override({"max_bytes": 300}, where="a test")
    big = (b"x" * 301, "text/plain")
    children, found = split_book(small, *batch([*files, big]), child)
    assert [(row["verdict"], row["reason"], row["detail"]) for row in found.to_pylist()] == [
        ("split", None, None),
        ("quarantine", "not_decodable", "no bytes are stored for this page"),
        ("drop", "no_text", None),
        ("quarantine", "not_decodable", "the bytes look like application/pdf"),
        ("quarantine", "not_decodable", "of no media type that holds a book"),
        ("split", None, None),
        ("split", None, None),
        ("drop", "no_text", None),
        ("quarantine", "too_large", None),
    ]
    assert children.column("parent_id").to_pylist() == [items["item_id"][n].as_py() for n in (0, 5, 6)]


def test_a_page_keeps_its_body_and_its_headings():
    page = (
        "<html><head><title>Night</title><meta name=author content='Ann Author'></head><body><nav>Contents: one</nav>"
        "<h1>NIGHT</h1><p>by Ann</p><h2>Chapter 1<br>Rain</h2><p>It <b>ra</b>ined.<span class=pagenum>[12]</span></p>"
        "<aside>A note</aside><h2></h2><h2><a id=x></a> Chapter 2 </h2><p>It stopped.</p><footer>THE END</footer>"
        "<script>var x</script>"
    )
    found = read(page, "text/html")
    text = "Contents: one\n\nNIGHT\n\nby Ann\n\nChapter 1\nRain\n\nIt rained.\n\nA note\n\nChapter 2\n\nIt stopped.\n\nTHE END"
    assert found["text"] == text
    assert (found["title"], found["author"], found["gutenberg"]) == ("Night", "Ann Author", False)
    assert [text[part["start"] :][:9] for part in found["chapters"]] == ["Chapter 1", "Chapter 2"]
    assert [part["title"] for part in found["chapters"]] == ["Chapter 1 Rain", "Chapter 2"]
    assert found["media_type"] == "text/plain"


def test_a_page_whose_headings_call_themselves_nothing_has_them_all():
    found = read("<h1>Night</h1><p>a</p><h3>Rain</h3><p>b</p><h4>deep</h4>", "text/html")
    assert [part["title"] for part in found["chapters"]] == ["Night", "Rain"]


def test_markup_stays_markup_and_names_the_book():
    plain = ("= Night\nAnn Author <ann@mail.example>\n\n== One\n\nIt rained.", "---\ntitle: \"Night\"\nauthor: Ann Author\n---\n\n# One\n\nIt rained.")  # fmt: skip
    for text, kind in zip(plain, ("text/asciidoc", "text/markdown"), strict=True):
        found = read(text, kind)
        assert (found["text"], found["media_type"]) == (text, kind)
        assert (found["title"], found["author"]) == ("Night", "Ann Author")
        assert [part["title"] for part in found["chapters"]] == ["One"]
    assert read("# Night\n\nIt rained.", "text/markdown")["title"] == "Night"
    assert read("It rained.", "text/asciidoc")["title"] is None


def test_a_heading_that_a_notice_cuts_in_two_is_none():
    found = read("<h1>*** START OF THE PROJECT GUTENBERG EBOOK NIGHT ***<br>Night</h1><p>It rained.</p>", "text/html")
    assert (found["text"], found["chapters"]) == ("Night\n\nIt rained.", [])


def test_a_heading_full_of_blank_lines_leaves_a_tidy_text():
    assert read("<p>a</p><pre><h1>\n\n\n\nb\n</h1></pre>", "text/html")["text"] == "a\n\n\nb"


def test_characters_that_we_use_ourselves_are_harmless_in_a_page():
    found = read("<h1>Ni\ue000ght</h1><p>\ue001\ue000a</p><h1>\u0301x</h1>", "text/html")
    assert "\ue000" not in found["text"]
    assert unicodedata.is_normalized("NFC", found["text"])


PIECES = [
    HEADER,
    FOOTER,
    BODY,
    "<h1>",
    "</h1>",
    "<p>",
    "<h2>a</h2>",
    "\ue000",
    "\ue001",
    "\u0301",
    "# b\n",
    "&amp;",
    "<title>",
    "<!--",
]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=8).map("".join), st.sampled_from(BOOK_TYPES))
def test_chapters_lie_in_a_tidy_text_one_after_the_other(text, kind):
    try:
        found = read(text.encode("utf-8", "replace"), kind)
    except RowFailed:
        return
    assert tidy(found["text"]) == found["text"]
    assert unicodedata.is_normalized("NFC", found["text"])
    at = 0
    for part in found["chapters"]:
        assert at <= part["start"] < part["end"] <= len(found["text"])
        at = part["end"]
    assert at in (0, len(found["text"]))


def test_a_file_made_to_hang_a_parser_hurts_itself_alone():
    files = [(b"before", "text/plain"), (b"<div>" * 1_000_000 + b"x", "text/html"), (b"after", "text/plain")]
    with book_reader(Limits(row_seconds=60, cpu_seconds=1)) as child:
        children, found = split_book(BOOK_SPLIT, *batch(files), child)
    assert found["reason"].to_pylist() == [None, "time_limit", None]
    assert children["text"].to_pylist() == ["before", "after"]


EDITIONS = {
    "11-0.txt": "text/plain", "11.txt": "text/plain", "old/alice30.txt": "text/plain", "book.asciidoc": "text/asciidoc",
    "11-h/11-h.htm": "text/html",
}  # fmt: skip


@needs_shared
def test_real_editions_of_one_book_come_out_alike():
    books = {name: read((SHARED / "books/gutenberg_11" / name).read_bytes(), kind) for name, kind in EDITIONS.items()}
    for name, found in books.items():
        assert found["text"].endswith("THE END")
        assert "Gutenberg" not in found["text"]
        assert found["title"].replace("’", "'") in ("Alice's Adventures in Wonderland", "Alice in Wonderland")
        assert found["author"] == (None if name == "old/alice30.txt" else "Lewis Carroll")
        titles = [part["title"].replace("I.", "I").replace("X.", "X").replace("V.", "V") for part in found["chapters"]]
        assert (titles[0], titles[-1].replace("’", "'"), len(titles)) == (
            "CHAPTER I Down the Rabbit-Hole", "CHAPTER XII Alice's Evidence", 12,
        )  # fmt: skip
    names = list(books)
    hashes = shingles(normalise(pa.array([books[name]["text"] for name in names])), 5)
    gold = [json.loads(line) for line in (SHARED / "neardup/books_pairs.jsonl").read_text("utf-8").splitlines()]
    left, right = (np.array([names.index(pair[side]) for pair in gold]) for side in "ab")
    found = jaccard(hashes, left, right)
    assert (
        found >= np.array([pair["jaccard_word5"] for pair in gold]) - 0.001
    ).all()  # the gold's words hold the notices
    assert found.min() > 0.99


@needs_shared
def test_real_plays_have_their_scenes_as_chapters():
    import html
    import re

    with zipfile.ZipFile(SHARED / "books/shakespeare.zip") as archive:
        play = archive.read("shakespeare/macbeth.xml").decode()
    found = read(html.unescape(re.sub(r"<[^>]*>", "", play)))
    acts = [part["title"] for part in found["chapters"] if part["title"].startswith("ACT")]
    assert acts == ["ACT I", "ACT II", "ACT III", "ACT IV", "ACT V"]
    assert len(found["chapters"]) == 30


@needs_shared
def test_real_speeches_are_far_from_each_other():
    with zipfile.ZipFile(SHARED / "books/inaugural.zip") as archive:
        texts = [read(archive.read(name))["text"] for name in archive.namelist() if name.endswith(".txt")]
    hashes = shingles(normalise(pa.array(texts)), 5)
    left, right = (np.array(side) for side in zip(*itertools.combinations(range(len(texts)), 2), strict=True))
    assert len(left) == 1711
    assert jaccard(hashes, left, right).max() < 0.01
