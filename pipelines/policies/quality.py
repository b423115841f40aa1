"""What the classifier of a recipe's own reference texts asks; off until the recipe names a model and a bound."""

from pipelines.stage import Rule, rule_judge
from schemas.reasons import Reason

QUALITY_CLASSIFIER = rule_judge(
    "quality.classifier",
    1,
    (
        Rule(
            name="min_probability", signal="quality_probability", at_least=0.0, reason=Reason.UNLIKE_REFERENCE,
            source="Chosen: off. DCLM (Li et al. 2024, arXiv 2406.11794) keeps the tenth of its pages that score highest, whatever "
            "their score: take that quantile of yours",
        ),
    ),
)  # fmt: skip
