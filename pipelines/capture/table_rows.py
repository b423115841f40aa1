"""A table whose rows are captures: texts, or pictures and recordings that lie in it with their words (Parquet)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import Any

from pipelines.capture import words
from pipelines.capture.entry import Entry, Upload, evidence, is_blocked, lost, stored, taken
from pipelines.capture.file_type import HEAD_BYTES, media_type
from pipelines.capture.inflate import BrokenError
from pipelines.capture.layout import File
from pipelines.capture.stored import open_stored
from pipelines.capture.tables import Row, is_unicode, read_rows
from schemas.annotation import Role
from schemas.capture import Outcome
from schemas.reasons import Reason

_NAME_CHARS = 512  # Chosen: of a row's id or path in its URI; longer ones are no names


def row_entries(upload: Upload, file: File) -> Iterator[Entry]:
    """The table as evidence, then one entry a row; the table as a mere file where it has no column of texts or media.

    Raises:
        SourceError: the stored file is missing.
    """
    table, _ = stored(upload, file, is_capped=False)
    if table.row["outcome"] != Outcome.FETCHED.value:
        yield table
        return
    with open_stored(upload.store, file.stored, file.length) as stream:
        rows = read_rows(stream, file.name, file.length, upload.caps)
        first = list(islice(rows, words.PEEKED))
        has_media = upload.wanted.words and any(row.media is not None for row in first)
        has_texts = upload.wanted.texts and upload.layout.text_column in words.columns_of(first)
        if has_media or has_texts:
            yield evidence(table)
            read = _Rows(upload, file, evidence(table), has_media=has_media)
            yield from map(read.entry, chain(first, rows))
        else:
            yield _mere_file(upload, file, table, first)


def _mere_file(upload: Upload, file: File, table: Entry, first: Sequence[Row]) -> Entry:
    bad = words.Unread()
    for row in first:
        if row.problem is not None:
            bad.add(row.number, row.problem)
    if bad.count == len(first) > 0:
        return lost(upload, (file.name,), bad.problem(), locator="rows")
    return words.noted(table, f"no column {upload.layout.text_column!r}: taken as one file, not row by row")


class _Rows:
    """One table while it is read: which names its rows had so far."""

    def __init__(self, upload: Upload, file: File, table: Entry, *, has_media: bool) -> None:
        self._upload, self._file, self._table, self._has_media = upload, file, table, has_media
        self._seen: set[str] = set()

    def entry(self, row: Row) -> Entry:
        """The entry of a row."""
        number = str(row.number)
        if row.problem is not None:
            path = (self._file.name, number) if row.number else (self._file.name,)
            return lost(self._upload, path, row.problem, locator=f"row {number}")
        try:
            return self._said(row, self._media(row) if self._has_media else self._text(row))
        except BrokenError as problem:
            return lost(self._upload, (self._file.name, number), problem, locator=f"row {number}")

    def _media(self, row: Row) -> Entry:
        if row.media is None:
            raise BrokenError("the row holds no bytes of a picture or recording", Reason.NOT_DECODABLE)
        return taken(self._upload, (self._file.name, self._name(row.number, row.media_name)), row.media)

    def _text(self, row: Row) -> Entry:
        layout = self._upload.layout
        value = row.values.get(layout.text_column)
        if not isinstance(value, str | None) or not is_unicode(value or ""):
            raise BrokenError(f"column {layout.text_column!r} holds no text", Reason.NOT_DECODABLE)
        data, path = (value or "").encode(), row.values.get(layout.file_column)
        name = self._name(row.number, path, row.values.get(layout.id_column))
        kind = media_type(name, data[:HEAD_BYTES]) if name == path else "text/plain"
        return taken(self._upload, (self._file.name, name), data, kind=kind)

    def _name(self, number: int, *candidates: Any) -> str:
        """The first candidate that can name the row and no other row has; else its number."""
        for value in candidates:
            name = str(value) if isinstance(value, str | int) else ""
            if name and len(name) <= _NAME_CHARS and is_unicode(name) and name not in self._seen:
                self._seen.add(name)
                return name
        return str(number)

    def _said(self, row: Row, entry: Entry) -> Entry:
        """The entry with what the table says of it."""
        if is_blocked(entry):
            return entry
        layout, values, uri, place = self._upload.layout, row.values, entry.row["uri"], f"row {row.number}"
        about = {layout.title_column: Role.TITLE} | ({layout.text_column: Role.CAPTION} if self._has_media else {})
        said = [
            words.annotation(self._table, uri, one, location="table", locator=place, role=role)
            for column, role in about.items()
            for one in words.texts_of(values.get(column), values.get(layout.language_column))
        ]
        named = words.licences(self._table, uri, values.get(layout.licence_column), locator=place)
        language = values.get(layout.language_column)
        headers = [("content-language", language)] if language and isinstance(language, str) else []
        return replace(
            entry,
            row=entry.row | {"headers": headers},
            annotations=said,
            licences=[*entry.licences, *named],
            sayer=self._table.row,
        )
