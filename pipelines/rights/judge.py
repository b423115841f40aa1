"""The judge of rights: evidence in, one decision an item out. It runs before every other judge, and its drops win.

Per item, in this order: what its own capture says (headers, meta tags), what the site says (tdmrep.json, Content-Usage
and Content-Signal in robots.txt), robots.txt as of the fetch for every agent the recipe counts, then the licence. What
was not recorded is unknown and keeps; what was said and cannot be read counts as a reservation.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.rights.licences import LicenceHit, conclude
from pipelines.rights.lookup import OF_PAGES, Page, RobotsRow, SiteFiles, SiteRow, pages, site_files
from pipelines.rights.policy import Policy
from pipelines.rights.robots import PathPattern, RobotsFile, StatusRule, status_rule
from pipelines.rights.spdx import LicenceClass, licence_class, strictest
from pipelines.stage import Decisions, Shape, Stage, decisions
from pipelines.suppression import Suppression
from schemas.decision import Verdict
from schemas.digest import digest, sha256
from schemas.item import ID
from schemas.reasons import Reason
from schemas.rights import RESERVES, Mechanism, RightsVerdict, Usage


class Bar(NamedTuple):
    """Why a capture or item may not be used, the detail of the decision, and of a statement what it was."""

    reason: Reason
    detail: str
    mechanism: str = ""
    verdict: str = RightsVerdict.DISALLOW.value
    said: tuple[str, str, str] = ("", "", "")  # mechanism, locator and excerpt: which row of RIGHTS


# Reasons of statements that a capture makes about itself, and that a later visit found; site-wide ones are SITE_OPT_OUT.
_OWN_REASONS = {
    Mechanism.HTTP_CONTENT_USAGE: Reason.HEADER_OPT_OUT,
    Mechanism.HTTP_X_ROBOTS: Reason.HEADER_OPT_OUT,
    Mechanism.HTTP_TDM: Reason.HEADER_OPT_OUT,
    Mechanism.HTTP_CONTENT_SIGNAL: Reason.HEADER_OPT_OUT,
    Mechanism.HTTP_LINK_RSL: Reason.HEADER_OPT_OUT,
    Mechanism.XMP_PLUS_DATAMINING: Reason.FILE_OPT_OUT,
    Mechanism.XMP_TDM: Reason.FILE_OPT_OUT,
    Mechanism.EPUB_TDM: Reason.FILE_OPT_OUT,
    Mechanism.CAWG_TRAINING_MINING: Reason.FILE_OPT_OUT,
    Mechanism.C2PA_TRAINING_MINING: Reason.FILE_OPT_OUT,
    Mechanism.ROBOTS_PATH: Reason.ROBOTS_DISALLOWED,
    Mechanism.REQUEST: Reason.TAKEN_DOWN,
    Mechanism.WELLKNOWN_TDMREP: Reason.SITE_OPT_OUT,
    Mechanism.AI_TXT: Reason.SITE_OPT_OUT,
    Mechanism.ROBOTS_CONTENT_USAGE: Reason.SITE_OPT_OUT,
    Mechanism.ROBOTS_CONTENT_SIGNAL: Reason.SITE_OPT_OUT,
    Mechanism.ROBOTS_LICENSE_RSL: Reason.SITE_OPT_OUT,
}
OWN_KINDS = ("capture", "recheck")  # of subjects: the capture itself, as it was fetched and as a later visit found it
_IN_ROBOTS = (Mechanism.ROBOTS_CONTENT_USAGE, Mechanism.ROBOTS_CONTENT_SIGNAL, Mechanism.ROBOTS_LICENSE_RSL)
_RESERVES = tuple(verdict.value for verdict in RESERVES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the judge may look at: tables CAPTURE, RIGHTS, LICENCE and ROBOTS, and the licences of the source cards.

    `captures` need hold only those of the items and of their texts, `licences` those of the items; `rights` these and the site-wide rows of all captures;
    `robots` those of all captures, so that a robots.txt counts wherever it was captured. `taken_down`: what requests took out.
    """

    captures: pa.Table
    rights: pa.Table
    licences: pa.Table
    robots: pa.Table
    card_licences: Mapping[str, str | None]
    taken_down: Suppression | None = None


def rights_stage(policy: Policy, agents: tuple[str, ...]) -> Stage:
    """The judge of rights under this policy, for these agents; its parameters hold all that decides."""
    return Stage(
        name="rights",
        version=4,
        shape=Shape.JUDGE,
        fn=judge_rights,
        parameters=(
            ("policy", policy.name),
            ("agents", tuple(agents)),
            ("allowed", tuple(member.value for member in policy.allowed)),
            ("usages", tuple(usage.value for usage in policy.usages)),
        ),
    )


