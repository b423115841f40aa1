"""MADLAD-400's rule of questionable sentences. Off by default: a page of headlines or of code is questionable all through."""

from pipelines.policies.gopher import SPACED
from pipelines.stage import Rule, rule_judge
from schemas.reasons import Reason

MADLAD_QUALITY = rule_judge(
    "quality.madlad",
    1,
    (
        Rule(
            name="max_questionable_sentence_ratio", signal="questionable_sentence_ratio", at_most=0.2,
            reason=Reason.QUESTIONABLE_SENTENCES, languages=SPACED,
            source="Kudugunta et al. 2023, arXiv 2309.04662, section 2.4: a fifth of the sentences",
        ),
    ),
    on=False,
)  # fmt: skip
