"""Words of texts and the runs of them that stand in several places, compiled: what `kernels.spans` elects over.

    cut      texts  -> Words: their words as `kernels.overlap` compares them, and where each stands
    prints   Words  -> of each text some hashes of short runs, so that two texts that share a long run share one of them
    repeats  Words  -> the runs that stand further up, with where; for a file of one's own, where nothing is elected

Letters and digits alone are compared, in lower case and without accents; every one is, a hash only says where to look.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.kernels.minhash import I64, U32, U64
from pipelines.kernels.overlap import OPENS_TOKEN, OPENS_WORD, stream
from pipelines.kernels.scan import U8, compiled, mix64

I32 = npt.NDArray[np.int32]
BASE = 0x9E3779B97F4A7C15  # odd: multiplying by it loses nothing
_WIDE = 0xE0  # the first byte of a character of three bytes or more: of scripts without spaces, among others


def grain(span_words: int) -> tuple[int, int]:
    """(words of a print, prints a window): of so many prints in a row one is kept, so that every run of `span_words` has one.

    Chosen: two thirds. Longer prints are more of them (50 words: 0.11 a word), of shorter ones more are shared by chance.
    """
    words = max(1, 2 * span_words // 3)
    return words, span_words - words + 1


class Words(NamedTuple):
    """The words of texts end to end: those of text i are numbers `ends[i]` up to `ends[i + 1]`.

    data: uint8[bytes], their letters and digits; first, last: int64[words], where the bytes of each begin, and end. start, end: int32[words],
    the characters of the text, from and up to. is_bound: bool[words], whether a cut may be made before it: no hyphen or dot joins it
    to the word in front. hashes: uint64[words].
    """

    data: U8
    first: I64
    last: I64
    start: I32
    end: I32
    is_bound: npt.NDArray[np.bool_]
    hashes: U64
    ends: I64


def cut(texts: pa.Array) -> Words:
    """The words of each text; null gives none. 28 bytes a word and 6 a letter are held."""
    found = stream(texts)
    first = np.flatnonzero(found.opens & OPENS_WORD).astype(np.int64)
    last = np.append(first[1:], len(found.data))[: len(first)]
    ends = np.searchsorted(first, found.ends).astype(np.int64)
    is_bound = _bounds(found.data, found.opens, first)
    start, end = found.source[first], found.source[last - 1] + 1
    return Words(
        data=found.data, first=first, last=last, start=start.astype(np.int32), end=end.astype(np.int32), is_bound=is_bound,
        hashes=_hashes(found.data, first, last), ends=ends,
    )  # fmt: skip


@compiled
def _bounds(data: U8, opens: U8, first: I64) -> npt.NDArray[np.bool_]:
    found = np.ones(len(first), np.bool_)
    for word in range(1, len(first)):
        is_wide = data[first[word]] >= _WIDE or data[first[word - 1]] >= _WIDE
        found[word] = is_wide or opens[first[word]] & OPENS_TOKEN != 0
    return found


@compiled
def _hashes(data: U8, first: I64, last: I64) -> U64:
    # Source: FNV-1a, 64 bit (draft-eastlake-fnv)
    basis, prime = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
    found = np.empty(len(first), np.uint64)
    for word in range(len(first)):
        h = basis
        for k in range(first[word], last[word]):
            h = (h ^ np.uint64(data[k])) * prime
        found[word] = mix64(h)
    return found


def prints(words: Words, span_words: int) -> tuple[U64, U32, I64]:
    """(hashes, words of their text at which they begin, and where each text's begin): none of a text of fewer words.

    Of `grain` prints in a row the least is kept, so that a run of `span_words` that two texts share has a print of the same hash in both.
    Source: Schleimer, Wilkerson, Aiken 2003, Winnowing: Local Algorithms for Document Fingerprinting, section 3 (robust winnowing).
    """
    return _prints(words.hashes, words.ends, *grain(span_words))


def prints_of(hashes: U64, ends: I64, span_words: int) -> tuple[U64, I64]:
    """(hashes, words at which they begin, of all texts end to end) of prints, given the hashes of words and where each text's begin."""
    found, at, offsets = _prints(hashes, ends, *grain(span_words))
    return found, at.astype(np.int64) + np.repeat(ends[:-1], np.diff(offsets))


@compiled
def _prints(words: U64, ends: I64, size: int, window: int) -> tuple[U64, U32, I64]:
    base, gone = np.uint64(BASE), np.uint64(1)
    for _ in range(size):
        gone *= base
    hashes, places = np.empty(len(words), np.uint64), np.empty(len(words), np.uint32)
    offsets, n = np.zeros(len(ends), np.int64), 0
    ring = np.empty(window, np.uint64)
    for text in range(len(ends) - 1):
        begin, count = ends[text], ends[text + 1] - ends[text]
        h, least, told = np.uint64(0), -1, -1
        for i in range(count):
            h = h * base + words[begin + i]
            if i >= size:
                h -= gone * words[begin + i - size]
            at = i - size + 1
            if at < 0:
                continue
            ring[at % window] = mix64(h)
            if at < window - 1:
                continue
            if least <= at - window:
                least = at - window + 1
                for k in range(least + 1, at + 1):
                    if ring[k % window] <= ring[least % window]:
                        least = k
            elif ring[at % window] < ring[least % window]:
                least = at
            if least != told:
                hashes[n], places[n], told = ring[least % window], least, least
                n += 1
        offsets[text + 1] = n
    return hashes[:n].copy(), places[:n].copy(), offsets


@compiled
def is_same(data: U8, first: int, last: int, theirs: U8, at: int, end: int) -> bool:
    """Whether two stretches of letters are the same; first, at: where they begin, last, end: where they end."""
    agrees, k = last - first == end - at, 0
    while agrees and k < last - first:
        agrees, k = bool(data[first + k] == theirs[at + k]), k + 1
    return agrees


@compiled
def is_word(words: Words, x: int, y: int) -> bool:
    """Whether two words are the same."""
    return is_same(words.data, words.first[x], words.last[x], words.data, words.first[y], words.last[y])


@compiled
def twice(rows: I64) -> I64:
    """The rows, with room for as many more."""
    grown = np.empty((2 * len(rows), 6), np.int64)
    for k in range(len(rows)):  # not by a slice: what numba makes to tell of unlike shapes takes seconds to compile
        for column in range(6):
            grown[k, column] = rows[k, column]
    return grown


def repeats(words: Words, span_words: int) -> tuple[I64, I64, I64]:
    """(word, where it stood first, how many words) of the runs of at least `span_words` that stand further up, in an earlier text or apart in
    the same one; words of all texts end to end, ascending.

    Each is as long as the place agrees that has its first `span_words` words first, and every word of every run that stands further up lies in
    one of them.
    """
    rows = _repeats(words, _first_windows(words, span_words), span_words)
    return rows[:, 0], rows[:, 1], rows[:, 2]


def _first_windows(words: Words, size: int) -> I64:
    """int64[words]: the first word at which a window of the same hash begins; the word itself where there is none before it."""
    hashes = _windows(words.hashes, words.ends, size)
    order = np.argsort(hashes, kind="stable")
    is_new = np.append(True, hashes[order][1:] != hashes[order][:-1])[: len(order)]
    first = np.empty(len(order), np.int64)
    first[order] = order[np.flatnonzero(is_new)[np.cumsum(is_new) - 1]] if len(order) else order
    return first


@compiled
def _windows(hashes: U64, ends: I64, size: int) -> U64:
    """uint64[words]: the hash of the window that begins at each word; of its place alone where its text ends sooner."""
    found, gone = np.empty(len(hashes), np.uint64), np.uint64(1)
    for _ in range(size):
        gone *= np.uint64(BASE)
    for text in range(len(ends) - 1):
        h = np.uint64(0)
        for w in range(ends[text], ends[text + 1]):
            found[w] = mix64(np.uint64(w) + np.uint64(1))
            h = h * np.uint64(BASE) + hashes[w]
            if w - size >= ends[text]:
                h -= gone * hashes[w - size]
            if w - size + 1 >= ends[text]:
                found[w - size + 1] = mix64(h)
    return found


@compiled
def _repeats(words: Words, first: I64, size: int) -> I64:
    rows, n, text, w = np.empty((1024, 6), np.int64), 0, 0, 0
    while w < len(first):
        while words.ends[text + 1] <= w:
            text += 1
        at, length, end = first[w], 0, words.ends[text + 1]
        if at == w:
            w += 1
            continue
        # Within the text that it is of; in the same text they must not overlap.
        most = w if at >= words.ends[text] else words.ends[np.searchsorted(words.ends, at, side="right")]
        while w + length < end and at + length < most and is_word(words, w + length, at + length):
            length += 1
        if length < size:
            w += 1
            continue
        if n == len(rows):
            rows = twice(rows)
        rows[n, 0], rows[n, 1], rows[n, 2] = w, at, length
        n += 1
        w += length - size + 1
    return rows[:n].copy()
