"""Tags of an HTML page with their byte offsets, found in linear time without building a tree.

Enough for evidence (meta, link, a, script) and safe on hostile bytes: every pattern runs in RE2. A page in UTF-16 (by
its byte order mark) is read in its UTF-8 form, and offsets are then of that form.
"""

import codecs
import html as entities
from collections.abc import Iterator
from dataclasses import dataclass

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
_HIDDEN = pattern(
    _COMMENT + rb"|<script(?:[\s/][^>]*)?>.*?(?:</script[\s/>]|\z)" + rb"|<style(?:[\s/][^>]*)?>.*?(?:</style[\s/>]|\z)"
)
_ATTRIBUTES = rb"""((?:[\s/"'](?:[^<>"']|"[^"]*"|'[^']*')*)?)>"""
_TAG = pattern(rb"<(meta|link|a)" + _ATTRIBUTES)
_ANY_TAG = pattern(rb"<[a-z/!][^>]*>")
_SCRIPT = pattern(_COMMENT + rb"|<script" + _ATTRIBUTES + rb"(.*?)</script[\s/>]")
_ATTRIBUTE = pattern(rb"""([^\s=/"'>]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """One start tag: lower-case name and attribute names, unescaped values, and where it stands (bytes)."""

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


def shown(html: bytes) -> bytes:
    """The page with comments, scripts and styles overwritten by spaces, so that offsets stay true."""
    return _blanked(html, _HIDDEN)


def text_only(page: bytes) -> bytes:
    """A `shown` page with every tag overwritten by spaces, so that offsets stay true."""
    return _blanked(page, _ANY_TAG)


def _blanked(page: bytes, hidden: "re2._Regexp") -> bytes:
    parts, at = [], 0
    for match in hidden.finditer(page):
        parts += [page[at : match.start()], b" " * (match.end() - match.start())]
        at = match.end()
    return b"".join([*parts, page[at:]]) if parts else page


def tags(page: bytes, *names: str) -> Iterator[Tag]:
    """Those of the meta, link and a tags of a `shown` page that have one of these names, in document order."""
    for match in _TAG.finditer(page):
        name = match.group(1).lower().decode("ascii")
        if name not in names:
            continue
        yield Tag(name=name, attributes=_attributes(match.group(2)), start=match.start(), end=match.end())


def scripts(html: bytes, media_type: str) -> Iterator[tuple[int, bytes]]:
    """(offset, content) of the scripts of this media type that stand outside comments."""
    for match in _SCRIPT.finditer(html):
        if match.group(2) and _attributes(match.group(1)).get("type", "").strip().lower() == media_type:
            yield match.start(2), match.group(2)


def _attributes(text: bytes) -> dict[str, str]:
    """Attribute values by lower-case name; the first of a repeated name counts, as in browsers."""
    found: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(text):
        value = next((part for part in match.groups()[1:] if part is not None), b"")
        found.setdefault(_text(match.group(1)).lower(), entities.unescape(_text(value)))
    return found


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
