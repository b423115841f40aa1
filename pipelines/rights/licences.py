"""Licences a page names: every hit with its place, and what they say together.

Hits are evidence and are all kept; `conclude` orders them (head meta, link, JSON-LD, rel=license anchor, footer) and
flags disagreement. Pictures and recordings that name a licence of their own (JSON-LD) are not the page: see
`pipelines.capture.page_annotations`.
"""

import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import ada_url

from pipelines.rights import markup, spdx
from pipelines.rights.evidence import excerpt
from pipelines.rights.spdx import LicenceClass as LicenceClass
from pipelines.rights.spdx import licence_class as licence_class

LOCATIONS = (  # in order of trust: the file's own words, those about it alone, those about its folder
    "spdx_header", "notice", "see", "file_metadata", "table", "feed", "http_link", "meta", "link", "json_ld", "rel_license", "footer", "licence_file", "package", "readme", "card",
)  # fmt: skip
FILE_METADATA = "file_metadata"  # Exif, IPTC, XMP of a picture
SEE, README = "see", "readme"  # a file that points to another; what counts only where its folder says nothing else

# Chosen: a licence named in plain text counts only within 2,000 bytes after the start of an element that calls itself a
# footer, copyright or licence notice: credits of single pictures and articles about licences stay out.
NOTICE_BYTES = 2000
_NOTICE = markup.pattern(
    rb"""<footer\b|<[a-z0-9]+\s[^>]*\b(?:class|id)\s*=\s*["']?[^"'>]*(?:footer|copyright|licen[cs]e|lizenz|colophon|site-info)"""
)
_ABOUT = (
    "licen",
    "rights",
    "copyright",
    "creativecommons",
)  # one is in every tag that names a licence, and in few links
# What is in every page whose text names a Creative Commons licence, tags between its words or not.
_NAMED = markup.pattern(rb"\bcreative\b|\bcc(?:[\s(<-]|0|zero)")
_META_NAMES = frozenset(("license", "licence", "dc.license", "dcterms.license", "cc:license", "og:license"))
_META_RIGHTS = frozenset(("dc.rights", "dcterms.rights", "dc.rights.license", "rights", "copyright"))


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceHit:
    """One place where a licence is named. `expression`: SPDX; null where the name cannot be normalised."""

    location: str
    locator: str
    expression: str | None
    raw: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """What the hits say together. `expression`: null where none can be read. `conflict`: of several classes."""

    expression: str | None
    conflict: bool


def conclude(hits: Sequence[LicenceHit]) -> Conclusion:
    """The licence of the most trusted location that can be read, and whether any hit is of another class.

    The order of the hits does not matter. Of several hits at one location the first on the page counts; of those
    outside rel=license (`footer`) the last, because notices stand at the end and credits of single works before.
    """
    readable = [hit for hit in hits if hit.expression is not None]
    classes = {licence_class(hit.expression) for hit in hits}
    best = min(readable, key=_trust, default=None)
    return Conclusion(expression=best.expression if best else None, conflict=len(classes) > 1)


def _trust(hit: LicenceHit) -> tuple[int, int, str]:
    """A key that puts the hit to believe first."""
    place = int(hit.locator.rpartition(" ")[2]) if hit.locator.startswith("byte ") else 0
    return LOCATIONS.index(hit.location), -place if hit.location == "footer" else place, hit.expression or ""


def html_licences(html: bytes, base_uri: str | None) -> list[LicenceHit]:
    """Every licence the page names, in document order within each kind. `base_uri`: of the page, for relative links."""
    html = markup.as_utf8(html)
    page = markup.shown(html)
    named = list(_tag_hits(page, base_uri))
    return [*(hit for hit, _ in named), *_json_ld_hits(html), *_text_hits(page, [span for _, span in named])]


# Source: RFC 8288, section 3: `<target>; rel="license"`; a rel may hold several words.
_LINK = re.compile(r"""<([^<>]{1,2000})>((?:\s*;\s*[\w*-]+(?:\s*=\s*(?:"[^"]*"|[^\s",;]*))?)*)""")
_REL = re.compile(r"""(?i);\s*rel\s*=\s*(?:"([^"]*)"|([^\s",;]*))""")


def header_licences(headers: Iterable[tuple[str, str]], base_uri: str | None) -> list[LicenceHit]:
    """The licences that Link headers name for what they came with, in order. Terms in RSL name no licence: they are a statement."""
    found = []
    for name, value in headers:
        for link in _LINK.finditer(value) if name.strip().lower() == "link" else ():
            rel = _REL.search(link[2])
            words = (rel[1] or rel[2] or "").lower().split() if rel else []
            if "license" in words and "rsl+xml" not in link[2].lower():
                href = link[1].strip()
                expression = _normalised(_absolute(href, base_uri))
                found.append(
                    LicenceHit(location="http_link", locator="header link", expression=expression, raw=excerpt(href))
                )
    return found


