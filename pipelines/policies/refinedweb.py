"""RefinedWeb's rule of single lines: a page that is navigation, counters and headlines in more than a little of it goes. Off by default."""

from pipelines.policies.gopher import SPACED
from pipelines.stage import Rule, rule_judge
from schemas.reasons import Reason

REFINEDWEB_QUALITY = rule_judge(
    "quality.refinedweb",
    1,
    (
        Rule(
            name="max_flagged_line_word_ratio", signal="refinedweb_line_word_ratio", at_most=0.05,
            reason=Reason.BOILERPLATE_LINES, languages=SPACED,
            source="Penedo et al. 2023, arXiv 2306.01116, appendix G.2: over 5 % of the words",
        ),
    ),
    on=False,
)  # fmt: skip
