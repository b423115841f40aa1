"""What was recorded about the rights of a capture: its own statements, those of its site, robots.txt, licences."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from pipelines.audit.words import UNKNOWN, Row
from pipelines.ledger.database import Database
from pipelines.rights.agreements import SUBJECT as SOURCE
from pipelines.rights.lookup import Page, origin_and_path, origins_of, site_files
from schemas.rights import RIGHTS, ROBOTS

STATEMENT = ("mechanism", "usage", "verdict", "agent", "locator", "excerpt", "path")

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def evidence(db: Database, captures: Sequence[Row]) -> dict[bytes, Row]:
    """`rights`, `robots` and `licences` by capture_id: lists of rows, or `unknown` where nothing was recorded.

    robots.txt and site files are those that the judge looks up: as of the fetch, behind redirects, in their order. Terms and contract
    are those of the capture's source, as its card states them; of rows without a source there are none.
    """
    ids = [row["capture_id"] for row in captures]
    own = {
        capture: [row for row in rows if row["subject_kind"] in ("capture", "recheck")]
        for capture, rows in _by_capture(db, "rights", ids).items()
    }
    licences = _by_capture(db, "licence", ids)
    stated = _stated(db, {row["source"] for row in captures if "source" in row})
    pages = [page for row in captures if (page := _page(row))]
    wide, robots = _site(db, pages) if pages else ({}, {})
    return {
        i: {
            "rights": own.get(i, []) + wide.get(i, []) + stated.get(row.get("source", ""), []) or UNKNOWN,
            "robots": robots.get(i) or UNKNOWN,
            "licences": licences.get(i) or UNKNOWN,
        }
        for i, row in zip(ids, captures, strict=True)
    }


def _stated(db: Database, sources: Collection[str]) -> dict[str, list[Row]]:
    """What the cards of these sources state of terms and contract, by source."""
    found: dict[str, list[Row]] = {}
    columns = [name for name in RIGHTS.names if name != "capture_id"]
    for row in sorted(db.find("rights", "subject", sources, columns=columns), key=_nulls_last):
        if row["subject_kind"] == SOURCE:
            found.setdefault(row["subject"], []).append(row)
    return found


def _page(row: Row) -> Page | None:
    place = origin_and_path(row["uri"])
    if place is None:
        return None
    at = row["fetched_at"]
    return Page(capture_id=row["capture_id"], origin=place[0], path=place[1], at=at and (at - EPOCH) // MICROSECOND)


def _site(db: Database, pages: Sequence[Page]) -> tuple[dict[bytes, list[Row]], dict[bytes, list[Row]]]:
    """The site-wide statements, and the robots.txt captures (the last one holds), of each page."""
    origins = origins_of(pages)
    robots = _robots(db, origins)
    if len(origins) <= FEW:
        rights = pa.Table.from_pylist(db.find("rights", "subject", origins, begins=True), RIGHTS)
    else:
        rights = db.table("SELECT * FROM rights WHERE subject_kind = 'origin'")
    sites = site_files(pages, rights, robots)
    wide, chains = {}, {}
    for page in pages:
        about = {"subject_kind": "origin", "subject": page.origin}
        wide[page.capture_id] = [
            about | {name: getattr(row, name) for name in STATEMENT} for row in sites.statements_of(page)
        ]
        chains[page.capture_id] = [
            row for step in sites.robots_of(page) for row in robots.slice(step.row, 1).to_pylist()
        ]
    return wide, chains


# Chosen: more origins than this are looked for among all rows, so that no statement grows without bound.
FEW = 32


def _robots(db: Database, origins: Collection[str]) -> pa.Table:
    """The robots.txt captures of these origins and of all that those redirect to, without their bodies."""
    columns = ("capture_id", "origin", "fetched_at", "status", "location", "body_sha256")
    schema = pa.schema([ROBOTS.field(name) for name in columns])
    found: list[pa.Table] = []
    seen: set[str] = set()
    wanted = set(origins)
    while wanted and len(wanted) <= FEW:
        found.append(pa.Table.from_pylist(db.find("robots", "origin", wanted, columns=columns), schema))
        seen |= wanted
        targets = {origin_and_path(place) for place in found[-1].column("location").to_pylist() if place}
        wanted = {place[0] for place in targets if place} - seen
    return db.table(f"SELECT {', '.join(columns)} FROM robots") if wanted or not found else pa.concat_tables(found)


def _by_capture(db: Database, table: str, ids: Sequence[bytes]) -> dict[bytes, list[Row]]:
    rows = db.find(table, "capture_id", ids)
    found: dict[bytes, list[Row]] = {}
    for row in sorted(rows, key=_nulls_last):
        found.setdefault(row.pop("capture_id"), []).append(row)
    return found


def _nulls_last(row: Row) -> list[tuple[bool, Any]]:
    return [(value is None, value) for value in row.values()]
