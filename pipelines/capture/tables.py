"""Tables as rows: JSON lines, CSV and TSV (also compressed), and Parquet, which is decoded in a killable child.

A row that cannot be read is a row with a problem; what is missing at the end of a damaged file is row 0.
"""

import contextlib
import csv
import io
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import pyarrow as pa

from pipelines.capture import parquet_child
from pipelines.capture.entry import Caps
from pipelines.capture.inflate import BrokenError, Budget, Unpacked, coding
from pipelines.child import Child, Limits
from schemas.reasons import Reason

_BUFFER = 1 << 20
# Chosen: Arrow holds a page twice, and writers put 1,024 values into one whatever their size: pictures of 400 kB pass.
_PARQUET = Limits(row_seconds=120.0, cpu_seconds=60, memory_bytes=1 << 30)
_SLICE_ROWS = 2000  # Chosen: a unit of work
MEDIA_COLUMNS = ("image", "audio")  # Source: Hugging Face datasets, features Image and Audio, as ImageFolder names them


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a table. `number`: its line in JSON lines, else its place behind the header; from 1; 0: the rest.

    `media`: bytes of a picture or recording that lies in the table, `media_name` the name it had.
    """

    number: int
    values: Mapping[str, Any] = field(default_factory=dict)
    problem: BrokenError | None = None
    media: bytes | None = None
    media_name: str | None = None


def read_rows(stream: BinaryIO, name: str, length: int, caps: Caps) -> Iterator[Row]:
    """The rows of a table of this file name, which says what it is; its first bytes say whether it is compressed."""
    if name.lower().endswith(".parquet"):
        with _local(stream) as path:
            yield from _parquet(path, caps.budget(length))
        return
    packed = coding(stream.read(16))
    stream.seek(0)
    problem = None
    if packed:
        survey = Unpacked(stream, packed, caps.budget(length))
        while survey.read(_BUFFER):
            pass
        stream.seek(0)
        problem, stop = survey.problem, survey.sound
        stream = io.BufferedReader(Unpacked(stream, packed, caps.budget(length), stop=stop), _BUFFER)
    plain = name.lower().removesuffix(".gz").removesuffix(".zst")
    try:
        if plain.endswith(".jsonl"):
            yield from _json_lines(stream, caps)
        else:
            yield from _cells(stream, "\t" if plain.endswith(".tsv") else ",", caps)
    except BrokenError as error:
        problem = error
    if problem is not None:
        yield Row(number=0, problem=problem)


def _json_lines(stream: BinaryIO, caps: Caps) -> Iterator[Row]:
    number = 0
    while line := stream.readline(caps.member_bytes + 1):
        number += 1
        if len(line) > caps.member_bytes:
            yield Row(number=number, problem=_too_long(caps))
            while line and not line.endswith(b"\n"):
                line = stream.readline(_BUFFER)
        elif line.strip():
            yield _object(number, line)


def _object(number: int, line: bytes) -> Row:
    try:
        values = json.loads(line)
    except RecursionError:
        return _unreadable(number, "nested too deeply")
    except ValueError as error:
        return _unreadable(number, f"no JSON: {getattr(error, 'msg', 'no UTF-8')}")
    return Row(number=number, values=values) if isinstance(values, dict) else _unreadable(number, "no JSON object")


def _unreadable(number: int, detail: str) -> Row:
    return Row(number=number, problem=BrokenError(detail, Reason.NOT_DECODABLE))


def _cells(stream: BinaryIO, delimiter: str, caps: Caps) -> Iterator[Row]:
    csv.field_size_limit(caps.member_bytes)  # of the process; its own limit of 128 KiB is below a book
    text = io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="")
    cells = csv.reader(_lines(text, caps), delimiter=delimiter)
    header: list[str] = []
    number = 0
    while True:
        try:
            row = next(cells, None)
        except csv.Error as error:
            number += 1
            yield _unreadable(number, str(error))
            continue
        if row is None:
            break
        if not header:
            header = row
        elif row:
            number += 1
            yield _cell_row(number, header, row)
    text.detach()


def _lines(text: io.TextIOWrapper, caps: Caps) -> Iterator[str]:
    while line := text.readline(caps.member_bytes + 1):
        if len(line) > caps.member_bytes:
            raise _too_long(caps)  # whatever follows, nobody knows where its rows begin
        yield line


def _cell_row(number: int, header: list[str], row: list[str]) -> Row:
    if len(row) != len(header):
        return _unreadable(number, f"{len(row)} cells, and the header has {len(header)}")
    if not is_unicode("".join(row)):
        return _unreadable(number, "no UTF-8")
    return Row(number=number, values=dict(zip(header, row, strict=True)))


def is_unicode(text: str) -> bool:
    """Whether the text can be written in UTF-8: it holds no half of a character (JSON can say one)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@contextlib.contextmanager
