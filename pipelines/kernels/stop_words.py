"""How many words of a short list are in each text at all, compiled; the list may differ from text to text.

Texts are read in the normal form of `pipelines.kernels.minhash`, whose words these are: "(The" and "THE" are "the".
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import pyarrow as pa

from pipelines.kernels.minhash import I64, U8, U64, character_classes, compiled, normalise

_MOST = 64  # words of a list: one bit each


@compiled
def _hash(data: U8, start: int, end: int) -> np.uint64:
    """FNV-1a. Source: draft-eastlake-fnv, section 2."""
    h = np.uint64(0xCBF29CE484222325)
    for i in range(start, end):
        h = (h ^ np.uint64(data[i])) * np.uint64(0x100000001B3)
    return h


@compiled
def _after(data: U8, i: int, end: int) -> tuple[int, int]:
    """The code point at byte i of good UTF-8, and the byte after it."""
    first = int(data[i])
    if first < 0x80:
        return first, i + 1
    length = min(2 if first < 0xE0 else (3 if first < 0xF0 else 4), end - i)
    point = first & (0x7F >> length)
    for k in range(1, length):
        point = (point << 6) | (int(data[i + k]) & 0x3F)
    return min(point, 0x10FFFF), i + length


@compiled
def _count(data: U8, offsets: I64, classes: U8, lists: I64, hashes: U64, starts: I64, out: I64) -> None:
    for row in range(len(offsets) - 1):
        if lists[row] < 0:
            continue
        first, last = starts[lists[row]], starts[lists[row] + 1]
        i, end = offsets[row], offsets[row + 1]
        seen, word = np.uint64(0), -1
        while i <= end and out[row] < last - first:
            point, after = (32, i + 1) if i == end else _after(data, i, end)
            is_word = classes[point] == 0
            if is_word and word < 0:
                word = i
            elif not is_word and word >= 0:
                h = _hash(data, word, i)
                for k in range(first, last):
                    bit = np.uint64(1) << np.uint64(k - first)
                    if hashes[k] == h and not seen & bit:
                        seen |= bit
                        out[row] += 1
                word = -1
            i = after


def stop_words(texts: pa.Array, lists: I64, words: tuple[tuple[str, ...], ...]) -> I64:
    """int64[texts]: how many of the words of list `lists[i]` are in text i; 0 where that is negative."""
    assert max(map(len, words)) <= _MOST
    flat, out = normalise(texts), np.zeros(len(texts), np.int64)
    _count(flat.values, flat.offsets, character_classes(), lists, *_table(words), out)
    return out


@cache
def _table(words: tuple[tuple[str, ...], ...]) -> tuple[U64, I64]:
    flat = normalise(pa.array([word for some in words for word in some]))
    hashes = [_hash(flat.values, flat.offsets[i], flat.offsets[i + 1]) for i in range(len(flat))]
    return np.array(hashes, np.uint64), np.cumsum([0, *_lengths(words)])


def _lengths(words: Sequence[Sequence[str]]) -> list[int]:
    return [len(some) for some in words]
