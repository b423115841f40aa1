"""Counts of whole batches of text in one scan, compiled: words, lines, sentences, and what repeats.

    count_text    texts -> int64[texts, len(Count)], one column a `Count`

Everything is linear in the bytes of a text: repetition is found with hash tables, and a run of n words is looked at only
where the run of n - 1 words at its place is there twice.

A *word* is a run of characters that are not white space (as `str.split` has it); a bullet alone at the start of a line is
none: the extractor writes one for each item of an HTML list. A *line* is what stands between
newlines, a *paragraph* what stands between blank lines; both only where they hold a word. Two of them are the same when
their words are, so white space never tells them apart; words, lines and runs are compared by 64-bit hashes. *Characters*
are code points; those of words, lines and runs leave white space out.
"""

import unicodedata
from enum import IntEnum, auto
from functools import cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pipelines.kernels.minhash import I64, U64
from pipelines.kernels.scan import U8, compiled, decode, mix64


class Count(IntEnum):
    """The columns of `count_text`."""

    CHARACTERS = 0  # white space included
    WORD_CHARACTERS = auto()
    WORDS = auto()
    ALPHABETIC_WORDS = auto()  # with a letter in them
    HASH_SIGNS = auto()
    ELLIPSES = auto()  # "..." (six dots are two) and U+2026
    CURLY_BRACKETS = auto()  # "{" and "}"
    SENTENCES = auto()  # that end in a mark; the run "?!" is one end, "3.5" none
    BULLET_LINES = auto()  # begin with a bullet
    ELLIPSIS_LINES = auto()  # end with an ellipsis
    TERMINAL_LINES = auto()  # end with a full stop, question or exclamation mark, or closing quote; no ellipsis
    JAVASCRIPT_LINES = auto()  # hold "javascript" in upper or lower case
    LINES = auto()
    REPEATED_LINES = auto()  # that were there before: of three the same, two
    REPEATED_LINE_CHARACTERS = auto()
    PARAGRAPHS = auto()
    REPEATED_PARAGRAPHS = auto()
    REPEATED_PARAGRAPH_CHARACTERS = auto()
    # Characters of all words that lie in a place of the most frequent run of n words, 0 where none is there twice. Of
    # equally frequent runs the longest in characters, then the first.
    TOP_2GRAM_CHARACTERS = auto()
    TOP_3GRAM_CHARACTERS = auto()
    TOP_4GRAM_CHARACTERS = auto()
    # Characters of all words that lie in a run of n words that was there before, in this text.
    REPEATED_5GRAM_CHARACTERS = auto()
    REPEATED_6GRAM_CHARACTERS = auto()
    REPEATED_7GRAM_CHARACTERS = auto()
    REPEATED_8GRAM_CHARACTERS = auto()
    REPEATED_9GRAM_CHARACTERS = auto()
    REPEATED_10GRAM_CHARACTERS = auto()


_JAVASCRIPT = np.frombuffer(b"javascript", np.uint8)

# What a character is, one bit each.
_LETTER, _SPACE, _BULLET, _STOP, _WIDE, _CLOSER, _QUOTE, _RARE = (1 << bit for bit in range(8))

# Chosen: the bullets of common list styles; no dashes but the hyphen, which open speech in many languages.
BULLETS = "•‣⁃◦∙·▪▫■□●○◆◇▶▷►➢➤★☆✓✔✦❖*-"
# Source: Unicode PropList.txt, Sentence_Terminal (the common ones). Wide ones need no space after them.
STOPS, WIDE_STOPS = ".!?…‼⁇⁈⁉؟۔।॥։။።", "。！？｡．"
# What may stand between the mark and the end of its sentence. Source: Unicode PropList.txt, Quotation_Mark; Pe of ASCII.
QUOTES, CLOSERS = "\"'”’»«›“‘」』〞", ")]}）］】》"
_RARES = ".…#{}jJ"
_NEWLINE, _DOT, _ELLIPSIS = 0x0A, 0x2E, 0x2026

