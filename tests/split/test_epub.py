"""EPUBs: their text in the order of reading, what they say of themselves, and files made to mislead or to weigh."""

import io
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipelines.capture.file_type import media_type
from pipelines.capture.sniff import sniff
from pipelines.kernels.minhash import jaccard, normalise, shingles
from pipelines.rights.book_notices import book_licence_rows
from pipelines.split.book import BOOK_SPLIT, book_reader, split_book
from schemas.digest import sha256
from tests.split.epubs import CONTAINER, epub, package, xhtml, zipped
from tests.split.test_book import batch, read

TYPE = "application/epub+zip"
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
PAGES = {
    "a b.xhtml": xhtml(
        '<h2>Chapter <a id="c1"/>I</h2><p>It <span epub:type="pagebreak" title="7">7</span>rained.<br/>Hard.</p>'
    ),
    "b.xhtml": xhtml("<h2>Chapter II</h2><p>It stopped &amp; dried.</p>"),
    "notes.xhtml": xhtml("<p>1. On Tuesday.</p>"),
}
ABOUT = (
    "<dc:title>Night  &amp; Rain</dc:title><dc:creator>Ann Author</dc:creator><dc:creator>Bo Writer</dc:creator>"
    "<dc:language>en-GB</dc:language><dc:rights>Public domain in the USA.</dc:rights>"
)
HREFS = {"a b.xhtml": "a%20b.xhtml"}


def book(about=ABOUT, **changed):
    """The book, its first page named as a URL names it."""
    listed = package({HREFS.get(name, name): "" for name in PAGES}, about)
    return epub(PAGES, about, more={"OEBPS/book.opf": listed} | changed.pop("more", {}), **changed)


def test_pages_are_read_in_the_order_of_the_spine_without_navigation():
    found = read(book(), TYPE)
    assert found["text"] == "Chapter I\n\nIt rained.\nHard.\n\nChapter II\n\nIt stopped & dried.\n\n1. On Tuesday."
    assert (found["title"], found["author"], found["language"]) == ("Night & Rain", "Ann Author; Bo Writer", "en-GB")
    assert (found["charset"], found["media_type"], found["gutenberg"]) == ("utf-8", "text/plain", False)
    text = found["text"]
    assert [(one["title"], text[one["start"] : one["end"]].split("\n")[0]) for one in found["chapters"]] == [
        ("Chapter I", "Chapter I"),
        ("Chapter II", "Chapter II"),
    ]


def test_another_order_and_notes_that_are_no_part_of_it():
    pages = {"a.xhtml": xhtml("<p>one</p>"), "n.xhtml": xhtml("<p>note</p>"), "b.xhtml": xhtml("<p>two</p>")}
    found = read(
        epub(pages, places={"n.xhtml": 'linear="no"'}, spine=["b.xhtml", "n.xhtml", "a.xhtml", "b.xhtml"]), TYPE
    )
    assert found["text"] == "two\n\none\n\nnote"


def test_words_of_gutenberg_are_taken_off_across_pages():
    start, end = (
        "*** START OF THE PROJECT GUTENBERG EBOOK NIGHT ***",
        "*** END OF THE PROJECT GUTENBERG EBOOK NIGHT ***",
    )
    pages = {
        "0.xhtml": xhtml(f"<p>Title: Night</p><p>{start}</p>"),
        "1.xhtml": xhtml("<h2>Chapter I</h2><p>It rained.</p>"),
        "2.xhtml": xhtml(f"<p>{end}</p><p>The licence.</p>"),
    }
    found = read(epub(pages, ABOUT), TYPE)
    assert (found["text"], found["title"], found["gutenberg"]) == ("Chapter I\n\nIt rained.", "Night", True)


@pytest.mark.parametrize("charset", ["utf-16", "iso-8859-1", "utf-8-sig"])
def test_pages_are_read_in_the_charset_they_declare(charset):
    page = xhtml("<p>Ein Käfer lief über die Brücke.</p>").replace("utf-8", charset.removesuffix("-sig"))
    assert read(epub({"a.xhtml": page.encode(charset)}), TYPE)["text"] == "Ein Käfer lief über die Brücke."


