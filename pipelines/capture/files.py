"""Files of a source as rows: archives of records (WARC, ARC), or an upload (`pipelines.capture.upload`)."""

from collections.abc import Iterator, Sequence

from pipelines.capture.archive import Captured, capture_archive
from pipelines.capture.layout import File, Layout
from pipelines.capture.upload import capture_upload
from pipelines.store import Store


def capture_files(
    store: Store, files: Sequence[File], source: str, layout: Layout, rows_per_batch: int
) -> Iterator[Captured]:
    """The rows of these files in order, at least one batch.

    Raises:
        SourceError: a file cannot be read.
    """
    if not (files and files[0].is_archive):
        yield from capture_upload(store, files, source, layout, rows_per_batch)
    for file in files:
        if file.is_archive:
            path = store.local(file.stored)
            yield from capture_archive(path, source=source, stored_uri=file.stored, rows_per_batch=rows_per_batch)
