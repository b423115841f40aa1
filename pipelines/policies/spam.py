"""Bulk advertising by its phrases. The classifier that comes later replaces no rule: a word list can be read and argued with."""

from pipelines.stage import Rule, rule_judge
from schemas.reasons import Reason

SPAM_PHRASES = rule_judge(
    "spam.phrases",
    1,
    (
        Rule(name="max_phrases_per_100_words", signal="advertising_phrases_per_100_words", at_most=4.0, reason=Reason.SPAM_WORDS,
             source="Chosen: shops stay below 1, the planted advertisements of the test corpus lie above 10", languages=("en",)),
    ),
)  # fmt: skip
