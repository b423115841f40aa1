"""Bulk advertising, by its phrases. A word list is crude, but it can be read and argued with."""

from pipelines.stage import Rule, rule_judge
from schemas.reasons import Reason

SPAM_PHRASES = rule_judge(
    "spam.phrases",
    2,
    (
        Rule(
            name="max_phrases_per_100_words", signal="advertising_phrases_per_100_words", at_most=3.0, reason=Reason.SPAM_WORDS,
            source="Chosen: two phrases in the shortest page that min_words lets through (50 words) are 4 per 100, one is 2",
        ),
    ),
)  # fmt: skip
