"""Which languages a source wants, and how sure the detector must be. Without a list every language is wanted."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.stage import Shape, Stage, decisions
from schemas.decision import Verdict
from schemas.reasons import Reason


def judge_language(stage: Stage, items: pa.RecordBatch, signals: pa.RecordBatch) -> pa.RecordBatch:
    """One decision a row: `drop` below `min_confidence`, else where the language is none of `languages`.

    An undecided (null) language meets both, as every null signal does. `detail` of `language_not_wanted` is the language.
    """
    language, confidence = signals.column("language"), signals.column("language_confidence")
    wanted, least = stage.settings["languages"], stage.settings["min_confidence"]
    found = decisions(items.column("item_id"), stage.name)
    values = confidence.to_numpy(zero_copy_only=False).astype(object)
    found.set(
        _true(pc.less(confidence, least)), Verdict.DROP, Reason.LANGUAGE_UNCERTAIN,
        signal="language_confidence", value=values, threshold=least,
    )  # fmt: skip
    if wanted:
        is_wanted = pc.is_in(language, value_set=pa.array(wanted, pa.string()))
        found.set(
            _true(pc.and_(language.is_valid(), pc.invert(is_wanted))), Verdict.DROP, Reason.LANGUAGE_NOT_WANTED,
            signal="language", detail=language.to_numpy(zero_copy_only=False),
        )  # fmt: skip
    return found.batch()


def _true(mask: pa.Array) -> np.ndarray:
    return mask.fill_null(False).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


LANGUAGE_WANTED = Stage(
    name="language",
    version=2,
    shape=Shape.JUDGE,
    fn=judge_language,
    parameters=(
        ("languages", ()),
        # Chosen: lid.176 gives 8 % of the UDHR sentences it gets right less than 0.5, most of them in small languages;
        # they would go first. Raise it where one language must be pure.
        ("min_confidence", 0.0),
    ),
)