def judge_rights(stage: Stage, items: pa.RecordBatch, evidence: Evidence) -> pa.RecordBatch:
    """One decision an item, in input order: `drop` by the first bar found, else `keep`. Schema DECISION."""
    rules = _Rules.of(stage)
    found = decisions(items.column("item_id"), stage.name)
    _drop(found, _taken_down(items, evidence))
    bars = _bars(rules, looked_up(items), evidence)
    _drop(found, [bars.get(key) for key in items.column("capture_id").to_pylist()])
    # Whoever says an item's text has a say in its use: the most restrictive evidence wins.
    _drop(found, [bars.get(key) for key in items.column("text_capture_id").to_pylist()])
    if not set(LicenceClass) <= set(rules.allowed):
        _drop(found, _licence_bars(rules, items, evidence))
    return found.batch()


def _taken_down(items: pa.RecordBatch, evidence: Evidence) -> list[Bar | None]:
    """Why items are barred that a request covers: by their content, or by the address of their capture."""
    gone = evidence.taken_down
    if gone is None:
        return [None] * len(items)
    named = zip(*(evidence.captures.column(name).to_pylist() for name in ("capture_id", "uri")), strict=True)
    covered = {capture for capture, uri in named if gone.has_uri(uri)}
    bar = Bar(Reason.TAKEN_DOWN, "a request covers it")
    columns = (items.column(name).to_pylist() for name in ("capture_id", "text_capture_id", "content_sha256"))
    return [
        bar if capture in covered or said_by in covered or gone.has_content(content) else None
        for capture, said_by, content in zip(*columns, strict=True)
    ]


def looked_up(items: pa.RecordBatch) -> pa.Array:
    """ID[k]: the captures whose evidence these items look up, each once: their own, and those their texts come from."""
    both = [items.column(name).cast(ID).drop_null() for name in ("capture_id", "text_capture_id")]
    return pa.concat_arrays(both).unique()


def evidence_key(items: pa.RecordBatch, evidence: Evidence) -> bytes:
    """The digest of exactly the evidence these items look up under any policy, whatever the order of rows and items.

    A robots.txt captured later, or of another site, leaves it as it is.
    """
    ids = looked_up(items)
    found = pages(ids, evidence.captures)
    files = site_files(found, evidence.rights, evidence.robots)
    own = _of_captures(evidence.rights, ids)
    rows: set[str] = {_row("page", page.capture_id, page.origin, page.path, page.at) for page in found}
    rows |= {_row("own", *values) for values in _values(own.filter(_is_own(own)))}
    rows |= {_row("licence", *values) for values in _values(_of_captures(evidence.licences, ids))}
    for page in found:
        rows |= {_row("robots", r.origin, r.at, r.status, r.location, r.body_sha256) for r in files.robots_of(page)}
        rows |= {_row("site", page.origin, *_fields(row)) for row in files.statements_of(page)}
    barred = zip(items.column("item_id").to_pylist(), _taken_down(items, evidence), strict=True)
    rows |= {_row("taken_down", item) for item, bar in barred if bar}
    rows |= {
        _row("card", source, evidence.card_licences.get(source))
        for source in items.column("source").unique().to_pylist()
    }
    return digest("evidence", sha256("\n".join(sorted(rows)).encode()))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rules:
    """The parameters of the stage, in the form the judge compares with."""

    policy: str
    agents: tuple[str, ...]
    allowed: tuple[LicenceClass, ...]
    usages: tuple[Usage, ...]

    @classmethod
    def of(cls, stage: Stage) -> "_Rules":
        settings: Mapping[str, tuple[str, ...]] = stage.settings  # type: ignore[assignment]
        return cls(
            policy=str(settings["policy"]),
            agents=tuple(settings["agents"]),
            allowed=tuple(LicenceClass(name) for name in settings["allowed"]),  # type: ignore[call-arg]
            usages=tuple(Usage(name) for name in settings["usages"]),
        )

    def counts(self, usage: str, agent: str | None) -> bool:
        """Whether a statement about this use, to this agent (null: everyone), is one the recipe listens to."""
        return usage in self.usages and (agent is None or agent.lower() in {name.lower() for name in self.agents})


def bars(stage: Stage, ids: pa.Array, evidence: Evidence) -> dict[bytes | None, Bar]:
    """Why these captures may not be used, whatever their licence, by capture_id; those that may have no entry."""
    return _bars(_Rules.of(stage), ids, evidence)


def _is_own(rights: pa.Table) -> pa.ChunkedArray:
    return pc.is_in(rights.column("subject_kind"), value_set=pa.array(OWN_KINDS))


