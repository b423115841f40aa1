"""One capture of an upload, as a row, with what it says: of its own rights, and of other captures.

Every reader of an upload (files, archives, tables) gives entries; `pipelines.capture.upload` makes batches of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from pipelines.capture.archive import statement_rows
from pipelines.capture.block import Case, Guard
from pipelines.capture.file_type import HEAD_BYTES, media_type
from pipelines.capture.inflate import BrokenError, Budget
from pipelines.capture.layout import File, Layout, Wanted
from pipelines.capture.subject import upload_uri
from pipelines.capture.warc import PAYLOAD_CAP
from pipelines.rights.file_rights import file_statements
from pipelines.store import Store
from schemas.capture import Outcome, capture_id
from schemas.digest import sha256
from schemas.reasons import Reason

Row: TypeAlias = dict[str, Any]

_LFS = b"version https://git-lfs.github.com/spec/"
_EMPTY = sha256(b"")
_DETAIL_CHARS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """What one file may cost. `member_bytes`: of a file, member or row. `path_bytes`: of a name.

    A compressed file may unpack to `unpacked_bytes`, or `ratio` times its own size where that is more.
    """

    member_bytes: int = PAYLOAD_CAP
    unpacked_bytes: int = 1 << 30  # Chosen: unpacked in some seconds, so that small files need no ratio
    ratio: int = 100  # Chosen: text and source code shrink 3 to 30 fold, a bomb 1,000 fold and more
    members: int = 1 << 22  # Chosen: the largest archives people publish (Common Voice) hold 2.4 million files
    path_bytes: int = 4096  # Source: Linux, PATH_MAX

    def budget(self, packed: int) -> Budget:
        """How much a compressed file of `packed` bytes may unpack to."""
        return Budget(max(self.unpacked_bytes, self.ratio * packed))


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What every reader of an upload knows."""

    store: Store
    source: str
    layout: Layout
    wanted: Wanted
    caps: Caps
    guard: Guard | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row of CAPTURE, and rows of ANNOTATION, LICENCE and RIGHTS that came with it.

    `blob`: payload bytes to be copied into the store; null where the row names the place they lie at. `sayer`: the capture
    that says the annotations and licences, where it is another one.
    """

    row: Row
    blob: bytes | None = None
    annotations: list[Row] = field(default_factory=list)
    licences: list[Row] = field(default_factory=list)
    rights: list[Row] = field(default_factory=list)
    sayer: Row | None = None


def stored(upload: Upload, file: File, *, is_read: bool = False, is_capped: bool = True) -> tuple[Entry, bytes]:
    """The entry of a file as it lies in the store, and its bytes; only the first ones unless it is to be read.

    `is_capped`: whether it is one payload, which may be too large, or a table that is read in pieces.
    """
    place = {"uri": file.stored, "offset": 0, "length": file.length, "sha256": bytes.fromhex(file.sha256)}
    is_whole = file.length <= upload.caps.member_bytes and (is_read or upload.wanted.evidence)
    data = upload.store.read_range(file.stored, 0, file.length if is_whole else min(file.length, HEAD_BYTES))
    found = _entry(upload, (file.name,), place, media_type(file.name, data[:HEAD_BYTES]))
    if is_capped and file.length > upload.caps.member_bytes:
        return damaged(found, BrokenError(_over(file.length, upload.caps), Reason.TOO_LARGE)), b""
    return _with_evidence(upload, found, data), data


def taken(
    upload: Upload, path: tuple[str, ...], data: bytes, *, place: tuple[str, int] | None = None, kind: str | None = None
) -> Entry:
    """The entry of a payload found in a file. `place`: where in the store it lies; null: it is to be copied there."""
    if len(data) > upload.caps.member_bytes:
        return lost(upload, path, BrokenError(_over(len(data), upload.caps), Reason.TOO_LARGE), locator=path[-1])
    if upload.guard is not None and (case := upload.guard.match(data, upload_uri(upload.source, *path))):
        return blocked(upload, path, sha256(data), case)
    uri, offset = place or ("", 0)
    where = {"uri": uri, "offset": offset, "length": len(data), "sha256": sha256(data)}
    found = _entry(upload, path, where, kind or media_type(path[-1], data[:HEAD_BYTES]))
    return _with_evidence(upload, replace(found, blob=data if place is None and data else None), data)


def refused(upload: Upload, path: tuple[str, ...], why: str, *, locator: str) -> Entry:
    """The entry of something that our own rules leave out."""
    return Entry(row=_row(upload, path, record_id=locator) | {"outcome": Outcome.REFUSED.value, "detail": _short(why)})


def blocked(upload: Upload, path: tuple[str, ...], digest: bytes, case: Case) -> Entry:
    """The record of a case: bytes that may not be kept, and of which nothing is."""
    row = _row(upload, path, digest=digest)
    row |= {"outcome": Outcome.REFUSED.value, "reason": case.reason.value, "detail": case.why}
    return Entry(row=row | ({"uri": upload.guard.shown(row["uri"], case.reason)} if upload.guard else {}))


def is_blocked(entry: Entry) -> bool:
    """Whether the entry is the record of a case."""
    return entry.row.get("reason") in (Reason.BLOCKED_BY_HASH.value, Reason.TAKEN_DOWN.value)


def lost(
    upload: Upload, path: tuple[str, ...], problem: BrokenError, *, locator: str, place: Mapping[str, Any] | None = None
) -> Entry:
    """The entry of bytes that cannot be read. `place`: of the bytes as stored, where they lie there as they are."""
    row = _row(upload, path, record_type="gap", record_id=locator, digest=place["sha256"] if place else _EMPTY)
    row |= {"payload": dict(place) if place else None}
    return damaged(Entry(row=row), BrokenError(f"{locator}: {problem.detail}", problem.reason))


def damaged(entry: Entry, problem: BrokenError) -> Entry:
    """The entry as one that cannot be used."""
    row = {"outcome": Outcome.DAMAGED.value, "reason": problem.reason.value, "detail": _short(problem.detail)}
    return replace(entry, row=entry.row | row, annotations=[], licences=[], rights=[])


def evidence(entry: Entry) -> Entry:
    """The entry as one that only speaks of others; damage and emptiness stay what they are."""
    if entry.row["outcome"] != Outcome.FETCHED.value:
        return entry
    return replace(entry, row=entry.row | {"outcome": Outcome.EVIDENCE.value})


def _entry(upload: Upload, path: tuple[str, ...], place: Row, kind: str) -> Entry:
    what: Row = {"outcome": Outcome.EMPTY.value, "media_type": kind, "payload": None, "payload_bytes": 0}
    if place["length"]:
        what |= {"outcome": Outcome.FETCHED.value, "payload": place, "payload_bytes": place["length"]}
    return Entry(row=_row(upload, path, digest=place["sha256"]) | what)


def _row(
    upload: Upload,
    path: tuple[str, ...],
    *,
    record_type: str = "file",
    record_id: str | None = None,
    digest: bytes = _EMPTY,
) -> Row:
    uri = upload_uri(upload.source, *path)
    key = capture_id(
        source=upload.source, uri=uri, fetched_at=None, record_type=record_type, record_id=record_id, payload_sha256=digest
    )  # fmt: skip
    return {
        "capture_id": key, "source": upload.source, "uri": uri, "record_type": record_type, "record_id": record_id,
        "headers": [],
    }  # fmt: skip


def _with_evidence(upload: Upload, entry: Entry, data: bytes) -> Entry:
    """The entry with the licences that its bytes name; a licence file is evidence, a Git LFS pointer is refused."""
    if data.startswith(_LFS):
        why = "a Git LFS pointer: the content itself was not uploaded; fetch it with `git lfs pull`"
        return replace(entry, row=entry.row | {"outcome": Outcome.REFUSED.value, "detail": why})
    row, finders = entry.row, upload.wanted.evidence if data else {}
    digest = sha256(data) if finders else b""
    found = [hit for find in finders.values() for hit in find(row["uri"], row["capture_id"], data, digest)]
    rights = statement_rows(row, file_statements(data), digest) if finders else []
    entry = replace(entry, licences=found, rights=rights)
    return evidence(entry) if any(hit["location"] == "licence_file" for hit in found) else entry


def _over(size: int, caps: Caps) -> str:
    return f"{size} bytes, over the cap of {caps.member_bytes}"


def _short(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()[:_DETAIL_CHARS]
