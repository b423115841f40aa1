"""The frontier of a crawl: which URLs are known, which belong to it, and which come next.

All of it is a function of what was added, in whatever order: a crawl of the same answers asks the same URLs.
"""

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import ada_url

REDIRECTS = 10  # Source: FAULTS, row 14; browsers follow 20
_UNRESERVED = re.compile(r"%([0-9A-Fa-f]{2})")
_STRAY = re.compile(r"%(?![0-9a-fA-F]{2})")
_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A URL and how it was found. `depth`: links followed to it from a seed; `hops`: redirects in a row before it."""

    url: str
    depth: int
    hops: int = 0
    is_shown: bool = False  # a picture or recording of a page, not a page
    is_left: bool = False  # an earlier round found it and did not ask: it comes first
    is_meant: bool = False  # whoever crawls, or a sitemap of its host, names it: it is no trap

    @property
    def rank(self) -> int:
        """Lower ones come first."""
        return -1 if self.is_left else self.depth

    @property
    def host(self) -> str:
        """The host, lower case, as the URL standard reads it."""
        return ada_url.URL(self.url).hostname

    @property
    def origin(self) -> str:
        """`scheme://host[:port]`, default port left out: what a robots.txt is about."""
        return ada_url.URL(self.url).origin

    @property
    def target(self) -> str:
        """Path and query: what a robots.txt has rules for."""
        parsed = ada_url.URL(self.url)
        return f"{parsed.pathname}{parsed.search}"


class Frontier:
    """URLs that were found and not taken yet. A URL is added once; its second form is the same URL. `hosts`: null for any."""

    def __init__(self, hosts: Collection[str] | None) -> None:
        self._hosts = None if hosts is None else frozenset(hosts)
        self._seen: set[str] = set()
        self._waiting: list[Found] = []

    def add(self, found: Found) -> bool:
        """Whether the URL is on a host of the crawl and new; then it waits."""
        is_new = self.holds(found) and self.leave(found.url)
        if is_new:
            self._waiting.append(found)
        return is_new

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def fresh(self, founds: Collection[Found]) -> list[Found]:
        """Those that are on a host of the crawl and new, in the order in which they should be asked for; they do not wait here."""
        new = [found for found in founds if self.holds(found) and self.leave(found.url)]
        return sorted(new, key=lambda one: (one.rank, one.is_shown, one.url))

    def leave(self, url: str) -> bool:
        """Whether the URL is new; it will not be taken, now or later (a robots.txt and a sitemap are no pages)."""
        key = same(url)
        is_new = key not in self._seen
        self._seen.add(key)
        return is_new

    def holds(self, found: Found) -> bool:
        """Whether the URL is on a host of the crawl."""
        return self._hosts is None or found.host in self._hosts

    def take(self) -> list[Found]:
        """All that wait, those left by an earlier round first, then shallow ones, hosts taking turns, so that a budget cuts all
        hosts alike.
        """
        turn: Counter[tuple[int, str]] = Counter()
        keyed = []
        for found in sorted(self._waiting, key=lambda one: (one.rank, one.is_shown, one.url)):
            turn[found.rank, found.host] += 1
            keyed.append((found.rank, turn[found.rank, found.host], found.host, found))
        self._waiting = []
        return [row[-1] for row in sorted(keyed, key=lambda row: row[:3])]


def same(url: str) -> str:
    """The form in which equal URLs are equal: no fragment, no empty query, escapes in one way.

    `same("http://a.example/%7euser?#top")` is `http://a.example/~user`. Queries keep their order, and nothing is taken for
    a session or a tracker: that would merge pages that differ. Source: RFC 3986, section 6.2.2.
    """
    page = url.partition("#")[0]
    path, _, query = page.partition("?")
    kept = page if query else path
    # Beside a `%` that escapes nothing, what is unescaped could become an escape of its own: `%%330`.
    return kept if _STRAY.search(kept) else _UNRESERVED.sub(_escape, kept)


def _escape(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if character in _SAFE else match[0].upper()
