"""Which evidence a page looks up: the site files as of its fetch, from the tables of all captures.

One place for it, so that the judge and the key of its room cannot differ on what was looked at.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import ada_url
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.rights import Mechanism

MAX_REDIRECTS = 5  # Source: RFC 9309, section 2.3.1.2
LONG_AGO = -(2**63)  # the time of an observation whose archive gives none

# What a page says, here of the pictures of its site that it shows: many pages speak, each of its own.
OF_PAGES = (Mechanism.HTML_META_ROBOTS, Mechanism.HTML_META_TDM, Mechanism.HTML_LINK_RSL)

_ORIGIN = re.compile(r"[a-z]+://[^/*]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A captured http(s) page. `path`: percent-encoded, with its query. `at`: microseconds since 1970, or null."""

    capture_id: bytes
    origin: str
    path: str
    at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotsRow:
    """One capture of a robots.txt, without its body. `row`: its place in the table."""

    origin: str
    at: int
    status: int | None
    location: str | None
    body_sha256: bytes
    row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRow:
    """One site-wide statement. `path`: the pattern of the paths it is about; empty for the whole site."""

    at: int
    mechanism: str
    usage: str
    verdict: str
    agent: str | None
    locator: str
    excerpt: str
    path: str


def origin_and_path(uri: str | None) -> tuple[str, str] | None:
    """The origin and the path with query of an http(s) URI, percent-encoded; null for anything else (uploads)."""
    if uri is None or not uri[:5].lower().startswith("http"):
        return None
    try:
        url = ada_url.URL(uri)
    except ValueError:
        return None
    return (url.origin, url.pathname + url.search) if url.protocol in ("http:", "https:") else None


