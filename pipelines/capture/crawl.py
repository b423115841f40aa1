"""A small polite crawl: seeds go in, a WARC of everything that was answered comes out, and a row for what was not.

Rounds over a frontier: robots.txt (and sitemaps) of new origins first, then the pages of this round, hosts side by side, one
request per host at a time, a pause before every one. Nothing that was found is lost: what was not asked for is a row.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO

import pyarrow as pa

from pipelines.capture import codings, http
from pipelines.capture.address import NO_HOSTS, Hosts, url_refusal
from pipelines.capture.archive import HTML, ROBOTS_PATH, media_type
from pipelines.capture.block import Guard
from pipelines.capture.fetch import DEADLINE_S, MAX_BYTES, Client, Fetched
from pipelines.capture.frontier import REDIRECTS, Found, Frontier, trap
from pipelines.capture.journal import Journal
from pipelines.capture.links import Links, links
from pipelines.capture.manners import Manners, manners
from pipelines.capture.medium import Kind
from pipelines.capture.sitemap import MAX_BYTES as SITEMAP_BYTES
from pipelines.capture.sitemap import MAX_URLS, read_sitemap
from pipelines.capture.turns import Turns
from pipelines.capture.uri import absolute, host
from pipelines.capture.warc_write import write_warcinfo
from schemas.capture import Outcome
from schemas.errors import SourceError

MAX_ROUND_S = 86_400.0  # Source: RFC 9309, section 2.4: a robots.txt is not used for more than 24 hours
_ROBOTS_REDIRECTS = 5  # Source: RFC 9309, section 2.3.1.2
_SITEMAPS = 50  # Chosen: files of one origin; a full set of 50,000 URLs is one file
_SITEMAP_LEVELS = 2  # Source: sitemaps.org: an index names sitemaps, not other indexes

Clock = Callable[[], float]
Progress = Callable[[str, int, int], None]  # name, requests made, requests meant


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlPlan:
    """What to crawl and how. Delays in seconds, sizes in bytes.

    `source`, `contact`: of the source card. `agent`: product and version, `HeadwaterBot/1.0`; it and the contact are the
    User-Agent. `agents`: tokens whose robots rules are obeyed; empty means the product of `agent`. `hosts`: what the crawl
    may ask; empty means the seeds' hosts. `max_pages`: requests for pages of all hosts; robots.txt and sitemaps are not
    counted. `media`: what of a page is asked for beside it, pictures or recordings; `max_media`: requests for those.
    `max_depth`: links followed from a seed; 0 asks for the seeds only. `round_s`: after it no request is begun.
    """

    source: str
    contact: str
    seeds: tuple[str, ...]
    agent: str = "HeadwaterBot/1.0"
    agents: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    max_pages: int = 100
    max_depth: int = 5
    delay_s: float = 1.0
    round_s: float = 3600.0
    deadline_s: float = DEADLINE_S
    max_bytes: int = MAX_BYTES
    media: tuple[Kind, ...] = ()
    max_media: int = 1000

    def __post_init__(self) -> None:
        for seed in self.seeds:
            if not (absolute(seed, None) or "").startswith(("http://", "https://")):
                raise SourceError(f"source {self.source}: {seed!r} cannot be crawled; give an http or https URL")
        if not self.user_agent.isprintable():
            raise SourceError(f"source {self.source}: contact {self.contact!r} must be one line, to go into a header")
        if not 0 < self.round_s <= MAX_ROUND_S:
            raise SourceError(f"source {self.source}: round_s is {self.round_s}; give at most {MAX_ROUND_S:g} seconds")

    @property
    def user_agent(self) -> str:
        """What every request says of us."""
        return f"{self.agent} (+{self.contact})"

    @property
    def tokens(self) -> tuple[str, ...]:
        """The product tokens whose rules in robots.txt are obeyed."""
        return self.agents or (self.agent.partition("/")[0],)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlResult:
    """What is not in the WARC: a CAPTURE row, without payload, for every URL that gave no answer; sorted by URI.

    `counts`: exchanges and rows by outcome.
    """

    outcomes: pa.RecordBatch
    counts: Mapping[str, int]


def crawl(
    plan: CrawlPlan, out: IO[bytes], *, clock: Clock, hosts: Hosts = NO_HOSTS, progress: Progress = lambda *_: None,
    guard: Guard | None = None,
) -> CrawlResult:  # fmt: skip
    """Crawl by the plan and write the WARC to `out`, hosts in alphabetical order; the rest comes back as rows.

    `guard`: knows what is never written.

    `clock`: seconds since 1970, for what is written. `hosts`: names with a given (address, port), see `Client`.
    Called from code that runs no event loop.
    """
    client = Client(
        user_agent=plan.user_agent, clock=clock, hosts=hosts, max_bytes=plan.max_bytes, deadline_s=plan.deadline_s
    )
    about = [
        ("software", "Headwater"), ("format", "WARC File Format 1.1"), ("operator", plan.contact),
        ("isPartOf", plan.source), ("http-header-user-agent", plan.user_agent),
        ("robots", f"obeyed (RFC 9309) for {', '.join(plan.tokens)}"),
    ]  # fmt: skip
    warcinfo = write_warcinfo(out, about, datetime.fromtimestamp(clock(), UTC))
    with closing(Journal(source=plan.source, warcinfo=warcinfo, clock=clock, guard=guard)) as journal:
        asyncio.run(_rounds(plan, client, journal, progress))
        journal.copy_to(out)
        return CrawlResult(outcomes=journal.rows(), counts=dict(sorted(journal.counts.items())))


async def _rounds(plan: CrawlPlan, client: Client, journal: Journal, progress: Progress) -> None:
    """Round after round, until nothing waits."""
    turns = Turns(client, delay_s=plan.delay_s, round_s=plan.round_s)
    await _Crawl(plan, client, turns, journal, progress).run()


class _Crawl:
    """A crawl under way: its frontier, and the manners of the origins it met."""

    def __init__(self, plan: CrawlPlan, client: Client, turns: Turns, journal: Journal, progress: Progress) -> None:
        self._plan, self._client, self._turns, self._journal, self._progress = plan, client, turns, journal, progress
        seeds = sorted({absolute(seed.partition("#")[0], None) or "" for seed in plan.seeds})
        self._frontier = Frontier(plan.hosts or [host(seed) or "" for seed in seeds])
        for seed in seeds:
            self._frontier.add(Found(url=seed, depth=0))
        self._manners: dict[str, Manners] = {}  # by origin
        self._asked, self._pages, self._media = 0, 0, 0  # requests made; meant for pages, and for what they show

    async def run(self) -> None:
        """Round after round, until nothing waits: what is over the budget or the time becomes a row in its round."""
        while waiting := [found for found in self._frontier.take() if self._is_askable(found)]:
            mapped = await _each_host([found for found in waiting if self._has_room(found)], self._meet)
            for found in [*mapped, *await _each_host(self._chosen(waiting), self._visit)]:
                self._frontier.add(found)

    def _is_askable(self, found: Found) -> bool:
        why = url_refusal(found.url, self._client.hosts) or trap(found.url)
        if why:
            self._journal.unanswered(found.url, Outcome.REFUSED, why)
        return why is None

    def _chosen(self, waiting: Sequence[Found]) -> list[Found]:
        """Those within the budget that robots.txt does not bar; the others become rows."""
        chosen = []
        for found in waiting:
            asked = self._manners.get(found.origin)
            barred = asked.refusal(found.target) if asked else None
            if barred:
                self._journal.unanswered(found.url, *barred)
            elif not self._has_room(found):
                most = (
                    f"{self._plan.max_media} pictures and recordings"
                    if found.is_shown
                    else f"{self._plan.max_pages} pages"
                )
                self._journal.unanswered(found.url, Outcome.DEFERRED, f"over the budget of {most}")
            else:
                self._pages, self._media = self._pages + (not found.is_shown), self._media + found.is_shown
                chosen.append(found)
        return chosen

    def _has_room(self, found: Found) -> bool:
        """Whether the budget for what it is has something left."""
        return self._media < self._plan.max_media if found.is_shown else self._pages < self._plan.max_pages

    async def _visit(self, founds: Sequence[Found]) -> list[Found]:
        """Ask for the pages of one host in turn; where they lead."""
        onward: list[Found] = []
        for found in founds:
            answer = await self._ask(found.url, about=found.host)
            if isinstance(answer, str):
                self._journal.unanswered(found.url, Outcome.DEFERRED, answer)
                continue
            is_redirect = answer.outcome is Outcome.REDIRECT
            onward += self._redirected(found, answer) if is_redirect else self._linked(found, answer)
            self._asked += 1
            self._progress(f"crawl {self._plan.source}", self._asked, self._pages + self._media)
        return onward

    def _redirected(self, found: Found, answer: Fetched) -> list[Found]:
        """The next hop, which is asked for (and checked) like any URL; a row where it is not to be followed."""
        target = _location(answer)
        if target is None:
            return []
        onward = Found(url=target, depth=found.depth, hops=found.hops + 1, is_shown=found.is_shown)
        why = url_refusal(target, self._client.hosts)
        if why is None and onward.hops > REDIRECTS:
            why = f"more than {REDIRECTS} redirects in a row"
        if why is None and not self._frontier.holds(onward):
            why = f"{found.url} redirects to a host outside this crawl; add it to the seeds to follow"
        if why:
            self._journal.unanswered(target, Outcome.REFUSED, why)
            return []
        return [onward]

    def _linked(self, found: Found, answer: Fetched) -> list[Found]:
        """What a page links to and shows, within the depth of the plan."""
        if found.is_shown or answer.outcome is not Outcome.FETCHED:
            return []
        named = _links(answer, self._plan.max_bytes)
        pages = named.pages if found.depth < self._plan.max_depth else ()
        shown = [url for kind, url in named.shown if kind in self._plan.media]
        next_ones = [Found(url=url, depth=found.depth + 1) for url in pages]
        return next_ones + [Found(url=url, depth=found.depth + 1, is_shown=True) for url in shown]

    async def _meet(self, founds: Sequence[Found]) -> list[Found]:
        """Read robots.txt and the sitemaps of those origins, all of one host, that are new; the pages the sitemaps name."""
        mapped: list[Found] = []
        for origin in sorted({found.origin for found in founds} - self._manners.keys()):
            self._manners[origin] = await self._introduce(origin)
            mapped += await self._mapped(origin, self._manners[origin])
        return mapped

    async def _introduce(self, origin: str) -> Manners:
        """What the origin's robots.txt asks of us; it may be up to five redirects away, each asked for in its turn."""
        name, url = host(origin) or "", origin + ROBOTS_PATH
        self._frontier.leave(url)
        for _ in range(1 + _ROBOTS_REDIRECTS):
            answer = await self._ask(url, about=name)
            target = _location(answer) if isinstance(answer, Fetched) and answer.outcome is Outcome.REDIRECT else None
            if target is None:
                break
            url = target
        found = manners(answer, self._plan.tokens, self._plan.max_bytes)
        self._turns.slow_down(name, found.delay_s)
        return found

    async def _mapped(self, origin: str, said: Manners) -> list[Found]:
        """The pages in the sitemaps that robots.txt names, as far as both are on the host itself."""
        if said.closed or not self._plan.max_depth:
            return []
        name = host(origin)
        files = [(url, 1) for url in said.file.sitemaps[:_SITEMAPS]]
        pages: list[Found] = []
        for url, level in files:  # which grows by the files of an index
            file = _listed(url, name)
            if file is None or file.origin != origin or said.refusal(file.target) or not self._frontier.leave(file.url):
                continue
            answer = await self._ask(file.url, about=file.host)
            if isinstance(answer, Fetched) and answer.outcome is Outcome.FETCHED:
                sitemap = read_sitemap(_payload(answer, SITEMAP_BYTES))
                more = sitemap.sitemaps[: _SITEMAPS - len(files)] if level < _SITEMAP_LEVELS else ()
                files += [(part, level + 1) for part in more]
                pages += [page for part in sitemap.pages if (page := _listed(part, name))]
        return pages[:MAX_URLS]

    async def _ask(self, url: str, *, about: str) -> Fetched | str:
        """The exchange, in its turn and written down, or why there is none. `about`: the host for whose sake it is made."""
        answer = await self._turns.ask(host(url) or "", url)
        return self._journal.answered(answer, about=about) if isinstance(answer, Fetched) else answer


