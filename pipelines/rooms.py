"""The rooms as pure functions over tables: no store, no receipt. `pipelines.spine` puts them in order and keeps the books.

`headwater inspect` runs the same functions on one page.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.child import Child
from pipelines.edits.pii import redact, redact_words
from pipelines.lanes.lane import Lane
from pipelines.rights.weighed import Evidence
from pipelines.stage import Decisions, Reach, Stage, aligned, decisions
from schemas.annotation import SAID
from schemas.decision import DECISION, Verdict
from schemas.digest import sha256
from schemas.errors import HeadwaterError
from schemas.item import ID, item_schema, root_id
from schemas.reasons import Reason

log = logging.getLogger(__name__)

# What a split gets beside its parents, row by row. uri: of the capture; null for damage and files without one.
PAYLOADS = pa.schema(
    [
        ("data", pa.large_binary()),
        ("charset", pa.string()),
        ("media_type", pa.string()),
        ("uri", pa.string()),
        ("said", SAID),
    ]
)

Rows: TypeAlias = pa.RecordBatch


def one_batch(table: pa.Table) -> pa.RecordBatch:
    """All rows of a table as one batch, also when there are none."""
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)


def set_column(batch: Rows, name: str, values: pa.Array) -> Rows:
    """The batch with one column replaced."""
    return batch.set_column(batch.schema.get_field_index(name), batch.schema.field(name), values)


def roots(lane: Lane, captures: Rows, licences: pa.Array, rows: np.ndarray) -> Rows:
    """The root items of the captures at `rows`, in their order. `licences`: SPDX expression or null, one a capture."""
    taken = captures.take(pa.array(rows))
    payload = taken.column("payload")
    ids = taken.column("capture_id").to_pylist()
    digests = pc.struct_field(payload, "sha256").to_pylist()
    contents = [digest or sha256(b"") for digest in digests]
    n = len(taken)
    columns: dict[str, Any] = {
        "item_id": pa.array([root_id(i, lane.name, c) for i, c in zip(ids, contents, strict=True)], ID),
        "parent_id": pa.nulls(n, ID),
        "capture_id": taken.column("capture_id"),
        "text_capture_id": pa.nulls(n, ID),
        "source": taken.column("source"),
        "modality": pa.array([lane.modality] * n, pa.string()),
        "media_type": taken.column("media_type").fill_null("application/octet-stream"),
        "language": pa.nulls(n, pa.string()),
        "text": pa.nulls(n, pa.string()),
        "payload": payload,
        "content_sha256": pa.array(contents, ID),
        "licence": licences.take(pa.array(rows)),
        "facts": pa.nulls(n, lane.facts),
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), schema=item_schema(lane.facts))


def split(lane: Lane, items: Rows, payloads: Rows, child: Child) -> tuple[Rows, pa.Array | None, Rows]:
    """The children of these roots; their converted payloads (null: as captured), if any were; and one decision a root.

    A split gives converted payloads as a last column `media` (large_binary) of its children.
    """

    def run(rows: Rows, data: Rows) -> tuple[Rows, Rows]:
        return lane.split.fn(lane.split, rows, data, child)  # type: ignore[no-any-return]

    def failed(rows: Rows, data: Rows, found: Rows) -> tuple[Rows, Rows]:
        return pa.RecordBatch.from_pylist([], schema=rows.schema), found

    pieces = _guarded(lane.split, run, failed, items, payloads)
    found = _said(_concat([piece[1] for piece in pieces], DECISION))
    children = one_batch(pa.concat_tables([pa.Table.from_batches([p[0]]) for p in pieces], promote_options="default"))
    media = children.column("media") if "media" in children.schema.names else None
    columns = [children.column(name) for name in items.schema.names]
    decided = aligned(lane.split.name, items.column("item_id"), found)
    return pa.RecordBatch.from_arrays(columns, schema=items.schema), media, decided


def measure(lane: Lane, items: Rows, reach: Reach | None = None) -> tuple[Rows, Rows]:
    """The signals of these items (item_id and a column a signal), and a quarantine decision for each row that failed.

    Without `reach`, what measures read from payloads is null. A measure sees the language that an earlier one found.
    """
    columns: dict[str, pa.Array] = {"item_id": items.column("item_id")}
    bad: list[Rows] = []
    for stage in lane.measures:
        values, found = _measured(stage, items, reach)
        bad.append(found)
        given = {values.type.field(i).name: values.field(i) for i in range(values.type.num_fields)}
        columns |= given
        items = with_language(items, pa.RecordBatch.from_pydict(given))
    failed = _said(_concat(bad, DECISION))
    return pa.RecordBatch.from_pydict(columns), failed.filter(_not_kept(failed))


def _measured(stage: Stage, items: Rows, reach: Reach | None) -> tuple[pa.StructArray, Rows]:
    def run(rows: Rows) -> tuple[pa.Array, Rows]:
        values = stage.fn(stage, rows, reach) if stage.reads_payload else stage.fn(stage, rows)
        return values, decisions(rows.column("item_id"), stage.name).batch()

    def failed(rows: Rows, found: Rows) -> tuple[pa.Array, Rows]:
        kind = stage.fn(stage, rows.slice(0, 0)).type
        return pa.nulls(len(rows), kind), found

    pieces = _guarded(stage, run, failed, items)
    values = pa.concat_arrays([piece[0] for piece in pieces])
    if values.null_count:  # a struct's own nulls would hide its children's
        values = pa.StructArray.from_arrays(
            [pc.struct_field(values, i) for i in range(values.type.num_fields)], fields=list(values.type)
        )
    return values, _concat([piece[1] for piece in pieces], DECISION)


def with_uri(items: Rows, captures: Rows | pa.Table) -> Rows:
    """The items and, as a last column `uri`, the address of the capture of each: what measures see besides an item's own columns."""
    at = pc.index_in(items.column("capture_id"), value_set=_whole(captures.column("capture_id")))
    return items.append_column("uri", _whole(captures.column("uri")).take(at))


