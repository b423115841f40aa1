"""Project Gutenberg's own words in a file: where they stand, and whom and what they name.

In: bytes in UTF-8 or a charset that agrees with ASCII, hostile or not. Out: spans of bytes. All patterns are RE2, so a file
takes time in proportion to its length. Without a marker nothing is found: a book that tells of Project Gutenberg is a book.

    header        title, author, terms    up to "*** START OF THE PROJECT GUTENBERG EBOOK", or to the end of the small print
    credits       "Produced by ..."       the paragraphs right after it
    footer        the licence in full     from "End of Project Gutenberg's" or "*** END OF", to the next header or the end
    interjection  "<<THIS ELECTRONIC VERSION ... >>", between the acts of one edition of Shakespeare

Source: the markers, files of gutenberg.org from 1991 to 2024.
"""

from collections.abc import Iterator
from enum import Enum, auto

import re2

from pipelines.rights.markup import pattern

# Chosen: headers and footers that hold the licence in full have up to 25 kB. What two markers further apart than this
# enclose is no notice, so that a marker quoted in a book costs little of it.
NOTICE_BYTES = 64 << 10
_MOST_CREDITS = 3  # Chosen: paragraphs: who scanned, who proofread, where the pictures are from


class _Mark(Enum):
    """What a line of Gutenberg's does."""

    START = auto()  # ends a header
    END = auto()  # begins a footer
    SMALL_START = auto()  # begins the small print, which stands in a header or after the book
    SMALL_END = auto()
    INTERJECTION = auto()


_HINT = pattern(rb"gutenberg|small print|this electronic version of")  # of every marker: cheap, and true of few files
_PROJECT = rb"proje[ck]t gutenberg"
_MARKS = (
    # A long title takes more than one line, up to the asterisks that close the marker.
    (
        _Mark.START,
        pattern(rb"\*\*\*\s?start of (?:the|this) (?:copyrighted )?" + _PROJECT + rb"(?:(?:[^*\n]|\n[^*\s]){0,400}\*\*\*)?[^\n]*"),
    ),
    (_Mark.SMALL_START, pattern(rb"\*\*\*start\*\*\s?the small print[^\n]*")),
    (_Mark.SMALL_END, pattern(rb"\*end[ *]{1,2}the small print[^\n]*")),
    (_Mark.END, pattern(rb"\*\*\*\s?end of (?:the|this) (?:copyrighted )?" + _PROJECT)),
    (_Mark.END, pattern(rb"(?m)^[ \t*]*(?:end of (?:the |this )?|ende (?:dieses|des) |fin (?:de |du )?)" + _PROJECT)),
    (_Mark.END, pattern(rb"\*\*\*\s?start: full license|(?m:^)[ \t]*the full project gutenberg license")),
    (_Mark.INTERJECTION, pattern(rb"<<\s?this electronic version of [^<>]*>>")),
)  # fmt: skip
_CREDITS = pattern(
    rb"\s*\[?(?:(?:this |the )?(?:project gutenberg )?(?:e-?text|e-?book|(?:html )?(?:edition|file|version)) (?:was )?)?"
    rb"(?:produced|prepared|transcribed|scanned|digiti[sz]ed|proofread)(?: and [a-z]+)? (?:by|from)\b[^\n]*(?:\n[ \t]*[^\s][^\n]*){0,12}"
)
# In the text of a header.
_TITLE = re2.compile(r"(?im)^title: *([^\n]+(?:\n[ \t]+[^\n]+)*)")
_AUTHOR = re2.compile(r"(?im)^author: *([^\n]+(?:\n[ \t]+[^\n]+)*)")
_NAMED = re2.compile(
    r"(?i)project gutenberg(?:['’]s)? (?:(?:e-?text|e-?book) )?(?:of |, )?([^\n*]+?)(?:,? by ([^\n*]+))?(?:\*|\n|$)"
)


def header(page: bytes) -> bytes:
    """The page up to the end of its header; empty where it has none at its beginning."""
    head = page[:NOTICE_BYTES]
    ends = {kind: end for kind, _, end in reversed([*_marks(head)])}  # the first of each kind
    return head[: next((ends[kind] for kind in (_Mark.START, _Mark.SMALL_END, _Mark.SMALL_START) if kind in ends), 0)]


def notices(page: bytes) -> list[tuple[int, int]]:
    """(start, end) of every stretch that is Gutenberg's and not the book's, ascending; none where no marker stands.

    Several books in one file each lose their own header and footer. A footer without a header counts, and the reverse.
    """
    marks = sorted(_marks(page), key=lambda mark: mark[1:])
    found: list[tuple[int, int]] = []
    since = 0 if _is_headed(marks, len(page)) else None
    for kind, start, end in marks:
        start = max(start, found[-1][1] if found else 0)  # credits may run on into the next notice
        match kind:
            case _Mark.INTERJECTION if since is None and start < end:
                found.append((start, end))
            case _Mark.END | _Mark.SMALL_START if since is None or start - since > NOTICE_BYTES:
                since = start
            case _Mark.START | _Mark.SMALL_END if since is not None:
                if since < end <= since + NOTICE_BYTES:
                    found.append((since, _after_credits(page, end)))
                since = None
    if since is not None and since < len(page) <= since + NOTICE_BYTES:
        found.append((since, len(page)))
    return found


def _marks(page: bytes) -> Iterator[tuple[_Mark, int, int]]:
    for kind, marker in _MARKS if _HINT.search(page) else ():
        for match in marker.finditer(page):
            yield kind, match.start(), match.end()


def _is_headed(marks: list[tuple[_Mark, int, int]], size: int) -> bool:
    """Whether the file begins with a header, as its first marker tells; of the small print the longer side is the book."""
    kinds = [mark for mark in marks if mark[0] is not _Mark.INTERJECTION]
    if not kinds or kinds[0][0] in (_Mark.START, _Mark.END):
        return bool(kinds) and kinds[0][0] is _Mark.START
    ends = [end for kind, _, end in kinds if kind is _Mark.SMALL_END]
    return bool(ends) and size - ends[0] >= kinds[0][1]


def _after_credits(page: bytes, at: int) -> int:
    """Where the credits that follow a header end; `at` where there are none."""
    for _ in range(_MOST_CREDITS):
        match = _CREDITS.match(page, at)
        if match is None:
            break
        at = match.end()
    return at


def told(notice: str) -> tuple[str | None, str | None]:
    """Title and author as a header gives them; null for none. The first etexts only call themselves by the title."""
    title, author = _TITLE.search(notice), _AUTHOR.search(notice)
    named = None if title else _NAMED.search(notice)
    found = title or named
    return (found[1] if found else None), (author[1] if author else named[2] if named else None)
