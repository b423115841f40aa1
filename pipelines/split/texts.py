"""What every split of texts decides alike: which payloads the child reads, and what becomes of each parent."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.child import Child
from pipelines.stage import Stage, decisions
from schemas.decision import Verdict
from schemas.reasons import Reason


def read_texts(
    stage: Stage, items: pa.RecordBatch, payloads: pa.RecordBatch, child: Child, *, asked: Sequence[str]
) -> tuple[pa.RecordBatch, pa.RecordBatch, pa.RecordBatch]:
    """The parents that have a text, what the child read of them row by row, and one decision for each item.

    `payloads` has one row for each item: `data` (after undoing content codings; null where nothing is stored), `charset`
    (of the transport; null for none), `media_type`. `asked`: settings of the stage that the child gets with every row. What
    has text is `split`, what has none (`no_text`), or is `encrypted`, is dropped, and what could not be read, or has more than the stage's
    `max_bytes`, is quarantined.
    """
    sizes = pc.binary_length(payloads.column("data")).fill_null(-1).to_numpy(zero_copy_only=False)
    missing, too_large = sizes < 0, sizes > stage.settings["max_bytes"]
    sent = np.flatnonzero(~missing & ~too_large)
    read = child.map(_requests(stage, payloads.take(pa.array(sent)), asked))

    n = len(items)
    text, failure, detail = (np.full(n, None, dtype=object) for _ in range(3))
    for column, name in ((text, "text"), (failure, "failure"), (detail, "detail")):
        column[sent] = read.column(name).to_numpy(zero_copy_only=False)
    has_text = np.array([bool(part) for part in text], dtype=bool)

    found = decisions(items.column("item_id"), stage.name)
    found.set(missing, Verdict.QUARANTINE, Reason.NOT_DECODABLE, detail="no bytes are stored for this page")
    limit, values = stage.settings["max_bytes"], sizes.astype(object)
    found.set(
        too_large, Verdict.QUARANTINE, Reason.TOO_LARGE, signal="size_bytes", value=values, threshold=limit
    )  # fmt: skip
    for reason in sorted(set(filter(None, failure))):
        verdict = Verdict.DROP if reason == Reason.ENCRYPTED else Verdict.QUARANTINE
        found.set(failure == reason, verdict, Reason(reason), detail=detail)
    found.set(has_text, Verdict.SPLIT, None)
    found.set(found.open, Verdict.DROP, Reason.NO_TEXT)
    return items.filter(pa.array(has_text)), read.filter(pa.array(has_text[sent])), found.batch()


_KINDS = {tuple: pa.list_(pa.string()), str: pa.string(), bool: pa.bool_()}


def _requests(stage: Stage, payloads: pa.RecordBatch, asked: Sequence[str]) -> pa.RecordBatch:
    """What the child is asked: each payload with the settings it is to be read by."""
    columns: dict[str, Any] = {name: payloads.column(name) for name in ("data", "charset", "media_type")}
    for name in asked:
        value = stage.settings[name]
        columns[name] = pa.array([value] * len(payloads), _KINDS[type(value)])
    return pa.RecordBatch.from_pydict(columns)
