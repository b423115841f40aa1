"""What a book must be: those rules of Gopher that hold for verse, plays and half a million words as well as for prose.

Measured on the 59 inaugural addresses of the USA, five editions of Alice in Wonderland and eight plays of Shakespeare, whose
lines are short and begin with the speaker's name: no rule below is nearer than half its bound to any of them.
"""

from pipelines.policies.gopher import DENSE, PROSE_RULES, SPACED, TABLE_A1, WORD_RULES
from pipelines.stage import Rule, rule_judge
from schemas.reasons import Reason

_REPEATS = (
    "Chosen: a song repeats a third of itself where a chorus half as long as a verse follows each; a file that holds its "
    "text twice repeats half. Gopher's bounds (0.1 to 0.3) are for pages: refrains and the names of speakers exceed them"
)


def _at_most(signal: str, most: float, reason: Reason, source: str) -> Rule:
    return Rule(name=f"max_{signal}", signal=signal, at_most=most, reason=reason, source=source)


BOOK_QUALITY = rule_judge(
    "quality.books",
    1,
    (
        Rule(
            name="min_words", signal="word_count", at_least=100, reason=Reason.TOO_FEW_WORDS, languages=SPACED,
            source="Chosen: the shortest work of the set is an address of 135 words; title pages and notes have fewer",
        ),
        Rule(
            name="min_characters", signal="character_count", at_least=160, reason=Reason.TOO_FEW_WORDS, languages=DENSE,
            source="Chosen: 100 English words come to about 160 characters in Chinese, and to more in the other languages",
        ),
        *WORD_RULES,
        *PROSE_RULES,
        _at_most("duplicate_line_char_ratio", 0.4, Reason.DUPLICATE_LINES, _REPEATS),
        _at_most("duplicate_paragraph_char_ratio", 0.4, Reason.DUPLICATE_PARAGRAPHS, _REPEATS),
        _at_most("duplicate_10gram_char_ratio", 0.4, Reason.REPEATED_NGRAMS, _REPEATS),
        _at_most("top_2gram_char_ratio", 0.20, Reason.REPEATED_NGRAMS, TABLE_A1),
        _at_most("top_3gram_char_ratio", 0.18, Reason.REPEATED_NGRAMS, TABLE_A1),
        _at_most("top_4gram_char_ratio", 0.16, Reason.REPEATED_NGRAMS, TABLE_A1),
    ),
)  # fmt: skip
