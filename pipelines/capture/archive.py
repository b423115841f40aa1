"""An archive as rows: captures, and the evidence about rights that came with them. Facts only; nothing is judged here.

In: one WARC or ARC file. Out: `Captured` batches in file order; records that are no captures are counted by type.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa

from pipelines.capture import http
from pipelines.capture.block import Guard
from pipelines.capture.medium import Medium
from pipelines.capture.page_annotations import annotations, picture_licences
from pipelines.capture.page_media import page_media
from pipelines.capture.sniff import sniff
from pipelines.capture.uri import absolute, host, origin, same_site, uri_key
from pipelines.capture.uri import path as uri_path
from pipelines.capture.warc import Gap, Record, records
from pipelines.rights.book_notices import book_licence_rows
from pipelines.rights.evidence import Statement, header_statements, html_statements
from pipelines.rights.file_rights import file_statements
from pipelines.rights.licences import header_licences, html_licences
from pipelines.rights.lookup import origin_and_path
from pipelines.rights.picture import picture_licence_rows
from pipelines.rights.site_file import AI_TXT_PATHS, TDMREP_PATH, site_file_statements
from pipelines.store import Part
from schemas.annotation import ANNOTATION
from schemas.capture import CAPTURE, HEADERS_KEPT, Outcome, capture_id
from schemas.digest import sha256
from schemas.reasons import Reason
from schemas.rights import LICENCE, RESERVES, RIGHTS, ROBOTS, Usage

ROBOTS_PATH = "/robots.txt"
SITE_FILES = frozenset((ROBOTS_PATH, TDMREP_PATH, *AI_TXT_PATHS))
ROBOTS_BYTES = 500 << 10  # Source: RFC 9309, section 2.5: a parser reads at least 500 KiB
HTML = frozenset(("text/html", "application/xhtml+xml"))
BOOKS = HTML | {"text/plain", "application/epub+zip"}  # what a book is served as
_CAPTURES = frozenset(("response", "resource", "conversion", "revisit"))
_PICTURE_OR_SOUND = ("image/", "audio/")

# What becomes of the row of bytes that may not be kept.
_CASE = {
    "outcome": Outcome.REFUSED.value,
    "payload": None,
    "payload_bytes": None,
}
_Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """Rows of one stretch of an archive, in file order. `skipped`: records that are no captures, by what they are.

    Keys of `skipped`: a record type, the same with `_damaged` (a request or metadata record that is not good), and
    `repeated` (a capture that this archive holds already: the same record twice has one id). `members`: files of the store
    into which members of compressed archives were copied.
    """

    captures: pa.RecordBatch
    rights: pa.RecordBatch
    robots: pa.RecordBatch
    licences: pa.RecordBatch
    annotations: pa.RecordBatch
    skipped: dict[str, int]
    members: tuple[Part, ...] = ()


@dataclass(slots=True)
class _Rows:
    """Rows gathered for the next batch."""

    captures: list[_Row] = field(default_factory=list)
    rights: list[_Row] = field(default_factory=list)
    robots: list[_Row] = field(default_factory=list)
    licences: list[_Row] = field(default_factory=list)
    annotations: list[_Row] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)

    def batch(self) -> Captured:
        return Captured(
            captures=pa.RecordBatch.from_pylist(self.captures, schema=CAPTURE),
            rights=pa.RecordBatch.from_pylist(self.rights, schema=RIGHTS),
            robots=pa.RecordBatch.from_pylist(self.robots, schema=ROBOTS),
            licences=pa.RecordBatch.from_pylist(self.licences, schema=LICENCE),
            annotations=pa.RecordBatch.from_pylist(self.annotations, schema=ANNOTATION),
            skipped=dict(sorted(self.skipped.items())),
        )


def capture_archive(
    path: Path, *, source: str, stored_uri: str, rows_per_batch: int = 1000, guard: Guard | None = None
) -> Iterator[Captured]:
    """The rows of an archive, `rows_per_batch` captures a batch; at least one batch, also of an empty archive.

    `source`: name of the source card. `stored_uri`: where the archive lies in the store, for `payload.uri`. Nothing but
    the file's bytes and these values is in the rows; `path` is not. `guard`: of what it knows nothing but a record of the case
    is in them.

    Raises:
        SourceError: the file cannot be opened.
    """
    rows, seen, is_yielded = _Rows(), set[bytes](), False
    for found in records(path):
        if isinstance(found, Record) and found.record_type not in _CAPTURES:
            rows.skipped[found.record_type + ("_damaged" if found.problem else "")] += 1
            continue
        row = _gap_row(found, source, stored_uri) if isinstance(found, Gap) else _row(found, source, stored_uri)
        if row["capture_id"] in seen:
            rows.skipped["repeated"] += 1
            continue
        seen.add(row["capture_id"])
        rows.captures.append(row)
        if isinstance(found, Record) and guard is not None and (case := guard.match(found.payload, found.uri)):
            row |= _CASE | {"reason": case.reason.value, "detail": case.why}
            if case.reason is Reason.TAKEN_DOWN:
                uri = found.uri and guard.shown(found.uri, case.reason)
                row |= {"uri": uri, "uri_key": None, "host": None, "headers": []}
        elif isinstance(found, Record):
            _add_evidence(rows, found, row)
        if len(rows.captures) == rows_per_batch:
            yield rows.batch()
            rows, is_yielded = _Rows(), True
    if rows.captures or rows.skipped or not is_yielded:
        yield rows.batch()


def _gap_row(gap: Gap, source: str, stored_uri: str) -> _Row:
    place = str(gap.offset)
    key = capture_id(
        source=source, uri=None, fetched_at=None, record_type="gap", record_id=place, payload_sha256=gap.sha256
    )
    return {
        "capture_id": key,
        "source": source,
        "outcome": Outcome.DAMAGED.value,
        "reason": gap.reason.value,
        "detail": f"{gap.length} bytes at {gap.offset}: {gap.detail}",
        "headers": [],
        "record_type": "gap",
        "record_id": place,
        "payload": {"uri": stored_uri, "offset": gap.offset, "length": gap.length, "sha256": gap.sha256},
    }


def _row(record: Record, source: str, stored_uri: str) -> _Row:
    payload_sha256 = sha256(record.payload)
    key = capture_id(
        source=source, uri=record.uri, fetched_at=record.fetched_at, record_type=record.record_type,
        record_id=record.record_id, payload_sha256=payload_sha256,
    )  # fmt: skip
    content_type = _content_type(record)
    ended, reason = outcome(record)
    return {
        "capture_id": key,
        "source": source,
        "outcome": ended.value,
        "reason": reason and reason.value,
        "detail": record.detail,
        "uri": record.uri,
        "uri_key": uri_key(record.uri),
        "host": host(record.uri),
        "fetched_at": record.fetched_at,
        "status": record.status,
        "media_type": media_type(content_type, record.payload),
        "charset": http.charset(content_type),
        "headers": [(name, value) for name in HEADERS_KEPT if (value := _header(record.headers, name)) is not None],
        "headers_sha256": sha256(record.header_block) if record.header_block else None,
        "record_type": record.record_type,
        "record_id": record.record_id,
        "truncated": record.truncated,
        "payload": {
            "uri": stored_uri,
            "offset": record.offset,
            "length": record.length,
            "sha256": payload_sha256,
        },
        "payload_bytes": len(record.payload),
    }


def _header(headers: Sequence[tuple[str, str]], name: str) -> str | None:
    return http.location(headers) if name == "location" else http.header(headers, name)


def outcome(record: Record) -> tuple[Outcome, Reason | None]:
    """How the capture ended, and what is wrong with it. What is not good is `damaged`, whatever else it is."""
    if record.problem is not None:
        return Outcome.DAMAGED, record.problem
    if record.record_type == "revisit":
        return Outcome.REVISIT, None
    if uri_path(record.uri) in SITE_FILES:
        return Outcome.ROBOTS_FILE, None
    return http.outcome(record.status, record.headers, len(record.payload))


def _content_type(record: Record) -> str | None:
    """The Content-Type of the payload: the HTTP header's, or the record's where the block is no HTTP message."""
    return http.header(record.headers, "content-type") if record.header_block else record.content_type


def media_type(content_type: str | None, payload: bytes) -> str | None:
    """The declared media type; what the bytes show where none is declared, or where a picture is served as a page."""
    declared = http.media_type(content_type)
    if declared in (None, "application/octet-stream"):
        return sniff(payload) or declared
    if declared == "text/html":
        shown = sniff(payload)
        return shown if shown is not None and shown.startswith(_PICTURE_OR_SOUND) else declared
    return declared


def _add_evidence(rows: _Rows, record: Record, row: _Row) -> None:
    """Statements of headers and page, licences, and the files in which a site speaks for itself."""
    if record.header_block:
        said = header_statements(record.headers)
        block = sha256(record.header_block)
        rows.rights += statement_rows(row, said, block)
        named = header_licences(record.headers, record.uri) if row["outcome"] == Outcome.FETCHED.value else []
        said_by = {"capture_id": row["capture_id"], "evidence_sha256": block}
        rows.licences += [said_by | asdict(hit) for hit in named]
    if record.record_type == "revisit":
        return
    if row["outcome"] == Outcome.FETCHED.value:
        _add_words(rows, record.payload, row)
    path, site = uri_path(record.uri), origin(record.uri)
    if site is not None and path == ROBOTS_PATH:
        rows.robots.append(_robots(record, row, site))
    elif site is not None and path in SITE_FILES:
        said = site_file_statements(site + path, *_answer(record))
        rows.rights += statement_rows(row, said, row["payload"]["sha256"], site)


def _add_words(rows: _Rows, payload: bytes, row: _Row) -> None:
    """What a page says of itself and of what it shows, and what a book says of its licence."""
    evidence = row["payload"]["sha256"]
    said_by = {"capture_id": row["capture_id"], "evidence_sha256": evidence}
    if row["media_type"] in HTML:
        said = html_statements(payload)
        rows.rights += statement_rows(row, said, evidence)
        media = page_media(payload, row["uri"])
        rows.rights += _of_pictures(row, said, media, evidence)
        rows.annotations += [said_by | one._asdict() for one in annotations(media)]
        rows.licences += [said_by | asdict(hit) for hit in html_licences(payload, row["uri"])]
        # Of its own pictures alone: anybody's page can say that anybody's picture is free.
        own = [(url, hit) for url, hit in picture_licences(media) if same_site(url, row["uri"])]
        rows.licences += [said_by | {"subject": url} | asdict(hit) for url, hit in own]
    rows.rights += statement_rows(row, file_statements(payload), evidence)
    if (row["media_type"] or "").startswith("image/"):
        rows.licences += picture_licence_rows(row["uri"], row["capture_id"], payload, evidence)
    if row["media_type"] in BOOKS:
        rows.licences += book_licence_rows(row["uri"], row["capture_id"], payload, evidence)


def _of_pictures(row: _Row, said: list[Statement], media: Sequence[Medium], evidence_sha256: bytes) -> list[_Row]:
    """What the meta tags of a page reserve, said of the pictures and recordings of its own site that it shows, each by its path.

    `noai` and `noimageai` are about what the page shows, wherever the words for it come from. Of its own alone: anybody's page
    can show anybody's picture.
    """
    reserved = [one for one in said if one.verdict in RESERVES and one.usage is not Usage.SEARCH]
    places = {
        place
        for medium in media
        if reserved
        for url in medium.urls
        if same_site(url, row["uri"]) and (place := origin_and_path(url))
    }
    return [
        made
        for site, path in sorted(places)
        for made in statement_rows(row, [replace(one, path=f"{path}$") for one in reserved], evidence_sha256, site)
    ]


def statement_rows(row: _Row, said: list[Statement], evidence_sha256: bytes, site: str | None = None) -> list[_Row]:
    """RIGHTS rows. `site`: the origin that the statements are about, null for the capture itself."""
    return [
        {
            "capture_id": row["capture_id"],
            "subject_kind": "capture" if site is None else "origin",
            "subject": None if site is None else site + (one.path or ""),
            "mechanism": one.mechanism.value,
            "usage": one.usage.value,
            "verdict": one.verdict.value,
            "agent": one.agent,
            "locator": one.locator,
            "excerpt": one.excerpt,
            "evidence_sha256": evidence_sha256,
            "observed_at": row.get("fetched_at"),
        }
        for one in said
    ]


def _robots(record: Record, row: _Row, site: str) -> _Row:
    """The ROBOTS row of a robots.txt. A damaged one counts as unreachable: nobody knows what it said."""
    is_good = record.problem is None
    location = http.location(record.headers) if is_good else None
    body = record.payload[:ROBOTS_BYTES] if is_good else b""
    return {
        "capture_id": row["capture_id"],
        "origin": site,
        "fetched_at": record.fetched_at,
        # A resource record was obtained without HTTP: there is no status, and it was reached.
        "status": (200 if record.record_type == "resource" else record.status) if is_good else None,
        "location": absolute(location, record.uri) if location else None,
        "body": body,
        "body_sha256": sha256(body),
    }


def _answer(record: Record) -> tuple[int | None, str | None, bytes | None]:
    """(status, target of a redirect, body) of a site's file; a resource record was obtained without HTTP, and was reached."""
    location = http.location(record.headers)
    status = 200 if record.record_type == "resource" else record.status
    return status, absolute(location, record.uri) if location else None, None if record.problem else record.payload
