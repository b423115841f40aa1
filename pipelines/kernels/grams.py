"""Shingles as people define them who compare texts by hand: characters, words or tokens, by the classes of Python's `re`.

The lanes cut texts with `kernels.minhash`, which no Python version changes; this is for a user's own texts, where the similarity
must be the one that a few lines of Python would find. `\\w`, `\\d`, `\\s` and `str.lower` are those of the running Python.
"""

from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from pipelines.kernels.minhash import I64, U32, U64, Flat
from pipelines.kernels.scan import U8, compiled, mix64

_SPACE, _MARK, _WORD, _DIGIT = 0, 1, 2, 3
_RUN = 5  # characters, words or tokens a shingle


class Shingle(StrEnum):
    """What a shingle is five of.

    char5: characters, once the text is in lower case, each run of digits is a 0, and each run of what is no word character a space. word5: words
    in lower case. token5: words as they are written, and marks, each a token of its own.
    """

    CHAR5 = "char5"
    WORD5 = "word5"
    TOKEN5 = "token5"


def grams(texts: Sequence[str], shingle: Shingle) -> Flat[np.uint64]:
    """The distinct 64-bit hashes of each text's shingles, ascending; a text of fewer than five gives one, of all it has.

    So a text with nothing in it has one shingle too, and equals every other such text.
    """
    if shingle != Shingle.TOKEN5:
        texts = [text.lower() for text in texts]
    points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    offsets = np.cumsum([0, *map(len, texts)], dtype=np.int64)
    cut = _characters if shingle == Shingle.CHAR5 else _tokens
    tokens, ends = cut(points, _classes(points), offsets, shingle == Shingle.TOKEN5)
    values, ends = _runs(tokens, ends, _RUN)
    return Flat(values=values, offsets=ends)


def _classes(points: U32) -> U8:
    """uint8[n]: the class of each character."""
    table = np.zeros(int(points.max(initial=0)) + 1, np.uint8)
    seen = np.flatnonzero(np.bincount(points, minlength=len(table)))
    table[seen] = [_class(chr(point)) for point in seen.tolist()]
    return table[points]


def _class(character: str) -> int:
    if character.isdecimal():
        return _DIGIT
    if character.isalnum() or character == "_":
        return _WORD
    return _SPACE if character.isspace() else _MARK


@compiled
def _characters(points: U32, classes: U8, offsets: I64, _: bool) -> tuple[U64, I64]:
    out, ends, n = np.empty(len(points), np.uint64), np.zeros(len(offsets), np.int64), 0
    for text in range(len(offsets) - 1):
        start, owes_space, in_digits = n, False, False
        for i in range(offsets[text], offsets[text + 1]):
            if classes[i] < _WORD:
                owes_space, in_digits = n > start, False
                continue
            if owes_space:
                out[n] = mix64(np.uint64(32))
                n += 1
                owes_space = False
            if classes[i] == _WORD:
                out[n] = mix64(np.uint64(points[i]))
                n += 1
            elif not in_digits:
                out[n] = mix64(np.uint64(48))
                n += 1
            in_digits = classes[i] == _DIGIT
        ends[text + 1] = n
    return out[:n].copy(), ends


@compiled
def _tokens(points: U32, classes: U8, offsets: I64, has_marks: bool) -> tuple[U64, I64]:
    basis, prime = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)  # Source: FNV-1a, 64 bit
    out, ends, n = np.empty(len(points), np.uint64), np.zeros(len(offsets), np.int64), 0
    for text in range(len(offsets) - 1):
        h, inside = basis, False
        for i in range(offsets[text], offsets[text + 1]):
            if classes[i] >= _WORD:
                h, inside = (h ^ np.uint64(points[i])) * prime, True
                continue
            if inside:
                out[n] = mix64(h)
                n += 1
                h, inside = basis, False
            if has_marks and classes[i] == _MARK:
                out[n] = mix64((basis ^ np.uint64(points[i])) * prime)
                n += 1
        if inside:
            out[n] = mix64(h)
            n += 1
        ends[text + 1] = n
    return out[:n].copy(), ends


@compiled
def _runs(tokens: U64, offsets: I64, size: int) -> tuple[U64, I64]:
    """The distinct hashes of the runs of `size` tokens of each text, ascending."""
    base = np.uint64(0x9E3779B97F4A7C15)  # odd: multiplying by it loses nothing
    out = np.empty(len(tokens) + len(offsets), np.uint64)
    ends, n = np.zeros(len(offsets), np.int64), 0
    for text in range(len(offsets) - 1):
        first, end = offsets[text], offsets[text + 1]
        start = n
        for i in range(first, max(first + 1, end - size + 1)):
            h = np.uint64(min(size, end - first))
            for k in range(i, min(i + size, end)):
                h = mix64(h * base + tokens[k])
            out[n] = h
            n += 1
        out[start:n].sort()
        kept = start
        for i in range(start, n):
            if i == start or out[i] != out[i - 1]:
                out[kept] = out[i]
                kept += 1
        n = kept
        ends[text + 1] = n
    return out[:n].copy(), ends
