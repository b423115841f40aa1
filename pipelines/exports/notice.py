"""The notice: whom a release owes an attribution, in the form title, author, source, licence, as text, HTML or a JSON object an item."""

from collections.abc import Iterator
from html import escape
from textwrap import fill
from typing import BinaryIO

from pipelines.audit.open import Ledger
from pipelines.audit.words import UNKNOWN
from pipelines.exports.credited import Work, credited, works
from pipelines.exports.facts import NOTICE
from pipelines.exports.licences import licence_links
from pipelines.exports.render import foot, head
from pipelines.exports.rows import write_lines
from pipelines.rights.spdx import UNVERSIONED

_NO_LICENCE = "no licence was found"
_CHANGED = (
    "What is published was changed: texts were taken out of pages, books and archives, recordings cut into segments;"
    ' "edited by" names the stages that changed something in them, such as personal data replaced by a placeholder.'
)
_NONE = "No item is owed an attribution: all are in the public domain, as far as was found."
_WIDTH = 120


def notice_rows(ledger: Ledger, release: str, out: BinaryIO) -> int:
    """How many items were written, a JSON object a line."""
    return write_lines(credited(ledger, release), out)


def write_notice(ledger: Ledger, release: str, out: BinaryIO) -> int:
    """How many items the notice speaks of; written as plain text, by licence, source and address."""
    out.write(f"NOTICE\n\n{_opening(release)}\n{fill(_CHANGED, _WIDTH)}\n".encode())
    n = 0
    for one, is_licence, is_collection in _headed(works(credited(ledger, release))):
        if is_licence:
            links = "".join(f"\n{address}" for _, address in licence_links(one.licence))
            name = _name(one)
            out.write(f"\n\n{name}\n{'=' * len(name)}\nOwed: {one.owed}{links}\n".encode())
        if is_collection:
            out.write(f"\n{_collection(one)}\n\n".encode())
        out.write(_text(one).encode())
        n += one.items
    if not n:
        out.write(f"\n{_NONE}\n".encode())
    return n


def _opening(release: str) -> str:
    return f"What the items of release {release} are owed. {NOTICE}"


def _headed(found: Iterator[Work]) -> Iterator[tuple[Work, bool, bool]]:
    """Each work, and whether it opens a licence, and a collection under it."""
    licence, collection = None, None
    for one in found:
        is_licence = one.licence != licence
        is_collection = is_licence or (one.collection, one.is_of_card) != collection
        licence, collection = one.licence, (one.collection, one.is_of_card)
        yield one, is_licence, is_collection


def _name(one: Work) -> str:
    if one.licence == UNKNOWN:
        return _NO_LICENCE
    return f"{one.licence} (named without its version)" if one.licence.startswith(UNVERSIONED + "cc-") else one.licence


def _collection(one: Work) -> str:
    said = f"{_flat(one.collection or 'collection not recorded')}, {_flat(one.provider or 'provider not recorded')}"
    where = f", {one.collection_url}" if one.collection_url else ""
    card = " (this licence is that of the collection as a whole)" if one.is_of_card else ""
    return f"From: {said}{where}{card}"


def _text(one: Work) -> str:
    title = f'"{_flat(one.title)}"' if one.title else _files(one) or "title not recorded"
    lines = [f"- {title}, {_author(one)}, {_flat(one.place or 'address not recorded')}"]
    lines += [f"  {_flat(line)}" for line in one.copyright]
    if one.edited:
        lines.append(f"  edited by {', '.join(one.edited)}")
    if one.files:
        names = ", ".join(map(_flat, one.files))
        lines.append(
            fill(
                names,
                _WIDTH,
                initial_indent="    ",
                subsequent_indent="    ",
                break_long_words=False,
                break_on_hyphens=False,
            )
        )
    return "\n".join(lines) + "\n"


def _files(one: Work) -> str:
    return f"{len(one.files):,} files" if one.files else ""


def _author(one: Work) -> str:
    """Who made it: whom the file names, the statements in it, or whoever gave the collection its licence."""
    if one.author:
        return f"by {_flat(one.author)}"
    if one.copyright:
        return "author as stated below"
    if one.is_of_card and one.provider:
        return f"author not recorded, of the collection by {_flat(one.provider)}"
    return "author not recorded"


def _flat(text: str) -> str:
    return " ".join(text.split())


def write_html(ledger: Ledger, release: str, out: BinaryIO) -> int:
    """How many items the notice speaks of; written as one page without scripts, by licence, source and address."""
    out.write(head(f"Notice of release {release}"))
    out.write(f'<p class="notice">{escape(NOTICE)}</p><p>{escape(_CHANGED)}</p>\n'.encode())
    n = 0
    for one, is_licence, is_collection in _headed(works(credited(ledger, release))):
        if is_collection and n:
            out.write(b"</ul>\n")
        if is_licence:
            links = ", ".join(
                f'<a href="{escape(address)}">{escape(name)}</a>' for name, address in licence_links(one.licence)
            )
            out.write(f"<h2>{escape(_name(one))}</h2><p>Owed: {escape(one.owed)}. {links}</p>\n".encode())
        if is_collection:
            out.write(f"<h3>{escape(_collection(one))}</h3><ul>\n".encode())
        out.write(_markup(one).encode())
        n += one.items
    out.write(b"</ul>\n" if n else f"<p>{_NONE}</p>\n".encode())
    out.write(foot())
    return n


def _markup(one: Work) -> str:
    title = f"<cite>{escape(_flat(one.title))}</cite>" if one.title else _files(one) or "title not recorded"
    place = escape(_flat(one.place or "address not recorded"))
    if one.place and one.place.startswith(("http://", "https://")):
        place = f'<a href="{place}" rel="nofollow">{place}</a>'
    more = [escape(_flat(line)) for line in one.copyright]
    more += [f"edited by {escape(', '.join(one.edited))}"] if one.edited else []
    below = "".join(f"<br>{line}" for line in more)
    names = (
        f"<details><summary>files</summary>{escape(', '.join(map(_flat, one.files)))}</details>" if one.files else ""
    )
    return f"<li>{title}, {escape(_author(one))}, {place}{below}{names}</li>\n"
