"""Gopher's quality and repetition rules, each for the languages in which its number means what it meant in English.

The paper judged English pages. Rules that count words apply to `SPACED` only: elsewhere a "word" is half a sentence.
Repetition is no matter of language: where words are not set apart, runs of them are longer and repeat less.
"""

from pipelines.measures.stop_words import STOP_WORDS
from pipelines.stage import Rule, rule_judge
from schemas.reasons import Reason

GOPHER = "Rae et al. 2021, arXiv 2112.11446, appendix A.1.1"
TABLE_A1 = "Rae et al. 2021, arXiv 2112.11446, appendix A.1.1, table A1"

# Chosen: the languages of lid.176 that put spaces between words and whose mean word length over the Universal Declaration
# of Human Rights lies in 3.5..9 characters (English 5.0, German 6.4, Urdu 3.6, Quechua 8.4), with their close relatives.
SPACED = (
    "af", "an", "ar", "ast", "az", "ba", "bar", "bcl", "be", "bg", "bn", "br", "bs", "ca", "ceb", "ckb", "co", "cs", "cv", "cy",
    "da", "de", "el", "en", "eo", "es", "et", "eu", "fa", "fi", "fr", "frr", "fy", "ga", "gd", "gl", "gn", "gsw", "gu", "he",
    "hi", "hr", "hsb", "ht", "hu", "hy", "ia", "id", "ilo", "io", "is", "it", "jv", "ka", "kk", "kn", "ku", "ky", "la", "lb",
    "lt", "lv", "mai", "mg", "mk", "mr", "ms", "mt", "nds", "ne", "nl", "nn", "no", "oc", "os", "pa", "pam", "pl", "ps", "pt",
    "qu", "rm", "ro", "ru", "sah", "sc", "scn", "sco", "sd", "sh", "sk", "sl", "so", "sq", "sr", "su", "sv", "sw", "tg", "tk",
    "tl", "tr", "tt", "tyv", "ug", "uk", "ur", "uz", "vec", "vep", "vi", "wa", "war", "yi", "yo",
)  # fmt: skip
# The others that were measured: no space between words (Chinese), or words outside that range (Korean 3.1, Tamil 9.7).
DENSE = ("am", "bo", "dv", "ja", "km", "ko", "lo", "ml", "my", "sa", "ta", "th", "wuu", "yue", "zh")

# What holds for a page holds for a book too: both policies have these.
WORD_RULES = (
    Rule(
        name="min_mean_word_length", signal="mean_word_length_chars", at_least=3, reason=Reason.ODD_WORD_LENGTH,
        source=GOPHER, languages=SPACED,
    ),
    Rule(
        name="max_mean_word_length", signal="mean_word_length_chars", at_most=10, reason=Reason.ODD_WORD_LENGTH,
        source=GOPHER, languages=SPACED,
    ),
    Rule(
        name="max_symbol_word_ratio", signal="symbol_word_ratio", at_most=0.1, reason=Reason.TOO_MANY_SYMBOLS,
        source=GOPHER, languages=SPACED,
    ),
)  # fmt: skip
PROSE_RULES = (
    Rule(
        name="max_ellipsis_line_ratio", signal="ellipsis_line_ratio", at_most=0.3, reason=Reason.TOO_MANY_ELLIPSES,
        source=GOPHER,
    ),
    # Of every language, so that a page without a letter, which has none, does not pass all rules.
    Rule(
        name="min_alphabetic_word_ratio", signal="alphabetic_word_ratio", at_least=0.8,
        reason=Reason.TOO_FEW_ALPHABETIC_WORDS, source=GOPHER,
    ),
    Rule(
        name="min_stop_words", signal="stop_word_count", at_least=2, reason=Reason.TOO_FEW_STOP_WORDS,
        source=f"{GOPHER}, of English; of the other languages that have a list, theirs", languages=tuple(STOP_WORDS),
    ),
)  # fmt: skip

GOPHER_QUALITY = rule_judge(
    "quality.gopher",
    2,
    (
        Rule(
            name="min_words", signal="word_count", at_least=50, reason=Reason.TOO_FEW_WORDS, source=GOPHER, languages=SPACED
        ),
        Rule(
            name="min_characters", signal="character_count", at_least=80, reason=Reason.TOO_FEW_WORDS, languages=DENSE,
            source="Chosen: 50 English words come to about 80 characters in Chinese, and to more in the other languages",
        ),
        Rule(
            name="max_words", signal="word_count", at_most=100_000, reason=Reason.TOO_MANY_WORDS, source=GOPHER, languages=SPACED
        ),
        *WORD_RULES,
        Rule(
            name="max_bullet_line_ratio", signal="bullet_line_ratio", at_most=0.95, reason=Reason.TOO_MANY_BULLETS,
            source="Chosen: 0.9 in Gopher; our extractor writes a bullet for every HTML list item, so that whole guides reach 0.94",
        ),
        *PROSE_RULES,
    ),
)  # fmt: skip

_DUPLICATES = (
    ("line", 0.30, Reason.DUPLICATE_LINES), ("paragraph", 0.30, Reason.DUPLICATE_PARAGRAPHS),
    ("line_char", 0.20, Reason.DUPLICATE_LINES), ("paragraph_char", 0.20, Reason.DUPLICATE_PARAGRAPHS),
)  # fmt: skip
_TOP = {2: 0.20, 3: 0.18, 4: 0.16}
_REPEATED = {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10}


def _at_most(signal: str, most: float, reason: Reason) -> Rule:
    return Rule(name=f"max_{signal}", signal=signal, at_most=most, reason=reason, source=TABLE_A1)


GOPHER_REPETITION = rule_judge(
    "quality.gopher_repetition",
    2,
    (
        *(_at_most(f"duplicate_{what}_ratio", most, reason) for what, most, reason in _DUPLICATES),
        *(_at_most(f"top_{n}gram_char_ratio", most, Reason.REPEATED_NGRAMS) for n, most in _TOP.items()),
        *(_at_most(f"duplicate_{n}gram_char_ratio", most, Reason.REPEATED_NGRAMS) for n, most in _REPEATED.items()),
    ),
)
