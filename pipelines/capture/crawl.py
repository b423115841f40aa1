"""A polite crawl of one round: seeds go in, a WARC of everything that was answered comes out, and a row for what was not.

Each host is walked by itself, robots.txt and sitemaps first, shallow pages before deep ones, one request at a time, a pause before
every one; so no host waits for another. What pages say of other hosts is handed over when all have ended, and so on, until nothing
waits. Nothing that was found is lost: what was not asked for is a row, and the first thing the next round asks for.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import IO, Any

import pyarrow as pa

from pipelines.capture.address import NO_HOSTS, Hosts, url_refusal
from pipelines.capture.block import Case
from pipelines.capture.crawl_plan import CrawlPlan
from pipelines.capture.fetch import Client, Fetched
from pipelines.capture.frontier import REDIRECTS, Found, Frontier
from pipelines.capture.introductions import Introductions, location
from pipelines.capture.journal import Journal
from pipelines.capture.known import (
    Known,
    asked_row,
    frontier_table,
    hosts_table,
    revisit_row,
    unasked_row,
)
from pipelines.capture.leads import leads
from pipelines.capture.outcomes import Outcomes, Shown
from pipelines.capture.traps import Variants, trap
from pipelines.capture.turns import Pause, Screen, Turns
from pipelines.capture.uri import absolute, host
from pipelines.capture.warc_write import Refers, write_warcinfo
from pipelines.store import Store
from schemas.capture import Outcome
from schemas.reasons import Reason

# Chosen: seconds after the deadline of an exchange in which its answer is written; then the claim to ask is in doubt.
_WRITING_S = 30.0

Clock = Callable[[], float]
Progress = Callable[[str, int, int], None]  # name, requests made, requests meant


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Where a round is written down while it lasts, and what it knows from the one before.

    `folder`: of its journal in the store; `over`: the path that exists once it is over; `began`: seconds since 1970, of its
    first worker. `bars`: why a URL must not even be asked for; `screen`: what of the answers must not be kept; `shown`: how rows name a URL.
    """

    store: Store
    folder: str
    over: str
    began: float
    known: Known = field(default_factory=Known)
    bars: Callable[[str], Case | None] = lambda url: None
    screen: Screen = lambda answer: answer
    shown: Shown = lambda url, reason: url


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlResult:
    """What is not in the WARC: a CAPTURE row, without payload, for every URL that gave no answer; sorted by URI.

    `frontier`, `hosts`: what the next round should know, in the schemas of `pipelines.capture.known`. `revisited`: archives of earlier
    rounds that revisits of this one refer to. `counts`: exchanges and rows by outcome.
    """

    outcomes: pa.RecordBatch
    frontier: pa.Table
    hosts: pa.Table
    revisited: frozenset[str]
    counts: Mapping[str, int]


def crawl(
    plan: CrawlPlan, out: IO[bytes], *, clock: Clock, at: Round, hosts: Hosts = NO_HOSTS,
    progress: Progress = lambda *_: None,
) -> CrawlResult:  # fmt: skip
    """Crawl by the plan and write the WARC to `out`, hosts in alphabetical order; the rest comes back as rows.

    `clock`: seconds since 1970, for what is written. `hosts`: names with a given (address, port), see `Client`.
    Called from code that runs no event loop. What the journal of the round holds is not asked for again.

    Raises:
        RoundOver: another worker finished the round meanwhile.
    """
    client = Client(
        user_agent=plan.user_agent, clock=clock, hosts=hosts, max_bytes=plan.max_bytes, deadline_s=plan.deadline_s
    )
    about = [
        ("software", "Headwater"), ("format", "WARC File Format 1.1"), ("operator", plan.contact),
        ("isPartOf", plan.source), ("http-header-user-agent", plan.user_agent),
        ("robots", f"obeyed (RFC 9309) for {', '.join(plan.tokens)}"),
    ]  # fmt: skip
    lasts_s = plan.deadline_s + _WRITING_S
    with closing(Journal(at.store, at.folder, clock=clock, lasts_s=lasts_s, over=at.over)) as journal:
        done = asyncio.run(_walked(plan, client, journal, at, progress))
        warcinfo = write_warcinfo(out, about, datetime.fromtimestamp(at.began, UTC))
        places = done.outcomes.write(out, journal, warcinfo)
    rows = [
        row | dict(zip(("archive", "offset", "length"), ("", *places[url]), strict=True))
        if row["payload_sha256"] and not row["archive"]
        else at.known.kept(row)
        for url, row in done.rows.items()
    ]
    revisited = {row["archive"] for row in rows if row["outcome"] == Outcome.REVISIT and row["archive"]}
    return CrawlResult(
        outcomes=done.outcomes.rows(), frontier=frontier_table([*rows, *at.known.unmet(done.rows)]),
        hosts=hosts_table(done.pauses), revisited=frozenset(revisited), counts=dict(sorted(done.outcomes.counts.items())),
    )  # fmt: skip