def _local(stream: BinaryIO) -> Iterator[str]:
    """The path of a file with the bytes of the stream: its own, or a copy that goes at the end."""
    name = getattr(stream, "name", None)
    if isinstance(name, str):
        yield name
        return
    with tempfile.NamedTemporaryFile(suffix=".parquet") as copy:
        shutil.copyfileobj(stream, copy, _BUFFER)
        copy.flush()
        yield copy.name


def _parquet(path: str, budget: Budget) -> Iterator[Row]:
    with Child(parquet_child, parquet_child.RESULT, _PARQUET) as child:
        shape = _ask(child, path, group=-1)
        if shape["failure"]:
            yield Row(number=0, problem=_failure(shape, "it is no Parquet file that can be read"))
            return
        before = 0
        for group, size in enumerate(shape["groups"]):
            for row in _group(child, path, group, before, size):
                yield row
                try:
                    budget.spend(len(row.media or b"") + sum(len(v) for v in row.values.values() if isinstance(v, str)))
                except BrokenError as problem:
                    yield Row(number=row.number + 1, problem=problem)
                    return
            before += size


def _group(child: Child, path: str, group: int, before: int, size: int) -> Iterator[Row]:
    """The rows of a group of `size`, with `before` rows before it; where memory runs out, in smaller slices."""
    start, most = 0, _SLICE_ROWS
    while start < size:
        answer = _ask(child, path, group=group, start=start, most=most)
        if answer["failure"] == Reason.MEMORY_LIMIT and most > 1:
            most = max(1, most // 16)
        elif answer["failure"] or not answer["rows"]:
            where = f"rows {before + start + 1} to {before + size}"
            yield Row(number=before + start + 1, problem=_failure(answer, where))
            return
        else:
            yield from (_parquet_row(number, row) for number, row in enumerate(answer["rows"], before + start + 1))
            start += len(answer["rows"])


def _ask(child: Child, path: str, *, group: int, start: int = 0, most: int = 0) -> dict[str, Any]:
    request = {"path": path, "group": group, "start": start, "most": most, "media": list(MEDIA_COLUMNS)}
    found: dict[str, Any] = child.map(pa.RecordBatch.from_pylist([request])).to_pylist()[0]
    return found


def _failure(answer: Mapping[str, Any], where: str) -> BrokenError:
    reason = Reason(answer["failure"]) if answer["failure"] else Reason.NOT_DECODABLE
    cure = "; write the table with smaller row groups" if reason == Reason.MEMORY_LIMIT else ""
    return BrokenError(f"{where}: {answer['detail'] or 'no rows came out'}{cure}", reason)


def _parquet_row(number: int, row: Mapping[str, Any]) -> Row:
    return Row(number=number, values=json.loads(row["values"]), media=row["media"], media_name=row["media_name"])


def _too_long(caps: Caps) -> BrokenError:
    return BrokenError(f"a line over the cap of {caps.member_bytes} bytes", Reason.TOO_LARGE)
