"""What sites say today of what a release holds: they are visited again, politely, and judged as the run judged them.

In: the ledger. Out: a finding a page that may not be used any more, with what says so; and as evidence in a commit of the ledger, which
the next run takes in. Nothing of the pages themselves is kept.
"""

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from pipelines import recipe as recipes
from pipelines.audit.open import Ledger
from pipelines.capture.archive import ROBOTS_PATH, capture_archive
from pipelines.capture.crawl import Round, crawl
from pipelines.capture.crawl_plan import CrawlPlan
from pipelines.capture.frontier import REDIRECTS, same
from pipelines.capture.live import unanswered
from pipelines.capture.uri import absolute, origin
from pipelines.ledger.log import Log
from pipelines.receipt import Receipt
from pipelines.rechecks import SUBJECT, keep
from pipelines.recipe import Recipe, Source
from pipelines.rights.evidence import excerpt
from pipelines.rights.judge import bars
from pipelines.rights.site_file import ASKED_PATHS
from pipelines.rights.weighed import Bar, Evidence
from pipelines.runner import Progress, quiet
from pipelines.site import Site
from pipelines.store import Store
from schemas.capture import CAPTURE, Outcome
from schemas.digest import digest, sha256
from schemas.reasons import Reason
from schemas.rights import LICENCE, RIGHTS, ROBOTS, RightsVerdict, Usage
from schemas.run import HOLDING

PAGES = (
    5  # Chosen: of an origin; what a site says of all its pages stands in its files, which are asked for whatever it is
)
# Where the published items come from: the pages, pictures and recordings, and the pages that say what they show.
_PLACED = (
    "WITH places AS (SELECT DISTINCT item_id FROM placement), items AS (SELECT DISTINCT item_id, capture_id, text_capture_id FROM item"
    " JOIN places USING (item_id)), used AS (SELECT item_id, capture_id FROM items UNION SELECT item_id, text_capture_id FROM items"
    " WHERE text_capture_id IS NOT NULL) SELECT capture_id, any_value(source) AS source, any_value(uri) AS uri, count(DISTINCT item_id)"
    " AS items FROM used JOIN (SELECT DISTINCT capture_id, source, uri FROM capture) USING (capture_id)"
    " WHERE uri LIKE 'http://%' OR uri LIKE 'https://%' GROUP BY capture_id ORDER BY uri, capture_id"
)

_Row = Mapping[str, Any]


class Finding(NamedTuple):
    """One page that may not be used today. `state`: reserved, or unreadable: nobody can tell what the site wants.

    `items`: published ones that stand on it. `mechanism`, `detail`: what says so, and in which words. `evidence_sha256`: of the bytes
    that hold it; null where nothing answered.
    """

    state: str
    source: str
    uri: str
    capture_id: bytes
    items: int
    reason: str
    mechanism: str
    detail: str
    evidence_sha256: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recheck:
    """What a visit came to. `pages`: captures of the release that have a URL; `visited`: pages asked for; `gone`: of those, 404 or 410.

    `commit`: the number of the commit that holds what is reserved; null where nothing is.
    """

    release: str
    run: str
    commit: int | None
    origins: int
    pages: int
    visited: int
    gone: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def reserved(self) -> tuple[Finding, ...]:
        """The findings that reserve: what was allowed or unknown, and is not any more."""
        return tuple(one for one in self.findings if one.state == "reserved")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answers:
    """What the sites of one source answered. `captures`: the last of each URL, behind redirects, by the URL asked for."""

    captures: Mapping[str, Sequence[_Row]]
    rights: pa.Table
    robots: pa.Table