async def _each_host(
    founds: Sequence[Found], do: Callable[[Sequence[Found]], Coroutine[None, None, list[Found]]]
) -> list[Found]:
    """What `do` gives for the URLs of each host, side by side; in alphabetical order of the hosts."""
    groups: dict[str, list[Found]] = {}
    for found in founds:
        groups.setdefault(found.host, []).append(found)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(do(part)) for _, part in sorted(groups.items())]
    return [found for task in tasks for found in task.result()]


def _listed(url: str, name: str | None) -> Found | None:
    """A URL of a sitemap, where it is on the host of this name."""
    found = absolute(url, None)
    return Found(url=found.partition("#")[0], depth=1) if found and host(found) == name else None


def _location(answer: Fetched) -> str | None:
    """Where a redirect leads, absolute and without fragment; null where it does not say."""
    location = http.header(answer.headers, "location")
    target = absolute(location, answer.url) if location else None
    return target.partition("#")[0] if target else None


def _links(answer: Fetched, cap: int) -> Links:
    page = _payload(answer, cap)
    declared = media_type(http.header(answer.headers, "content-type"), page)
    return links(page, answer.url) if declared in HTML else Links()


def _payload(answer: Fetched, cap: int) -> bytes:
    """The body as its author wrote it; empty where that cannot be had, or only by more than `cap` bytes."""
    is_cut = answer.truncated is not None
    body = codings.decoded(answer.body, answer.headers, cap=cap, is_truncated=is_cut)
    if not body.problem and body.payload.startswith(b"\x1f\x8b"):  # a sitemap.xml.gz, which no header announces
        body = codings.decoded(body.payload, [("content-encoding", "gzip")], cap=cap, is_truncated=is_cut)
    return b"" if body.problem else body.payload
