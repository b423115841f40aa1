"""Items that hold evaluation problems, or too much of a protected work. Without sets in `measure.overlap` nothing is dropped."""

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.stage import Rule, Shape, Stage, judge_by_rules
from schemas.reasons import Reason

_TOLD = {Reason.EVALUATION_OVERLAP: "evaluation_overlap", Reason.PROTECTED_OVERLAP: "protected_overlap"}


def judge_overlap(stage: Stage, items: pa.RecordBatch, signals: pa.RecordBatch) -> pa.RecordBatch:
    """One decision a row, by the rules. `detail`: set, entry, words and place of the first hits."""
    found = judge_by_rules(stage, items, signals)
    detail = found.column("detail")
    for reason, signal in _TOLD.items():
        is_so = pc.equal(found.column("reason"), reason.value).fill_null(False)
        detail = pc.if_else(is_so, signals.column(signal), detail)
    at = found.schema.get_field_index("detail")
    return found.set_column(at, found.schema.field(at), detail)


OVERLAP = Stage(
    name="overlap",
    version=1,
    shape=Shape.JUDGE,
    fn=judge_overlap,
    rules=(
        Rule(
            name="max_evaluation_entries", signal="evaluation_entries", at_most=0, reason=Reason.EVALUATION_OVERLAP,
            source="Brown et al. 2020 (GPT-3), appendix C: one 13-gram is contamination",
        ),
        Rule(
            name="max_protected_words", signal="protected_words", at_most=49, reason=Reason.PROTECTED_OVERLAP,
            source="Lee et al. 2021: 50 tokens in common are no chance",
        ),
        Rule(
            name="max_protected_share", signal="protected_share", at_most=0.2, reason=Reason.PROTECTED_OVERLAP,
            source="Chosen: a fifth of the text in runs of 13 words and more is an excerpt, not a quotation",
        ),
    ),
)  # fmt: skip
