"""Runs of words that texts share with the entries of sets, compiled: one scan of a text, whatever the number of entries.

    stream    texts             -> Stream: their letters and digits alone, in NFKD and lower case, and where words begin
    index     entries' stream   -> Index: where each window of `WINDOW` bytes that begins at a word stands in the entries
    runs      texts' stream     -> the longest runs that a text and an entry share, from word to word

Letters and digits alone are compared, so that case, accents, punctuation, hyphens and the breaks of lines make no difference; every
byte is compared, a hash only says where to look. A *word* is what `\\w+` finds; a script without spaces gives one a character.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.kernels.minhash import I64, U64, character_classes
from pipelines.kernels.scan import U8, compiled, decode, mix64

# What a code point is: `_JOINS` belongs to a word but not to what is compared.
_WORD, _BREAK, _SINGLE, _INVISIBLE, _SPACE, _JOINS = 0, 1, 2, 3, 4, 5
# What the first byte of a character opens, one bit each: a stretch of letters, a word, a token between white space. Above them the
# tokens without a letter that stand before it (`=`, `->`).
OPENS_STRETCH, OPENS_WORD, OPENS_TOKEN, _MARKS = 1, 2, 4, 3
_MOST_MARKS = 31

WINDOW = 16  # bytes; Chosen: less than any run that counts (SHORTEST_LETTERS), and seldom shared by chance
MOST_PLACES = 256  # of one window in the entries; Chosen: what is there oftener is a form that many entries begin with
_FOLDED = 0x20000  # code points above are compared as they are
_EXTRA = {"ß": "ss", "ẞ": "ss", "ς": "σ", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l"}  # no decomposition has these


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """The letters and digits of texts end to end: those of text i are `data[ends[i]:ends[i + 1]]`.

    data, opens: uint8[bytes]. source: int32[bytes], the character of its text that each byte comes from.
    """

    data: U8
    opens: U8
    source: np.ndarray
    ends: I64


@cache
def _folds() -> tuple[U8, I64, U8]:
    """The bytes that each code point below `_FOLDED` gives, where they begin (int64), and the kind of every code point."""
    classes = character_classes()
    points = [chr(p) if not 0xD800 <= p < 0xE000 else "" for p in range(_FOLDED)]
    for character, plain in _EXTRA.items():
        points[ord(character)] = plain
    folded = pc.utf8_lower(pc.utf8_normalize(pa.array(points, pa.large_string()), form="NFKD")).to_pylist()
    is_part = (classes == _WORD) | (classes == _SINGLE)
    is_part[0x300:0x370] = False  # accents; Source: Unicode Blocks.txt, Combining Diacritical Marks
    kept = ["".join(c for c in text if is_part[ord(c)]).encode() for text in folded]
    kinds = classes.copy()
    kinds[0x300:0x370] = _JOINS
    kinds[ord("_")] = _JOINS
    sizes = np.array([len(one) for one in kept], np.int64)
    kinds[:_FOLDED][(sizes == 0) & (kinds[:_FOLDED] == _WORD)] = _BREAK
    for point in np.flatnonzero((sizes > 0) & (kinds[:_FOLDED] == _BREAK)):  # ½ among marks: digits all the same
        kinds[point] = _WORD
    return np.frombuffer(b"".join(kept), np.uint8), np.concatenate([[0], np.cumsum(sizes)]), kinds


def stream(texts: pa.Array) -> Stream:
    """The letters and digits of each text; null gives none."""
    texts = texts.cast(pa.large_string()).fill_null("")
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int64, len(texts) + 1, 8 * texts.offset)
    raw = np.frombuffer(data or b"", np.uint8)
    out, opens, source, found = _stream(raw, ends, *_folds())
    return Stream(data=out, opens=opens, source=source, ends=found)


@compiled
def _stream(
    raw: U8, offsets: I64, values: U8, starts: I64, kinds: U8
) -> tuple[U8, U8, np.ndarray, I64]:  # fmt: skip
    room = len(raw) + 1024
    out, opens, source = np.empty(room, np.uint8), np.empty(room, np.uint8), np.empty(room, np.int32)
    ends = np.zeros(len(offsets), np.int64)
    size = 0
    for row in range(len(offsets) - 1):
        i, end, at = offsets[row], offsets[row + 1], 0
        if size + 12 * (end - i) + 64 > room:  # three bytes become 33 at most (U+FDFA)
            room = 2 * room + 12 * (end - i) + 64
            out, opens, source = _grown(out, room, size), _grown(opens, room, size), _grown_places(source, room, size)
        pending = OPENS_STRETCH | OPENS_WORD | OPENS_TOKEN
        token_has_letter, token_has_mark, marks = False, False, 0
        while i < end:
            point, after = decode(raw, i, end)
            kind = kinds[point]
            if kind == _SPACE:
                marks += 1 if token_has_mark and not token_has_letter else 0
                token_has_letter, token_has_mark = False, False
                pending = OPENS_STRETCH | OPENS_WORD | OPENS_TOKEN
            elif kind == _BREAK:
                token_has_mark = True
                pending |= OPENS_STRETCH | OPENS_WORD
            elif kind == _JOINS:
                token_has_mark = True
                pending |= OPENS_STRETCH if point == 0x5F else 0
            elif kind != _INVISIBLE:
                if kind == _SINGLE:
                    pending |= OPENS_STRETCH | OPENS_WORD
                opens[size] = pending | (min(marks, _MOST_MARKS) << _MARKS)
                pending, marks, token_has_letter = 0, 0, True
                first = size
                if point < _FOLDED:
                    for k in range(starts[point], starts[point + 1]):
                        out[size] = values[k]
                        size += 1
                else:
                    for k in range(i, after):
                        out[size] = raw[k]
                        size += 1
                for k in range(first, size):
                    source[k] = at
                for k in range(first + 1, size):
                    opens[k] = 0
                if kind == _SINGLE:
                    pending = OPENS_STRETCH | OPENS_WORD
            i = after
            at += 1
        ends[row + 1] = size
    return out[:size].copy(), opens[:size].copy(), source[:size].copy(), ends


@compiled
def _grown(values: U8, room: int, size: int) -> U8:
    grown = np.empty(room, np.uint8)
    grown[:size] = values[:size]
    return grown


@compiled
def _grown_places(values: np.ndarray, room: int, size: int) -> np.ndarray:
    grown = np.empty(room, np.int32)
    grown[:size] = values[:size]
    return grown


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """Where windows stand in the entries.

    keys: uint64[slots], open-addressed, 0 marks a free slot; first, count: int64[slots], which of `places` (int64) are the key's.
    sieve: uint8[], a bit a hash, so that most windows of a text cost one look. entry: int32[places], whose each place is.
    """

    entries: Stream
    keys: U64
    first: I64
    count: I64
    places: I64
    entry: np.ndarray
    sieve: U8


_BASE = 0x9E3779B97F4A7C15  # odd: multiplying by it loses nothing


def index(entries: Stream) -> Index:
    """The index of these entries: 16 bytes a word, and their letters."""
    places, entry, hashes = _windows(entries.data, entries.opens, entries.ends)
    order = np.lexsort((places, hashes))
    places, entry, hashes = places[order], entry[order], hashes[order]
    keys, starts, counts = np.unique(hashes, return_index=True, return_counts=True)
    slots = 1 << max(4, int(2 * len(keys)).bit_length())
    table = _table(keys, starts.astype(np.int64), np.minimum(counts, MOST_PLACES).astype(np.int64), slots)
    bits = 1 << max(10, int(16 * len(keys)).bit_length())
    sieve = np.zeros(bits // 8, np.uint8)
    at = keys >> np.uint64(64 - (bits.bit_length() - 1))
    np.bitwise_or.at(sieve, (at >> np.uint64(3)).astype(np.int64), np.uint8(1) << (at & np.uint64(7)).astype(np.uint8))
    return Index(
        entries=entries, keys=table[0], first=table[1], count=table[2], places=places, entry=entry, sieve=sieve
    )


@compiled
def _windows(data: U8, opens: U8, ends: I64) -> tuple[I64, np.ndarray, U64]:
    n = 0
    for k in range(len(opens)):
        n += opens[k] & OPENS_STRETCH
    places, entry, hashes = np.empty(n, np.int64), np.empty(n, np.int32), np.empty(n, np.uint64)
    size = 0
    for row in range(len(ends) - 1):
        for p in range(ends[row], ends[row + 1] - WINDOW + 1):
            if opens[p] & OPENS_STRETCH:
                h = np.uint64(0)
                for k in range(p, p + WINDOW):
                    h = h * np.uint64(_BASE) + np.uint64(data[k])
                places[size], entry[size], hashes[size] = p, row, mix64(h)
                size += 1
    return places[:size].copy(), entry[:size].copy(), hashes[:size].copy()


@compiled
def _table(keys: U64, starts: I64, counts: I64, slots: int) -> tuple[U64, I64, I64]:
    table, first, count = np.zeros(slots, np.uint64), np.zeros(slots, np.int64), np.zeros(slots, np.int64)
    for k in range(len(keys)):
        slot = np.int64(keys[k] & np.uint64(slots - 1))
        while table[slot]:
            slot = (slot + 1) & (slots - 1)
        table[slot], first[slot], count[slot] = keys[k], starts[k], counts[k]
    return table, first, count


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Runs that a text and an entry share, int64[runs] each, by text and start.

    text, entry: their numbers. start, end: bytes of the texts' stream. at: byte of the entries' stream where the run begins.
    words: how many there are of it, as the entry has them: the more of `\\w+` and of tokens between white space. whole: bool, it is
    all of the entry.
    """

    text: I64
    entry: I64
    start: I64
    end: I64
    at: I64
    words: I64
    whole: np.ndarray