async def _walked(plan: CrawlPlan, client: Client, journal: Journal, at: Round, progress: Progress) -> "_Crawl":
    """The crawl, with nothing left that waits."""
    done = _Crawl(plan, client, journal, at, progress)
    try:
        await done.run()
    finally:
        done.close()
    return done


@dataclass(slots=True)
class _Share:
    """What one host may still ask for: pages, and pictures and recordings."""

    pages: int
    media: int

    def take(self, found: Found) -> bool:
        """Whether there is room for it; then it is taken."""
        if (self.media if found.is_shown else self.pages) <= 0:
            return False
        self.pages, self.media = self.pages - (not found.is_shown), self.media - found.is_shown
        return True


class _Crawl:
    """A crawl under way. `rows`: of FRONTIER, by URL; `pauses`: at its end, see `Turns.pauses`."""

    def __init__(self, plan: CrawlPlan, client: Client, journal: Journal, at: Round, progress: Progress) -> None:
        self._plan, self._client, self._at, self._progress = plan, client, at, progress
        self.outcomes = Outcomes(source=plan.source, clock=client.clock, shown=at.shown)
        self.rows: dict[str, dict[str, Any]] = {}
        self._barred: set[str] = set()
        self._turns = Turns(
            client, journal, delay_s=plan.delay_s, round_s=plan.round_s, known=at.known.hosts, max_parked=plan.max_parked,
            screen=at.screen,
        )  # fmt: skip
        seeds = sorted({absolute(seed.partition("#")[0], None) or "" for seed in plan.seeds})
        self._frontier = Frontier(None if plan.is_list else plan.hosts or [host(seed) or "" for seed in seeds])
        self._introductions = Introductions(plan, self._turns, self._frontier, self._ask_for_site)
        left = [] if plan.is_list else at.known.left()
        for found in [*left, *(Found(url=seed, depth=0, is_meant=True) for seed in seeds)]:
            self._frontier.add(found)
        self._variants = Variants(plan.max_variants)
        self._left = _Share(pages=plan.max_pages, media=plan.max_media)
        self._asked = 0
        self.pauses: dict[str, tuple[Pause, int, int]] = {}

    async def run(self) -> None:
        """Walk after walk, until nothing waits: what is over the budget becomes a row when the budget is spent."""
        over: list[Found] = []
        while groups := self._grouped([*over, *self._frontier.take()]):
            shares = self._shares(groups)
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._walk(groups[name], shares[name])) for name in groups]
            over = [found for task in tasks for found in task.result()[1]]
            for task in tasks:
                for found in task.result()[0]:
                    self._frontier.add(found)
            self._left = _Share(
                pages=self._left.pages + sum(share.pages for share in shares.values()),
                media=self._left.media + sum(share.media for share in shares.values()),
            )
            over = [found for found in over if self._has_room(found) or self._spent(found)]
        self.pauses = self._turns.pauses()

    def close(self) -> None:
        """End the connections that are still open."""
        self._turns.close()

    def _grouped(self, founds: Sequence[Found]) -> dict[str, list[Found]]:
        groups: dict[str, list[Found]] = {}
        for found in founds:
            groups.setdefault(found.host, []).append(found)
        return dict(sorted(groups.items()))

    def _shares(self, groups: Mapping[str, Sequence[Found]]) -> dict[str, _Share]:
        """The budget in equal parts, taken out of what is left; who comes first in the alphabet has one more."""
        count, left = len(groups), self._left
        shares = {
            name: _Share(
                pages=left.pages // count + (number < left.pages % count),
                media=left.media // count + (number < left.media % count),
            )
            for number, name in enumerate(groups)
        }
        self._left = _Share(pages=0, media=0)
        return shares

    def _has_room(self, found: Found) -> bool:
        return (self._left.media if found.is_shown else self._left.pages) > 0

    def _spent(self, found: Found) -> bool:
        """Note a URL that is over the budget; false."""
        plan = self._plan
        most = f"{plan.max_media} pictures and recordings" if found.is_shown else f"{plan.max_pages} pages"
        self._unasked(found, Outcome.DEFERRED, f"over the budget of {most}")
        return False

    async def _walk(self, founds: Sequence[Found], share: _Share) -> tuple[list[Found], list[Found]]:
        """Ask for these URLs of one host and for where they lead on it; where they lead elsewhere, and what is over the share."""
        onward: list[Found] = []
        over: list[Found] = []
        level = list(founds)
        while level := [found for found in level if self._is_askable(found)]:
            led = await self._introductions.meet(level) if share.pages > 0 or share.media > 0 else []
            hops: list[asyncio.Task[list[Found]]] = []
            async with asyncio.TaskGroup() as group:
                for found in level:
                    leads_to = await self._offered(found, share, over)
                    if self._plan.is_list:  # where it leads may be slow, and is not waited for
                        hops.append(group.create_task(self._followed(leads_to, share, over)))
                    else:
                        led += leads_to
            led += [found for task in hops for found in task.result()]
            onward += [found for found in led if found.host != founds[0].host]
            level = self._frontier.fresh([found for found in led if found.host == founds[0].host])
        return onward, over

    async def _offered(self, found: Found, share: _Share, over: list[Found]) -> list[Found]:
        """Ask for one URL, unless it is barred or over the share; where it leads."""
        barred = self._introductions.refusal(found) if self._introductions.knows(found) else None
        if barred:
            self._unasked(found, *barred)
        elif share.take(found):
            return await self._visit(found)
        else:
            over.append(found)
        return []

    async def _followed(self, led: Sequence[Found], share: _Share, over: list[Found]) -> list[Found]:
        """Follow the redirects of a list at once, onto whatever host: none waits until all hosts are done. The rest comes back."""
        rest: list[Found] = []
        for found in (hops := list(led)):  # which grows by the next hops
            if not found.hops:
                rest.append(found)
            elif self._frontier.leave(found.url) and self._is_askable(found):
                await self._introductions.meet([found])
                hops += await self._offered(found, share, over)
        return rest

    def _is_askable(self, found: Found) -> bool:
        if self._is_barred(found.url):
            return False
        if why := url_refusal(found.url, self._client.hosts):
            self._unasked(found, Outcome.REFUSED, why)
        elif why := self._trap(found):
            self._unasked(found, Outcome.REFUSED, why, reason=Reason.URL_TRAP)
        else:
            return True
        return False

    def _is_barred(self, url: str) -> bool:
        """Whether a URL must not even be asked for; then a row says so, and no later round is to know of it."""
        case = self._at.bars(url)
        if case and url not in self._barred:
            self._barred.add(url)
            self.outcomes.unanswered(url, Outcome.REFUSED, case.why, reason=case.reason)
        return case is not None

    def _trap(self, found: Found) -> str | None:
        """Why a URL leads to others without end; never one that somebody listed, or that an earlier round let pass."""
        if self._plan.is_list:
            return None
        many = None if found.is_shown else self._variants.refusal(found.url)  # those that pass count as well
        return None if found.is_meant or found.is_left else trap(found.url) or many

    def _unasked(self, found: Found, outcome: Outcome, why: str, *, reason: Reason | None = None) -> None:
        self.outcomes.unanswered(found.url, outcome, why, reason=reason)
        self.rows.setdefault(found.url, unasked_row(found, outcome, why))

    async def _visit(self, found: Found) -> list[Found]:
        """Ask for one URL; where it leads."""
        known = self._at.known
        answer = await self._turns.ask(found.host, found.url, conditions=known.conditions(found.url))
        if isinstance(answer, str):
            self._unasked(found, Outcome.DEFERRED, answer)
            return []
        row, held = asked_row(found, answer), known.held(found.url)
        is_same = held is not None and known.is_same(answer)
        refers = (
            Refers(url=held["url"], at=held["payload_at"], payload_sha256=held["payload_sha256"])
            if held and is_same
            else None
        )
        if answer.reason is not Reason.TAKEN_DOWN:
            self.rows[found.url] = revisit_row(row, held) if held is not None and is_same else row
        self.outcomes.answered(answer, about=found.host, refers=refers)
        self._asked += 1
        self._progress(f"crawl {self._plan.source}", self._asked, self._asked + self._frontier.waiting)
        if answer.outcome is Outcome.REDIRECT:
            return self._redirected(found, answer)
        return self._linked(found, answer)

    def _redirected(self, found: Found, answer: Fetched) -> list[Found]:
        """The next hop, which is asked for (and checked) like any URL; a row where it is not to be followed."""
        target = location(answer)
        if target is None or self._is_barred(target):
            return []
        onward = replace(found, url=target, hops=found.hops + 1, is_meant=False, is_left=False)
        why = url_refusal(target, self._client.hosts)
        if why is None and onward.hops > REDIRECTS:
            why = f"more than {REDIRECTS} redirects in a row"
        if why is None and not self._frontier.holds(onward):
            why = f"{found.url} redirects to a host outside this crawl; add it to the seeds to follow"
        if why:
            self._unasked(onward, Outcome.REFUSED, why)
            return []
        return [onward]

    def _linked(self, found: Found, answer: Fetched) -> list[Found]:
        """What a page links to and shows, within the depth of the plan; of an unchanged page, what the held one does."""
        if found.is_shown or answer.outcome not in (Outcome.FETCHED, Outcome.REVISIT):
            return []
        held = self._at.known.record(self._at.store, found.url) if answer.outcome is Outcome.REVISIT else None
        named = leads(held or answer, self._plan.max_bytes)
        pages = named.pages if found.depth < self._plan.max_depth else ()
        shown = [url for kind, url in named.shown if kind in self._plan.media]
        next_ones = [Found(url=url, depth=found.depth + 1) for url in pages]
        return next_ones + [Found(url=url, depth=found.depth + 1, is_shown=True) for url in shown]

    async def _ask_for_site(self, url: str, about: str) -> Fetched | str:
        """A robots.txt or sitemap, in its turn and written down, or why there is none."""
        if self._is_barred(url):
            return "a request covers its address"
        answer = await self._turns.ask(host(url) or "", url, is_robots=True)
        if isinstance(answer, Fetched):
            self.outcomes.answered(answer, about=about)
        return answer
