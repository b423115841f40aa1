"""Meeting an origin: its robots.txt first, wherever redirects lead to it, what else it says of use (tdmrep.json, ai.txt), then the
sitemaps that it names, under caps.
"""

import itertools
from collections.abc import Awaitable, Callable, Collection

from pipelines.capture import codings, http
from pipelines.capture.archive import ROBOTS_PATH
from pipelines.capture.crawl_plan import CrawlPlan
from pipelines.capture.fetch import Fetched
from pipelines.capture.frontier import Found, Frontier
from pipelines.capture.manners import Manners, manners
from pipelines.capture.sitemap import MAX_CHARS, MAX_URLS, read_sitemap
from pipelines.capture.turns import Turns
from pipelines.capture.uri import absolute, host
from schemas.capture import Outcome

_ROBOTS_REDIRECTS = 5  # Source: RFC 9309, section 2.3.1.2
_SITEMAPS = 50  # Chosen: files of one origin; a full set of 50,000 URLs is one file
_SITEMAP_LEVELS = 2  # Source: sitemaps.org: an index names sitemaps, not other indexes

Ask = Callable[[str, str], Awaitable[Fetched | str]]  # (URL, host for whose sake it is asked for)


class Introductions:
    """The origins that a crawl has met, and what each asks of it."""

    def __init__(self, plan: CrawlPlan, turns: Turns, frontier: Frontier, ask: Ask) -> None:
        self._plan, self._turns, self._frontier, self._ask = plan, turns, frontier, ask
        self._manners: dict[str, Manners] = {}  # by origin
        self._heard: set[str] = (
            set()
        )  # origins that were asked what they say of use: those of which a page may be asked for

    def refusal(self, found: Found) -> tuple[Outcome, str] | None:
        """Why the robots.txt of its origin, which was met, bars a URL; or null."""
        return self._manners[found.origin].refusal(found.target)

    def knows(self, found: Found) -> bool:
        """Whether the origin of a URL was met."""
        return found.origin in self._manners

    async def meet(self, founds: Collection[Found]) -> list[Found]:
        """Read robots.txt and the sitemaps of those origins, all of one host, that are new; the pages the sitemaps name."""
        mapped: list[Found] = []
        for origin in sorted({found.origin for found in founds} - self._heard):
            is_new = origin not in self._manners
            if is_new:
                self._manners[origin] = await self._introduce(origin)
            said = self._manners[origin]
            if any(found.origin == origin and not said.refusal(found.target) for found in founds):
                self._heard.add(origin)
                await self._hear(origin, said)
            if is_new:
                mapped += await self._mapped(origin, said)
        return mapped

    async def _introduce(self, origin: str) -> Manners:
        """What the origin's robots.txt asks of us; it may be up to five redirects away, each asked for in its turn."""
        name, url = host(origin) or "", origin + ROBOTS_PATH
        self._frontier.leave(url)
        for _ in range(1 + _ROBOTS_REDIRECTS):
            answer = await self._ask(url, name)
            target = location(answer) if isinstance(answer, Fetched) and answer.outcome is Outcome.REDIRECT else None
            if target is None:
                break
            url = target
        found = manners(answer, self._plan.tokens, self._plan.max_bytes)
        self._turns.slow_down(name, found.delay_s)
        return found

    async def _hear(self, origin: str, said: Manners) -> None:
        """Ask for the files in which the origin speaks of use, where its robots.txt lets us; the answers are evidence."""
        for path in self._plan.site_files:
            url: str | None = origin + path
            for _ in range(1 + _ROBOTS_REDIRECTS):
                file = Found(url=url, depth=0) if url else None
                # Where it leads to another page there is no such file.
                if (
                    file is None
                    or file.target not in self._plan.site_files
                    or (file.origin == origin and said.refusal(file.target))
                ):
                    break
                self._frontier.leave(file.url)
                answer = await self._ask(file.url, host(origin) or "")
                is_redirect = isinstance(answer, Fetched) and answer.outcome is Outcome.REDIRECT
                url = location(answer) if isinstance(answer, Fetched) and is_redirect else None

    async def _mapped(self, origin: str, said: Manners) -> list[Found]:
        """The pages in the sitemaps that robots.txt names, as far as both are on the host itself."""
        if said.closed or self._plan.is_list or not self._plan.max_depth:
            return []
        name = host(origin)
        files = [(url, 1) for url in said.file.sitemaps[:_SITEMAPS]]
        pages: list[Found] = []
        for url, level in files:  # which grows by the files of an index
            file = _listed(url, name)
            if file is None or file.origin != origin or said.refusal(file.target) or not self._frontier.leave(file.url):
                continue
            answer = await self._ask(file.url, file.host)
            if isinstance(answer, Fetched) and answer.outcome is Outcome.FETCHED:
                sitemap = read_sitemap(codings.pieces(answer.body, answer.headers, cap=self._plan.max_bytes))
                more = sitemap.sitemaps[: _SITEMAPS - len(files)] if level < _SITEMAP_LEVELS else ()
                files += [(part, level + 1) for part in more]
                pages += [page for part in sitemap.pages if (page := _listed(part, name))]
        chars = itertools.accumulate(len(page.url) for page in pages[:MAX_URLS])
        return [page for page, sum_ in zip(pages, chars, strict=False) if sum_ <= MAX_CHARS]


def _listed(url: str, name: str | None) -> Found | None:
    """A URL of a sitemap, where it is on the host of this name."""
    found = absolute(url, None)
    return Found(url=found.partition("#")[0], depth=1, is_meant=True) if found and host(found) == name else None


def location(answer: Fetched) -> str | None:
    """Where a redirect leads, absolute and without fragment; null where it does not say, or says several."""
    said = http.location(answer.headers)
    target = absolute(said, answer.url) if said else None
    return target.partition("#")[0] if target else None
