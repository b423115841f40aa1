"""A small polite crawl of named sites: breadth first, hosts side by side, one request at a time per host, robots.txt obeyed.

The delay is waited before every page request, the first included, so that a crawl that is started again stays polite.
What was not fetched comes back as an outcome, never as nothing.
"""

import asyncio
import io
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import ada_url
import pyarrow as pa

from pipelines.capture.address import Hosts
from pipelines.capture.codings import decoded
from pipelines.capture.fetch import Client, Fetched, fetch
from pipelines.capture.http import header
from pipelines.capture.links import links
from pipelines.capture.sitemap import read_sitemap
from pipelines.capture.uri import host as host_of
from pipelines.capture.uri import uri_key
from pipelines.capture.warc_write import write_exchange, write_warcinfo
from pipelines.rights.robots import RobotsFile, StatusRule, status_rule
from schemas.capture import CAPTURE, Outcome, capture_id
from schemas.digest import sha256

# Source: RFC 9309, section 2.3.1.2: at least five redirects are followed.
ROBOTS_HOPS = 5
# Chosen: longer waits than this end the host's round; its URLs come back as deferred.
LONGEST_WAIT_S = 60.0
# Chosen: links are sought in so much of a page, decoded; the client caps what is sent, this what it grows to.
MAX_PAGE_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlPlan:
    """What to crawl and how. Only hosts of the seeds are visited. `token`: our name in robots.txt."""

    source: str
    seeds: tuple[str, ...]
    token: str
    contact: str
    max_pages: int
    max_depth: int
    delay_s: float
    round_s: float
    max_bytes: int

    @property
    def agent(self) -> str:
        """The User-Agent: who we are and whom to write to."""
        return f"{self.token}/0.1 (corpus crawl; contact: {self.contact})"


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlResult:
    """The WARC of everything that gave bytes, and the outcomes (`CAPTURE`) of everything that gave none."""

    warc: bytes
    outcomes: pa.Table


@dataclass(slots=True, kw_only=True)
class _Host:
    """One host's frontier. `waiting`: (depth, URL) still to fetch; `seen`: all URLs ever put there."""

    name: str
    waiting: list[tuple[int, str]]
    seen: set[str]
    robots: RobotsFile | None = None
    fetched: list[Fetched] = field(default_factory=list)
    pages: int = 0


def crawl(
    plan: CrawlPlan, *, clock: Callable[[], float], hosts: Hosts, progress: Callable[[int], None] | None = None
) -> CrawlResult:
    """Crawl the plan's sites and give what came of it, in an order that depends on the sites alone."""
    started = clock()
    found = asyncio.run(_crawl(plan, clock, hosts, progress or (lambda pages: None)))
    info = [
        ("software", "Headwater"), ("format", "WARC File Format 1.1"), ("robots", "obey RFC 9309"),
        ("http-header-user-agent", plan.agent), ("operator", plan.contact),
    ]  # fmt: skip
    warc = io.BytesIO()
    name = write_warcinfo(warc, info, datetime.fromtimestamp(started, UTC))
    everything = [fetched for one in found for fetched in one.fetched]
    for fetched in everything:
        if fetched.status is not None:
            write_exchange(warc, fetched, name)
    rows = [_row(plan.source, fetched) for fetched in everything if fetched.status is None]
    return CrawlResult(warc=warc.getvalue(), outcomes=pa.Table.from_pylist(rows, schema=CAPTURE))


