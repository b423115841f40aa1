"""What the rounds of a crawl know of URLs and hosts: the frontier and host tables, from one round to the next.

A round leaves both tables. The next one asks first for what was left, asks a server whether a page has changed, writes a page that has
not as a revisit, goes on waiting where a host asked for time, and leaves alone for longer and longer a host that is silent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from pipelines.capture.fetch import Fetched, Headers
from pipelines.capture.frontier import Found, same
from pipelines.capture.turns import Pause
from pipelines.capture.warc import Record, read_payload
from pipelines.store import Store
from schemas.capture import Outcome
from schemas.digest import sha256
from schemas.errors import SourceError
from schemas.item import ID

FRONTIER = pa.schema(
    [
        pa.field("url", pa.string(), nullable=False),
        pa.field("host", pa.string(), nullable=False),
        pa.field("depth", pa.int32(), nullable=False),  # links followed from a seed
        pa.field("is_shown", pa.bool_(), nullable=False),  # a picture or recording of a page
        pa.field("outcome", pa.string(), nullable=False),  # schemas.capture.Outcome of the last round that met it
        pa.field("detail", pa.string()),
        pa.field("fetched_at", pa.timestamp("us", "UTC")),  # null where it was not asked for
        pa.field("status", pa.int16()),
        pa.field("etag", pa.string()),
        pa.field("last_modified", pa.string()),
        pa.field("payload_sha256", ID),  # of the body as sent, content coding in place; null where none is held
        pa.field("payload_at", pa.timestamp("us", "UTC")),  # when the body was fetched that is held
        # Where its response record lies: a file of the store (empty: the archive of this round itself), and its bytes there.
        pa.field("archive", pa.string()),
        pa.field("offset", pa.int64()),
        pa.field("length", pa.int64()),
    ]
)

HOSTS = pa.schema(
    [
        pa.field("host", pa.string(), nullable=False),
        pa.field("delay_s", pa.float64(), nullable=False),  # ours, or its Crawl-delay where that is longer
        pa.field("until", pa.timestamp("us", "UTC"), nullable=False),  # before which it is not asked again
        pa.field("requests", pa.int64(), nullable=False),  # exchanges of this round
        pa.field("failures", pa.int64(), nullable=False),  # exchanges in a row without an HTTP answer, at the end
        pa.field("silent", pa.int64(), nullable=False),  # rounds in a row at whose end it answered no more
        pa.field("parked", pa.int64(), nullable=False),  # rounds that it is left alone from now on
    ]
)

# What is known of the body that is held, wherever it lies.
_HELD = ("etag", "last_modified", "payload_sha256", "payload_at", "archive", "offset", "length")
_FIELD_CHARS = 1024  # Chosen: an ETag that is longer is not sent back


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What an earlier round left. `urls`: rows of FRONTIER by `same(url)`; `hosts`: pauses."""

    urls: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    hosts: Mapping[str, Pause] = field(default_factory=dict)

    @classmethod
    def of(cls, frontier: pa.Table, hosts: pa.Table) -> "Known":
        """The tables as they are looked up."""
        return cls(
            urls={same(row["url"]): row for row in frontier.to_pylist()},
            hosts=pauses_of(hosts),
        )

    def left(self) -> list[Found]:
        """The URLs that were found and not asked for."""
        return [
            Found(url=row["url"], depth=row["depth"], is_shown=row["is_shown"], is_left=True)
            for row in self.urls.values()
            if row["outcome"] == Outcome.DEFERRED
        ]

    def held(self, url: str) -> Mapping[str, Any] | None:
        """The row of a URL whose body lies in an archive of the store."""
        row = self.urls.get(same(url))
        return row if row is not None and row["archive"] else None

    def conditions(self, url: str) -> Headers:
        """What a request for a URL says, so that a body we hold need not be sent again."""
        row = self.held(url)
        said = (("If-None-Match", "etag"), ("If-Modified-Since", "last_modified")) if row is not None else ()
        return [(name, row[key]) for name, key in said if row is not None and row[key]]

    def is_same(self, answer: Fetched) -> bool:
        """Whether an answer is the body that an earlier round holds."""
        row = self.held(answer.url)
        if row is None or answer.truncated:
            return False
        is_equal = answer.outcome is Outcome.FETCHED and sha256(answer.body) == row["payload_sha256"]
        return is_equal or answer.outcome is Outcome.REVISIT

    def unmet(self, urls: Iterable[str]) -> list[Mapping[str, Any]]:
        """The rows of URLs that are held and that a round of these URLs did not meet: a later one may ask whether they have changed."""
        met = {same(url) for url in urls}
        return [row for key, row in self.urls.items() if key not in met and row["archive"]]

    def kept(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """The row of a URL that gave no body this time, with the body that is still held."""
        held = None if row["payload_sha256"] else self.held(row["url"])
        return row if held is None else {**row, **{name: held[name] for name in _HELD}}

    def record(self, store: Store, url: str) -> Record | None:
        """The response that is held for a URL; null for none, and where its archive was taken away since."""
        row = self.held(url)
        if row is None:
            return None
        try:
            return read_payload(store.read_range(row["archive"], row["offset"], row["length"]))
        except (FileNotFoundError, SourceError):
            return None


def asked_row(found: Found, answer: Fetched) -> dict[str, Any]:
    """The row of FRONTIER for an answer; its place in the archive is not known yet."""
    is_held = answer.outcome is Outcome.FETCHED and not answer.truncated
    headers = {name.lower(): value for name, value in reversed(answer.headers)}
    return _row(found, answer.outcome, answer.detail) | {
        "fetched_at": answer.fetched_at, "status": answer.status, "etag": _sendable(headers.get("etag")),
        "last_modified": _sendable(headers.get("last-modified")),
        "payload_sha256": sha256(answer.body) if is_held else None, "payload_at": answer.fetched_at if is_held else None,
    }  # fmt: skip


def unasked_row(found: Found, outcome: Outcome, detail: str) -> dict[str, Any]:
    """The row of FRONTIER for a URL that was not asked for."""
    return _row(found, outcome, detail)


def revisit_row(row: Mapping[str, Any], held: Mapping[str, Any]) -> dict[str, Any]:
    """The row of an answer that is the body an earlier round holds: what is held, and what the server says of it now."""
    said = {name: row[name] or held[name] for name in ("etag", "last_modified")}
    return {**row, **{name: held[name] for name in _HELD}, **said, "outcome": Outcome.REVISIT.value}


def frontier_table(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """FRONTIER, sorted by URL."""
    return pa.Table.from_pylist(sorted(rows, key=lambda row: row["url"]), schema=FRONTIER)


def hosts_table(pauses: Mapping[str, tuple[Pause, int, int]]) -> pa.Table:
    """HOSTS, sorted by host."""
    rows = [
        {
            "host": host, "delay_s": pause.delay_s, "until": datetime.fromtimestamp(pause.until, UTC), "requests": requests,
            "failures": failures, "silent": pause.silent, "parked": pause.parked,
        }
        for host, (pause, requests, failures) in sorted(pauses.items())
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=HOSTS)


def pauses_of(hosts: pa.Table) -> dict[str, Pause]:
    """The pauses in a table of hosts, by host."""
    return {
        row["host"]: Pause(
            delay_s=row["delay_s"], until=row["until"].timestamp(),
            silent=row.get("silent", 0), parked=row.get("parked", 0),  # tables of before there were these have none
        )
        for row in hosts.to_pylist()
    }  # fmt: skip


def _row(found: Found, outcome: Outcome, detail: str | None) -> dict[str, Any]:
    return dict.fromkeys(FRONTIER.names) | {
        "url": found.url, "host": found.host, "depth": found.depth, "is_shown": found.is_shown, "outcome": outcome.value,
        "detail": detail,
    }  # fmt: skip


def _sendable(value: str | None) -> str | None:
    """The value where it can go into a header of ours: one line of ASCII."""
    return value if value and len(value) <= _FIELD_CHARS and value.isascii() and value.isprintable() else None