def _whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def with_language(items: Rows, signals: Rows) -> Rows:
    """The items with the measured language in their language column, where one was measured."""
    if "language" not in signals.schema.names:
        return items
    return set_column(items, "language", pc.coalesce(signals.column("language"), items.column("language")))


def judge(lane: Lane, rights: Stage, items: Rows, signals: Rows, evidence: Evidence) -> list[Rows]:
    """One batch of decisions a judge (rights first, then the lane's in order), each one decision a row, `keep` included."""

    return [judge_rights(rights, items, evidence), *(judge_by(stage, items, signals) for stage in lane.judges)]


def judge_rights(rights: Stage, items: Rows, evidence: Evidence) -> Rows:
    """What the judge of rights says of these items, one decision a row, `keep` included."""
    return _judged(rights, lambda rows, _: rights.fn(rights, rows, evidence), items, items)


def judge_by(stage: Stage, items: Rows, signals: Rows) -> Rows:
    """What one judge of a lane says of these items, one decision a row, `keep` included; signals row by row."""
    return _judged(stage, partial(stage.fn, stage), items, signals)


def _judged(stage: Stage, run: Callable[[Rows, Rows], Rows], items: Rows, signals: Rows) -> Rows:
    pieces = _guarded(stage, run, lambda rows, sig, found: found, items, signals)
    return aligned(stage.name, items.column("item_id"), _said(_concat(pieces, DECISION)))


def edit(lane: Lane, items: Rows) -> tuple[Rows, Rows]:
    """The items after every edit, and the receipts of the changed ones (and quarantine decisions of failed rows)."""
    receipts: list[Rows] = []
    for stage in lane.edits:

        def run(rows: Rows, stage: Stage = stage) -> tuple[Rows, Rows]:
            return stage.fn(stage, rows)  # type: ignore[no-any-return]

        pieces = _guarded(stage, run, lambda rows, found: (rows, found), items)
        ids = items.column("item_id")
        items = _concat([piece[0] for piece in pieces], items.schema)
        found = aligned(stage.name, ids, _said(_concat([piece[1] for piece in pieces], DECISION)))
        receipts.append(found.filter(_not_kept(found)))
    return items, _concat(receipts, DECISION)


def _said(found: Rows) -> Rows:
    """The decisions without personal data and secrets in what they say: an error's message may quote the row it failed on."""
    return set_column(found, "detail", redact_words(found.column("detail")))


def _not_kept(found: Rows) -> pa.Array:
    return pc.not_equal(found.column("verdict"), Verdict.KEEP.value)


def _concat(batches: Sequence[Rows], schema: pa.Schema) -> Rows:
    return one_batch(pa.Table.from_batches(batches, schema=schema) if batches else schema.empty_table())


def _guarded(stage: Stage, run: Callable[..., Any], failed: Callable[..., Any], *batches: Rows) -> list[Any]:
    """What `run` gives for the rows, in pieces; a row that makes it raise is quarantined, the others are not touched.

    A batch that raises is halved until the row stands alone: log2(n) extra calls a poisoned row, none otherwise.
    Headwater's own errors (a broken law, a missing model) are not a row's fault and pass through.
    """
    n = len(batches[0])
    try:
        return [run(*batches)]
    except HeadwaterError:
        raise
    except Exception as error:
        if n > 1:
            half = n // 2
            left = _guarded(stage, run, failed, *(b.slice(0, half) for b in batches))
            return left + _guarded(stage, run, failed, *(b.slice(half) for b in batches))
        if n == 0:
            raise
        log.warning(
            "stage %s failed on item %s: %s",
            stage.name,
            batches[0].column("item_id")[0].as_py().hex(),
            type(error).__name__,
        )
        return [
            failed(
                *batches,
                quarantined(
                    batches[0].column("item_id"),
                    stage.name,
                    Reason.STAGE_FAILED,
                    redact(f"{type(error).__name__}: {error}")[0][:300],  # cut short, a key would be none
                ),
            )
        ]


def quarantined(ids: pa.Array, stage: str, reason: Reason, detail: str | np.ndarray) -> Rows:
    """A quarantine decision for every one of these items."""
    found: Decisions = decisions(ids, stage)
    found.set(np.ones(len(ids), dtype=bool), Verdict.QUARANTINE, reason, detail=detail)
    return found.batch()


def survivors(items: Rows, found: Sequence[Rows]) -> Rows:
    """The items of which no decision says drop or quarantine: the mask the spine applies when a room publishes."""
    gone = [
        batch.column("item_id").filter(pc.is_in(batch.column("verdict"), value_set=pa.array(["drop", "quarantine"])))
        for batch in found
    ]
    lost = pa.concat_arrays([ids.cast(ID) for ids in gone]) if gone else pa.array([], ID)
    return items.filter(pc.invert(pc.is_in(items.column("item_id"), value_set=lost)))