# Letters new in Unicode 15.0, which Python 3.11 does not know and 3.12 does: a count must not change with the interpreter.
# Source: UnicodeData.txt 15.0, category L.
NEW_LETTERS = (
    (0x1123F, 0x11240), (0x11F02, 0x11F02), (0x11F04, 0x11F10), (0x11F12, 0x11F33), (0x1342F, 0x1342F), (0x13441, 0x13446),
    (0x1B132, 0x1B132), (0x1B155, 0x1B155), (0x1DF25, 0x1DF2A), (0x1E030, 0x1E06D), (0x1E4D0, 0x1E4EB), (0x2B739, 0x2B739),
    (0x31350, 0x323AF),
)  # fmt: skip
_LAST_LETTER = 0x323AF

# What a word is to its line, one bit each.
_OPENS_LINE, _OPENS_PARAGRAPH, _HAS_LETTER, _HAS_BULLET, _HAS_JAVASCRIPT, _ENDS_IN_ELLIPSIS, _ENDS_IN_MARK = (
    1 << bit for bit in range(7)
)


class Words(NamedTuple):
    """The words of one text, and room for those of the longest."""

    hashes: U64
    sizes: I64  # characters
    traits: U8  # _OPENS_LINE and its neighbours


class Table(NamedTuple):
    """An open-addressed table that numbers keys from 0 as they come; key 0 marks a free slot."""

    keys: U64
    numbers: I64


class Runs(NamedTuple):
    """The runs of n words that are there twice, and room for all of a text."""

    word: I64  # number of each word
    run: I64  # number of the run that starts at each word; -1 where it is there once only
    at: I64  # places of the runs, ascending
    times: I64  # by number of a run
    first: I64  # by number of a run: its first place
    upto: I64  # characters of all words before each word


@cache
def character_kinds() -> U8:
    """uint8[0x110000]: the bits of each code point."""
    kinds = np.zeros(0x110000, np.uint8)
    for point in range(_LAST_LETTER + 1):
        character = chr(point)
        if unicodedata.category(character)[0] == "L":
            kinds[point] |= _LETTER
        elif character.isspace():
            kinds[point] |= _SPACE
    for first, last in NEW_LETTERS:
        kinds[first : last + 1] |= _LETTER
    for characters, bits in (
        (BULLETS, _BULLET), (STOPS, _STOP), (WIDE_STOPS, _STOP | _WIDE), (QUOTES, _CLOSER | _QUOTE), (CLOSERS, _CLOSER),
        (_RARES, _RARE),
    ):  # fmt: skip
        for character in characters:
            kinds[ord(character)] |= bits
    kinds.setflags(write=False)
    return kinds


@compiled
def _is_at(data: U8, i: int, end: int, lower: U8) -> bool:
    """Whether these ASCII letters are at byte i, in upper or lower case."""
    k = 0
    while k < len(lower) and i + k < end and data[i + k] | 0x20 == lower[k]:
        k += 1
    return k == len(lower)


@compiled
def _take_word(data: U8, start: int, end: int, kinds: U8, counts: I64) -> tuple[int, np.uint64, int, int]:
    """The byte after the word at `start`, its hash (FNV-1a over code points), its characters and its traits."""
    h = np.uint64(0xCBF29CE484222325)
    i, size, letters, dots, pending, traits, kind, point = start, 0, 0, 0, 0, 0, 0, 0
    while i < end:
        point_here, after = decode(data, i, end)
        kind_here = int(kinds[point_here])
        if kind_here & _SPACE:
            break
        point, kind = point_here, kind_here
        h = (h ^ np.uint64(point)) * np.uint64(0x100000001B3)
        size += 1
        letters += kind & _LETTER
        if kind & _STOP:
            pending = 2 if kind & _WIDE else max(pending, 1)
        elif pending and not kind & _CLOSER:
            counts[Count.SENTENCES] += pending == 2
            pending = 0
        if kind & _RARE:
            dots = dots + 1 if point == _DOT else 0
            counts[Count.ELLIPSES] += point == _ELLIPSIS or (dots > 0 and dots % 3 == 0)
            counts[Count.HASH_SIGNS] += point == 0x23
            counts[Count.CURLY_BRACKETS] += point == 0x7B or point == 0x7D
            if kind & _LETTER and _is_at(data, i, end, _JAVASCRIPT):
                traits |= _HAS_JAVASCRIPT
        else:
            dots = 0
        if i == start and kind & _BULLET:
            traits |= _HAS_BULLET
        i = after
    counts[Count.SENTENCES] += pending > 0
    if letters:
        traits |= _HAS_LETTER
    if dots >= 3 or point == _ELLIPSIS:
        traits |= _ENDS_IN_ELLIPSIS
    elif kind & (_STOP | _QUOTE):
        traits |= _ENDS_IN_MARK
    return i, h, size, traits


