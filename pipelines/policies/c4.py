"""C4's rules for whole pages. Those for single lines are an edit, off by default: `pipelines.edits.lines`.

C4 is English; but for placeholder Latin, so are these rules.
"""

from pipelines.stage import Rule, rule_judge
from schemas.reasons import Reason

C4 = "Raffel et al. 2020, JMLR 21(140), arXiv 1910.10683, section 2.2"

C4_QUALITY = rule_judge(
    "quality.c4",
    2,
    (
        Rule(name="max_lorem_ipsum", signal="lorem_ipsum_count", at_most=0, reason=Reason.LOREM_IPSUM, source=C4),
        Rule(
            name="max_curly_bracket_ratio", signal="curly_bracket_ratio", at_most=0.01, reason=Reason.CURLY_BRACKETS,
            source="Chosen: C4 allows none, and so loses every article that shows a line of code; READMEs with code stay below "
            "0.006, half of all bare C and Java files lie above 0.01",
            languages=("en",),
        ),
        Rule(
            name="max_javascript_line_ratio", signal="javascript_line_ratio", at_most=0.8, reason=Reason.JAVASCRIPT_NOTICE,
            source="Chosen: C4 removes lines with the word; a page on Javascript names it in half of them, a notice in all",
            languages=("en",),
        ),
        Rule(
            name="min_sentences", signal="sentence_count", at_least=3, reason=Reason.TOO_FEW_SENTENCES, source=C4,
            languages=("en",),
        ),
    ),
)  # fmt: skip
