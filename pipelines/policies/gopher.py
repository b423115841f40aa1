"""Gopher's quality and repetition rules. Source: Rae et al. 2021, arXiv 2112.11446, appendix A.1.1 and table A1."""

from pipelines.stage import Rule, rule_judge
from schemas.reasons import Reason

QUALITY = "Rae et al. 2021, arXiv 2112.11446, A.1.1, Quality Filtering"
REPETITION = "Rae et al. 2021, arXiv 2112.11446, table A1"
# Languages that put spaces between words of a length like English ones; the rules count such words.
SPACED = ("en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "no", "pl", "cs", "ro", "ca", "an", "gl")

GOPHER_QUALITY = rule_judge(
    "quality.gopher",
    1,
    (
        Rule(name="min_words", signal="word_count", at_least=50, reason=Reason.TOO_FEW_WORDS, source=QUALITY, languages=SPACED),
        Rule(name="max_words", signal="word_count", at_most=100_000, reason=Reason.TOO_MANY_WORDS, source=QUALITY, languages=SPACED),
        Rule(name="min_mean_word_length", signal="mean_word_length_chars", at_least=3, reason=Reason.ODD_WORD_LENGTH, source=QUALITY,
             languages=SPACED),
        Rule(name="max_mean_word_length", signal="mean_word_length_chars", at_most=10, reason=Reason.ODD_WORD_LENGTH, source=QUALITY,
             languages=SPACED),
        Rule(name="max_symbol_word_ratio", signal="symbol_word_ratio", at_most=0.1, reason=Reason.TOO_MANY_SYMBOLS, source=QUALITY),
        Rule(name="max_bullet_line_ratio", signal="bullet_line_ratio", at_most=0.95, reason=Reason.TOO_MANY_BULLETS, source="Chosen: Gopher has 0.9, but our extractor writes a bullet for every list item; a real article in lists has 0.94"),
        Rule(name="max_ellipsis_line_ratio", signal="ellipsis_line_ratio", at_most=0.3, reason=Reason.TOO_MANY_ELLIPSES, source=QUALITY),
        Rule(name="min_alphabetic_word_ratio", signal="alphabetic_word_ratio", at_least=0.8, reason=Reason.TOO_FEW_ALPHABETIC_WORDS,
             source=QUALITY, languages=SPACED),
        Rule(name="min_stop_words", signal="stop_word_count", at_least=2, reason=Reason.TOO_FEW_STOP_WORDS, source=QUALITY,
             languages=("en",)),
    ),
)  # fmt: skip

_LINES = (
    ("max_duplicate_line_ratio", "duplicate_line_ratio", 0.30, Reason.DUPLICATE_LINES),
    ("max_duplicate_paragraph_ratio", "duplicate_paragraph_ratio", 0.30, Reason.DUPLICATE_PARAGRAPHS),
    ("max_duplicate_line_char_ratio", "duplicate_line_char_ratio", 0.20, Reason.DUPLICATE_LINES),
    ("max_duplicate_paragraph_char_ratio", "duplicate_paragraph_char_ratio", 0.20, Reason.DUPLICATE_PARAGRAPHS),
)
# Shares of n-grams were set on English text; inflected languages and lists of another one lie elsewhere.
_TOP = {2: 0.20, 3: 0.18, 4: 0.16}
_AGAIN = {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10}

GOPHER_REPETITION = rule_judge(
    "quality.gopher_repetition",
    1,
    (
        *(Rule(name=name, signal=signal, at_most=most, reason=reason, source=REPETITION) for name, signal, most, reason in _LINES),
        *(
            Rule(name=f"max_top_{n}gram_char_ratio", signal=f"top_{n}gram_char_ratio", at_most=most, reason=Reason.REPEATED_NGRAMS,
                 source=REPETITION, languages=("en",))
            for n, most in _TOP.items()
        ),
        *(
            Rule(name=f"max_duplicate_{n}gram_char_ratio", signal=f"duplicate_{n}gram_char_ratio", at_most=most,
                 reason=Reason.REPEATED_NGRAMS, source=REPETITION, languages=("en",))
            for n, most in _AGAIN.items()
        ),
    ),
)  # fmt: skip