@compiled
def _take_words(data: U8, start: int, end: int, kinds: U8, words: Words, counts: I64) -> int:
    """Fill `words` and return how many there are."""
    n, i, newlines, bullet = 0, start, 2, 0
    while i < end:
        point, after = decode(data, i, end)
        if kinds[point] & _SPACE:
            if point == _NEWLINE:
                newlines, bullet = newlines + 1, 0
            counts[Count.CHARACTERS] += 1
            i = after
            continue
        i, h, size, traits = _take_word(data, i, end, kinds, counts)
        if newlines and size == 1 and traits & _HAS_BULLET:
            bullet = _HAS_BULLET
            counts[Count.CHARACTERS] += 1
            continue
        traits |= bullet
        if newlines:
            traits |= _OPENS_LINE
        if newlines >= 2:
            traits |= _OPENS_PARAGRAPH
        words.hashes[n], words.sizes[n], words.traits[n] = mix64(h), size, traits
        counts[Count.WORD_CHARACTERS] += size
        n, newlines, bullet = n + 1, 0, 0
    counts[Count.CHARACTERS] += counts[Count.WORD_CHARACTERS]
    counts[Count.WORDS] = n
    return n


@compiled
def _count_traits(traits: U8, n: int, counts: I64) -> None:
    has_javascript = False
    for i in range(n):
        here = traits[i]
        if here & _OPENS_LINE:
            counts[Count.BULLET_LINES] += here & _HAS_BULLET != 0
            has_javascript = False
        if here & _HAS_JAVASCRIPT and not has_javascript:
            counts[Count.JAVASCRIPT_LINES] += 1
            has_javascript = True
        counts[Count.ALPHABETIC_WORDS] += here & _HAS_LETTER != 0
        if i + 1 == n or traits[i + 1] & _OPENS_LINE:
            counts[Count.ELLIPSIS_LINES] += here & _ENDS_IN_ELLIPSIS != 0
            counts[Count.TERMINAL_LINES] += here & _ENDS_IN_MARK != 0


@compiled
def _emptied(table: Table, keys: int) -> int:
    """The mask of the part of the table that this many keys need (two slots each), which is now empty."""
    slots = 16
    while slots < 2 * keys:
        slots *= 2
    table.keys[:slots] = 0
    return slots - 1


@compiled
def _number(table: Table, mask: int, key: np.uint64, fresh: int) -> int:
    """The number of a key; a key that is new gets the number `fresh`."""
    key = max(key, np.uint64(1))
    slot = np.int64(mix64(key) & np.uint64(mask))
    while table.keys[slot] != 0:
        if table.keys[slot] == key:
            return table.numbers[slot]  # type: ignore[no-any-return]
        slot = (slot + 1) & mask
    table.keys[slot], table.numbers[slot] = key, fresh
    return fresh


@compiled
def _count_repeats(words: Words, n: int, opens: int, table: Table, counts: I64, column: int) -> None:
    """Fill three columns from `column`: pieces (each begins at a word with the trait `opens`), repeats, their characters."""
    mask = _emptied(table, n)
    distinct, start = 0, 0
    while start < n:
        h, size, i = np.uint64(0), 0, start
        while i < n and (i == start or not words.traits[i] & opens):
            h = h * np.uint64(0x9E3779B97F4A7C15) + words.hashes[i]
            size += words.sizes[i]
            i += 1
        counts[column] += 1
        if _number(table, mask, h, distinct) == distinct:
            distinct += 1
        else:
            counts[column + 1] += 1
            counts[column + 2] += size
        start = i


@compiled
def _single(words: Words, n: int, table: Table, runs: Runs) -> int:
    """Number the words, and make runs of one of those that are there twice; return how many."""
    mask, found, m = _emptied(table, n), 0, 0
    runs.upto[0] = 0
    for i in range(n):
        number = _number(table, mask, words.hashes[i], found)
        if number == found:
            runs.times[number] = 0
            found += 1
        runs.times[number] += 1
        runs.word[i] = number
        runs.upto[i + 1] = runs.upto[i] + words.sizes[i]
    for i in range(n):
        runs.run[i] = -1
        if runs.times[runs.word[i]] > 1:
            runs.run[i] = runs.word[i]
            runs.at[m] = i
            m += 1
    return m


