"""The judge of rights: evidence in, one decision an item out. It runs before every other judge, and its drops win.

Per item, in this order: the terms and contract of its source, what its own capture says (headers, meta tags), what the site says
(tdmrep.json, Content-Usage and Content-Signal in robots.txt), robots.txt as of the fetch for every agent the recipe counts, then
the licence; then all of this again for the capture that its words come from. What was not recorded is unknown and keeps; what
was said and cannot be read counts as a reservation.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.rights.agreements import SUBJECT as SOURCE
from pipelines.rights.licence_bars import licence_bars, sayers_of, word_bars
from pipelines.rights.lookup import OF_PAGES, Page, RobotsRow, SiteFiles, SiteRow, pages, site_files
from pipelines.rights.policy import Policy
from pipelines.rights.robots import PathPattern, RobotsFile, StatusRule, status_rule
from pipelines.rights.spdx import LicenceClass
from pipelines.rights.weighed import Bar, Evidence, Rules, detail_of, of_captures
from pipelines.stage import Decisions, Shape, Stage, decisions
from schemas.decision import Verdict
from schemas.digest import digest, sha256
from schemas.item import ID
from schemas.reasons import Reason
from schemas.rights import RESERVES, Mechanism

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


def rights_stage(policy: Policy, agents: tuple[str, ...]) -> Stage:
    """The judge of rights under this policy, for these agents; its parameters hold all that decides."""
    return Stage(
        name="rights",
        version=5,
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
    rules = Rules.of(stage)
    found = decisions(items.column("item_id"), stage.name)
    _drop(found, _taken_down(items, evidence))
    sayers = sayers_of(items, evidence.captures)
    stated = _source_bars(rules, evidence.rights)
    _drop(found, [stated.get(source) for source in items.column("source").to_pylist()])
    _drop(found, [stated.get(sayer.source) if sayer else None for sayer in sayers])
    bars = _bars(rules, looked_up(items), evidence)
    _drop(found, [bars.get(key) for key in items.column("capture_id").to_pylist()])
    # Whoever says an item's text has a say in its use: the most restrictive evidence wins.
    _drop(found, [bars.get(key) for key in items.column("text_capture_id").to_pylist()])
    if not set(LicenceClass) <= set(rules.allowed):
        _drop(found, licence_bars(rules, items, evidence))
        _drop(found, word_bars(rules, sayers, evidence))
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
    own = of_captures(evidence.rights, ids)
    rows: set[str] = {_row("page", page.capture_id, page.origin, page.path, page.at) for page in found}
    rows |= {_row("own", *values) for values in _values(own.filter(_is_own(own)))}
    rows |= {_row("licence", *values) for values in _values(of_captures(evidence.licences, ids))}
    sources = {
        *items.column("source").to_pylist(),
        *(sayer.source for sayer in sayers_of(items, evidence.captures) if sayer),
    }
    stated = evidence.rights.filter(pc.equal(evidence.rights.column("subject_kind"), SOURCE))
    stated = stated.filter(pc.is_in(stated.column("subject"), value_set=pa.array(sorted(sources), pa.string())))
    rows |= {_row("stated", *values) for values in _values(stated)}
    for page in found:
        rows |= {_row("robots", r.origin, r.at, r.status, r.location, r.body_sha256) for r in files.robots_of(page)}
        rows |= {_row("site", page.origin, *_fields(row)) for row in files.statements_of(page)}
    barred = zip(items.column("item_id").to_pylist(), _taken_down(items, evidence), strict=True)
    rows |= {_row("taken_down", item) for item, bar in barred if bar}
    rows |= {_row("card", source, evidence.card_licences.get(source)) for source in sources}
    return digest("evidence", sha256("\n".join(sorted(rows)).encode()))


def _source_bars(rules: Rules, rights: pa.Table) -> dict[str, Bar]:
    """Why sources are barred as a whole, by name: their terms or contract, as their cards state them."""
    rows = rights.filter(pc.equal(rights.column("subject_kind"), SOURCE)).to_pylist()
    bars: dict[str, Bar] = {}
    for row in sorted(rows, key=lambda row: (row["subject"], row["mechanism"], row["locator"], row["usage"])):
        if row["verdict"] in _RESERVES and rules.counts(row["usage"], row["agent"]):
            which = (row["mechanism"], row["locator"], row["excerpt"])
            detail = detail_of(row["locator"], row["excerpt"], row["verdict"])
            bars.setdefault(row["subject"], Bar(Reason.TERMS_OPT_OUT, detail, row["mechanism"], row["verdict"], which))
    return bars


def bars(stage: Stage, ids: pa.Array, evidence: Evidence) -> dict[bytes | None, Bar]:
    """Why these captures may not be used, whatever their licence, by capture_id; those that may have no entry."""
    return _bars(Rules.of(stage), ids, evidence)


def _is_own(rights: pa.Table) -> pa.ChunkedArray:
    return pc.is_in(rights.column("subject_kind"), value_set=pa.array(OWN_KINDS))


def _bars(rules: Rules, ids: pa.Array, evidence: Evidence) -> dict[bytes | None, Bar]:
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


def _own_bars(rules: Rules, ids: pa.Array, rights: pa.Table) -> dict[bytes, Bar]:
    """Captures whose own headers or markup reserve a use that counts."""
    mine = of_captures(rights, ids)
    said = pc.is_in(mine.column("verdict"), value_set=pa.array(_RESERVES))
    mine = mine.filter(pc.and_(_is_own(mine), said))
    bars: dict[bytes, Bar] = {}
    for row in sorted(
        mine.to_pylist(), key=lambda row: (row["mechanism"], row["locator"], row["usage"], row["agent"] or "")
    ):
        if rules.counts(row["usage"], row["agent"]):
            reason = _OWN_REASONS.get(Mechanism(row["mechanism"]), Reason.META_OPT_OUT)
            detail = detail_of(row["locator"], row["excerpt"], row["verdict"])
            which = (row["mechanism"], row["locator"], row["excerpt"])
            bars.setdefault(row["capture_id"], Bar(reason, detail, row["mechanism"], row["verdict"], which))
    return bars


def _site_bar(
    rules: Rules, page: Page, files: SiteFiles, chain: Sequence[RobotsRow], text: RobotsFile | None
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
                detail = f"{page.origin}: {detail_of(row.locator, row.excerpt, row.verdict)}"
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


def _robots_bar(rules: Rules, page: Page, chain: Sequence[RobotsRow], text: RobotsFile | None) -> Bar | None:
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


def _drop(found: Decisions, bars: Sequence[Bar | None]) -> None:
    """Drop every still open row that has a bar, each for its own reason."""
    details = np.array([bar[1] if bar else None for bar in bars], dtype=object)
    for reason in dict.fromkeys(bar[0] for bar in bars if bar):
        mask = np.fromiter((bar is not None and bar[0] is reason for bar in bars), dtype=bool, count=len(bars))
        found.set(mask, Verdict.DROP, reason, detail=details)


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
