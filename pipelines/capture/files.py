"""Files of a source as rows: archives of web records (WARC, ARC), or an upload (`pipelines.capture.upload`)."""

from collections.abc import Iterator, Sequence

from pipelines.capture.archive import Captured, capture_archive
from pipelines.capture.block import Guard
from pipelines.capture.layout import File, Form, Layout, Wanted
from pipelines.capture.upload import capture_upload
from pipelines.store import Store


def capture_files(
    store: Store, files: Sequence[File], source: str, layout: Layout, wanted: Wanted, rows_per_batch: int,
    guard: Guard | None = None,
) -> Iterator[Captured]:  # fmt: skip
    """The rows of these files in order, at least one batch.

    Raises:
        SourceError: a file cannot be read, or a table has not the columns that the recipe names.
    """
    archives = [file for file in files if file.form == Form.RECORDS]
    uploads = [file for file in files if file.form != Form.RECORDS]
    if uploads or not archives:
        yield from capture_upload(store, uploads, source, layout, wanted, rows_per_batch, guard=guard)
    for file in archives:
        with store.lent(file.stored) as path:
            yield from capture_archive(
                path, source=source, stored_uri=file.stored, rows_per_batch=rows_per_batch, guard=guard
            )
