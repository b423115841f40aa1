"""What uploads say of other captures: captions and transcripts beside files, and tables that describe files.

The sayer becomes evidence; what it says becomes annotations and licences whose subject is a URI.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, BinaryIO

from pipelines.capture.cues import Cue, Cues, json_cues, language_of, read_cues
from pipelines.capture.entry import Entry, Upload, damaged, evidence, lost
from pipelines.capture.inflate import BrokenError
from pipelines.capture.layout import TIMED
from pipelines.capture.subject import beside, stem
from pipelines.capture.tables import Row, is_unicode, read_rows
from pipelines.rights import spdx
from pipelines.rights.evidence import excerpt
from pipelines.split.charset import decode
from schemas.annotation import Role
from schemas.capture import Outcome
from schemas.errors import SourceError
from schemas.reasons import Reason

Said = tuple[str, str | None]  # words, and the language they are declared to be in

# Source: img2dataset and the examples of WebDataset write caption or text; Chosen: what people call speech in words.
_KEYS = ("caption", "text", "transcript")
PART_ROWS = 20_000  # annotations that go into one part; Chosen: some MB, and few parts of a large table
PEEKED = 100  # rows in which the columns of a table are looked for; Chosen: a first line may be damaged
_NAMED = 5  # bad rows that are named; Source: DESIGN.md, law 3


def of_sidecar(upload: Upload, path: tuple[str, ...], entry: Entry, data: bytes, *, location: str) -> Iterator[Entry]:
    """The entry of a file of words with what it says of the file of the same name; then the cues that cannot be read."""
    name = path[-1]
    if entry.row["outcome"] != Outcome.FETCHED.value:
        yield entry
        return
    try:
        found = _sidecar(upload, data, name)
    except BrokenError as problem:
        yield damaged(entry, problem)
        return
    subject = stem(entry.row["uri"])
    # "talk.en.vtt" is of talk.en.mp3, or in English of talk.mp3.
    meant = [(subject, found.language)]
    if language := language_of(name)[1]:
        meant.append((stem(subject.removesuffix(".*")), language))
    yield replace(
        evidence(entry),
        annotations=[annotation(entry, subject, one, location=location, locator=name) for one in found.said]
        + [
            annotation(
                entry, about, (cue.text, language), location=location, locator=f"cue {number}", role=Role.TRANSCRIPT
            )
            | {"start_s": cue.start_s, "end_s": cue.end_s}
            for about, language in meant
            for number, cue in enumerate(found.cues, 1)
        ],
        licences=[*entry.licences, *licences(entry, subject, found.licence, locator=name)],
    )
    if found.bad.count:
        yield lost(upload, path, found.bad.problem(), locator="cues")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sidecar:
    """What a file says of the one beside it."""

    said: Sequence[Said] = ()
    cues: Sequence[Cue] = ()
    language: str | None = None
    licence: object = None
    bad: "Unread"


def _sidecar(upload: Upload, data: bytes, name: str) -> _Sidecar:
    low = name.lower()
    if low.endswith(".json"):
        return _sidecar_json(upload, data)
    text = _decoded(data)
    if not low.endswith(TIMED):
        return _Sidecar(said=texts_of(text), bad=Unread())
    return _timed(read_cues(text, name))


def _timed(cues: Cues, language: str | None = None, **more: Any) -> _Sidecar:
    bad = Unread("cue")
    for number, detail in cues.problems:
        bad.add(number, BrokenError(detail, Reason.NOT_DECODABLE))
    if not cues.found and not cues.problems:
        raise BrokenError("no cue is in it that can be read", Reason.NOT_DECODABLE)
    return _Sidecar(cues=cues.found, language=language, bad=bad, **more)


def _decoded(data: bytes) -> str:
    found = decode(data, None)
    if found is None:
        raise BrokenError("the words beside a file are in no charset that can be read", Reason.NOT_DECODABLE)
    return found.text


def _sidecar_json(upload: Upload, data: bytes) -> _Sidecar:
    layout = upload.layout
    try:
        values = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BrokenError("the words beside a file are no JSON", Reason.NOT_DECODABLE) from error
    if not isinstance(values, dict):
        raise BrokenError("the words beside a file are no JSON object", Reason.NOT_DECODABLE)
    licence = values.get(layout.licence_column)
    if (cues := json_cues(values)) is not None:
        return _timed(cues, _language(values.get(layout.language_column)), licence=licence)
    key = next((key for key in (layout.text_column, *_KEYS) if values.get(key)), None)
    said = texts_of(values.get(key), values.get(layout.language_column))
    return _Sidecar(said=said, licence=licence, bad=Unread())


def texts_of(value: object, language: object = None, depth: int = 0) -> list[Said]:
    """The words in a value: one text, a list of them, or an object of texts by language; none for null and empty ones.

    Raises:
        BrokenError: it is something else.
    """
    match value:
        case None:
            return []
        case str():
            if not is_unicode(value):
                raise BrokenError("the text holds half a character", Reason.NOT_DECODABLE)
            return [(value.strip(), _language(language))] if value.strip() else []
        case list() if depth < 2:
            return [said for one in value for said in texts_of(one, language, depth + 1)]
        case dict() if depth < 2:
            return [said for key, one in value.items() for said in texts_of(one, key, depth + 1)]
    raise BrokenError(f"the text is of type {type(value).__name__}", Reason.NOT_DECODABLE)


def _language(value: object) -> str | None:
    """A language as BCP 47 writes it (`zh_CN` is zh-CN), as far as can be told; null for none."""
    return value.strip().replace("_", "-")[:35] or None if isinstance(value, str) else None


def annotation(
    sayer: Entry, subject: str, said: Said, *, location: str, locator: str, role: Role = Role.CAPTION
) -> dict[str, Any]:
    """A row of ANNOTATION."""
    return {
        "capture_id": sayer.row["capture_id"], "subject": subject, "role": role.value, "text": said[0], "language": said[1],
        "location": location, "locator": locator, "evidence_sha256": sayer.row["payload"]["sha256"],
    }  # fmt: skip


def licences(sayer: Entry, subject: str, raw: object, *, locator: str) -> list[dict[str, Any]]:
    """At most one row of LICENCE; none where nothing is said."""
    if not isinstance(raw, str) or not raw.strip() or not is_unicode(raw):
        return []
    return [
        {
            "capture_id": sayer.row["capture_id"], "subject": subject, "location": "table", "locator": locator,
            "expression": spdx.from_url(raw) or spdx.from_id(raw) or spdx.from_text(raw), "raw": excerpt(raw),
            "evidence_sha256": sayer.row["payload"]["sha256"],
        }
    ]  # fmt: skip


def of_table(upload: Upload, path: tuple[str, ...], entry: Entry, stream: BinaryIO) -> Iterator[Entry]:
    """The entry of a table that describes files, as often as its words fill a part; then what of it cannot be read.

    Raises:
        SourceError: the recipe names this table, and it has not the columns that the recipe names.
    """
    if entry.row["outcome"] != Outcome.FETCHED.value:
        yield entry
        return
    rows = read_rows(stream, path[-1], entry.row["payload_bytes"], upload.caps)
    first = list(islice(rows, PEEKED))
    columns = columns_of(first)
    _check_columns(upload, path[-1], columns)
    if columns and upload.layout.file_column not in columns:
        yield noted(entry, f"no column {upload.layout.file_column!r}: taken as a file that describes no other")
        return
    bad = Unread()
    yield _said(upload, evidence(entry), first, bad)
    for part in iter(lambda: list(islice(rows, PART_ROWS)), []):
        yield _said(upload, evidence(entry), part, bad)
    if bad.count:
        yield lost(upload, path, bad.problem(), locator="rows")


def columns_of(rows: Iterable[Row]) -> frozenset[str]:
    """The columns that any of the rows has."""
    return frozenset(column for row in rows for column in row.values)


def _check_columns(upload: Upload, name: str, columns: frozenset[str]) -> None:
    layout = upload.layout
    missing = [column for column in (layout.file_column, layout.text_column) if column not in columns]
    if missing and columns and layout.captions:
        raise SourceError(
            f"table {name} of source {upload.source} has no column {missing[0]!r}, but {', '.join(sorted(columns))}; "
            "name its columns by file_column and text_column in the recipe"
        )


def noted(entry: Entry, detail: str) -> Entry:
    """The entry with a sentence for whoever asks why nothing came of it."""
    return replace(entry, row={"detail": detail, **entry.row})


def _said(upload: Upload, sayer: Entry, rows: Iterable[Row], bad: "Unread") -> Entry:
    """The table's entry with what these rows say; rows that cannot be read are added to `bad`."""
    annotations, named = list[dict[str, Any]](), list[dict[str, Any]]()
    for row in rows:
        try:
            if row.problem is not None:
                raise row.problem
            subject = _subject(upload, sayer, row.values)
            said = texts_of(row.values.get(upload.layout.text_column), row.values.get(upload.layout.language_column))
        except BrokenError as problem:
            bad.add(row.number, problem)
            continue
        place = f"row {row.number}"
        annotations += [annotation(sayer, subject, one, location="table", locator=place) for one in said]
        named += licences(sayer, subject, row.values.get(upload.layout.licence_column), locator=place)
    return replace(sayer, annotations=annotations, licences=[*sayer.licences, *named])


def _subject(upload: Upload, sayer: Entry, values: Mapping[str, Any]) -> str:
    value = values.get(upload.layout.file_column)
    name = str(value).strip() if isinstance(value, str | int) else ""
    subject = beside(sayer.row["uri"], name) if name and is_unicode(name) else None
    if subject is None:
        raise BrokenError("it names no file of the source", Reason.NOT_DECODABLE)
    return subject


class Unread:
    """Rows (or what `what` calls them) that cannot be read: how many, and the first of them."""

    def __init__(self, what: str = "row") -> None:
        self.count, self._what = 0, what
        self._first: list[tuple[int, BrokenError]] = []

    def add(self, number: int, problem: BrokenError) -> None:
        """Count one."""
        self.count += 1
        if self.count <= _NAMED:
            self._first.append((number, problem))

    def problem(self) -> BrokenError:
        """One problem for all of them."""
        some = [
            f"{self._what} {number}: {problem.detail}" if number else problem.detail for number, problem in self._first
        ]
        more = [f"and {self.count - _NAMED} more"] if self.count > _NAMED else []
        return BrokenError(f"{self.count} cannot be read: {'; '.join(some + more)}", self._first[0][1].reason)