def _bars(rules: _Rules, ids: pa.Array, evidence: Evidence) -> dict[bytes | None, Bar]:
    """Why these captures are barred, by capture_id; those that are not have no entry."""
    barred: dict[bytes | None, Bar] = dict(_own_bars(rules, ids, evidence.rights).items())
    found = [page for page in pages(ids, evidence.captures) if page.capture_id not in barred]
    found.sort(key=lambda page: page.origin)  # so that each robots.txt is parsed once and few are held
    files = site_files(found, evidence.rights, evidence.robots)
    for page in found:
        chain = files.robots_of(page)
        text = _robots_file(chain[-1], evidence.robots) if chain else None
        bar = _site_bar(rules, page, files, chain, text) or _robots_bar(rules, page, chain, text)
        if bar:
            barred[page.capture_id] = bar
    return barred


def _own_bars(rules: _Rules, ids: pa.Array, rights: pa.Table) -> dict[bytes, Bar]:
    """Captures whose own headers or markup reserve a use that counts."""
    mine = _of_captures(rights, ids)
    said = pc.is_in(mine.column("verdict"), value_set=pa.array(_RESERVES))
    mine = mine.filter(pc.and_(_is_own(mine), said))
    bars: dict[bytes, Bar] = {}
    for row in sorted(
        mine.to_pylist(), key=lambda row: (row["mechanism"], row["locator"], row["usage"], row["agent"] or "")
    ):
        if rules.counts(row["usage"], row["agent"]):
            reason = _OWN_REASONS.get(Mechanism(row["mechanism"]), Reason.META_OPT_OUT)
            detail = _detail(row["locator"], row["excerpt"], row["verdict"])
            which = (row["mechanism"], row["locator"], row["excerpt"])
            bars.setdefault(row["capture_id"], Bar(reason, detail, row["mechanism"], row["verdict"], which))
    return bars


def _site_bar(
    rules: _Rules, page: Page, files: SiteFiles, chain: Sequence[RobotsRow], text: RobotsFile | None
) -> Bar | None:
    """Why the site as a whole, or the part of it the page lies in, reserves a use that counts.

    Of several patterns of one mechanism, usage and agent that match the path, the longest counts; of equals, any that
    reserves. Lines in robots.txt are read from the file that holds for the page; their rows count where none is known.
    """
    rows = [row for row in files.statements_of(page) if not chain or row.mechanism not in _IN_ROBOTS]
    path = page.path.encode()
    heard: dict[tuple[str, str, str | None], list[tuple[int, SiteRow]]] = {}
    for row in [*rows, *_robots_rows(text)]:
        pattern = PathPattern.parse(row.path.encode())
        if rules.counts(row.usage, row.agent) and pattern.matches(path):
            heard.setdefault((row.mechanism, row.usage, row.agent), []).append((pattern.octets, row))
    for _, said in sorted(heard.items(), key=lambda entry: (entry[0][0], entry[0][1], entry[0][2] or "")):
        longest = max(octets for octets, _ in said)
        for octets, row in said:
            if octets == longest and row.verdict in _RESERVES:
                detail = f"{page.origin}: {_detail(row.locator, row.excerpt, row.verdict)}"
                which = (row.mechanism, row.locator, row.excerpt)
                is_of_page = row.mechanism in OF_PAGES
                reason = Reason.META_OPT_OUT if is_of_page else Reason.SITE_OPT_OUT
                return Bar(reason, detail, row.mechanism, row.verdict, which)
    return None


def _robots_rows(text: RobotsFile | None) -> Iterator[SiteRow]:
    for said in text.statements if text else ():
        yield SiteRow(
            at=0, mechanism=said.mechanism, usage=said.usage, verdict=said.verdict, agent=said.agent,
            locator=said.locator, excerpt=said.excerpt, path=said.path or "",
        )  # fmt: skip


def _robots_bar(rules: _Rules, page: Page, chain: Sequence[RobotsRow], text: RobotsFile | None) -> Bar | None:
    """Why robots.txt bars the page for an agent that counts; null also where no robots.txt is known."""
    if not chain:
        return None
    last = chain[-1]
    if status_rule(last.status) is StatusRule.DISALLOW:
        answer = "did not answer" if last.status is None else f"answered {last.status}"
        return Bar(Reason.ROBOTS_UNREACHABLE, f"{last.origin}/robots.txt {answer}", Mechanism.ROBOTS_PATH.value)
    for agent in rules.agents if text else ():
        verdict = text.verdict(agent, page.path)  # type: ignore[union-attr]
        if not verdict.allowed:
            detail = f'{agent}: line {verdict.line} "{verdict.rule}"'
            return Bar(Reason.ROBOTS_DISALLOWED, detail, Mechanism.ROBOTS_PATH.value)
    return None