def pages(capture_ids: pa.Array, captures: pa.Table) -> list[Page]:
    """The http(s) pages among these captures, one a capture."""
    known = captures.select(["capture_id", "uri", "fetched_at"])
    known = known.filter(pc.is_in(known.column("capture_id"), value_set=capture_ids))
    times = known.column("fetched_at").cast(pa.int64()).to_pylist()
    found: dict[bytes, Page] = {}
    for key, uri, at in zip(*(known.column(i).to_pylist() for i in (0, 1)), times, strict=True):
        if place := origin_and_path(uri):
            found[key] = Page(capture_id=key, origin=place[0], path=place[1], at=at)
    return list(found.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFiles:
    """The robots.txt captures and the site-wide statements of some origins, each list in order of time."""

    robots: Mapping[str, Sequence[RobotsRow]]
    statements: Mapping[str, Sequence[SiteRow]]

    def robots_of(self, page: Page) -> list[RobotsRow]:
        """The robots.txt that holds for the page, as of its fetch, behind the redirects that led to it; last is final.

        Empty where none was captured. Where the page's own origin has none, the other scheme of the same host counts.
        The last row is itself a redirect where its target was not captured or the chain is too long.
        """
        row = _as_of(_first(self.robots, page.origin), page.at)
        chain = [row] if row else []
        while row and len(chain) <= MAX_REDIRECTS and (target := _robots_target(row)):
            row = _as_of(self.robots.get(target, ()), page.at)
            chain += [row] if row else []
        return chain

    def statements_of(self, page: Page) -> list[SiteRow]:
        """The site-wide statements as of the page's fetch: of each mechanism those of one observation.

        What pages say of the pictures they show is of one observation a picture.
        """
        rows = _first(self.statements, page.origin)
        found: list[SiteRow] = []
        groups: dict[tuple[str, str], list[SiteRow]] = {}
        for row in rows:
            groups.setdefault((row.mechanism, row.path if row.mechanism in OF_PAGES else ""), []).append(row)
        for _, mine in sorted(groups.items()):
            seen = _as_of(mine, page.at)
            found += [row for row in mine if seen and row.at == seen.at]
        return found


def site_files(found: Iterable[Page], rights: pa.Table, robots: pa.Table) -> SiteFiles:
    """What the tables say of the origins of these pages, and of those their robots.txt redirects to."""
    origins = origins_of(found)
    return SiteFiles(robots=_robots(robots, origins), statements=_statements(rights, origins))


def origins_of(found: Iterable[Page]) -> set[str]:
    """The origins whose site files count for these pages: their own, and that of the other scheme."""
    return {scheme for page in found for scheme in _either(page.origin)}


def _robots(table: pa.Table, origins: set[str]) -> dict[str, list[RobotsRow]]:
    found: dict[str, list[RobotsRow]] = {}
    column = table.column("origin")
    times = table.column("fetched_at").cast(pa.int64()).fill_null(LONG_AGO)
    for _ in range(MAX_REDIRECTS + 1):
        wanted = origins - found.keys()
        # Not pc.indices_nonzero: pyarrow 25 crashes there on a column without chunks.
        places = np.flatnonzero(pc.is_in(column, value_set=pa.array(sorted(wanted), pa.string())).to_numpy())
        found |= {origin: [] for origin in wanted}
        taken = table.select(["origin", "status", "location", "body_sha256"]).take(places).to_pylist()
        for at, place, row in zip(times.take(places).to_pylist(), places.tolist(), taken, strict=True):
            found[row["origin"]].append(RobotsRow(at=at, row=place, **row))
        origins = {target for rows in found.values() for row in rows if (target := _robots_target(row))}
    for rows in found.values():
        rows.sort(key=lambda row: (row.at, row.body_sha256, row.status or 0, row.location or ""))
    return found


def _statements(table: pa.Table, origins: set[str]) -> dict[str, list[SiteRow]]:
    subject = pc.struct_field(pc.extract_regex(table.column("subject"), f"^(?P<origin>{_ORIGIN.pattern})"), "origin")
    about = pc.is_in(subject, value_set=pa.array(sorted(origins), pa.string()))
    table = table.filter(pc.and_(pc.equal(table.column("subject_kind"), "origin"), about))
    found: dict[str, list[SiteRow]] = {}
    columns = ["subject", "observed_at", "mechanism", "usage", "verdict", "agent", "locator", "excerpt"]
    times = table.column("observed_at").cast(pa.int64()).fill_null(LONG_AGO).to_pylist()
    for at, row in zip(times, table.select(columns).to_pylist(), strict=True):
        subject = row.pop("subject")
        origin = subject[: _ORIGIN.match(subject).end()]  # type: ignore[union-attr]
        del row["observed_at"]
        found.setdefault(origin, []).append(SiteRow(at=at, path=subject[len(origin) :], **row))
    for rows in found.values():
        rows.sort(
            key=lambda row: (row.at, row.mechanism, row.usage, row.agent or "", row.path, row.locator, row.verdict)
        )
    return found


def _either(origin: str) -> list[str]:
    """The origin, and that of the other scheme on its default port."""
    scheme, _, host = origin.partition("://")
    return (
        [origin] if ":" in host.rpartition("]")[2] else [origin, f"{'http' if scheme == 'https' else 'https'}://{host}"]
    )


Row = TypeVar("Row", RobotsRow, SiteRow)


def _first(rows: Mapping[str, Sequence[Row]], origin: str) -> Sequence[Row]:
    return next((rows[key] for key in _either(origin) if rows.get(key)), ())


def _as_of(rows: Sequence[Row], at: int | None) -> Row | None:
    """The latest row not after `at` (null: the latest of all), else the earliest; null where there is none."""
    if not rows:
        return None
    return rows[max(bisect_right(rows, at, key=lambda row: row.at) - 1, 0)] if at is not None else rows[-1]


def _robots_target(row: RobotsRow) -> str | None:
    """The origin whose robots.txt this one redirects to; null where it does not, or to another kind of file."""
    if row.status is None or not 300 <= row.status < 400:
        return None
    place = origin_and_path(row.location)
    return place[0] if place and place[1] == "/robots.txt" else None
