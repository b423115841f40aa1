"""Where chapters begin: named lines, marked headings, no tables of contents."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.split.chapters import MAX_CHAPTERS, chapters, markup_headings


def titles(text: str, media_type: str = "text/plain") -> list[str]:
    found = chapters(text, markup_headings(text, media_type))
    assert [one.start for one in found] == sorted({one.start for one in found})
    return [one.title for one in found]


@pytest.mark.parametrize(
    "line",
    [
        "CHAPTER I. Down the Rabbit-Hole", "Chapter 12", "CHAPTER THE FIRST", "Book Two: The River", "PART IV", "ACT III",
        "SCENE II.  A camp near Forres.", "Letter 4", "CANTO XXXIII", "Stave One", "PREFACE", "Prologue.",
        "APPENDIX B", "Erstes Kapitel", "Kapitel 3: Der Fluss", "Zweiter Teil", "CHAPITRE II", "Capítulo 7", "Глава 5", "第十二章 归来",
        "CHAPTER XXI\nIn which nothing happens",
    ],
)  # fmt: skip
def test_a_line_that_calls_itself_a_chapter_is_one(line):
    assert titles(f"{line}\n\nIt rained all day.") == [" ".join(line.split())]


@pytest.mark.parametrize(
    "line",
    [
        "Part one of the plan was easy.", "Letter boxes are red.", "Book me a room.", "I act", "Introduction of species is risky.",
        "Das Buch", "Chapter and verse", "It rained.\nChapter I", "CHAPTER I " + "and so on " * 40, "",
    ],
)  # fmt: skip
def test_a_line_that_only_begins_so_is_none(line):
    assert titles(f"It rained all day.\n\n{line}\n\nAnd all night.") == []


def test_a_bare_name_takes_the_title_below_it():
    text = 'CHAPTER I\n\n  The River\n\nIt rained.\n\nCHAPTER II.\n\n"Tom!"\n\nNo answer.\n\nACT I\n\nSCENE I. A heath\n\nThunder.'
    assert titles(text) == ["CHAPTER I The River", "CHAPTER II.", "ACT I", "SCENE I. A heath"]


def test_a_chapter_starts_with_its_line():
    text = "Title\n\n   CHAPTER I\n\n   Rain\n\nIt rained.\n\nCHAPTER II\n\nAnd stopped."
    assert [text[one.start : one.end] for one in chapters(text, [])] == ["   CHAPTER I\n\n   Rain", "CHAPTER II"]


ENTRIES = [f"CHAPTER {number}" for number in ("I", "II", "III", "IV", "V")]
BOOK = "\n\n".join(f"{entry}\n\nit rained." for entry in ENTRIES)


@pytest.mark.parametrize(
    "before", ["\n\n".join(ENTRIES), "\n".join(ENTRIES), "\n\n".join([*ENTRIES, "some words of the editor"])]
)
def test_contents_are_no_chapters(before):
    assert titles(f"Contents\n\n{before}\n\n{BOOK}") == ENTRIES


def test_a_book_a_part_and_a_chapter_may_begin_together():
    text = "BOOK I\n\nPART I\n\nCHAPTER I\n\nit rained.\n\nCHAPTER II\n\nit stopped."
    assert titles(text) == ["BOOK I", "PART I", "CHAPTER I", "CHAPTER II"]


def test_markdown_headings_are_chapters_but_not_in_listings():
    text = "# Rain\n\nwords\n\n```\n# a comment\n```\n\n## Wind ##\n\nwords\n\n#### too deep\n\n#tag\n\n# Snow\n\nwords"
    assert titles(text, "text/markdown") == ["Rain", "Wind", "Snow"]
    assert titles(text) == []


def test_asciidoc_headings_are_chapters_but_not_the_title():
    text = "= Rain\nAnn Author\n\n== One\n\nwords\n\n----\n== no heading\n----\n\n=== Two\n\nwords"
    assert titles(text, "text/asciidoc") == ["One", "Two"]


def test_where_some_headings_call_themselves_chapters_the_others_are_none():
    assert titles("# Rain\n\nby Ann\n\n# Chapter 1\n\nwords\n\n# Chapter 2\n\nwords", "text/markdown") == [
        "Chapter 1",
        "Chapter 2",
    ]


def test_there_is_an_end_to_chapters():
    assert len(titles("# a\n\nx\n\n" * (MAX_CHAPTERS + 1), "text/markdown")) == MAX_CHAPTERS


PIECES = ["CHAPTER I", "\n", "\n\n", "# a ", "== b", "```\n", "----\n", "PREFACE", " ", "x", "Title Like", "第一章"]


@given(
    st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=30).map("".join),
    st.sampled_from(["text/plain", "text/markdown", "text/asciidoc"]),
)
def test_headings_lie_in_the_text_one_after_the_other(text, media_type):
    at = 0
    for one in chapters(text, markup_headings(text, media_type)):
        assert at <= one.start < one.end <= len(text)
        assert one.title == " ".join(one.title.split()) != ""
        at = one.end