def _robots_file(row: RobotsRow, robots: pa.Table) -> RobotsFile | None:
    """The parsed robots.txt of this row; null where its status decides alone."""
    if status_rule(row.status) is not StatusRule.PARSE:
        return None
    return _parsed(robots.column("body")[row.row].as_py())


@lru_cache(maxsize=64)
def _parsed(body: bytes) -> RobotsFile:
    return RobotsFile.parse(body)


def _licence_bars(rules: _Rules, items: pa.RecordBatch, evidence: Evidence) -> list[Bar | None]:
    """Why each item's licence is outside the policy. The card's licence counts where the item has none of its own."""
    conflicts = _conflicts(items.column("capture_id").unique(), evidence.licences)
    judged: dict[tuple[str | None, str, LicenceClass | None], Bar | None] = {}
    bars: list[Bar | None] = []
    columns = (items.column(name).to_pylist() for name in ("licence", "source", "capture_id"))
    for own, source, capture in zip(*columns, strict=True):
        concluded, worst = conflicts.get(capture, (None, None))
        # A child with a licence of its own (a file of an archive) is not touched by what others in the capture say.
        key = (own, source, worst if concluded == own else None)
        if key not in judged:
            judged[key] = _licence_bar(rules, *key, evidence.card_licences.get(source))
        bars.append(judged[key])
    return bars


def _licence_bar(
    rules: _Rules, own: str | None, source: str, worst: LicenceClass | None, card: str | None
) -> Bar | None:
    named = own if own is not None else card
    which = f"{named}" if own is not None else f"{named} (of the source card {source})"
    wants = f"policy {rules.policy} allows {', '.join(rules.allowed)}"
    if named is None:
        missing = f"neither the item nor the source card {source} names a licence; {wants}"
        return None if LicenceClass.UNKNOWN in rules.allowed else Bar(Reason.LICENCE_UNKNOWN, missing)
    found = licence_class(named)
    if found not in rules.allowed:
        return Bar(Reason.LICENCE_NOT_ALLOWED, f"{which} is {found}; {wants}")
    if worst is not None and worst not in rules.allowed:
        return Bar(Reason.LICENCE_CONFLICT, f"the page names {named}, and elsewhere a licence that is {worst}; {wants}")
    return None


def _conflicts(ids: pa.Array, licences: pa.Table) -> dict[bytes, tuple[str | None, LicenceClass]]:
    """(licence concluded, strictest class named) of the captures that name several classes, or a licence nobody can read.

    The card does not speak over a licence that cannot be read.
    """
    hits: dict[bytes, list[LicenceHit]] = {}
    for row in _of_captures(licences, ids).to_pylist():
        hit = LicenceHit(location=row["location"], locator=row["locator"], expression=row["expression"], raw=row["raw"])
        hits.setdefault(row["capture_id"], []).append(hit)
    found = {}
    for key, named in hits.items():
        concluded = conclude(named)
        if concluded.conflict or concluded.expression is None:
            found[key] = (concluded.expression, strictest({licence_class(hit.expression) for hit in named}))
    return found


def _drop(found: Decisions, bars: Sequence[Bar | None]) -> None:
    """Drop every still open row that has a bar, each for its own reason."""
    details = np.array([bar[1] if bar else None for bar in bars], dtype=object)
    for reason in dict.fromkeys(bar[0] for bar in bars if bar):
        mask = np.fromiter((bar is not None and bar[0] is reason for bar in bars), dtype=bool, count=len(bars))
        found.set(mask, Verdict.DROP, reason, detail=details)


def _detail(locator: str, excerpt: str, verdict: str) -> str:
    unreadable = " (cannot be read)" if verdict == RightsVerdict.ERROR else ""
    return f'{locator} "{excerpt}"{unreadable}'


def _of_captures(table: pa.Table, ids: pa.Array) -> pa.Table:
    return table.filter(pc.is_in(table.column("capture_id"), value_set=ids))


def _values(table: pa.Table) -> Iterable[tuple[object, ...]]:
    columns = [
        column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column for column in table.itercolumns()
    ]
    return zip(*(column.to_pylist() for column in columns), strict=True)


def _fields(row: SiteRow) -> tuple[object, ...]:
    return row.at, row.mechanism, row.usage, row.verdict, row.agent, row.locator, row.excerpt, row.path


def _row(*values: object) -> str:
    """One line that stands for these values alone. json is C and takes 3 us; canonical JSON would take 60."""
    return json.dumps(values, default=bytes.hex)