@compiled
def _lengthen(size: int, n: int, m: int, table: Table, runs: Runs) -> int:
    """Make the m runs of `size - 1` words into runs of `size` words, and return how many of these are there twice.

    A run can be there twice only if the shorter runs at its place and at the next are; they hold all its words.
    """
    mask, found, longer, kept = _emptied(table, m), 0, 0, 0
    for j in range(m):
        i = runs.at[j]
        if i + 1 == n or runs.run[i + 1] < 0:
            runs.run[i] = -1
            continue
        key = np.uint64(runs.run[i] << 32 | runs.word[i + size - 1]) + np.uint64(1)
        number = _number(table, mask, key, found)
        if number == found:
            runs.times[number], runs.first[number] = 0, i
            found += 1
        runs.times[number] += 1
        runs.run[i] = number
        runs.at[longer] = i
        longer += 1
    for j in range(longer):
        i = runs.at[j]
        if runs.times[runs.run[i]] > 1:
            runs.at[kept] = i
            kept += 1
        else:
            runs.run[i] = -1
    return kept


@compiled
def _top_characters(size: int, m: int, runs: Runs) -> int:
    """Characters of the words in places of the most frequent of the m runs, each word once."""
    best, most, longest = -1, 0, 0
    for j in range(m):
        i = runs.at[j]
        times, characters = runs.times[runs.run[i]], runs.upto[i + size] - runs.upto[i]
        if times > most or (times == most and characters > longest):
            best, most, longest = runs.run[i], times, characters
    covered, reach = 0, 0
    for j in range(m):
        i = runs.at[j]
        if runs.run[i] == best:
            covered += runs.upto[i + size] - runs.upto[max(i, reach)]
            reach = i + size
    return covered


@compiled
def _repeated_characters(size: int, m: int, runs: Runs) -> int:
    """Characters of the words in those of the m runs that were there before, each word once."""
    covered, reach = 0, 0
    for j in range(m):
        i = runs.at[j]
        if i > runs.first[runs.run[i]]:
            covered += runs.upto[i + size] - runs.upto[max(i, reach)]
            reach = i + size
    return covered


@compiled
def _count(data: U8, offsets: I64, kinds: U8, words: Words, table: Table, runs: Runs, out: I64) -> None:
    for row in range(len(offsets) - 1):
        counts = out[row]
        n = _take_words(data, offsets[row], offsets[row + 1], kinds, words, counts)
        _count_traits(words.traits, n, counts)
        _count_repeats(words, n, _OPENS_LINE, table, counts, Count.LINES)
        _count_repeats(words, n, _OPENS_PARAGRAPH, table, counts, Count.PARAGRAPHS)
        m = _single(words, n, table, runs)
        for size in range(2, 11):
            m = _lengthen(size, n, m, table, runs)
            if m == 0:
                break
            if size <= 4:
                counts[Count.TOP_2GRAM_CHARACTERS + size - 2] = _top_characters(size, m, runs)
            else:
                counts[Count.REPEATED_5GRAM_CHARACTERS + size - 5] = _repeated_characters(size, m, runs)


def count_text(texts: pa.Array) -> I64:
    """int64[texts, len(Count)]: the counts of each text; all 0 for an empty one and for a null."""
    texts = texts.fill_null("") if texts.null_count else texts
    is_large = pa.types.is_large_string(texts.type)
    out = np.zeros((len(texts), len(Count)), np.int64)
    if not len(texts):
        return out
    _, ends, data = texts.buffers()
    width = np.dtype(np.int64 if is_large else np.int32)
    offsets = np.frombuffer(ends, width, len(texts) + 1, width.itemsize * texts.offset).astype(np.int64)
    longest = int(np.diff(offsets).max())
    most = longest // 2 + 1  # a word and the space after it take two bytes
    slots = 1 << max(4, (2 * most - 1).bit_length())
    # Never filled whole: pages of memory that no word reaches are never touched.
    words = Words(np.empty(most, np.uint64), np.empty(most, np.int64), np.empty(most, np.uint8))
    table = Table(np.empty(slots, np.uint64), np.empty(slots, np.int64))
    runs = Runs(*(np.empty(most + 1, np.int64) for _ in range(6)))
    _count(np.frombuffer(data or b"", np.uint8), offsets, character_kinds(), words, table, runs, out)
    return out