async def _crawl(
    plan: CrawlPlan, clock: Callable[[], float], hosts: Hosts, progress: Callable[[int], None]
) -> list[_Host]:
    frontier: dict[str, _Host] = {}
    for seed in sorted(plan.seeds):
        url = str(ada_url.URL(seed).href)
        name = ada_url.URL(url).host
        one = frontier.setdefault(name, _Host(name=name, waiting=[], seen=set()))
        if url not in one.seen:
            one.seen.add(url)
            one.waiting.append((0, url))
    budget = max(1, plan.max_pages // len(frontier))
    ends = time.monotonic() + plan.round_s

    def done() -> None:
        progress(sum(one.pages for one in frontier.values()))

    client = Client(user_agent=plan.agent, clock=clock, hosts=hosts, max_bytes=plan.max_bytes)
    await asyncio.gather(*(_visit(one, plan, client, budget, ends, done) for one in frontier.values()))
    return [frontier[name] for name in sorted(frontier)]


async def _visit(
    one: _Host, plan: CrawlPlan, client: Client, budget: int, ends: float, done: Callable[[], None]
) -> None:
    """Take one host from its robots.txt to the end of its frontier, budget or time."""
    scheme = ada_url.URL(one.waiting[0][1]).protocol
    if not await _read_robots(one, f"{scheme}//{one.name}", plan, client):
        return _leave(one, client, "robots.txt did not answer as it should: read as a ban")
    delay = max(plan.delay_s, (one.robots.crawl_delay(plan.token) or 0.0) if one.robots else 0.0)
    while one.waiting and one.pages < budget and time.monotonic() < ends:
        one.waiting.sort()
        depth, url = one.waiting.pop(0)
        if barred := _barred(one, url, plan):
            one.fetched.append(_none(url, Outcome.REFUSED, client, barred))
            continue
        await asyncio.sleep(delay)
        found = await fetch(url, client)
        one.fetched.append(found)
        one.pages += 1
        done()
        wait = _retry_after(found)
        if wait > LONGEST_WAIT_S:
            break
        await asyncio.sleep(wait)
        if depth < plan.max_depth:
            _extend(one, depth + 1, _targets(found))
    _leave(one, client, "budget or time of this round ran out")


async def _read_robots(one: _Host, origin: str, plan: CrawlPlan, client: Client) -> bool:
    """Fetch robots.txt and its sitemaps; whether the host may be visited at all."""
    url = f"{origin}/robots.txt"
    for _ in range(ROBOTS_HOPS + 1):
        found = await fetch(url, client)
        one.fetched.append(found)
        location = header(found.headers, "location")
        if found.outcome is not Outcome.REDIRECT or not location:
            break
        url = str(ada_url.URL(location, base=url).href)
    rule = status_rule(found.status)
    if rule is StatusRule.DISALLOW:
        return False
    if rule is StatusRule.PARSE:
        one.robots = RobotsFile.parse(found.body)
        for sitemap in sorted(one.robots.sitemaps)[:10]:
            if ada_url.URL(sitemap).host == one.name:
                await asyncio.sleep(plan.delay_s)
                listed = await fetch(sitemap, client)
                one.seen.add(sitemap)
                one.fetched.append(listed)
                _extend(one, 1, list(read_sitemap(listed.body).pages))
    return True


def _barred(one: _Host, url: str, plan: CrawlPlan) -> str | None:
    if one.robots is None:
        return None
    parsed = ada_url.URL(url)
    verdict = one.robots.verdict(plan.token, parsed.pathname + parsed.search)
    return None if verdict.allowed else f'robots.txt line {verdict.line}: "{verdict.rule}"'


def _targets(found: Fetched) -> list[str]:
    if location := header(found.headers, "location"):
        return [str(ada_url.URL(location, base=found.url).href)]
    if "html" not in (header(found.headers, "content-type") or ""):
        return []
    page = decoded(found.body, found.headers, cap=MAX_PAGE_BYTES, is_truncated=found.truncated is not None)
    return list(links(page.payload, found.url).pages)


def _extend(one: _Host, depth: int, urls: list[str]) -> None:
    for url in urls:
        if url not in one.seen and ada_url.URL(url).host == one.name:
            one.seen.add(url)
            one.waiting.append((depth, url))


def _leave(one: _Host, client: Client, why: str) -> None:
    """What was not fetched is deferred: it stands in the ledger and can be asked for."""
    one.fetched += [_none(url, Outcome.DEFERRED, client, why) for _, url in sorted(one.waiting)]
    one.waiting.clear()


def _none(url: str, outcome: Outcome, client: Client, detail: str) -> Fetched:
    return Fetched(url=url, outcome=outcome, fetched_at=datetime.fromtimestamp(client.clock(), UTC), detail=detail)


def _retry_after(found: Fetched) -> float:
    """Seconds to wait before the host's next request, where the server asks for it with 429 or 503."""
    asked = header(found.headers, "retry-after") or ""
    if found.status not in (429, 503) or not asked:
        return 0.0
    return float(asked) if asked.isascii() and asked.isdigit() else LONGEST_WAIT_S + 1


def _row(source: str, found: Fetched) -> dict[str, object]:
    return {
        "capture_id": capture_id(source=source, uri=found.url, fetched_at=found.fetched_at, record_type="fetch", record_id=None,
                                 payload_sha256=sha256(b"")),
        "source": source, "outcome": found.outcome.value, "detail": found.detail, "uri": found.url, "uri_key": uri_key(found.url),
        "host": host_of(found.url), "fetched_at": found.fetched_at, "headers": [], "record_type": "fetch",
    }  # fmt: skip
