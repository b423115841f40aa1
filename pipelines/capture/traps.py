"""What makes URLs without end: how one looks alone, and how many of one form a crawl has found. Out: why, in words, or null."""

import re
from collections import Counter
from collections.abc import Sequence

import ada_url

_SEGMENT_REPEATS = 2  # Source: Heritrix, PathologicalPathDecideRule
_DEPTH = 20  # Source: Heritrix, TooManyPathSegmentsDecideRule
_QUERY_KEYS = 10  # Chosen: search forms have about 5; a calendar that adds its own state to each link has no end
_URL_CHARS = 2048  # Source: sitemaps.org; longer ones are made by machines for machines
_SESSIONS = 10  # Chosen: a site gives one to whoever sends no cookies; one that gives another with each page has no end
# Source: names that PHP, Java, ASP and ColdFusion give their session ids by default.
_SESSION = re.compile(r"[;?&](?:phpsessid|jsessionid|aspsessionid[a-z]{8}|sessionid|cfid|cftoken|sid)=([^;&#]*)", re.I)
_MADE = re.compile(r"[0-9a-f]{16,}|\d+", re.I)  # digests and numbers


def trap(url: str) -> str | None:
    """Why a URL looks as if a machine made it without end, or null."""
    parsed = ada_url.URL(url)
    if len(url) > _URL_CHARS:
        return f"a URL of more than {_URL_CHARS} characters"
    segments: Sequence[str] = [part for part in parsed.pathname.split("/") if part]
    if len(segments) > _DEPTH:
        return f"a path of more than {_DEPTH} segments"
    # Numbers may repeat: /2011/11/11 is a day.
    words = Counter(part for part in segments if not part.isdigit())
    if words and max(words.values()) > _SEGMENT_REPEATS:
        return f"a path segment that comes more than {_SEGMENT_REPEATS} times"
    if parsed.search.count("&") >= _QUERY_KEYS:
        return f"a query of more than {_QUERY_KEYS} keys"
    return None


def template(url: str) -> str:
    """The form that a URL shares with others: its path without numbers, digests, parameters and query.

    `http://a.example/2031/07/day;v=1?view=week` -> `a.example/#/#/day`
    """
    parsed = ada_url.URL(url)
    return _MADE.sub("#", f"{parsed.host}{parsed.pathname.partition(';')[0]}")


class Variants:
    """The URLs of each form, and the session ids of each host, that a crawl has found; `most` of a form are asked for."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._found: dict[str, set[str]] = {}

    def refusal(self, url: str) -> str | None:
        """Why this one is too many, or null; then it counts. The same URL has the same answer again."""
        form = template(url)
        for session in _SESSION.findall(url):
            if self._is_over(f"session {ada_url.URL(url).host}", session, _SESSIONS):
                return f"a host that gives more than {_SESSIONS} session ids"
        if form != url.partition("://")[2] and self._is_over(form, url, self._most):
            return f"more than {self._most} variants of {form}"
        return None

    def _is_over(self, kind: str, value: str, most: int) -> bool:
        found = self._found.setdefault(kind, set())
        if value not in found and len(found) < most:
            found.add(value)
        return value not in found
