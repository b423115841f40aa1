"""An upload as rows: files that a user already holds, read by their form. Facts only, as in `pipelines.capture.archive`."""

from collections.abc import Iterator, Sequence
from itertools import chain

import pyarrow as pa

from pipelines.capture import words
from pipelines.capture.archive import Captured
from pipelines.capture.archive_members import archive_entries
from pipelines.capture.block import Case, Guard
from pipelines.capture.entry import Caps, Entry, Row, Upload, blocked, stored
from pipelines.capture.layout import File, Form, Layout, Wanted
from pipelines.capture.stored import open_stored
from pipelines.capture.table_rows import row_entries
from pipelines.store import Store
from schemas.annotation import ANNOTATION
from schemas.capture import CAPTURE
from schemas.reasons import Reason
from schemas.rights import LICENCE, RIGHTS, ROBOTS

# Bytes of members in one part of the store; Chosen: what is held in memory twice while a part is written.
MEMBERS_BYTES = 64 << 20


def capture_upload(
    store: Store, files: Sequence[File], source: str, layout: Layout, wanted: Wanted, rows_per_batch: int,
    caps: Caps | None = None, guard: Guard | None = None,
) -> Iterator[Captured]:  # fmt: skip
    """The rows of these files in order, about `rows_per_batch` captures a batch; at least one batch.

    Raises:
        SourceError: a stored file is missing, or a table has not the columns that the recipe names.
    """
    upload = Upload(store=store, source=source, layout=layout, wanted=wanted, caps=caps or Caps(), guard=guard)
    batch, is_yielded = _Batch(store), False
    for entry in chain.from_iterable(_entries(upload, file) for file in files):
        if batch.is_full(entry, rows_per_batch):
            yield batch.closed()
            batch, is_yielded = _Batch(store), True
        batch.add(entry)
    if batch.captures or not is_yielded:
        yield batch.closed()


def _entries(upload: Upload, file: File) -> Iterator[Entry]:
    match file.form:
        case Form.MEMBERS:
            yield from archive_entries(upload, file)
        case Form.ROWS:
            yield from row_entries(upload, file)
        case Form.BLOCKED:
            case = Case(Reason.BLOCKED_BY_HASH, "its sha256 or PDQ hash is on a block list")
            yield blocked(upload, (file.name,), bytes.fromhex(file.sha256), case)
        case Form.TAKEN_DOWN:
            case = Case(Reason.TAKEN_DOWN, "a request covers it")
            yield blocked(upload, (file.name,), bytes.fromhex(file.sha256), case)
        case Form.TABLE:
            entry, _ = stored(upload, file, is_capped=False)
            with open_stored(upload.store, file.stored, file.length) as stream:
                yield from words.of_table(upload, (file.name,), entry, stream)
        case Form.SIDECAR:
            entry, data = stored(upload, file, is_read=True)
            yield from words.of_sidecar(upload, (file.name,), entry, data, location="file")
        case _:
            yield stored(upload, file)[0]


class _Batch:
    """Rows gathered for the next batch, and the payloads to be copied with it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.captures: dict[bytes, Row] = {}
        self._annotations, self._licences, self._rights = list[Row](), list[Row](), list[Row]()
        self._blobs, self._copied, self._bytes = list[bytes](), list[Row](), 0

    def is_full(self, entry: Entry, rows: int) -> bool:
        """Whether the entry belongs to the next batch."""
        return bool(self.captures) and (
            len(self.captures) >= rows
            or self._bytes + len(entry.blob or b"") > MEMBERS_BYTES
            or len(self._annotations) + len(entry.annotations) > words.PART_ROWS
        )

    def add(self, entry: Entry) -> None:
        """Take an entry; who says something of it comes with it, so that sayers lie beside their words."""
        row = entry.row
        if row["capture_id"] not in self.captures:
            if entry.blob is not None:
                row = row | {"payload": row["payload"] | {"offset": self._bytes}}
                self._copied.append(row)
                self._blobs.append(entry.blob)
                self._bytes += len(entry.blob)
            self.captures[row["capture_id"]] = row
        if entry.sayer is not None and (entry.annotations or entry.licences):
            self.captures.setdefault(entry.sayer["capture_id"], entry.sayer)
        self._annotations += entry.annotations
        self._licences += entry.licences
        self._rights += entry.rights

    def closed(self) -> Captured:
        """The batch, its payloads copied into the store end to end."""
        members = [self._store.publish_bytes("members", b"".join(self._blobs))] if self._blobs else []
        for row in self._copied:
            row["payload"]["uri"] = members[0].path
        return Captured(
            captures=pa.RecordBatch.from_pylist(list(self.captures.values()), schema=CAPTURE),
            rights=pa.RecordBatch.from_pylist(self._rights, schema=RIGHTS),
            robots=pa.RecordBatch.from_pylist([], schema=ROBOTS),
            licences=pa.RecordBatch.from_pylist(self._licences, schema=LICENCE),
            annotations=pa.RecordBatch.from_pylist(self._annotations, schema=ANNOTATION),
            skipped={},
            members=tuple(members),
        )
