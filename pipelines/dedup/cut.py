"""Spans out of texts, on the bounds of words: what stands left and right of one does not run on into one another.

    cut_items   (items, CUT) -> (items, receipts)    `"one two. THREE FOUR. five"` -> `"one two.\\n\\nfive"`

A span goes with the marks that belong to it. Where it was whole lines, the wider of the two gaps stays, else there is a new paragraph.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.kernels.minhash import I64
from pipelines.stage import Stage, decisions
from schemas.decision import Verdict
from schemas.item import ID, text_sha256
from schemas.reasons import Reason

# What is to go: `start` up to `end`, characters of the text; marks as far as `left` and `right`, the words beside them, belong to it.
CUT = pa.schema(
    [
        pa.field("item_id", ID, nullable=False),
        *(pa.field(name, pa.int32(), nullable=False) for name in ("left", "start", "end", "right")),
    ]
)
# What is left of an item that words go from.
LEFT = pa.schema(
    [
        pa.field("item_id", ID, nullable=False),
        pa.field("words", pa.int32(), nullable=False),
        pa.field("words_left", pa.int32(), nullable=False),
    ]
)
# What became of a text: characters from `start` up to `end` were replaced by `length` ones, a break of lines.
SEAM = pa.schema(
    [
        pa.field("item_id", ID, nullable=False),
        *(pa.field(name, pa.int32(), nullable=False) for name in ("start", "end", "length")),
    ]
)
KIND = "repeated"  # of the spans in receipts
PARAGRAPH = "\n\n"
# Of scripts without spaces: marks that end what stands before them, and that open what follows.
_ENDING, _OPENING = frozenset("。．、，！？；：」』】）》〉”’…"), frozenset("「『【（《〈“‘")

Places = list[tuple[int, int]]


def with_marks(text: str, left: int, start: int, end: int, right: int) -> tuple[int, int]:
    """From and up to which character a span of `CUT` goes: with the marks that hang on it."""
    right = min(right, len(text))
    while start > left and not text[start - 1].isspace() and text[start - 1] not in _ENDING:
        start -= 1
    while end < right and not text[end].isspace() and text[end] not in _OPENING:
        end += 1
    return start, end


def without(text: str, spans: Places) -> tuple[str, list[tuple[int, int, int]]]:
    """(the text without these spans, what was replaced: start, end, length of what stands there now; characters of the text given).

    `spans`: from and up to which character, ascending; between two stands a word.
    """
    pieces: list[str] = []
    seams, at, is_begun = list[tuple[int, int, int]](), 0, False
    for start, end in spans:
        first, last = start, end
        while first > at and text[first - 1].isspace():
            first -= 1
        while last < len(text) and text[last].isspace():
            last += 1
        is_begun = is_begun or first > at
        seam = _seam(text[first:start], text[end:last]) if is_begun and last < len(text) else ""
        seams.append((first, last, len(seam)))
        pieces += [text[at:first], seam]
        at = last
    return "".join([*pieces, text[at:]]), seams


def _seam(before: str, after: str) -> str:
    lines = before.count("\n"), after.count("\n")
    if not all(lines):
        return PARAGRAPH
    return before if lines[0] >= lines[1] else after


def drops(stage: Stage, left: pa.Table) -> pa.RecordBatch:
    """A drop decision for each item of `LEFT` of which fewer words are left than the stage's `min_words_left`; it stays as it is."""
    least = stage.number("min_words_left")
    short = left.filter(pc.less(left.column("words_left"), least)).combine_chunks()
    words, rest = (short.column(name).to_numpy() for name in ("words", "words_left"))
    found = decisions(_whole(short.column("item_id")), stage.name)
    detail = np.array([_told(*pair) for pair in zip(words.tolist(), rest.tolist(), strict=True)], dtype=object)
    found.set(
        np.ones(len(short), bool), Verdict.DROP, Reason.REPEATED_SPANS, signal="words_left", value=rest.astype(float).astype(object),
        threshold=least, detail=detail,
    )  # fmt: skip
    return found.batch()


def _told(words: int, rest: int) -> str:
    return (
        f"{words - rest} of {words} words stand in kept items, in spans of as many words and more as the stage asks for"
    )


