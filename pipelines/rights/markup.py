"""Tags of an HTML page with their byte offsets, found in linear time without building a tree.

Enough for evidence (meta, link, a, script) and safe on hostile bytes: what sees a whole page is compiled
(`pipelines.kernels.markup`) or runs in RE2. A page in UTF-16 (by its byte order mark)
is read in its UTF-8 form, and offsets are then of that form.
"""

import codecs
import html as entities
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import re2


def pattern(text: bytes) -> "re2._Regexp":
    """A compiled RE2 pattern over raw bytes: case-insensitive, dot matches all, no encoding assumed."""
    options = re2.Options()
    # In RE2's default UTF-8 mode `[^>]` does not match a byte that is not valid UTF-8, which would hide a tag.
    options.encoding = re2.Options.Encoding.LATIN1
    options.case_sensitive = False
    options.dot_nl = True
    return re2.compile(text, options)


# A comment, script or style without its end reaches to the end of the page, as in browsers; `<!-->` is a whole comment,
# so that it hides nothing behind it. Source: HTML standard, tokenization. (Ending at \z also keeps the scan linear.)
_COMMENT = rb"<!--(?:-?>|.*?(?:--!?>|\z))"
HIDDEN = _COMMENT + rb"|<script(?:[\s/][^>]*)?>.*?(?:</script[\s/>]|\z)|<style(?:[\s/][^>]*)?>.*?(?:</style[\s/>]|\z)"
_HIDDEN = pattern(HIDDEN)
_ANY_TAG = pattern(rb"<[a-z/!][^>]*>")
_BREAK = pattern(
    rb"<(?:br|/?(?:article|aside|blockquote|dd|details|div|dl|dt|figcaption|h[1-6]|li|ol|p|pre|section|summary|td|th|tr|ul))(?:[\s/][^>]*)?>"
)
_NAME = re.compile(rb"</?([a-zA-Z]+)")
# Python's own engine, because RE2's binding takes eight times as long for short matches. It is linear all the same: nothing but
# the white space around "=" is ever read twice, and a quote without its end only once a tag, as no other quote follows it.
_ATTRIBUTE = re.compile(
    rb"""([^\t\n\f\r =/"'>]+)(?:[\t\n\f\r ]*=[\t\n\f\r ]*(?:"([^"]*)"|'([^']*)'|([^\t\n\f\r "'>]+)))?"""
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """One tag: lower-case name and attribute names, unescaped values, and where it stands (bytes)."""

    name: str
    attributes: dict[str, str]
    start: int
    end: int

    def words(self, attribute: str) -> list[str]:
        """The space-separated words of an attribute, lower case; empty where it is missing."""
        return self.attributes.get(attribute, "").lower().split()


def as_utf8(html: bytes) -> bytes:
    """The page itself, or its UTF-8 form where a byte order mark says UTF-16."""
    if html.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return html.decode("utf-16", "replace").encode()
    return html


@lru_cache(maxsize=1)
def shown(html: bytes) -> bytes:
    """The page with comments, scripts and styles overwritten by spaces, so that offsets stay true.

    The last one is kept: several readers ask for it one after the other.
    """
    from pipelines.kernels import (
        markup as kernel,
    )  # numba takes a third of a second; most readers of evidence need no page

    return kernel.shown(html)


def text_only(page: bytes) -> bytes:
    """A `shown` page with every tag overwritten by spaces, so that offsets stay true."""
    from pipelines.kernels import markup as kernel

    return kernel.text_only(page)


def lines(part: bytes) -> list[str]:
    """The lines of a part of a page as a reader sees them: without tags, white space collapsed, none empty."""
    plain = _ANY_TAG.sub(b"", _BREAK.sub(b"\n", _HIDDEN.sub(b"", part)))
    found = (" ".join(line.split()) for line in entities.unescape(_text(plain)).split("\n"))
    return [line for line in found if line]


def tags(page: bytes, *names: str, about: tuple[str, ...] = ()) -> Iterator[Tag]:
    """The start tags of a `shown` page that have one of these names, in document order.

    `about`: only those that hold one of these words, given in lower case; "&" stands for a character of any word.
    """
    from pipelines.kernels import markup as kernel

    for start, end in kernel.start_tags(page, names, (*about, "&") if about else ()):
        if tag := tag_at(page, start, end):
            yield tag


def tag_at(page: bytes, start: int, end: int) -> Tag | None:
    """The tag that these bytes are, null for a comment; of an end tag the name begins with a slash."""
    named = _NAME.match(page, start)
    if named is None:
        return None
    is_end = page[start + 1 : start + 2] == b"/"
    name = ("/" if is_end else "") + named[1].lower().decode("ascii")
    return Tag(name=name, attributes={} if is_end else attributes(page[named.end() : end]), start=start, end=end)


def scripts(html: bytes, media_type: str) -> Iterator[tuple[int, bytes]]:
    """(offset, content) of the scripts of this media type that stand outside comments."""
    from pipelines.kernels import markup as kernel

    for named, opened, start, end in kernel.scripts(html):
        if start < end and attributes(html[named:opened]).get("type", "").strip().lower() == media_type:
            yield start, html[start:end]


def attributes(text: bytes) -> dict[str, str]:
    """Attribute values of the inside of a tag by lower-case name; the first of a repeated name counts, as in browsers."""
    found: dict[str, str] = {}
    for name, *values in _ATTRIBUTE.findall(text):
        found.setdefault(_text(name).lower(), entities.unescape(_text(b"".join(values))))
    return found


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
