"""The links of a page, for the crawl's frontier: a linear scan of tags, no parser."""

import re
from collections.abc import Iterator
from html import unescape

import ada_url

LINK = re.compile(rb"<a\s[^>]{0,2000}?href\s*=\s*(?:\"([^\"]{0,2000})\"|'([^']{0,2000})'|([^\s>]{1,2000}))", re.IGNORECASE)
BASE = re.compile(rb"<base\s[^>]{0,2000}?href\s*=\s*[\"']?([^\"'\s>]{1,2000})", re.IGNORECASE)
LOCATION = re.compile(rb"<loc>\s*([^<]{1,2000}?)\s*</loc>", re.IGNORECASE)
# Chosen: Heritrix's habit; a calendar or a session repeats a path part, an article does not.
MOST_REPEATS, MOST_PARTS, MOST_QUERY_KEYS = 2, 20, 8


def page_links(html: bytes, url: str) -> Iterator[str]:
    """The http(s) targets of a page's anchors, absolute, without fragments, in page order, traps left out."""
    base = BASE.search(html)
    start = joined(url, base[1]) or url if base else url
    for match in LINK.finditer(html):
        found = joined(start, next(group for group in match.groups() if group is not None))
        if found and not is_trap(found):
            yield found


def sitemap_links(body: bytes, url: str) -> Iterator[str]:
    """The locations of a sitemap, absolute; 50,000 at most. Source: sitemaps.org protocol, limits."""
    for number, match in enumerate(LOCATION.finditer(body)):
        if number >= 50_000:
            return
        if found := joined(url, match[1]):
            yield found


def joined(base: str, href: bytes) -> str | None:
    """An absolute http(s) URL without its fragment, in the URL standard's spelling; None for anything else."""
    try:
        found = ada_url.URL(unescape(href.decode("utf-8", "replace")).strip(), base=base)
    except ValueError:
        return None
    found.hash = ""
    return str(found.href) if found.protocol in ("http:", "https:") else None


def is_trap(url: str) -> bool:
    """Whether a URL looks like one of endlessly many: a part of its path again and again, very deep, many query keys."""
    parsed = ada_url.URL(url)
    parts = [part for part in parsed.pathname.split("/") if part]
    repeats = max((parts.count(part) for part in set(parts)), default=0)
    return repeats > MOST_REPEATS or len(parts) > MOST_PARTS or parsed.search.count("&") >= MOST_QUERY_KEYS
