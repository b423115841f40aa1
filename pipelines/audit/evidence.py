"""What was recorded about the rights of a capture: its own statements, those of its site, robots.txt, licences."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pipelines.audit.words import UNKNOWN, Row
from pipelines.ledger.database import Database
from pipelines.rights.lookup import Page, origin_and_path, site_files

STATEMENT = ("mechanism", "usage", "verdict", "agent", "locator", "excerpt", "path")

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def evidence(db: Database, captures: Sequence[Row]) -> dict[bytes, Row]:
    """`rights`, `robots` and `licences` by capture_id: lists of rows, or `unknown` where nothing was recorded.

    robots.txt and site files are those that the judge looks up: as of the fetch, behind redirects, in their order.
    """
    ids = [row["capture_id"] for row in captures]
    own = _by_capture(db, "rights", ids, "subject_kind IN ('capture', 'recheck')")
    licences = _by_capture(db, "licence", ids, "true")
    pages = [page for row in captures if (page := _page(row))]
    wide, robots = _site(db, pages) if pages else ({}, {})
    return {
        i: {
            "rights": own.get(i, []) + wide.get(i, []) or UNKNOWN,
            "robots": robots.get(i) or UNKNOWN,
            "licences": licences.get(i) or UNKNOWN,
        }
        for i in ids
    }


def _page(row: Row) -> Page | None:
    place = origin_and_path(row["uri"])
    if place is None:
        return None
    at = row["fetched_at"]
    return Page(capture_id=row["capture_id"], origin=place[0], path=place[1], at=at and (at - EPOCH) // MICROSECOND)


def _site(db: Database, pages: Sequence[Page]) -> tuple[dict[bytes, list[Row]], dict[bytes, list[Row]]]:
    """The site-wide statements, and the robots.txt captures (the last one holds), of each page."""
    robots = db.table("SELECT capture_id, origin, fetched_at, status, location, body_sha256 FROM robots")
    sites = site_files(pages, db.table("SELECT * FROM rights WHERE subject_kind = 'origin'"), robots)
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


def _by_capture(db: Database, table: str, ids: Sequence[bytes], condition: str) -> dict[bytes, list[Row]]:
    sql = f"SELECT DISTINCT * FROM {table} WHERE {condition} AND capture_id IN (SELECT unnest(?::BLOB[])) ORDER BY ALL"
    found: dict[bytes, list[Row]] = {}
    for row in db.rows(sql, [list(ids)]):
        found.setdefault(row.pop("capture_id"), []).append(row)
    return found
