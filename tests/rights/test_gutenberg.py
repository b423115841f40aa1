"""Project Gutenberg's words: taken off wherever they are marked, never where they are not, and what they say of the licence."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.rights.book_notices import book_licence_rows
from pipelines.rights.file_rights import file_statements
from pipelines.rights.licences import LOCATIONS
from pipelines.rights.spdx import LicenceClass, licence_class
from pipelines.split.gutenberg import NOTICE_BYTES, notices, told
from schemas.digest import sha256
from tests.split.epubs import epub, xhtml

BOOKS = Path(__file__).resolve().parents[3] / "shared" / "data" / "books" / "gutenberg_11"
FREE = b"This eBook is for the use of anyone anywhere at no cost and with\nalmost no restrictions whatsoever.\n"
BODY = b"CHAPTER I\n\nIt was a dark night. Project Gutenberg was not yet thought of.\n\nEnd of the first chapter.\n"

HEADERS = {
    "2008": b"Project Gutenberg's Night, by A. Author\n\n" + FREE
    + b"\n*** START OF THIS PROJECT GUTENBERG EBOOK NIGHT ***\n\n\n",
    "2021": b"The Project Gutenberg eBook of Night\n\n" + FREE + b"\n*** START OF THE PROJECT GUTENBERG EBOOK NIGHT ***\n\n",
    "over two lines": b"*** START OF THE PROJECT GUTENBERG EBOOK A NIGHT OF\nVERY MANY WORDS ***\n\n",
    "without a close": b"***START OF THE PROJECT GUTENBERG ETEXT NIGHT\n\n",
    "credits": b"*** START OF THE PROJECT GUTENBERG EBOOK NIGHT ***\n\n\nProduced by Ann Author and\nthe Online Team\n\n"
    b"This file was produced from images of a library\n\n",
    "small print": b"**Welcome**\n\n***START**THE SMALL PRINT!**FOR PUBLIC DOMAIN ETEXTS**START***\nYou know: lawyers.\n"
    b"*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*\n\n\n",
    "small print of 2002": b"Project Gutenberg\n***START**THE SMALL PRINT!**\n*END THE SMALL PRINT! FOR PUBLIC DOMAIN EBOOKS*Ver.02*END*\n",
    "e-text prepared": b"***START OF THE PROJECT GUTENBERG EBOOK NIGHT***\n\nE-text prepared by Ann Author\n\n",
}  # fmt: skip
FOOTERS = {
    "both": b"\n\nEnd of Project Gutenberg's Night, by A. Author\n\n*** END OF THIS PROJECT GUTENBERG EBOOK NIGHT ***\n\nAnd the licence.\n",
    "stars": b"\n*** END OF THE PROJECT GUTENBERG EBOOK NIGHT ***\n\nSection 1. General Terms\n",
    "a line": b"\n\nEnd of the Project Gutenberg Etext of Night\n\n",
    "German": b"\nEnde dieses Projekt Gutenberg Etextes Nacht\n",
    "licence": b"\nTHE FULL PROJECT GUTENBERG LICENSE\nPLEASE READ THIS\n",
}


def left(page: bytes) -> bytes:
    """The page without its notices, checked to be ascending and apart."""
    parts, at = [], 0
    for start, end in notices(page):
        assert at <= start < end <= len(page)
        parts, at = [*parts, page[at:start]], end
    return b"".join([*parts, page[at:]])


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("footer", FOOTERS)
def test_a_book_is_what_stands_between_its_notices(header, footer):
    assert left(HEADERS[header] + BODY + FOOTERS[footer]).strip() == BODY.strip()


def test_credits_that_run_into_the_next_notice_end_with_it():
    assert (
        left(HEADERS["2008"] + b"Produced by x\n" + HEADERS["small print of 2002"] + b"\n" + BODY).strip()
        == BODY.strip()
    )


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_alone_counts(header):
    assert left(HEADERS[header] + BODY).strip() == BODY.strip()


@pytest.mark.parametrize("footer", FOOTERS)
def test_a_footer_alone_counts(footer):
    assert left(BODY + FOOTERS[footer]).strip() == BODY.strip()


def test_small_print_after_the_book_is_its_footer():
    print_ = b"***START**THE SMALL PRINT!**\nlawyers\n*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*END*\n"
    assert left(BODY * 9 + print_).strip() == (BODY * 9).strip()


def test_every_book_of_a_file_loses_its_own_notices():
    book = HEADERS["2008"] + BODY + FOOTERS["both"]
    assert left(book + book).split() == (BODY + BODY).split()


def test_words_between_the_acts_are_taken_out():
    said = b"<<THIS ELECTRONIC VERSION OF THE COMPLETE WORKS IS\nCOPYRIGHT 1990 BY WORLD LIBRARY>>"
    assert left(b"ACT I\n" + said + b"\nACT II\n") == b"ACT I\n\nACT II\n"


@pytest.mark.parametrize(
    "page",
    [
        b"",
        BODY,
        b"The small print! of the contract.\nAt the end of Project Gutenberg stands a question.\n",
        b"Produced by Ann Author\n\nThe book.\n",
        b"*** START ***\nThe book.\n*** END ***\n",
    ],
)
def test_without_a_marker_nothing_is_taken(page):
    assert notices(page) == []


def test_a_marker_quoted_in_a_long_book_costs_nothing():
    long = BODY * (NOTICE_BYTES // len(BODY) + 1)
    for quoted in (b"\n*** START OF THE PROJECT GUTENBERG EBOOK ***\n", b"\nEnd of Project Gutenberg\n"):
        assert notices(long + quoted + long) == []
        assert left(long + quoted + long + FOOTERS["both"]) == long + quoted + long + b"\n\n"


@pytest.mark.parametrize(
    "marker", [b"*** START OF THE PROJECT GUTENBERG ", b"<<THIS ELECTRONIC VERSION OF ", b"**End of Project Gutenberg "]
)
def test_a_megabyte_of_open_markers_is_read_in_one_go(marker):
    assert notices(marker * 30_000) == []  # 0.05 s; a pattern that looks ahead from every one of them takes minutes


PIECES = [*HEADERS.values(), *FOOTERS.values(), BODY, b"***", b"\n", b"\xff\xfe", b"Produced by x\n"]


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=30), max_size=8).map(b"".join))
def test_no_bytes_at_all_are_too_odd(page):
    left(page)
    for row in book_licence_rows(None, b"c", page, sha256(page)):
        assert row["locator"].startswith("byte ")
        assert row["location"] in LOCATIONS


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            "Title: A Night\n of Many Words\n\nAuthor: Ann Author\n\nLanguage: English\n",
            ("A Night\n of Many Words", "Ann Author"),
        ),
        ("***This is the Project Gutenberg Etext of Alice in Wonderland***\n", ("Alice in Wonderland", None)),
        ("Project Gutenberg's Night, by Ann Author\nmore", ("Night", "Ann Author")),
        ("The Project Gutenberg EBook of Night, by Ann Author\n", ("Night", "Ann Author")),
        ("nothing", (None, None)),
        ("", (None, None)),
    ],
)
def test_title_and_author_are_told_by_the_header(header, expected):
    assert told(header) == expected


START = b"\n*** START OF THE PROJECT GUTENBERG EBOOK NIGHT ***\n"


@pytest.mark.parametrize(
    ("header", "expected", "kind"),
    [
        (FREE, "LicenseRef-headwater-public-domain-usa", LicenceClass.PUBLIC_DOMAIN),
        (b"Night", "LicenseRef-headwater-public-domain-usa", LicenceClass.PUBLIC_DOMAIN),
        # What Gutenberg says of its own header is no copyright on the book.
        (FREE + b"[Portions of this header are copyright (C) 2001 by Michael S. Hart]", "LicenseRef-headwater-public-domain-usa",
         LicenceClass.PUBLIC_DOMAIN),
        (FREE + b"** This is a COPYRIGHTED Project Gutenberg eBook, Details Below **", "LicenseRef-headwater-gutenberg-copyrighted",
         LicenceClass.RESTRICTED),
        (b"***START**THE SMALL PRINT!**FOR COPYRIGHT PROTECTED ETEXTS**START***", "LicenseRef-headwater-gutenberg-copyrighted",
         LicenceClass.RESTRICTED),
        (b"***START**THE SMALL PRINT!**\n*END*THE SMALL PRINT! FOR COPYRIGHT PROTECTED ETEXTS*Ver.1*END*",
         "LicenseRef-headwater-gutenberg-copyrighted", LicenceClass.RESTRICTED),
        (b"A Project Gutenberg of Australia eBook\n" + FREE, None, LicenceClass.UNKNOWN),
    ],
)  # fmt: skip
def test_the_header_says_which_licence(header, expected, kind):
    page = header + (START if b"SMALL" not in header else b"") + BODY
    [row] = book_licence_rows("upload://s/a.txt", b"c" * 32, page, sha256(page))
    assert row["expression"] == expected
    assert licence_class(row["expression"]) is kind


def test_an_edition_with_a_copyright_between_the_acts_is_not_free():
    page = FREE + START + b"ACT I\n<<THIS ELECTRONIC VERSION OF IT IS COPYRIGHT 1990 BY WORLD LIBRARY>>\n"
    assert book_licence_rows(None, b"", page, b"")[0]["expression"] == "LicenseRef-headwater-gutenberg-copyrighted"


def test_a_file_of_another_country_is_under_its_law():
    page = FREE + START + BODY
    assert book_licence_rows("http://gutenberg.net.au/ebooks/1.txt", b"", page, b"")[0]["expression"] is None


def test_evidence_names_its_place_and_its_words():
    page = b"Night\n\n" + FREE + START + BODY
    assert book_licence_rows("upload://s/a.txt", b"c" * 32, page, b"p" * 32) == [
        {
            "capture_id": b"c" * 32,
            "subject": None,
            "location": "notice",
            "locator": f"byte {page.index(b'for the use')}",
            "expression": "LicenseRef-headwater-public-domain-usa",
            "raw": "for the use of anyone anywhere at no cost and with almost no restrictions whatsoever",
            "evidence_sha256": b"p" * 32,
        }
    ]


@pytest.mark.parametrize("page", [b"", BODY, BODY + FOOTERS["both"], b"\x00" * 99, b" " * NOTICE_BYTES + FREE + START])
def test_without_a_header_there_is_no_evidence(page):
    assert book_licence_rows("upload://s/a.txt", b"", page, b"") == []


@pytest.mark.skipif(not BOOKS.is_dir(), reason="the shared data is not beside this checkout")
@pytest.mark.parametrize(
    ("name", "at"),
    [("11-0.txt", 95), ("11.txt", 88), ("11-h/11-h.htm", 1813), ("old/alice30.txt", 4307), ("book.asciidoc", None)],
)
def test_real_editions_say_that_they_are_free_where_they_have_a_header(name, at):
    rows = book_licence_rows(None, b"", (BOOKS / name).read_bytes(), b"")
    assert [(row["locator"], row["expression"]) for row in rows] == (
        [(f"byte {at}", "LicenseRef-headwater-public-domain-usa")] if at else []
    )


@pytest.mark.parametrize(
    ("data", "authors"),
    [
        (HEADERS["2008"] + BODY, ["A. Author"]),
        (b"Title: Night\nAuthor: Ann\n  Author\n" + HEADERS["2021"] + BODY, ["Ann Author"]),
        (b"Title: Night\nAuthor:   \n" + HEADERS["2021"] + BODY, []),
        (HEADERS["2021"] + BODY, []),
        (BODY + b"\nAuthor: Nobody\n", []),
        (epub({"a.xhtml": xhtml("x")}, "<dc:creator id='c'>Ann &amp; Bob</dc:creator><dc:creator>C. Author</dc:creator>"), ["Ann & Bob", "C. Author"]),
        (epub({"a.xhtml": xhtml("x")}, "<dc:creator>C. Author</dc:creator>" * 3 + "<dc:creator> </dc:creator>"), ["C. Author"]),
        (epub({"a.xhtml": xhtml("x")}), []),
        (b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/epub+zip", []),
    ],
)  # fmt: skip
def test_who_wrote_a_book_is_kept_and_decides_nothing(data, authors):
    found = file_statements(data)
    assert [one.excerpt for one in found] == authors
    assert {(one.mechanism, one.usage, one.verdict) for one in found} <= {("file_metadata", "all", "unknown")}