def cut_items(
    stage: Stage, items: pa.RecordBatch, cuts: pa.Table, left: pa.Table
) -> tuple[pa.RecordBatch, pa.RecordBatch, pa.Table]:
    """The items without these spans, the receipts (`edit` decisions, with digests and spans) of the changed ones, and their `SEAM` rows.

    Args:
        stage: an item of which fewer words would be left than its `min_words_left` stays as it is: `drops` ends it.
        items: the items of a part.
        cuts: `CUT` of these items, or of more, ascending by start within one item.
        left: `LEFT` of the items that spans go from.
    """
    rows = {item: row for row, item in enumerate(items.column("item_id").to_pylist())}
    enough = left.filter(pc.greater_equal(left.column("words_left"), stage.number("min_words_left")))
    counts = {item: (words, rest) for item, words, rest in zip(*_lists(enough), strict=True) if item in rows}
    spans: dict[bytes, list[tuple[int, int, int, int]]] = {}
    for item, *span in zip(*_lists(cuts), strict=True):
        if item in counts:
            spans.setdefault(item, []).append(tuple(span))
    n = len(items)
    texts, contents = items.column("text").to_pylist(), items.column("content_sha256").to_pylist()
    is_edited = np.zeros(n, bool)
    before, after, detail, receipts = (np.full(n, None, dtype=object) for _ in range(4))
    seams: list[dict[str, object]] = []
    for item, found in spans.items():
        row = rows[item]
        gone = [with_marks(texts[row], *span) for span in found]
        new, stood = without(texts[row], gone)
        before[row], after[row], is_edited[row] = text_sha256(texts[row]), text_sha256(new), True
        texts[row], contents[row], detail[row] = new, after[row], _told(*counts[item])
        receipts[row] = [{"field": "text", "kind": KIND, "start": a, "length": b - a} for a, b in gone]
        seams += [{"item_id": item, "start": a, "end": b, "length": length} for a, b, length in stood]
    decided = decisions(items.column("item_id"), stage.name)
    columns = {"before_sha256": before, "after_sha256": after, "detail": detail, "spans": receipts}
    decided.set(is_edited, Verdict.EDIT, Reason.REPEATED_SPANS, **columns)
    said = decided.batch().filter(pa.array(is_edited))
    return _with_texts(items, texts, contents), said, pa.Table.from_pylist(seams, schema=SEAM)


def cut_again(items: pa.RecordBatch, receipts: pa.Table) -> pa.RecordBatch:
    """The items with the spans of these receipts (`DECISION`) taken out; a text that is not the one of its receipt stays as it is."""
    rows = {item: row for row, item in enumerate(items.column("item_id").to_pylist())}
    texts, contents = items.column("text").to_pylist(), items.column("content_sha256").to_pylist()
    for said in receipts.filter(pc.equal(receipts.column("verdict"), Verdict.EDIT.value)).to_pylist():
        row = rows.get(said["item_id"])
        if row is not None and text_sha256(texts[row]) == said["before_sha256"]:
            texts[row], _ = without(texts[row], [(one["start"], one["start"] + one["length"]) for one in said["spans"]])
            contents[row] = text_sha256(texts[row])
    return _with_texts(items, texts, contents)


def _with_texts(items: pa.RecordBatch, texts: list[str | None], contents: list[bytes]) -> pa.RecordBatch:
    new = {"text": texts, "content_sha256": contents}
    arrays = [
        pa.array(new[field.name], field.type) if field.name in new else items.column(field.name)
        for field in items.schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=items.schema)


def _lists(table: pa.Table) -> list[list[Any]]:
    return [column.to_pylist() for column in table.columns]


def published(spans: pa.Table, seams: pa.Table) -> pa.Table:
    """The `REPEATED_SPAN` rows with the places of witnesses in their texts as they are now. `seams`: `SEAM` of all changed items."""
    seams = seams.sort_by([("item_id", "ascending"), ("start", "ascending")]).combine_chunks()
    start, end, length = (seams.column(name).to_numpy().astype(np.int64) for name in ("start", "end", "length"))
    ids = _whole(seams.column("item_id"))
    items = pc.unique(ids)
    keys = _keys(pc.index_in(ids, value_set=items), start)
    moved = np.concatenate([[0], np.cumsum(end - start - length)])
    witness = pc.index_in(_whole(spans.column("witness_id")), value_set=items)
    before = moved[np.searchsorted(keys, _keys(witness, np.zeros(len(spans), np.int64)))]

    def now(place: I64) -> I64:
        shift: I64 = moved[np.searchsorted(keys, _keys(witness, place), side="right")] - before
        return place - np.where(pc.is_valid(witness).to_numpy(zero_copy_only=False), shift, 0)

    first = spans.column("witness_start").to_numpy().astype(np.int64)
    last = first + spans.column("witness_length").to_numpy() - 1
    columns = {"witness_start": now(first), "witness_length": now(last) - now(first) + 1}
    for name, values in columns.items():
        spans = spans.set_column(
            spans.schema.get_field_index(name), spans.schema.field(name), pa.array(values.astype(np.int32))
        )
    return spans


def _keys(item: pa.Array, place: I64) -> I64:
    """int64[n]: one number an item and place, in their order."""
    keys: I64 = item.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64) << 32 | place
    return keys


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