def recheck(
    site: Site, *, release: str | None = None, pages: int = PAGES, delay_s: float | None = None,
    clock: Callable[[], float] = time.time, progress: Progress = quiet,
) -> Recheck:  # fmt: skip
    """Visit the sites of a release (null: the last one) again. `pages`: of each origin that are asked for; 0: all.

    `delay_s`: between requests to a host; null: as each source's crawl has it. Robots rules are obeyed; the pages that are not asked
    for are judged by the files of their site alone.

    Raises:
        NotFound: nothing was committed, or there is no such release.
    """
    ledger = Ledger.open(site.store)
    with ledger if release is None else ledger.of_release(release) as opened:
        (run,) = opened.db.rows("SELECT run, release, recipe_toml FROM run ORDER BY ended_at DESC LIMIT 1")
        placed = opened.db.rows(_PLACED)
    recipe = recipes.loads(run["recipe_toml"], base=Path())
    findings: list[Finding] = []
    gone: list[str] = []
    kept: list[Receipt | None] = []
    visited = 0
    for source in recipe.sources:
        mine = [row for row in placed if row["source"] == source.card.name]
        asked = _sample([row["uri"] for row in mine], pages)
        if not asked:
            continue
        answers = _asked(site, source, asked, delay_s, clock, progress)
        found = list(_findings(recipe, mine, answers))
        kept.append(keep(site.store, source.card.name, [_row(one, clock) for one in found if one.state == "reserved"]))
        findings += found
        visited += len(asked)
        gone += [
            uri for uri in asked for row in answers.captures[uri][-1:] if row["outcome"] == Outcome.NOT_FOUND.value
        ]
    return Recheck(
        release=run["release"] or "", run=run["run"], commit=_committed(site.store, run["run"], kept, clock), pages=len(placed),
        visited=visited, gone=tuple(gone),
        origins=len({origin(row["uri"]) for row in placed}), findings=tuple(findings),
    )  # fmt: skip


def _committed(store: Store, run: str, kept: Sequence[Receipt | None], clock: Callable[[], float]) -> int | None:
    """The number of the commit that adds what was found to the last one; null where nothing was.

    Raises:
        CommitConflict: other writers were faster, again and again; the next run takes it in all the same.
    """
    parts = [one.part("rights") for one in kept if one]
    if not parts:
        return None
    what = f"rights found by a later visit to what {run} published"
    rows = [{"store": part.path, "kind": "room", "what": what} for part in parts]
    name = f"recheck-{digest('recheck', [part.sha256 for part in parts]).hex()[:12]}"
    return Log(store).append(
        name, None, [*parts, store.publish("holding", pa.Table.from_pylist(rows, schema=HOLDING))],
        of_head=lambda head: head.files if head else (), note=what, time=datetime.fromtimestamp(clock(), UTC),
    ).seq  # fmt: skip


def _sample(uris: Sequence[str], pages: int) -> list[str]:
    """Up to so many URLs of each origin, which ones decided by their digest; sorted."""
    groups: dict[str | None, list[str]] = {}
    for uri in sorted(set(uris), key=lambda uri: sha256(uri.encode())):
        groups.setdefault(origin(uri), []).append(uri)
    return sorted(uri for group in groups.values() for uri in (group[:pages] if pages else group))


def _asked(
    site: Site, source: Source, uris: Sequence[str], delay_s: float | None, clock: Callable[[], float], progress: Progress
) -> _Answers:  # fmt: skip
    """Ask for these pages, their robots.txt and site files. The archive of the answers is gone afterwards."""
    options = source.crawl
    plan = CrawlPlan(
        source=source.card.name, contact=source.card.contact, seeds=tuple(uris), is_list=True, max_depth=0,
        max_pages=len(uris) * (1 + REDIRECTS), delay_s=options.delay_s if delay_s is None else delay_s,
        round_s=options.round_s, max_bytes=options.max_bytes, site_files=ASKED_PATHS,
    )  # fmt: skip
    with tempfile.NamedTemporaryFile(suffix=".warc.gz") as file, tempfile.TemporaryDirectory() as folder:
        at = Round(store=Store(root=folder), folder="hosts", over="over", began=clock())
        silent = crawl(plan, file, clock=clock, at=at, hosts=site.host_overrides, progress=progress).outcomes
        file.flush()
        batches = list(capture_archive(Path(file.name), source=source.card.name, stored_uri=""))
    rows = {same(row["uri"]): row for row in silent.to_pylist()}
    rows |= {same(row["uri"]): row for batch in batches for row in batch.captures.to_pylist() if row["uri"]}
    robots = [row for batch in batches for row in batch.robots.to_pylist()]
    robots += [_silent_robots(row) for row in silent.to_pylist() if _is_silent_robots(row)]
    rights = pa.Table.from_batches([batch.rights for batch in batches], schema=RIGHTS)
    return _Answers(
        captures={uri: _way(rows, uri) for uri in uris},
        rights=pa.concat_tables([rights, unanswered(silent)]),
        robots=pa.Table.from_pylist(robots, schema=ROBOTS),
    )


