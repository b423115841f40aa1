"""Personal data and secrets out of items: placeholders in the text, and in what else of an item is published.

    pii.redact   (items) -> (items, decisions)    `"ask a@b.de"` -> `"ask <email>"`, receipt: email, characters 4 to 10

What is looked for, and how sure one is of it: `pipelines.edits.personal`, `pipelines.edits.secrets`, docs/personal-data.md.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.edits.personal import emails, may_hold, personal
from pipelines.edits.secrets import may_hold_secrets, secrets
from pipelines.edits.spans import May, Span, redacted
from pipelines.stage import Shape, Stage, decisions
from schemas.decision import Verdict
from schemas.item import text_sha256
from schemas.reasons import Reason

Hints = npt.NDArray[np.uint8]


def redact(text: str, language: str | None = None, may: May | None = None) -> tuple[str, list[Span]]:
    """The text with placeholders, in NFC if it was, and what each stands for, in characters of the text as given.

    `"ask a@b.de at 203.0.113.7 or 10.0.0.1"` -> `"ask <email> at <ip> or 10.0.0.1"`. `language`: BCP 47; which countries' phone
    numbers are meant. `may`: what `hints` says of the text, where it was asked.
    """

    def find(new: str) -> Iterator[Span]:
        left = may if may is not None and new is text else _hints(new)
        yield from secrets(new, left)
        yield from personal(new, language, left)

    return redacted(text, find)


def hints(texts: pa.Array) -> Hints:
    """uint8[n] of `May`: what each text (string) may hold; of most texts nothing, and these never leave Arrow."""
    return may_hold(texts) | may_hold_secrets(texts)


def _hints(text: str) -> May:
    return May(int(hints(pa.array([text], pa.string()))[0]))


def redact_links(links: pa.Array) -> pa.Array:
    """The URLs and file names (string) with placeholders for addresses, keys and passwords in them; numbers are left, for they name files."""
    is_hinted = pc.match_substring_regex(links, "@|%40").fill_null(False).to_numpy(zero_copy_only=False)
    return _redacted_each(links, is_hinted | may_hold_secrets(links), redact_link)


def redact_words(words: pa.Array) -> pa.Array:
    """The texts (string) with placeholders: for what no receipt is kept of, as the message of an error."""
    return _redacted_each(words, hints(words), lambda text: redact(text)[0])


def redact_link(link: str) -> str:
    """One of `redact_links`."""

    def find(text: str) -> Iterator[Span]:
        yield from secrets(text, _hints(text))
        yield from emails(text)

    new, spans = redacted(link.replace("%40", "@"), find)
    return new if spans else link


def _redacted_each(texts: pa.Array, may: npt.NDArray[Any], change: Callable[[str], str]) -> pa.Array:
    rows = np.flatnonzero(may)
    if not len(rows):
        return texts
    new = np.full(len(texts), None, dtype=object)
    for row in rows:
        new[row] = change(texts[row].as_py())
    return pc.coalesce(pa.array(new, texts.type, from_pandas=False), texts)


def redact_items(stage: Stage, items: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """The items with personal data and secrets replaced, and one decision a row: `edit` for a changed one, else `keep`.

    The text is looked at, and every string of the lane's facts (a title, an author, tags, a path, what else is said of a picture). `detail` counts what was replaced
    ("email: 2, ip: 1"), `spans` says where; the data itself is in neither. An item's id stays, and so does the content digest of
    one with a payload, which the text is not part of; the digests of the receipt are of its text.
    """
    n = len(items)
    spans: list[list[dict[str, object]]] = [[] for _ in range(n)]
    languages = items.column("language")
    texts = items.column("text")
    new_texts = _replace(texts, "text", languages, spans)
    facts = items.column("facts")
    new_facts = _facts(facts, languages, spans)

    is_changed = np.array([bool(one) for one in spans], dtype=bool)
    before, after, digests, detail, receipts = (np.full(n, None, dtype=object) for _ in range(5))
    is_content = items.column("payload").is_null().to_numpy(zero_copy_only=False)
    for row in np.flatnonzero(is_changed):
        if texts[row].is_valid:
            before[row], after[row] = text_sha256(texts[row].as_py()), text_sha256(new_texts[row].as_py())
            digests[row] = after[row] if is_content[row] and after[row] != before[row] else None
        counts = Counter(str(one["kind"]) for one in spans[row])
        detail[row] = ", ".join(f"{kind}: {count}" for kind, count in sorted(counts.items()))
        receipts[row] = spans[row]
    found = decisions(items.column("item_id"), stage.name)
    found.set(
        is_changed,
        Verdict.EDIT,
        Reason.PERSONAL_DATA,
        before_sha256=before,
        after_sha256=after,
        detail=detail,
        spans=receipts,
    )
    edited = _with(_with(items, "text", new_texts), "facts", new_facts)
    contents = items.column("content_sha256")
    return _with(edited, "content_sha256", pc.coalesce(pa.array(digests, contents.type), contents)), found.batch()


def _replace(texts: pa.Array, field: str, languages: pa.Array, spans: list[list[dict[str, object]]]) -> pa.Array:
    """The texts with placeholders; what was replaced comes to the spans of its row."""
    new, may = np.full(len(texts), None, dtype=object), hints(texts)
    if not may.any():
        return texts
    for row in np.flatnonzero(may):
        text, found = redact(texts[row].as_py(), languages[row].as_py(), May(int(may[row])))
        if found:
            new[row] = text
            spans[row] += [
                {"field": field, "kind": one.kind, "start": one.start, "length": one.end - one.start} for one in found
            ]
    return pc.coalesce(pa.array(new, texts.type, from_pandas=False), texts)


def _facts(facts: pa.StructArray, languages: pa.Array, spans: list[list[dict[str, object]]]) -> pa.StructArray:
    """The facts with their strings, lists of strings and lists of structs with strings, redacted."""
    columns, is_changed = [], False
    for field, column in zip(facts.type, facts.flatten(), strict=True):
        new = _replace_within(column, field, languages, spans)
        is_changed |= new is not column
        columns.append(new)
    if not is_changed:
        return facts
    return pa.StructArray.from_arrays(columns, fields=list(facts.type), mask=facts.is_null())


def _replace_within(
    column: pa.Array, field: pa.Field, languages: pa.Array, spans: list[list[dict[str, object]]]
) -> pa.Array:
    if pa.types.is_string(field.type):
        return _replace(column, field.name, languages, spans)
    if not pa.types.is_list(field.type):
        return column
    parts = column.flatten()
    of = parts.flatten() if pa.types.is_struct(parts.type) else [parts]
    if not any(hints(part).any() for part in of if pa.types.is_string(part.type)):
        return column
    rows = column.to_pylist()
    for row, values in enumerate(rows):
        for at, value in enumerate(values or ()):
            values[at] = _replaced(value, f"{field.name}[{at}]", languages[row].as_py(), spans[row])
    return pa.array(rows, field.type)


def _replaced(value: object, field: str, language: str | None, spans: list[dict[str, object]]) -> object:
    """A text, or a struct with its texts, redacted; a struct may say what language it is in."""
    if isinstance(value, dict):
        own = value.get("language") or language
        return {key: _replaced(one, f"{field}.{key}", own, spans) for key, one in value.items()}
    if not isinstance(value, str):
        return value
    text, found = redact(value, language)
    spans += [{"field": field, "kind": one.kind, "start": one.start, "length": one.end - one.start} for one in found]
    return text


def _with(batch: pa.RecordBatch, name: str, values: pa.Array) -> pa.RecordBatch:
    """The batch with a column replaced."""
    at = batch.schema.get_field_index(name)
    return batch.set_column(at, batch.schema.field(name), values)


PII_REDACT = Stage(name="pii.redact", version=5, shape=Shape.EDIT, fn=redact_items)
