import unicodedata
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.kernels.text import (
    BULLETS,
    CLOSERS,
    NEW_LETTERS,
    QUOTES,
    STOPS,
    WIDE_STOPS,
    Count,
    character_kinds,
    count_text,
)

# Words that repeat, marks, white space of every kind, scripts of one to four bytes, and whatever else there is.
PIECES = [
    "the",
    "of",
    "And",
    "cat",
    "größer",
    "ἀγορά",
    "слово",
    "東京",
    "ไทย",
    "한국",
    "𐍈",
    "😀",
    "é",
    "a",
    "b",
    "JavaScript",
]
MARKS = ["...", "…", ".", "?!", "。", "「", "」", '"', ")", "#", "{", "}", "•", "-", "*", "3.5", "’s", "\u200b"]
SPACES = [" ", " ", " ", "\n", "\n\n", "\n \n", "\t", "\u3000", "\u00a0", "\r\n", "\u2028", "\x1c"]
texts = st.lists(st.sampled_from(PIECES + MARKS + SPACES + SPACES), min_size=5, max_size=60).map("".join) | st.text()
repetitive = st.lists(st.sampled_from(["a", "bb", "c\n", "d\n\n"]), max_size=60).map(" ".join)
batches = st.lists(st.none() | texts, max_size=5)


def is_letter(character):
    return unicodedata.category(character)[0] == "L" or any(a <= ord(character) <= b for a, b in NEW_LETTERS)


def lines_of(text):
    """(words, whether a bullet opens it, whether it opens a paragraph) of each line that has words."""
    lines, is_apart = [], True
    for line in text.split("\n"):
        words = line.split()
        has_bullet = bool(words) and words[0][0] in BULLETS
        while words and len(words[0]) == 1 and words[0] in BULLETS:
            words = words[1:]
        if words:
            lines.append((words, has_bullet, is_apart))
        is_apart = not words
    return lines


def paragraphs_of(lines):
    paragraphs = []
    for words, _, is_apart in lines:
        if is_apart:
            paragraphs.append([])
        paragraphs[-1].extend(words)
    return paragraphs


def ends(word):
    """How many sentences end in a word."""
    count, pending = 0, ""
    for character in word:
        if character in STOPS + WIDE_STOPS:
            pending = "wide" if character in WIDE_STOPS else pending or "narrow"
        elif character not in QUOTES + CLOSERS:
            count += pending == "wide"
            pending = ""
    return count + bool(pending)


def repeats(pieces):
    seen, again = set(), []
    for piece in map(tuple, pieces):
        if piece in seen:
            again.append(piece)
        seen.add(piece)
    return len(again), sum(len(word) for piece in again for word in piece)


def covered(words, places, n):
    marked = {k for i in places for k in range(i, i + n)}
    return sum(len(words[k]) for k in marked)


def top(words, n):
    runs = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
    counts = Counter(runs)
    if not counts or max(counts.values()) < 2:
        return 0
    best = max(runs, key=lambda run: (counts[run], sum(map(len, run))))  # max gives the first of equals
    return covered(words, [i for i, run in enumerate(runs) if run == best], n)


def again(words, n):
    seen, places = set(), []
    for i in range(len(words) - n + 1):
        run = tuple(words[i : i + n])
        if run in seen:
            places.append(i)
        seen.add(run)
    return covered(words, places, n)


def reference(text):
    """Every count in plain Python, as slow as it is obvious."""
    lines = lines_of(text)
    paragraphs = paragraphs_of(lines)
    words = [word for line, _, _ in lines for word in line]
    last = [line[-1] for line, _, _ in lines]
    ellipsis = [word.endswith(("...", "…")) for word in last]
    line_count, line_characters = repeats(line for line, _, _ in lines)
    paragraph_count, paragraph_characters = repeats(paragraphs)
    return {
        Count.CHARACTERS: len(text),
        Count.WORD_CHARACTERS: sum(map(len, words)),
        Count.WORDS: len(words),
        Count.ALPHABETIC_WORDS: sum(any(map(is_letter, word)) for word in words),
        Count.HASH_SIGNS: text.count("#"),
        Count.ELLIPSES: text.count("...") + text.count("…"),
        Count.CURLY_BRACKETS: text.count("{") + text.count("}"),
        Count.SENTENCES: sum(map(ends, text.split())),
        Count.BULLET_LINES: sum(bullet for _, bullet, _ in lines),
        Count.ELLIPSIS_LINES: sum(ellipsis),
        Count.TERMINAL_LINES: sum(
            word[-1] in STOPS + WIDE_STOPS + QUOTES and not dots for word, dots in zip(last, ellipsis, strict=True)
        ),
        Count.JAVASCRIPT_LINES: sum(any("javascript" in word.lower() for word in line) for line, _, _ in lines),
        Count.LINES: len(lines),
        Count.REPEATED_LINES: line_count,
        Count.REPEATED_LINE_CHARACTERS: line_characters,
        Count.PARAGRAPHS: len(paragraphs),
        Count.REPEATED_PARAGRAPHS: paragraph_count,
        Count.REPEATED_PARAGRAPH_CHARACTERS: paragraph_characters,
        **{Count[f"TOP_{n}GRAM_CHARACTERS"]: top(words, n) for n in (2, 3, 4)},
        **{Count[f"REPEATED_{n}GRAM_CHARACTERS"]: again(words, n) for n in range(5, 11)},
    }


