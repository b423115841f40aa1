"""C4's page rules. Source: Raffel et al. 2020, arXiv 1910.10683, section 2.2. Its line rules are not applied."""

from pipelines.stage import Rule, rule_judge
from schemas.reasons import Reason

C4 = "Raffel et al. 2020, arXiv 1910.10683, section 2.2"

C4_QUALITY = rule_judge(
    "quality.c4",
    1,
    (
        Rule(name="max_lorem_ipsum", signal="lorem_ipsum_count", at_most=0, reason=Reason.LOREM_IPSUM, source=C4),
        # C4 drops at the first bracket, and with it every page about programming that shows a line of code.
        Rule(name="max_curly_brackets", signal="curly_bracket_count", at_most=100, reason=Reason.CURLY_BRACKETS,
             source="Chosen: C4 has 0; prose with code samples must survive", languages=("en",)),
        Rule(name="max_javascript_line_ratio", signal="javascript_line_ratio", at_most=0.5, reason=Reason.JAVASCRIPT_NOTICE,
             source="Chosen: C4 removes such lines; a page that is mostly them is no text", languages=("en",)),
        Rule(name="min_sentence_lines", signal="sentence_line_count", at_least=3, reason=Reason.TOO_FEW_SENTENCES, source=C4,
             languages=("en",)),
    ),
)  # fmt: skip
