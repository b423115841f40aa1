"""Labelled texts out of files, as they come: tables, JSON Lines, plain text, and zip archives of these."""

import csv
import gzip
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from schemas.errors import DataError

_TEXT_COLUMNS, _LABEL_COLUMNS = ("text", "tweet"), ("labels", "label", "is_toxic", "class")
# Chosen: where a text file is cut into pieces to learn from: at the ends of sentences, and at blank lines.
_PIECES = re.compile(r"(?<=[.!?])\s+|\n\s*\n")
_SHORTEST_PIECE = 15  # characters: shorter ones are headings and numbers

csv.field_size_limit(1 << 24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """One text with its labels. `topic`: what figures are told apart by."""

    text: str
    labels: tuple[str, ...]
    topic: str


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of texts, and the label of all of them where their rows name none: `FILE` or `FILE=LABEL`."""

    path: Path
    label: str | None = None

    @classmethod
    def parse(cls, given: str) -> "File":
        """The file that a command line names."""
        path, _, label = given.rpartition("=")
        return cls(path=Path(path), label=label) if path and not Path(given).exists() else cls(path=Path(given))

    @property
    def sha256(self) -> str:
        """Of its bytes, hex."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


def read(file: File, aliases: Mapping[str, tuple[str, ...]] | None = None) -> list[Labelled]:
    """The texts of a file, their labels as a task calls them (without aliases: as the file does); a label of no labels is passed over.

    Rows are `{"text", "label"}` in .jsonl, columns `text` and `label` (or `is_toxic`, `class`) in .csv and .tsv; in a table without
    such a head the last column is the text, the one before it the label. A .txt is cut into sentences. Any may be gzipped, or in a .zip.

    Raises:
        DataError: the file cannot be read, is of another kind, has a row without text or label, or a label nobody knows.
    """
    try:
        data = file.path.read_bytes()
    except OSError as error:
        raise DataError(f"data {file.path} cannot be read: {error.strerror}") from error
    found = []
    for text, label in _rows(file.path.name, data, where=f"data {file.path}"):
        known = _labels(file.label if file.label is not None else label, aliases, where=f"data {file.path}")
        if known:
            found.append(Labelled(text=text, labels=known, topic=file.path.name))
    if not found:
        raise DataError(f"data {file.path} holds no text")
    return found


def _labels(given: object, aliases: Mapping[str, tuple[str, ...]] | None, *, where: str) -> tuple[str, ...]:
    names = [str(name) for name in given] if isinstance(given, list) else [str(given)]
    if given is None or (aliases is not None and not aliases.keys() & set(names)):
        known = f" is none of {', '.join(aliases)}" if aliases is not None else " names nothing"
        raise DataError(f"{where}: label {given!r}{known}; name one for the whole file with FILE=LABEL")
    return tuple(names) if aliases is None else tuple(label for name in names for label in aliases.get(name, ()))


def _rows(name: str, data: bytes, *, where: str) -> Iterator[tuple[str, object]]:
    try:
        if name.endswith(".gz"):
            name, data = name.removesuffix(".gz"), gzip.decompress(data)
        if name.endswith(".zip"):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                for member in sorted(archive.namelist()):
                    if Path(member).suffix in _READERS:
                        yield from _rows(member, archive.read(member), where=f"{where}, {member}")
            return
        reader = _READERS.get(Path(name).suffix)
        if reader is None:
            raise DataError(f"{where} is none of {', '.join(_READERS)}, gzipped or not, or a .zip of them")
        # One bad byte of a book spoils one word; of a table perhaps the whole.
        yield from reader(data.decode("utf-8-sig", "replace" if reader is _sentences else "strict"), where)
    except (UnicodeDecodeError, EOFError, OSError, zipfile.BadZipFile, csv.Error) as error:
        raise DataError(f"{where} cannot be read: {error}") from error


def _json_lines(text: str, where: str) -> Iterator[tuple[str, object]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(f"{where}, line {number}: {error}") from error
        if not isinstance(row, dict) or not isinstance(row.get("text"), str):
            raise DataError(f'{where}, line {number}: no "text"')
        yield row["text"], next((row[key] for key in _LABEL_COLUMNS if key in row), None)


def _comma_table(text: str, where: str) -> Iterator[tuple[str, object]]:
    return _table(csv.reader(io.StringIO(text, newline="")), where)


def _tab_table(text: str, where: str) -> Iterator[tuple[str, object]]:
    return _table(csv.reader(io.StringIO(text, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE), where)


def _table(rows: Iterator[list[str]], where: str) -> Iterator[tuple[str, object]]:
    head = next(rows, [])
    at_text, at_label = (
        next((head.index(name) for name in names if name in head), None) for names in (_TEXT_COLUMNS, _LABEL_COLUMNS)
    )
    if at_text is None:
        at_text, at_label = -1, -2
        rows = chain([head] if head else [], rows)
    for number, row in enumerate(rows, 1):
        if len(row) < max(2, at_text + 1, (at_label or 0) + 1):
            raise DataError(f"{where}, row {number}: a text and a label are needed, there are {len(row)} columns")
        yield row[at_text], None if at_label is None else row[at_label]


def _sentences(text: str, where: str) -> Iterator[tuple[str, object]]:
    for piece in _PIECES.split(text):
        if len(piece.strip()) >= _SHORTEST_PIECE:
            yield piece.strip(), None


_READERS = {".jsonl": _json_lines, ".csv": _comma_table, ".tsv": _tab_table, ".txt": _sentences}