LOCKED = (
    '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container" xmlns:enc="http://www.w3.org/2001/04/xmlenc#">'
    '<enc:EncryptedData><enc:EncryptionMethod Algorithm="{}"/><enc:CipherData><enc:CipherReference URI="OEBPS/a.ttf"/>'
    "</enc:CipherData></enc:EncryptedData></encryption>"
)
FONTS, AES = (
    LOCKED.format("http://www.idpf.org/2008/embedding"),
    LOCKED.format("http://www.w3.org/2001/04/xmlenc#aes128-cbc"),
)
LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {n} "{f"&{p};" * 40}">' for p, n in zip("abcdefgh", "bcdefghi", strict=True))
    + "]><x>&i;</x>"
)
ONE = {"a.xhtml": xhtml("<p>It rained.</p>")}
FAULTS = {
    "fonts obfuscated": (epub(ONE, more={"META-INF/encryption.xml": FONTS}), None),
    "pages encrypted": (epub(ONE, more={"META-INF/encryption.xml": AES}), "encrypted"),
    "keys of Adobe": (epub(ONE, more={"META-INF/rights.xml": "<rights/>"}), "encrypted"),
    "a zip with a password": (epub(ONE).replace(b"PK\x01\x02\x14\x03\x14\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01\x00"), "encrypted"),
    "cut": (book()[:-200], "record_truncated"),
    "no zip": (b"PK\x03\x04" + b"x" * 100, "record_truncated"),
    "no container": (zipped({"a.txt": "a"}), "not_decodable"),
    "a container that is no XML": (epub(ONE, more={"META-INF/container.xml": "<a"}), "not_decodable"),
    "a container that names nothing": (epub(ONE, more={"META-INF/container.xml": "<a/>"}), "not_decodable"),
    "a package that is not there": (zipped({"META-INF/container.xml": CONTAINER}), "not_decodable"),
    "a page that is not there": (epub(ONE, more={"OEBPS/book.opf": package({"b.xhtml": ""}, "")}), "not_decodable"),
    "a page outside": (epub(ONE, more={"OEBPS/book.opf": package({"../../etc/passwd": ""}, "")}), "not_decodable"),
    "no pages": (epub({}), "not_decodable"),
    "entities that grow": (epub(ONE, more={"OEBPS/book.opf": LAUGHS}), "not_decodable"),
    "a bomb": (epub(ONE, more={"OEBPS/a.xhtml": b" " * (65 << 20)}), "too_large"),
    "pages without words": (epub({"a.xhtml": xhtml("<p/><img src='a.png'/>")}), "no_text"),
    "bytes for a page": (epub({"a.xhtml": bytes(range(256)) * 9}), "not_decodable"),
}  # fmt: skip


def test_each_fault_has_its_reason_and_leaves_its_neighbours_alone():
    files = [data for fault, _ in FAULTS.values() for data in (fault, book())]
    with book_reader() as child:
        children, found = split_book(BOOK_SPLIT, *batch([(data, TYPE) for data in files]), child)
    rows = found.to_pylist()
    assert {name: row["reason"] for name, row in zip(FAULTS, rows[::2], strict=True)} == {
        name: reason for name, (_, reason) in FAULTS.items()
    }
    verdicts = {row["reason"]: row["verdict"] for row in rows[::2]}
    assert verdicts == {None: "split", "encrypted": "drop", "no_text": "drop"} | dict.fromkeys(
        ("record_truncated", "not_decodable", "too_large"), "quarantine"
    )
    assert [row["verdict"] for row in rows[1::2]] == ["split"] * len(FAULTS)
    assert set(children.column("language").to_pylist()) == {"en", None}


@pytest.mark.parametrize(
    ("about", "expressions"),
    [
        (ABOUT, ["LicenseRef-headwater-public-domain-usa"]),
        ("<dc:rights>https://creativecommons.org/licenses/by/4.0/</dc:rights>", ["CC-BY-4.0"]),
        ('<meta property="dcterms:license">CC0-1.0</meta>', ["CC0-1.0"]),
        ('<link rel="cc:license" href="http://creativecommons.org/licenses/by-sa/3.0/"/>', ["CC-BY-SA-3.0"]),
        ("<dc:rights>Copyright &#169; 2020 Ann. All rights reserved.</dc:rights>", [None]),
        ("<dc:rights> </dc:rights>", []),
        ("", []),
    ],
)
def test_the_rights_of_the_package_are_evidence(about, expressions):
    data = book(about)
    rows = book_licence_rows("upload://b/a.epub", b"c" * 32, data, sha256(data))
    assert [row["expression"] for row in rows] == expressions
    assert all(data[int(row["locator"].removeprefix("byte ")) :].startswith(b"PK\x03\x04") for row in rows)


def test_broken_packages_are_no_evidence_and_no_error():
    for data, _ in FAULTS.values():
        assert book_licence_rows(None, b"c" * 32, data, b"d" * 32) == []


def test_it_is_known_by_its_bytes_and_by_its_name():
    assert sniff(book()) == media_type("a.epub", book()) == media_type("a", book()) == TYPE
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a", "b")
    assert (sniff(out.getvalue()), media_type("a.epub", out.getvalue())) == ("application/zip", TYPE)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data is not beside this checkout")
def test_alice_as_epub_is_the_same_book_as_its_other_editions():
    folder = SHARED / "books" / "gutenberg_11"
    page = (folder / "11-h" / "11-h.htm").read_bytes().decode("utf-8")
    body = re.search(r"<body[^>]*>(.*)</body>", page, re.DOTALL)[1]
    parts = re.split(r"(?=<h2[ >])", body)
    made = epub({f"{n}.xhtml": xhtml(part) for n, part in enumerate(parts)}, "<dc:title>Alice</dc:title>")
    found, text = read(made, TYPE), read((folder / "11-0.txt").read_bytes())
    hashes = shingles(normalise(pa.array([found["text"], text["text"]])), 5)
    assert len(parts) > 12
    assert len(found["chapters"]) >= 12
    assert json.dumps([one["title"] for one in found["chapters"]]).count("CHAPTER") == 12
    assert jaccard(hashes, np.array([0]), np.array([1]))[0] > 0.98
