"""The URLs that an HTML page names: pages to go on to, and what the page shows (pictures and sound).

Found by RE2 in linear time, without building a tree: a crawl reads hostile bytes in its own process. Links in comments,
scripts and styles do not count.
"""

import html as entities
from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.capture.uri import absolute
from pipelines.rights import markup

MAX_LINKS = 5_000  # Chosen: of one page; the largest honest index pages have some thousand links
_TAG = markup.pattern(rb"""<(a|area|base|img|audio|video|source)((?:[\s/"'](?:[^<>"']|"[^"]*"|'[^']*')*)?)>""")
_ATTRIBUTE = markup.pattern(rb"""([^\s=/"'>]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")
_UNFOLLOWED = frozenset(("nofollow", "none"))  # of a robots meta tag; Source: Google, robots meta tag specification


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Absolute http(s) URLs without fragments, each once, in the order of the page."""

    pages: tuple[str, ...]
    shown: tuple[str, ...]


def links(html: bytes, url: str) -> Links:
    """What the page at `url` links to and shows. `rel=nofollow` and `<meta name=robots content=nofollow>` are honoured.

    `<a href="b?x=1#y">` at http://a.example/c/ gives http://a.example/c/b?x=1. Characters outside ASCII are read as UTF-8.
    """
    page = markup.shown(markup.as_utf8(html))
    found = list(_tags(page))
    base = next((target for name, values in found if name == "base" and (target := _target(values, "href", url))), url)
    pages: dict[str, None] = {}
    shown: dict[str, None] = {}
    for name, values in found:
        is_link = name in ("a", "area")
        if is_link and "nofollow" in values.get("rel", "").lower().split():
            continue
        target = _target(values, "href" if is_link else "src", base) if name != "base" else None
        if target:
            (pages if is_link else shown).setdefault(target)
    followed = () if _is_nofollow(page) else tuple(pages)[:MAX_LINKS]
    return Links(pages=followed, shown=tuple(shown)[:MAX_LINKS])


def _tags(page: bytes) -> Iterator[tuple[str, dict[str, str]]]:
    """Lower-case name and attributes of every tag we ask, in order; the first of a repeated attribute counts."""
    for match in _TAG.finditer(page):
        values: dict[str, str] = {}
        for part in _ATTRIBUTE.finditer(match.group(2)):
            value = next((found for found in part.groups()[1:] if found is not None), b"")
            values.setdefault(part.group(1).decode("utf-8", "replace").lower(), value.decode("utf-8", "replace"))
        yield match.group(1).decode().lower(), values


def _target(values: dict[str, str], attribute: str, base: str) -> str | None:
    """The attribute as an absolute http(s) URL without fragment, or null."""
    value = entities.unescape(values.get(attribute, "")).strip()
    found = absolute(value.partition("#")[0], base) if value and not value.startswith("#") else None
    return found if found is not None and found.startswith(("http://", "https://")) else None


def _is_nofollow(page: bytes) -> bool:
    for tag in markup.tags(page, "meta"):
        said = tag.attributes.get("content", "").lower().replace(",", " ").split()
        if tag.attributes.get("name", "").strip().lower() == "robots" and _UNFOLLOWED.intersection(said):
            return True
    return False
