"""FineWeb's three rules of its own, with the numbers of the paper. Off by default: they drop lists, verse and dialogue."""

from pipelines.policies.gopher import SPACED
from pipelines.stage import Rule, rule_judge
from schemas.reasons import Reason

FINEWEB = "Penedo et al. 2024, arXiv 2406.17557, section 3.6"

FINEWEB_QUALITY = rule_judge(
    "quality.fineweb",
    1,
    (
        # Not of languages whose sentences end without a mark (Thai, Lao).
        Rule(
            name="min_end_mark_line_ratio", signal="end_mark_line_ratio", at_least=0.12, reason=Reason.TOO_FEW_END_MARKS,
            source=FINEWEB, languages=SPACED,
        ),
        Rule(
            name="max_duplicate_line_char_ratio", signal="duplicate_line_char_ratio", at_most=0.1, reason=Reason.DUPLICATE_LINES,
            source=FINEWEB,
        ),
        Rule(
            name="max_short_line_ratio", signal="short_line_ratio", at_most=0.67, reason=Reason.TOO_MANY_SHORT_LINES,
            source=FINEWEB, languages=SPACED,
        ),
    ),
    on=False,
)  # fmt: skip
