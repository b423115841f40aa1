"""The answer of the page: what the releases hold of a domain or a page, what became of the rest, and on what evidence.

No text of an item, no name of a person: addresses without their queries, reasons, and excerpts of licence statements alone.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.audit.answers import dropped, published
from pipelines.audit.evidence import evidence
from pipelines.audit.open import Ledger
from pipelines.audit.words import UNKNOWN, Row
from pipelines.lookup.asked import Asked
from schemas.capture import Outcome
from schemas.digest import plain
from schemas.reasons import Reason

MOST_PAGES = 100  # Chosen: a page that a person reads; how many there are is said
MOST_ITEMS = 20  # of one page: a book may have hundreds of chapters
EXCERPT_CHARS = 200
WAS_PUBLISHED = "was_published"  # in a release that was taken down
_MAIL = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+")
_ABOUT = "SELECT DISTINCT subject, location, expression, raw FROM licence WHERE subject IN (SELECT unnest($uris)) ORDER BY ALL"
_OF_PAGE = "uri IN (SELECT unnest($forms))"
_OF_SITE = "(host = $site OR ends_with(host, '.' || $site))"


@dataclass(slots=True)
class Page:
    """One address: the last capture of it, the newest ledger that knows it, and what became of it."""

    ledger: Ledger | None = None
    last: Row = field(default_factory=dict)
    items: list[Row] = field(default_factory=list)


def answer(ledgers: Sequence[Ledger], asked: Asked, *, gone: Collection[str] = ()) -> dict[str, Any]:
    """What is known of this, as JSON values. `gone`: releases whose files are not there any more.

    `items`: how many different ones the releases that stand hold.

    `pages`: at most MOST_PAGES, each with when it was fetched, `items` that were published or ended for a reason, `licences` and
    `rights` as recorded at the last fetch ("unknown" where nothing was). `releases`: those asked, the newest first, each with how many
    items of this it holds, and whether it was taken down. `is_known` false: no release that was asked, and no run of theirs, ever met it.
    """
    found = [(ledger, *_captures(ledger, asked)) for ledger in ledgers]
    shown = sorted({row["uri"] for _, rows, _ in found for row in rows})[:MOST_PAGES]
    pages = {uri: Page() for uri in shown}
    for ledger, rows, _ in reversed(found):  # the newest is written last, so it holds
        for row in rows:
            if row["uri"] in pages:
                pages[row["uri"]].ledger, pages[row["uri"]].last = ledger, row
    releases: dict[str, int] = {}
    keys: set[str] = set()
    for ledger, rows, _ in found:
        # Where nothing was captured nothing is asked: on a million items that is 0.2 s a release, not 1 s.
        sites = ([asked.value] if asked.kind == "domain" else sorted({row["uri"] for row in rows})) if rows else []
        places = [published(ledger, site) for site in sites]
        releases |= {name: items for name, items in _counts(ledger, places).items() if name not in releases}
        for table in places:
            _add(pages, table, lambda row: _placed(row, gone))
            keys |= {row["key"] for row in table.select(["release", "key"]).to_pylist() if row["release"] not in gone}
        for site in sites if ledger is ledgers[0] else []:
            _add(pages, dropped(ledger, site), _ended)
    told = {
        "asked": asked.value,
        "kind": asked.kind,
        "commit": ledgers[0].commit.seq,
        "is_known": bool(shown),
        "items": len(keys),
        "releases": [
            {"release": name, "items": items, "is_taken_down": name in gone} for name, items in releases.items()
        ],
        "pages_found": max(count for _, _, count in found),
        "pages": [_page(uri, page, asked, said) for uri, page, said in _recorded(pages, ledgers)],
    }
    return plain(told)  # type: ignore[return-value]


def _captures(ledger: Ledger, asked: Asked) -> tuple[list[Row], int]:
    """The captures of the first MOST_PAGES addresses, in order of time, and how many addresses there are."""
    which = _OF_SITE if asked.kind == "domain" else _OF_PAGE
    values = {"site": asked.value} if asked.kind == "domain" else {"forms": list(asked.forms)}
    (counted,) = ledger.db.rows(f"SELECT count(DISTINCT uri) AS n FROM capture WHERE {which}", values)
    rows = ledger.db.rows(
        f"SELECT DISTINCT capture_id, uri, fetched_at, outcome FROM capture WHERE {which} AND uri IN (SELECT DISTINCT uri FROM capture"
        f" WHERE {which} ORDER BY uri LIMIT {MOST_PAGES}) ORDER BY uri, fetched_at, capture_id",
        values,
    )
    return rows, counted["n"]


def _counts(ledger: Ledger, places: Sequence[pa.Table]) -> dict[str, int]:
    """How many items of this each release holds, those that hold none too."""
    names = ledger.db.rows("SELECT DISTINCT release FROM release ORDER BY release")
    found = {row["release"]: 0 for row in names}
    for row in (
        pa.concat_tables(places).group_by("release").aggregate([("key", "count_distinct")]).to_pylist()
        if places
        else []
    ):
        found[row["release"]] = row["key_count_distinct"]
    return found


def _add(pages: dict[str, Page], rows: pa.Table, told: Callable[[Row], Row]) -> None:
    """Put what is told of these rows under their pages."""
    for row in rows.filter(pc.is_in(rows.column("uri"), value_set=pa.array(list(pages), pa.string()))).to_pylist():
        item = told(row)
        if item not in pages[row["uri"]].items:
            pages[row["uri"]].items.append(item)


def _placed(row: Row, gone: Collection[str]) -> Row:
    return {"state": WAS_PUBLISHED if row["release"] in gone else "published"} | {
        name: row[name] for name in ("release", "lane", "split", "shard", "key")
    }


def _ended(row: Row) -> Row:
    reason = row["reason"]
    known = {
        name: row[name]
        for name in ("state", "stage", "reason", "signal", "value", "threshold")
        if row[name] is not None
    }
    return known | ({"meaning": Reason(reason).explanation} if reason in set(Reason) else {})


def _recorded(pages: dict[str, Page], ledgers: Sequence[Ledger]) -> Iterator[tuple[str, Page, Row]]:
    """Each page with its `rights` and `licences`, in order: those of its last capture, and licences that others state about it."""
    said: dict[str, Row] = {}
    for ledger in ledgers:
        mine = {uri: page for uri, page in pages.items() if page.ledger is ledger}
        recorded = evidence(ledger.db, [page.last for page in mine.values()]) if mine else {}
        about: dict[str, list[Row]] = {uri: [] for uri in mine}
        for row in ledger.db.rows(_ABOUT, {"uris": list(mine)}) if mine else []:
            about[row["subject"]].append(row)
        for uri, page in mine.items():
            own = recorded[page.last["capture_id"]]
            of_it = [] if own["licences"] == UNKNOWN else [row for row in own["licences"] if row["subject"] is None]
            said[uri] = {"rights": own["rights"], "licences": of_it + about[uri] or UNKNOWN}
    return ((uri, page, said[uri]) for uri, page in pages.items())


def _page(uri: str, page: Page, asked: Asked, said: Row) -> Row:
    outcome = page.last["outcome"]
    return {
        "uri": _shown(uri, asked),
        "fetched_at": page.last["fetched_at"] or UNKNOWN,
        "outcome": outcome,
        "meaning": Outcome(outcome).explanation if outcome in set(Outcome) else UNKNOWN,
        "items": page.items[:MOST_ITEMS],
        "items_found": len(page.items),
        "licences": _licences(said["licences"]),
        "rights": _rights(said["rights"]),
    }


def _shown(uri: str, asked: Asked) -> str:
    """The address without what may be personal in it: user, fragment, mail addresses, and the query unless it was asked for."""
    parts = urlsplit(uri)
    query = f"?{parts.query}" if asked.kind == "url" and parts.query else "?…" if parts.query else ""
    return _MAIL.sub("…@…", f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}") + query


def _licences(rows: list[Row] | str) -> list[Row] | str:
    if isinstance(rows, str):
        return rows
    return [
        {"expression": row["expression"] or UNKNOWN, "location": row["location"], "excerpt": _excerpt(row["raw"])}
        for row in rows
    ]


def _rights(rows: list[Row] | str) -> list[Row] | str:
    if isinstance(rows, str):
        return rows
    known = {(row["mechanism"], row["usage"], row["verdict"]) for row in rows}
    return [{"mechanism": mechanism, "usage": usage, "verdict": verdict} for mechanism, usage, verdict in sorted(known)]


def _excerpt(raw: str | None) -> str | None:
    """The statement's first characters, in one line, without mail addresses."""
    if raw is None:
        return None
    line = _MAIL.sub("…@…", " ".join(raw[: EXCERPT_CHARS * 4].split()))
    return line if len(line) <= EXCERPT_CHARS else f"{line[: EXCERPT_CHARS - 1]}…"
