"""Statistics of texts: what the rules of Gopher and C4 ask for. Source: Rae et al. 2021 (arXiv 2112.11446), appendix A.1.1;
Raffel et al. 2020 (arXiv 1910.10683), section 2.2.
"""

import re
from collections import Counter
from collections.abc import Sequence

import pyarrow as pa

from pipelines.stage import Shape, Stage

STOP_WORDS = frozenset(("the", "be", "to", "of", "and", "that", "have", "with"))
BULLETS = ("\u2022", "\u2023", "\u25b6", "\u25c0", "\u25e6", "\u25a0", "\u25a1", "\u25aa", "\u25ab", "\u2013", "-", "*")
ENDS = (".", "!", "?", '"', "\u201d", "\u3002", "\uff01", "\uff1f", "\u2026")
PUNCTUATION = ".,;:!?\"'()[]"
# Ours: phrases of bulk advertising, lower case.
ADVERTISING = re.compile(
    r"buy now|click here|order now|act now|limited time offer|free shipping|best price|free trial|risk free|free gift|"
    r"make money fast|no obligation|satisfaction guaranteed|save big|special promotion|cheap pills|no prescription"
)
PARAGRAPH = re.compile(r"\n{2,}")
COUNTS = (
    "character_count",
    "word_count",
    "stop_word_count",
    "curly_bracket_count",
    "lorem_ipsum_count",
    "sentence_line_count",
)
RATIOS = (
    "mean_word_length_chars", "symbol_word_ratio", "bullet_line_ratio", "ellipsis_line_ratio", "alphabetic_word_ratio",
    "duplicate_line_ratio", "duplicate_line_char_ratio", "duplicate_paragraph_ratio", "duplicate_paragraph_char_ratio",
    "javascript_line_ratio", "advertising_phrases_per_100_words", *(f"top_{n}gram_char_ratio" for n in (2, 3, 4)),
    *(f"duplicate_{n}gram_char_ratio" for n in range(5, 11)),
)  # fmt: skip
FIELDS = [*(pa.field(name, pa.int64()) for name in COUNTS), *(pa.field(name, pa.float64()) for name in RATIOS)]


def statistics(text: str) -> dict[str, float]:
    """All statistics of one text; ratios are 0..1 and 0.0 for an empty text."""
    words = text.split()
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    parts = [part.strip() for part in PARAGRAPH.split(text) if part.strip()]
    lower = text.lower()
    found: dict[str, float] = {
        "character_count": len(text),
        "word_count": len(words),
        "stop_word_count": len(STOP_WORDS & {word.strip(PUNCTUATION).lower() for word in words}),
        "curly_bracket_count": text.count("{"),
        "lorem_ipsum_count": lower.count("lorem ipsum"),
        "sentence_line_count": sum(text.count(end + " ") + text.count(end + "\n") for end in ENDS)
        + text.rstrip().endswith(ENDS),
        "mean_word_length_chars": _share(sum(map(len, words)), len(words)),
        "symbol_word_ratio": _share(text.count("#") + text.count("...") + text.count("\u2026"), len(words)),
        "bullet_line_ratio": _share(sum(line.startswith(BULLETS) for line in lines), len(lines)),
        "ellipsis_line_ratio": _share(sum(line.endswith(("...", "\u2026")) for line in lines), len(lines)),
        # The bullets are our extractor's, one a list item; they are no words of the author.
        "alphabetic_word_ratio": _share(
            sum(any(map(str.isalpha, word)) for word in words), sum(word not in BULLETS for word in words)
        ),
        "advertising_phrases_per_100_words": 100 * _share(len(ADVERTISING.findall(lower)), len(words)),
        "javascript_line_ratio": _share(sum("javascript" in line.lower() for line in lines), len(lines)),
    }
    for name, pieces in (("line", lines), ("paragraph", parts)):
        again = _repeats(pieces)
        found[f"duplicate_{name}_ratio"] = _share(len(again), len(pieces))
        found[f"duplicate_{name}_char_ratio"] = _share(sum(map(len, again)), sum(map(len, pieces)))
    sizes = [len(word) for word in words]
    total = sum(sizes)
    for n in (2, 3, 4):
        found[f"top_{n}gram_char_ratio"] = _share(_top(words, n), total)
    for n in range(5, 11):
        found[f"duplicate_{n}gram_char_ratio"] = _share(_covered(words, sizes, n), total)
    return found


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _repeats(pieces: Sequence[str]) -> list[str]:
    seen: set[str] = set()
    return [piece for piece in pieces if piece in seen or seen.add(piece)]  # type: ignore[func-returns-value]


def _top(words: Sequence[str], n: int) -> int:
    """Characters that the most frequent n-gram covers, all its places counted; 0 where none is there twice."""
    counts = Counter(zip(*(words[i:] for i in range(n)), strict=False))
    gram, times = max(counts.items(), key=lambda pair: (pair[1], sum(map(len, pair[0]))), default=((), 0))
    return sum(map(len, gram)) * times if times > 1 else 0


def _covered(words: Sequence[str], sizes: Sequence[int], n: int) -> int:
    """Characters of all words that lie in an n-gram that was there before; overlapping ones are counted once."""
    seen: set[tuple[str, ...]] = set()
    marked = bytearray(len(words))
    for i in range(len(words) - n + 1):
        gram = tuple(words[i : i + n])
        if gram in seen:
            marked[i : i + n] = b"\x01" * n
        seen.add(gram)
    return sum(size for size, mark in zip(sizes, marked, strict=True) if mark)


def text_statistics(stage: Stage, items: pa.RecordBatch) -> pa.StructArray:
    """`statistics` of each text; all null for a null text."""
    rows = [None if text is None else statistics(text) for text in items.column("text").to_pylist()]
    columns = [pa.array([row and row[field.name] for row in rows], field.type) for field in FIELDS]
    return pa.StructArray.from_arrays(columns, fields=FIELDS)


TEXT_STATISTICS = Stage(name="measure.text", version=1, shape=Shape.MEASURE, fn=text_statistics)
