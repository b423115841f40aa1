"""Which languages a source wants. Without a list every language is wanted."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.stage import Shape, Stage, decisions
from schemas.decision import Verdict
from schemas.reasons import Reason


def judge_language(stage: Stage, items: pa.RecordBatch, signals: pa.RecordBatch) -> pa.RecordBatch:
    """Drop what is in another language than `languages` names, or too uncertain; a null language is never a drop."""
    wanted = stage.settings["languages"]
    least = stage.settings["min_confidence"]
    found = decisions(items.column("item_id"), stage.name)
    language, sure = signals.column("language"), signals.column("language_confidence")
    numbers = sure.fill_null(1.0).to_numpy(zero_copy_only=False)
    known = language.is_valid().to_numpy(zero_copy_only=False)
    names = language.to_numpy(zero_copy_only=False)
    other = np.zeros(len(items), dtype=bool)
    if wanted:
        other = ~pc.is_in(language, value_set=pa.array(wanted, pa.string())).to_numpy(zero_copy_only=False) & known
    found.set(other, Verdict.DROP, Reason.LANGUAGE_NOT_WANTED, signal="language", detail=names)
    unsure = known & (numbers < least)
    found.set(
        unsure,
        Verdict.DROP,
        Reason.LANGUAGE_UNCERTAIN,
        signal="language_confidence",
        value=numbers.astype(object),
        threshold=least,
    )
    return found.batch()


LANGUAGE_WANTED = Stage(
    name="language",
    version=1,
    shape=Shape.JUDGE,
    fn=judge_language,
    # Chosen: 0.0, since a mixed page is not a bad one; raise it where one language must be pure.
    parameters=(("languages", ()), ("min_confidence", 0.0)),
)
