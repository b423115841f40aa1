"""Books: three short ones written here, two of them in two editions, in plain text and in HTML.

The plain text of `The Lock Keeper` has a header, markers and an appendix on licences in the manner of Project Gutenberg, in our
own words: what readers of such files look for are the markers. No book of theirs is in it.
"""

import textwrap
from html import escape

from tests.corpus.tales import Tale, tale

AGREEMENT = (
    "You may copy this book, give it away or print it anew; its text is in the public domain. Whoever passes this file on should "
    "pass on these lines with it, and should not promise more than they say: the file comes as it is, without any warranty. "
)


def tales() -> tuple[Tale, Tale, Tale]:
    """The three books."""
    return (
        tale(
            "The Lock Keeper", "A. Weir", 1903, ("Martha", "Silas", "Mrs Penn", "Gideon", "Kate", "Captain Rowe", "Ned", "Bridget", "Walter"),
            ("The Low Water", "A Stranger at the Gate", "What the Ledger Said", "The Thaw"),
        ),
        tale(
            "Notes from a Ferry", "J. Oarsman", 1911, ("Tobias", "Hannah", "Joss", "the ferryman", "Ellen", "Father Moor", "Piers", "Dorothy", "Sam"),
            ("Morning Crossings", "The Wager", "Fog", "The Last Passenger"),
        ),
        tale(
            "The Bell Founder's Daughter", "E. Carillon", 1897, ("Judith", "the founder", "Anselm", "Lotte", "Brother Ives", "Rosa", "Conrad", "the sexton", "Mina"),
            ("Bronze", "A Cracked Note", "The Tower", "Midwinter"),
        ),
    )  # fmt: skip


def plain(book: Tale) -> str:
    """The book as a plain text file: title, contents, chapters in wrapped lines."""
    parts = [book.title.upper(), f"by {book.author}", "CONTENTS", "\n".join(_headings(book))]
    for heading, (_, paragraphs) in zip(_headings(book), book.chapters, strict=True):
        parts += ["\n" + heading, *(textwrap.fill(paragraph, 72) for paragraph in paragraphs)]
    return "\n\n".join(parts) + "\n"


def archived(book: Tale) -> str:
    """The same between a header and a licence, with the markers by which readers cut them off."""
    name = book.title.upper()
    head = [
        f"The Riverside Shelf's edition of {book.title}, by {book.author}", textwrap.fill(AGREEMENT, 72), f"Title: {book.title}",
        f"Author: {book.author}", f"Release Date: January 1, 2026 [EBook #{book.year}]", "Language: English", "Character set encoding: UTF-8",
        f"*** START OF THE PROJECT GUTENBERG EBOOK {name} ***",
    ]  # fmt: skip
    foot = [
        f"*** END OF THE PROJECT GUTENBERG EBOOK {name} ***",
        "THE FULL LICENCE OF THIS FILE",
        textwrap.fill(AGREEMENT * 6, 72),
    ]
    return "\n\n".join([*head, "", plain(book), *foot]) + "\n"


def html(book: Tale, *, revised: bool, note: str = "") -> str:
    """The book as one HTML page. `revised`: a later edition, in which the last sentence of every chapter is another. `note`: ends it."""
    body = [f"<h1>{escape(book.title)}</h1>", f'<p class="author">by {escape(book.author)}</p>']
    for heading, (_, paragraphs) in zip(_headings(book), book.chapters, strict=True):
        told = list(paragraphs)
        if revised:
            told[-1] = told[-1].rpartition(". ")[0] + ". Here the second edition tells it otherwise."
        body += [f"<h2>{escape(heading)}</h2>", *(f"<p>{escape(paragraph)}</p>" for paragraph in told)]
    body += [f"<p>{escape(note)}</p>"] if note else []
    head = (
        f'<meta charset="utf-8"><title>{escape(book.title)}</title><meta name="author" content="{escape(book.author)}">'
    )
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body>\n' + "\n".join(body) + "\n</body></html>\n"


def _headings(book: Tale) -> list[str]:
    return [
        f"CHAPTER {n}. {heading}"
        for n, heading in zip(("I", "II", "III", "IV"), (h for h, _ in book.chapters), strict=True)
    ]
