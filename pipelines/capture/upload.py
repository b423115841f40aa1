"""An upload as rows: files that a user already holds, one capture each. Facts only, as in `pipelines.capture.archive`."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from pipelines.capture.archive import Captured, media_type
from pipelines.capture.layout import File, Layout
from pipelines.capture.subject import upload_uri
from pipelines.store import Store
from schemas.annotation import ANNOTATION
from schemas.capture import CAPTURE, Outcome, capture_id
from schemas.rights import LICENCE, RIGHTS, ROBOTS


def capture_upload(
    store: Store, files: Sequence[File], source: str, layout: Layout, rows_per_batch: int
) -> Iterator[Captured]:
    """The rows of these files in order, `rows_per_batch` captures a batch; at least one batch.

    Raises:
        SourceError: a file cannot be read.
    """
    for at in range(0, max(len(files), 1), rows_per_batch):
        rows = [_row(store, file, source) for file in files[at : at + rows_per_batch]]
        yield Captured(
            captures=pa.RecordBatch.from_pylist(rows, schema=CAPTURE),
            rights=pa.RecordBatch.from_pylist([], schema=RIGHTS),
            robots=pa.RecordBatch.from_pylist([], schema=ROBOTS),
            licences=pa.RecordBatch.from_pylist([], schema=LICENCE),
            annotations=pa.RecordBatch.from_pylist([], schema=ANNOTATION),
            skipped={},
        )


def _row(store: Store, file: File, source: str) -> dict[str, object]:
    uri, digest = upload_uri(source, file.name), bytes.fromhex(file.sha256)
    head = store.read_range(file.stored, 0, min(file.length, 4096))
    outcome = Outcome.EVIDENCE if file.is_evidence else Outcome.FETCHED if file.length else Outcome.EMPTY
    return {
        "capture_id": capture_id(
            source=source, uri=uri, fetched_at=None, record_type="file", record_id=None, payload_sha256=digest
        ),
        "source": source,
        "outcome": outcome.value,
        "uri": uri,
        "media_type": media_type(None, head),
        "headers": [],
        "record_type": "file",
        "payload": {"uri": file.stored, "offset": 0, "length": file.length, "sha256": digest},
        "payload_bytes": file.length,
    }
