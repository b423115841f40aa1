"""What the splits of pictures and recordings decide alike: which the child reads, and what becomes of each parent."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.child import Child
from pipelines.stage import Stage, decisions
from schemas.decision import Verdict
from schemas.reasons import Reason

Requests = Callable[[Stage, pa.RecordBatch, Sequence[Any]], pa.RecordBatch]


def read_media(
    stage: Stage,
    items: pa.RecordBatch,
    payloads: pa.RecordBatch,
    child: Child,
    *,
    requests: Requests,
    words: Sequence[Any | None],
    wordless: Reason,
    what: str,
) -> tuple[npt.NDArray[np.int64], pa.RecordBatch, pa.RecordBatch]:
    """The rows (int64, rising) of the items that were read, what the child found of each, and one decision for each item.

    `payloads` are `rooms.PAYLOADS`, row by row with the items; `requests` makes of them and of their words what the child is asked. `words`: what
    is said of each item; where that is null it is dropped unread, for the reason `wordless`. `what`: the word for one of them.
    Dropped: of a format that is not read, or where the child finds no words. Quarantined: of more than the stage's `max_bytes`, or what does not decode.
    """
    n, limit = len(items), stage.settings["max_bytes"]
    sizes = pc.binary_length(payloads.column("data")).fill_null(-1).to_numpy(zero_copy_only=False)
    missing, too_large = sizes < 0, sizes > limit
    silent = np.array([said is None for said in words], dtype=bool)
    sent = np.flatnonzero(~missing & ~too_large & ~silent)
    read = child.map(requests(stage, payloads.take(pa.array(sent)), [words[row] for row in sent.tolist()]))

    failure, detail = np.full(n, None, dtype=object), np.full(n, None, dtype=object)
    failure[sent], detail[sent] = (read.column(name).to_numpy(zero_copy_only=False) for name in ("failure", "detail"))
    found = decisions(items.column("item_id"), stage.name)
    found.set(missing, Verdict.QUARANTINE, Reason.NOT_DECODABLE, detail=f"no bytes are stored for this {what}")
    found.set(
        too_large,
        Verdict.QUARANTINE,
        Reason.TOO_LARGE,
        signal="size_bytes",
        value=sizes.astype(object),
        threshold=limit,
    )
    found.set(silent, Verdict.DROP, wordless)
    for reason in sorted(set(filter(None, failure))):
        verdict = Verdict.DROP if reason in (Reason.FORMAT_NOT_SUPPORTED, wordless) else Verdict.QUARANTINE
        found.set(failure == reason, verdict, Reason(reason), detail=detail)
    if "note" in read.schema.names:
        detail[sent] = read.column("note").to_numpy(zero_copy_only=False)
    found.set(found.open, Verdict.SPLIT, None, detail=detail)

    whole = np.flatnonzero(read.column("failure").is_null().to_numpy(zero_copy_only=False))
    return sent[whole], read.take(pa.array(whole)), found.batch()