def runs(known: Index, texts: Stream, at_least: int) -> Runs:
    """The runs of at least so many words, and those that are a whole entry: maximal, each from the begin of a word to the end of one."""
    entries = known.entries
    found = _runs(
        texts.data, texts.opens, texts.ends, entries.data, entries.opens, entries.ends,
        known.keys, known.first, known.count, known.places, known.entry, known.sieve, at_least,
    )  # fmt: skip
    rows = np.unique(found, axis=0) if len(found) else found  # two windows of one run may both have found it
    return Runs(
        text=rows[:, 0], start=rows[:, 1], end=rows[:, 2], entry=rows[:, 3], at=rows[:, 4], words=rows[:, 5],
        whole=rows[:, 6] > 0,
    )  # fmt: skip


_REMEMBERED = 4096  # diagonals; Chosen: a collision only finds a run twice


@compiled
def _runs(
    data: U8, opens: U8, ends: I64, theirs: U8, their_opens: U8, their_ends: I64,
    keys: U64, first: I64, count: I64, places: I64, entry: np.ndarray, sieve: U8, at_least: int,
) -> I64:  # fmt: skip
    found, size = np.empty((1024, 7), np.int64), 0
    diagonals, covered = np.zeros(_REMEMBERED, np.int64), np.zeros(_REMEMBERED, np.int64)
    shift = np.uint64(64)
    bits = 8 * len(sieve)
    while bits > 1:
        bits >>= 1
        shift -= np.uint64(1)
    base, gone = np.uint64(_BASE), np.uint64(1)
    for _ in range(WINDOW):
        gone *= base
    for row in range(len(ends) - 1):
        begin, end = ends[row], ends[row + 1]
        h = np.uint64(0)
        for q in range(begin, end):
            h = h * base + np.uint64(data[q])
            if q - begin >= WINDOW:
                h -= gone * np.uint64(data[q - WINDOW])
            p = q - WINDOW + 1
            if p < begin:
                continue
            key = mix64(h)
            bit = key >> shift
            if not (sieve[bit >> np.uint64(3)] >> np.uint8(bit & np.uint64(7))) & 1:
                continue
            slot = np.int64(key & np.uint64(len(keys) - 1))
            while keys[slot] and keys[slot] != key:
                slot = (slot + 1) & (len(keys) - 1)
            if not keys[slot]:
                continue
            for n in range(first[slot], first[slot] + count[slot]):
                e, of = places[n], entry[n]
                line = (p - e) & (_REMEMBERED - 1)
                if diagonals[line] == p - e and covered[line] > p:
                    continue
                low, high = their_ends[of], their_ends[of + 1]
                stop = 0
                while p + stop < end and e + stop < high and data[p + stop] == theirs[e + stop]:
                    stop += 1
                if stop < WINDOW:
                    continue
                diagonals[line], covered[line] = p - e, p + stop
                back = 0
                while p - back > begin and e - back > low and data[p - back - 1] == theirs[e - back - 1]:
                    back += 1
                start, at, length = p - back, e - back, stop + back
                while length and not (opens[start] & their_opens[at] & OPENS_STRETCH):
                    start, at, length = start + 1, at + 1, length - 1
                while length and not (
                    (start + length == end or opens[start + length] & OPENS_STRETCH)
                    and (at + length == high or their_opens[at + length] & OPENS_STRETCH)
                ):
                    length -= 1
                if not length:
                    continue
                words, tokens = 1, 1 + min(opens[start] >> _MARKS, their_opens[at] >> _MARKS)
                if start + length < end and at + length < high:
                    tokens += min(opens[start + length] >> _MARKS, their_opens[at + length] >> _MARKS)
                for k in range(at + 1, at + length):
                    words += (their_opens[k] & OPENS_WORD) >> 1
                    tokens += ((their_opens[k] & OPENS_TOKEN) >> 2) + (their_opens[k] >> _MARKS)
                words = max(words, tokens)
                is_whole = at == low and at + length == high
                if words < at_least and not is_whole:
                    continue
                if size == len(found):
                    grown = np.empty((2 * size, 7), np.int64)
                    grown[:size] = found
                    found = grown
                found[size, 0], found[size, 1], found[size, 2], found[size, 3] = row, start, start + length, of
                found[size, 4], found[size, 5], found[size, 6] = at, words, is_whole
                size += 1
    return found[:size].copy()
