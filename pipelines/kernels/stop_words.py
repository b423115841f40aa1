"""How many words of a short list are in each text at all, compiled; the list may differ from text to text.

Words are runs of what the classes of `pipelines.kernels.minhash` call so, in lower case: "(The" and "THE" are "the". A text is read
until all of its list was seen.
"""

from functools import cache

import numpy as np
import pyarrow as pa

from pipelines.kernels.minhash import I64, U32, U64, character_classes
from pipelines.kernels.scan import U8, compiled

_MOST = 64  # words of a list: one bit each
_LAST_CASED = 0x1E943  # Source: UnicodeData.txt 15.0: no letter after Adlam has two cases


@cache
def _lower() -> U32:
    """uint32[0x110000]: the lower-case form of each code point, itself where it has none of one code point."""
    lower = np.arange(0x110000, dtype=np.uint32)
    for point in range(_LAST_CASED + 1):
        form = chr(point).lower()
        if len(form) == 1:
            lower[point] = ord(form)
    lower.setflags(write=False)
    return lower


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
def _count(data: U8, offsets: I64, classes: U8, lower: U32, lists: I64, hashes: U64, starts: I64, out: I64) -> None:
    for row in range(len(offsets) - 1):
        if lists[row] < 0:
            continue
        first, last = starts[lists[row]], starts[lists[row] + 1]
        i, end = offsets[row], offsets[row + 1]
        seen, in_word, h = np.uint64(0), False, np.uint64(0)
        while i <= end and out[row] < last - first:
            point, after = 32, i + 1
            if i < end:
                point = int(data[i])
                if point >= 0x80:
                    point, after = _after(data, i, end)
            if classes[point] == 0:
                if not in_word:
                    in_word, h = True, np.uint64(0xCBF29CE484222325)
                # FNV-1a over code points. Source: draft-eastlake-fnv, section 2.
                h = (h ^ np.uint64(lower[point])) * np.uint64(0x100000001B3)
            elif in_word:
                in_word = False
                for k in range(first, last):
                    bit = np.uint64(1) << np.uint64(k - first)
                    if hashes[k] == h and not seen & bit:
                        seen |= bit
                        out[row] += 1
            i = after


def stop_words(texts: pa.Array, lists: I64, words: tuple[tuple[str, ...], ...]) -> I64:
    """int64[texts]: how many of the words of list `lists[i]` are in text i; 0 where that is negative."""
    assert max(map(len, words)) <= _MOST
    texts = texts.cast(pa.large_string()).fill_null("")
    _, ends, data = texts.buffers()
    out = np.zeros(len(texts), np.int64)
    if ends is None or not len(texts):
        return out
    offsets = np.frombuffer(ends, np.int64, len(texts) + 1, 8 * texts.offset)
    _count(np.frombuffer(data or b"", np.uint8), offsets, character_classes(), _lower(), lists, *_table(words), out)
    return out


@cache
def _table(words: tuple[tuple[str, ...], ...]) -> tuple[U64, I64]:
    """The hashes of all words, and where each list begins, and the end."""
    return np.array([_hash(word) for some in words for word in some], np.uint64), np.cumsum([0, *map(len, words)])


def _hash(word: str) -> int:
    h = 0xCBF29CE484222325
    for character in word:
        h = (h ^ ord(character)) * 0x100000001B3 % 2**64
    return h