def _tag_hits(page: bytes, base_uri: str | None) -> Iterator[tuple[LicenceHit, range]]:
    """The licences that tags name, each with the bytes of its element."""
    for tag in markup.tags(page, "meta", "link", "a", about=_ABOUT):
        if tag.name == "meta":
            name = (tag.attributes.get("name") or tag.attributes.get("property") or "").strip().lower()
            raw = tag.attributes.get("content", "").strip()
            expression = _normalised(raw) if raw and name in _META_NAMES | _META_RIGHTS else None
            if raw and (name in _META_NAMES or expression):
                yield _hit("meta", tag.start, expression, raw), range(tag.start, tag.end)
            continue
        href = tag.attributes.get("href", "").strip()
        element = range(tag.start, _end(page, tag))
        if href and not {"license", "licence"}.isdisjoint(tag.words("rel")):
            inner = markup.text_only(page[tag.end : element.stop]).decode("utf-8", "replace")
            expression = _normalised(_absolute(href, base_uri)) or spdx.from_text(inner)
            yield _hit("link" if tag.name == "link" else "rel_license", tag.start, expression, href), element
        elif tag.name == "a" and "creativecommons.org/" in href and (expression := spdx.from_url(href)):
            yield _hit("footer", tag.start, expression, href), element


def _end(page: bytes, tag: markup.Tag) -> int:
    """Where the element ends: for an anchor its end tag, looked for in the next 500 bytes, else the tag itself."""
    inner = page[tag.end : tag.end + 500].lower() if tag.name == "a" else b""
    return tag.end + max(inner.find(b"</a"), 0)


def _json_ld_hits(html: bytes) -> Iterator[LicenceHit]:
    for start, content in markup.scripts(html, "application/ld+json"):
        try:
            document = json.loads(content.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            continue
        for raw in _json_ld_licences(document):
            yield named_licence("json_ld", start, raw)


def _json_ld_licences(document: object) -> Iterator[str]:
    """The values of `license`, at any depth, of things that are no picture or recording."""
    todo = [document]
    while todo:
        node = todo.pop()
        if isinstance(node, list):
            todo += reversed(node)
        elif isinstance(node, dict) and not _is_medium(node):
            for value in _each(node.get("license")):
                named = value.get("@id") or value.get("url") if isinstance(value, dict) else value
                if isinstance(named, str) and named.strip():
                    yield named.strip()
            todo += reversed([value for key, value in node.items() if key != "license"])


def _is_medium(node: dict[str, object]) -> bool:
    kinds = [kind for kind in _each(node.get("@type")) if isinstance(kind, str)]
    return any(kind.endswith(("ImageObject", "AudioObject")) for kind in kinds)


def _each(value: object) -> Iterable[object]:
    return value if isinstance(value, list) else [value]


def _text_hits(page: bytes, named: Sequence[range]) -> Iterator[LicenceHit]:
    """Licences named in plain text near the start of a footer or notice, outside the elements that are hits already."""
    notices = [match.start() for match in _NOTICE.finditer(page)] if _NAMED.search(page) else []
    if not notices:
        return
    text = markup.text_only(page)
    starts = [element.start for element in named]
    for mention in spdx.mentions(text):
        notice, element = bisect_left(notices, mention.start), bisect_left(starts, mention.start)
        near = notice > 0 and mention.start - notices[notice - 1] <= NOTICE_BYTES
        if near and not (element and mention.start in named[element - 1]):
            raw = text[mention.start : mention.end].decode("utf-8", "replace")
            yield _hit("footer", mention.start, mention.expression, raw)


def named_licence(location: str, start: int, raw: str) -> LicenceHit:
    """The hit for a licence named by its URL, its id or its name."""
    return _hit(location, start, _normalised(raw), raw)


def _normalised(raw: str) -> str | None:
    return spdx.from_url(raw) or spdx.from_id(raw) or spdx.from_text(raw)


def _absolute(href: str, base_uri: str | None) -> str:
    if base_uri is None:
        return href
    try:
        return ada_url.join_url(base_uri, href)
    except ValueError:
        return href


def _hit(location: str, start: int, expression: str | None, raw: str) -> LicenceHit:
    return LicenceHit(location=location, locator=f"byte {start}", expression=expression, raw=excerpt(raw))