def _way(rows: Mapping[str, _Row], uri: str) -> list[_Row]:
    """The captures that asking for this URL gave, from itself to the last behind redirects; empty where there is none."""
    way: list[_Row] = []
    place: str | None = absolute(uri, None)
    for _ in range(1 + REDIRECTS):
        row = rows.get(same(place)) if place else None
        if row is None or row in way:
            break
        way.append(row)
        location = dict(row["headers"] or []).get("location")
        place = absolute(location, row["uri"]) if location and row["outcome"] == Outcome.REDIRECT.value else None
    return way


def _is_silent_robots(row: _Row) -> bool:
    return row["uri"].endswith(ROBOTS_PATH) and row["outcome"] in (Outcome.UNREACHABLE.value, Outcome.TIMEOUT.value)


def _silent_robots(row: _Row) -> dict[str, Any]:
    """The ROBOTS row of a site that did not answer."""
    return {
        "capture_id": row["capture_id"], "origin": origin(row["uri"]), "fetched_at": row["fetched_at"], "status": None,
        "location": None, "body": b"", "body_sha256": sha256(b""),
    }  # fmt: skip


def _findings(recipe: Recipe, placed: Sequence[_Row], answers: _Answers) -> list[Finding]:
    """The pages of one source that the recipe's judge of rights would bar today, in order of their URL."""
    captures = [
        {"capture_id": row["capture_id"], "source": row["source"], "outcome": Outcome.FETCHED.value, "uri": row["uri"],
         "headers": [], "record_type": "response"}
        for row in placed
    ]  # fmt: skip
    by_capture: dict[bytes, list[_Row]] = {}
    wide: list[_Row] = []
    for said in answers.rights.to_pylist():
        wide += [said] if said["subject_kind"] == "origin" else []
        by_capture.setdefault(said["capture_id"], []).append(said)
    own = [
        {**said, "capture_id": row["capture_id"]}
        for row in placed
        for step in answers.captures.get(row["uri"], ())
        for said in by_capture.get(step["capture_id"], ())
        if said["subject_kind"] == "capture"
    ]
    rights = pa.Table.from_pylist([*own, *wide], schema=RIGHTS)
    evidence = Evidence(
        captures=pa.Table.from_pylist(captures, schema=CAPTURE), rights=rights, licences=LICENCE.empty_table(),
        robots=answers.robots, card_licences={},
    )  # fmt: skip
    ids = pa.array([row["capture_id"] for row in placed], RIGHTS.field("capture_id").type)
    barred = bars(recipe.rights, ids, evidence)
    digests = {(row["mechanism"], row["locator"], row["excerpt"]): row["evidence_sha256"] for row in [*own, *wide]}
    files = {row["origin"]: row["body_sha256"] for row in answers.robots.to_pylist()}
    return [
        Finding(
            state="unreadable" if _is_unreadable(bar) else "reserved", source=row["source"], uri=row["uri"],
            capture_id=row["capture_id"], items=row["items"], reason=bar.reason.value, mechanism=bar.mechanism, detail=bar.detail,
            evidence_sha256=digests.get(bar.said) or files.get(origin(row["uri"]) or ""),
        )
        for row in placed
        if (bar := barred.get(row["capture_id"]))
    ]  # fmt: skip


def _is_unreadable(bar: Bar) -> bool:
    """Whether a site says nothing that can be read: it may have a bad day, so that nothing is concluded from it."""
    return bar.reason is Reason.ROBOTS_UNREACHABLE or bar.verdict == RightsVerdict.ERROR


def _row(one: Finding, clock: Callable[[], float]) -> dict[str, Any]:
    """The RIGHTS row of a finding: evidence about the capture that the release stands on."""
    return {
        "capture_id": one.capture_id, "subject_kind": SUBJECT, "subject": None, "mechanism": one.mechanism, "usage": Usage.ALL.value,
        "verdict": RightsVerdict.DISALLOW.value, "agent": None, "locator": SUBJECT, "excerpt": excerpt(one.detail),
        "evidence_sha256": one.evidence_sha256 or sha256(b""), "observed_at": int(clock() * 1e6),
    }  # fmt: skip
