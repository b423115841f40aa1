"""Addresses that a list of the recipe names. Without a list in `measure.url` nothing is listed, and nothing dropped."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.stage import Shape, Stage, decisions
from schemas.decision import Verdict
from schemas.reasons import Reason


def judge_url(stage: Stage, items: pa.RecordBatch, signals: pa.RecordBatch) -> pa.RecordBatch:
    """One decision a row: `drop` where a list names its address. `detail`: the list's category.

    `categories`: only these count; empty means every one.
    """
    category, counted = signals.column("url_category"), stage.settings["categories"]
    found = decisions(items.column("item_id"), stage.name)
    is_bad = category.is_valid()
    if counted:
        is_bad = pc.and_(is_bad, pc.is_in(category, value_set=pa.array(counted, pa.string())))
    mask: np.ndarray = is_bad.to_numpy(zero_copy_only=False)
    detail = category.to_numpy(zero_copy_only=False)
    found.set(mask, Verdict.DROP, Reason.URL_LISTED, signal="url_category", detail=detail)
    return found.batch()


URL_LISTED = Stage(
    name="url.listed", version=1, shape=Shape.JUDGE, fn=judge_url, parameters=(("categories", ()),)
)  # fmt: skip
