"""What the rules of Gopher and C4 ask of a text, as signals: in come items, out comes one struct an item.

Words, lines, paragraphs, characters and what counts as a repeat are defined in `pipelines.kernels.text`. Where a text
holds characters that hide words (soft hyphens, zero widths, full-width or mathematical letters), phrases are looked for in
its normal form, that of `pipelines.kernels.minhash`.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import re2

from pipelines.kernels.minhash import normalise
from pipelines.kernels.text import Count, count_text
from pipelines.stage import Shape, Stage

# int64.
COUNTS = {
    "character_count": Count.CHARACTERS,  # code points, white space included
    "word_count": Count.WORDS,
    "line_count": Count.LINES,  # that hold a word
    "paragraph_count": Count.PARAGRAPHS,
    "sentence_count": Count.SENTENCES,  # that end in a mark
    "terminal_punctuation_line_count": Count.TERMINAL_LINES,
    "curly_bracket_count": Count.CURLY_BRACKETS,  # opening and closing
}
# float64, 0..1, the first over the second; 0.0 where there is none of the second. A word of two hash signs counts as one.
RATIOS = {
    "hash_sign_word_ratio": (Count.HASH_SIGNS, Count.WORDS),
    "ellipsis_word_ratio": (Count.ELLIPSES, Count.WORDS),
    "alphabetic_word_ratio": (Count.ALPHABETIC_WORDS, Count.WORDS),
    "curly_bracket_ratio": (Count.CURLY_BRACKETS, Count.WORD_CHARACTERS),
    "bullet_line_ratio": (Count.BULLET_LINES, Count.LINES),
    "ellipsis_line_ratio": (Count.ELLIPSIS_LINES, Count.LINES),
    "javascript_line_ratio": (Count.JAVASCRIPT_LINES, Count.LINES),
    "duplicate_line_ratio": (Count.REPEATED_LINES, Count.LINES),
    "duplicate_line_char_ratio": (Count.REPEATED_LINE_CHARACTERS, Count.WORD_CHARACTERS),
    "duplicate_paragraph_ratio": (Count.REPEATED_PARAGRAPHS, Count.PARAGRAPHS),
    "duplicate_paragraph_char_ratio": (Count.REPEATED_PARAGRAPH_CHARACTERS, Count.WORD_CHARACTERS),
    **{f"top_{n}gram_char_ratio": (Count[f"TOP_{n}GRAM_CHARACTERS"], Count.WORD_CHARACTERS) for n in range(2, 5)},
    **{
        f"duplicate_{n}gram_char_ratio": (Count[f"REPEATED_{n}GRAM_CHARACTERS"], Count.WORD_CHARACTERS)
        for n in range(5, 11)
    },
}
LOREM_IPSUM = ("lorem ipsum",)
# Chosen: what sells in bulk mail and on link farms, and hardly stands in prose; ours, not taken from a list.
ADVERTISING = (
    "100% free", "act now", "best price", "best prices", "bulk order", "buy now", "buy online", "call now", "cash bonus",
    "casino bonus", "cheap pills", "cheapest price", "click below", "click here", "discount code", "double your", "earn extra cash",
    "earn money", "exclusive deal", "exclusive offer", "fast cash", "free access", "free delivery", "free gift", "free quote",
    "free shipping", "free trial", "get paid", "get rich", "great deals", "guaranteed results", "hot deals", "hurry up",
    "limited offer", "limited stock", "limited time", "lose weight fast", "lowest price", "lowest prices", "make money",
    "money back guarantee", "no credit check", "no obligation", "no prescription", "no purchase necessary", "online casino",
    "online pharmacy", "order now", "order today", "payday loan", "payday loans", "replica watches", "risk free", "risk-free",
    "satisfaction guaranteed", "save big", "shop now", "sign up now", "special offer", "special promotion", "subscribe now",
    "visit our website", "while stocks last", "work from home", "you have won",
)  # fmt: skip
# Source: Unicode DerivedCoreProperties.txt, Default_Ignorable_Code_Point (the common ones); Blocks.txt.
_HIDING = (
    r"[\x{AD}\x{34F}\x{61C}\x{180B}-\x{180F}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{206F}\x{FE00}-\x{FE0F}"
    r"\x{FEFF}\x{FF01}-\x{FF5E}\x{1D400}-\x{1D7FF}\x{E0000}-\x{E0FFF}]"
)


def text_statistics(stage: Stage, items: pa.RecordBatch) -> pa.StructArray:
    """The signals of each text: `COUNTS` as int64, `RATIOS` as float64; every field is null for a null text.

    Besides those: `mean_word_length_chars`; `symbol_word_ratio`, the larger of hash signs and ellipses a word, 0..1;
    `lorem_ipsum_count`; `advertising_phrases_per_100_words`.
    """
    texts = items.column("text")
    counts = count_text(texts)
    words = counts[:, Count.WORDS]
    plain = _unhidden(texts)
    columns: dict[str, npt.NDArray[np.generic]] = {name: counts[:, column] for name, column in COUNTS.items()}
    columns |= {name: _share(counts[:, part], counts[:, whole]) for name, (part, whole) in RATIOS.items()}
    columns |= {
        "mean_word_length_chars": _over(counts[:, Count.WORD_CHARACTERS], words),
        "symbol_word_ratio": np.maximum(columns["hash_sign_word_ratio"], columns["ellipsis_word_ratio"]),
        "lorem_ipsum_count": _occurrences(plain, LOREM_IPSUM),
        "advertising_phrases_per_100_words": 100 * _over(_occurrences(plain, ADVERTISING), words),
    }
    missing = texts.is_null().to_numpy(zero_copy_only=False)
    arrays = [pa.array(np.ascontiguousarray(column), mask=missing) for column in columns.values()]
    return pa.StructArray.from_arrays(arrays, names=list(columns))


def _over(part: npt.NDArray[np.int64], whole: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    return part / np.maximum(whole, 1)


def _share(part: npt.NDArray[np.int64], whole: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    return np.minimum(_over(part, whole), 1.0)


def _unhidden(texts: pa.Array) -> pa.Array:
    """The texts, those with hiding characters in their normal form: that of every text would take longer than the counts."""
    texts = texts.cast(pa.large_string()).fill_null("")
    hidden = pc.match_substring_regex(texts, _HIDING)
    flat = normalise(texts.filter(hidden))
    buffers = [None, pa.py_buffer(flat.offsets), pa.py_buffer(flat.values)]
    return pc.replace_with_mask(texts, hidden, pa.Array.from_buffers(pa.large_string(), len(flat), buffers))


def _occurrences(texts: pa.Array, phrases: Sequence[str]) -> npt.NDArray[np.int64]:
    """int64[texts]: places where one of the phrases stands, in upper or lower case, whatever white space is in it."""
    pattern = "|".join(re2.escape(phrase).replace(r"\ ", r"[\s\pZ]+") for phrase in phrases)
    found = pc.count_substring_regex(texts, rf"(?i)\b(?:{pattern})\b")
    return np.asarray(found.to_numpy(), np.int64)


TEXT_STATISTICS = Stage(
    name="measure.text",
    version=3,
    shape=Shape.MEASURE,
    fn=text_statistics,
    signals=(
        *COUNTS, *RATIOS, "mean_word_length_chars", "symbol_word_ratio", "lorem_ipsum_count", "advertising_phrases_per_100_words",
    ),
)  # fmt: skip
