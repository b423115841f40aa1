"""The URLs that an HTML page names: pages to go on to, and pictures and recordings.

Found by RE2 in linear time, without building a tree: a crawl reads hostile bytes in its own process. Links in comments,
scripts and styles do not count.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from pipelines.capture.medium import Kind
from pipelines.capture.page_media import page_media
from pipelines.capture.uri import address
from pipelines.rights import markup

MAX_LINKS = 5_000  # Chosen: of one page; the largest honest index pages have some thousand links
_MAX_TAGS = 50_000  # Chosen: half a second of work
_UNFOLLOWED = frozenset(("nofollow", "none"))  # of a robots meta tag; Source: Google, robots meta tag specification


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Absolute http(s) URLs without fragments, each once, in the order of the page.

    `shown`: kind and URL of its pictures and recordings; of one that comes in several sizes, the largest.
    """

    pages: tuple[str, ...] = ()
    shown: tuple[tuple[Kind, str], ...] = ()


def links(html: bytes, url: str) -> Links:
    """What the page at `url` links to and shows. `rel=nofollow` and `<meta name=robots content=nofollow>` are honoured.

    `<a href="b?x=1#y">` at http://a.example/c/ gives http://a.example/c/b?x=1. Characters outside ASCII are read as UTF-8.
    A link to a recording is shown, and no page. Of more than 50,000 links the rest is not read.
    """
    page = markup.shown(markup.as_utf8(html))
    is_followed = not _is_nofollow(page)
    media = (one for one in page_media(html, url) if is_followed or not one.is_link)
    shown = {one.urls[0]: one.kind for one in media}
    pages = dict.fromkeys(found for found in _pages(page, url) if found not in shown) if is_followed else {}
    return Links(pages=tuple(pages)[:MAX_LINKS], shown=tuple((kind, url) for url, kind in shown.items()))


def _pages(page: bytes, url: str) -> Iterator[str]:
    """The targets of the links of a `shown` page that may be followed."""
    found = list(islice(markup.tags(page, "a", "area", "base"), _MAX_TAGS))
    bases = (address(tag.attributes.get("href", ""), url) for tag in found if tag.name == "base")
    base = next(filter(None, bases), url)
    for tag in found:
        if tag.name != "base" and "nofollow" not in tag.words("rel"):
            target = address(tag.attributes.get("href", ""), base)
            if target:
                yield target


def _is_nofollow(page: bytes) -> bool:
    for tag in markup.tags(page, "meta"):
        said = tag.attributes.get("content", "").lower().replace(",", " ").split()
        if tag.attributes.get("name", "").strip().lower() == "robots" and _UNFOLLOWED.intersection(said):
            return True
    return False