def counts(text):
    return dict(zip(Count, count_text(pa.array([text], pa.string()))[0].tolist(), strict=True))


@settings(deadline=None, max_examples=400)  # the first call compiles
@given(texts | repetitive)
def test_counts_are_those_of_the_plain_definition(text):
    assert counts(text) == reference(text)


@settings(deadline=None)
@given(batches, batches)
def test_a_text_has_the_same_counts_in_any_batch(left, right):
    whole = count_text(pa.array(left + right, pa.string())).tolist()
    assert whole == [row for side in (left, right) for row in count_text(pa.array(side, pa.string())).tolist()]


def test_slices_nulls_and_large_strings_read_alike():
    column = pa.array(["no", "One two.", None, "", "{a} b"])
    expected = [list(reference(text or "").values()) for text in ("One two.", None, "", "{a} b")]
    assert count_text(column[1:]).tolist() == expected
    assert count_text(column.cast(pa.large_string())[1:]).tolist() == expected
    assert count_text(pa.nulls(2, pa.string())).tolist() == [[0] * len(Count)] * 2
    assert count_text(pa.array([], pa.string())).shape == (0, len(Count))


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ("a\u3000b\u00a0c", Count.WORDS, 3),
        ("Wait...... what\u2026", Count.ELLIPSES, 3),
        ("He paid 3.50. \u201cYes!\u201d she said?! No", Count.SENTENCES, 3),
        ("これは一つ。これは二つ！", Count.SENTENCES, 2),
        ("• one\n- two\n*three\nfour", Count.BULLET_LINES, 3),
        ("• one\n•\ntwo", Count.WORDS, 2),
        ("a.\nb...\n\u201cc\u201d\nd", Count.TERMINAL_LINES, 2),
        ("Enable JAVASCRIPT, javascript!\njava script", Count.JAVASCRIPT_LINES, 1),
        ("x y\nx  y\nz\n x y", Count.REPEATED_LINES, 2),
        ("x\ny\n\n\nx y\n \nz", Count.REPEATED_PARAGRAPHS, 1),
        ("a a a a", Count.TOP_2GRAM_CHARACTERS, 4),
        ("one two x one two y one two", Count.TOP_2GRAM_CHARACTERS, 18),
        ("a b c d e x a b c d e f", Count.REPEATED_5GRAM_CHARACTERS, 5),
        ("a a a a a a a", Count.REPEATED_5GRAM_CHARACTERS, 6),
    ],
)
def test_worked_examples(text, column, expected):
    assert counts(text)[column] == expected == reference(text)[column]


def test_a_cut_utf8_sequence_is_a_word_and_no_crash():
    offsets, data = pa.py_buffer(bytes([0, 0, 0, 0, 4, 0, 0, 0])), pa.py_buffer(b"a \xe4\xb8")
    broken = pa.Array.from_buffers(pa.string(), 1, [None, offsets, data])
    assert count_text(broken)[0, Count.WORDS] == 2


def test_a_hundred_thousand_lines_take_linear_time():
    text = "the same line of seven words again\n" * 100_000 + "\n".join(map(str, range(100_000)))
    found = counts(text)
    assert (found[Count.LINES], found[Count.REPEATED_LINES]) == (200_000, 99_999)
    assert found[Count.REPEATED_10GRAM_CHARACTERS] == found[Count.REPEATED_5GRAM_CHARACTERS] == 99_999 * 28


def test_letters_are_those_of_unicode_15_under_every_python_version():
    assert int((character_kinds() & 1).sum()) == 136_104
