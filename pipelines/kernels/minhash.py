"""Words, shingles and MinHash signatures of whole batches of text, compiled.

In: an Arrow string array. Out: flat arrays with offsets (the values of text i are `values[offsets[i]:offsets[i + 1]]`).

    normalise    texts    -> Flat of UTF-8 bytes: NFKD, lower case, white space collapsed, invisible characters gone
    shingles     bytes    -> Flat of distinct 64-bit hashes of word n-grams, in the order of the text
    minhash      shingles -> uint32[texts, permutations], the values datasketch 2.0 calls `affine32`
    jaccard      shingles -> exact Jaccard similarity of pairs of texts

A word is a run of letters, marks, digits and whatever else is not white space or punctuation. Scripts that put no space
between words (Han, kana, Thai, Lao, Burmese, Khmer) give one word a character. The classes are written out below and do
not follow `unicodedata`, whose answers change with the Python version.
"""

from dataclasses import dataclass
from functools import cache
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.kernels.scan import U8, compiled, decode, mix64

U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

Scalar = TypeVar("Scalar", bound=np.generic)

PERMUTATION_SEED = 1  # datasketch's default; another seed would make signatures its objects cannot compare


@dataclass(frozen=True, slots=True, kw_only=True)
class Flat(Generic[Scalar]):
    """Lists of values end to end: list i is `values[offsets[i]:offsets[i + 1]]`, `offsets` int64[lists + 1]."""

    values: npt.NDArray[Scalar]
    offsets: I64

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def sizes(self) -> I64:
        """int64[lists]: how many values each list has."""
        return np.diff(self.offsets)


# Character classes. Everything not named is part of a word (letters, marks, digits, private use, unassigned).
WORD, BREAK, SINGLE, INVISIBLE, SPACE = 0, 1, 2, 3, 4

# White space that NFKD does not already turn into U+0020. Source: Unicode PropList.txt, White_Space.
_SPACES = ((0x09, 0x0D), (0x20, 0x20), (0x85, 0x85), (0x1680, 0x1680), (0x2028, 0x2029))
# Characters that change no word but hide a copy: soft hyphen, zero widths, joiners, direction marks, variation
# selectors, byte order mark. Source: Unicode DerivedCoreProperties.txt, Default_Ignorable_Code_Point (the common ones).
_INVISIBLES = (
    (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E),
    (0x2060, 0x206F), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xE0000, 0xE0FFF),
)  # fmt: skip
# Controls, punctuation, symbols, emoji. Source: Unicode Blocks.txt; UnicodeData.txt (P*, S*) for parts of blocks.
_BREAKS = (
    (0x00, 0x08), (0x0E, 0x1F), (0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x84), (0x86, 0xA9), (0xAB, 0xAC),
    (0xAE, 0xB4), (0xB6, 0xB9), (0xBB, 0xBF), (0xD7, 0xD7), (0xF7, 0xF7), (0x2C2, 0x2C5), (0x2D2, 0x2DF),
    (0x37E, 0x37E), (0x387, 0x387), (0x55A, 0x55F), (0x589, 0x58A), (0x5BE, 0x5BE), (0x5C0, 0x5C0), (0x5C3, 0x5C3),
    (0x5C6, 0x5C6), (0x5F3, 0x5F4), (0x606, 0x60F), (0x61B, 0x61B), (0x61D, 0x61F), (0x66A, 0x66D), (0x6D4, 0x6D4),
    (0x700, 0x70D), (0x964, 0x965), (0x970, 0x970), (0xDF4, 0xDF4), (0xE4F, 0xE4F), (0xE5A, 0xE5B), (0xF04, 0xF14),
    (0xF3A, 0xF3D), (0x104A, 0x104F), (0x10FB, 0x10FB), (0x1360, 0x1368), (0x17D4, 0x17DA), (0x1800, 0x180A),
    (0x2000, 0x200A), (0x2010, 0x2027), (0x202F, 0x205F), (0x20A0, 0x20CF), (0x2190, 0x245F), (0x2500, 0x2BFF),
    (0x2E00, 0x2E7F), (0x3000, 0x3004), (0x3008, 0x3030), (0x303D, 0x303F), (0x30FB, 0x30FB), (0xA4FE, 0xA4FF),
    (0xFD3E, 0xFD3F), (0xFE10, 0xFE19), (0xFE30, 0xFE6F), (0xFF00, 0xFF0F), (0xFF1A, 0xFF20), (0xFF3B, 0xFF40),
    (0xFF5B, 0xFF65), (0xFFFC, 0xFFFD), (0x1F000, 0x1FAFF),
)  # fmt: skip
# Scripts written without spaces. Source: UAX #29, section 4 (they need a dictionary); Unicode Blocks.txt.
_SINGLES = (
    (0xE00, 0xEFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x2E80, 0x2FDF), (0x3005, 0x3007), (0x3031, 0x303C),
    (0x3040, 0x312F), (0x31A0, 0x31BF), (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)  # fmt: skip


@cache
def character_classes() -> U8:
    """uint8[0x110000]: what each code point is to a word."""
    classes = np.full(0x110000, WORD, np.uint8)
    # Breaks and spaces come after the scripts they lie in.
    for ranges, kind in ((_SINGLES, SINGLE), (_BREAKS, BREAK), (_INVISIBLES, INVISIBLE), (_SPACES, SPACE)):
        for first, last in ranges:
            classes[first : last + 1] = kind
    classes.setflags(write=False)
    return classes


@cache
def token_classes() -> U8:
    """uint8[0x110000]: the same for source code, where every mark is a word and `_` a letter: `a_b(c)` has four words."""
    classes = np.where(character_classes() == BREAK, SINGLE, character_classes()).astype(np.uint8)
    classes[ord("_")] = WORD
    classes.setflags(write=False)
    return classes


@compiled
def _squeeze(data: U8, offsets: I64, classes: U8) -> tuple[U8, I64]:
    out, ends = np.empty(len(data), np.uint8), np.zeros(len(offsets), np.int64)
    size = 0
    for row in range(len(offsets) - 1):
        i, end, start, owes_space = offsets[row], offsets[row + 1], size, False
        while i < end:
            point, after = decode(data, i, end)
            kind = classes[point]
            if kind == SPACE:
                owes_space = size > start
            elif kind != INVISIBLE:
                if owes_space:
                    out[size] = 32
                    size += 1
                    owes_space = False
                for k in range(i, after):
                    out[size] = data[k]
                    size += 1
            i = after
        ends[row + 1] = size
    return out[:size].copy(), ends


@dataclass(frozen=True, slots=True)
class _Folding:
    """What pyarrow makes of each code point in NFKD and lower case: UTF-8 bytes `values[offsets[p]:offsets[p + 1]]`.

    byte: those of a character of one byte, 32 for white space; _LONG for every other byte. begins, ends: bool[n], whether what it gives begins
    or ends with a mark, which NFKD may put in another order than a mark beside it.
    """

    byte: U8
    values: U8
    offsets: I64
    begins: npt.NDArray[np.bool_]
    ends: npt.NDArray[np.bool_]


_LONG = 0xFF  # no byte of UTF-8
# Chosen: texts with rarer code points (ideographs beyond the usual ones) take the slow way, so that the table is made in 0.1 s.
_FOLDED = 0x20000


def _decomposed(strings: pa.Array) -> pa.Array:
    return pc.utf8_normalize(strings, form="NFKD")


def _between(before: str, strings: pa.Array, after: str) -> pa.Array:
    head, tail, none = (pa.scalar(text, pa.large_string()) for text in (before, after, ""))
    return pc.binary_join_element_wise(head, strings, tail, none)


@cache
def _folding() -> _Folding:
    """The folding of the code points below `_FOLDED`, as pyarrow has it: so a text folded here and one folded there are the same."""
    points = [chr(point) if not 0xD800 <= point < 0xE000 else "" for point in range(_FOLDED)]
    strings = pa.array(points, pa.large_string())
    plain = _decomposed(strings)
    # A mark of the highest class (U+0345, 240) and one of the lowest (U+0334, 1) change places with all others.
    begins, ends = (
        pc.not_equal(_decomposed(_between(before, strings, after)), _between(before, plain, after)).to_numpy(False)
        for before, after in (("\u0345", ""), ("", "\u0334"))
    )
    folded = pc.utf8_lower(plain)
    _, offsets, data = folded.buffers()
    values, starts = np.frombuffer(data, np.uint8), np.frombuffer(offsets, np.int64, _FOLDED + 1)
    kinds = character_classes()[:0x80]
    byte = np.full(0x100, _LONG, np.uint8)
    byte[:0x80] = np.where(kinds == SPACE, 32, np.where(kinds == INVISIBLE, _LONG, values[:0x80]))
    return _Folding(byte, values, starts, begins, ends)


@compiled
def _fold(
    data: U8, offsets: I64, classes: U8, byte_of: U8, values: U8, starts: I64,
    begins: npt.NDArray[np.bool_], ends_in: npt.NDArray[np.bool_],
) -> tuple[U8, I64, npt.NDArray[np.bool_]]:  # fmt: skip
    """The folded and squeezed bytes of each text, and which texts cannot be folded a code point at a time."""
    room = 2 * len(data) + 64
    out, ends = np.empty(room, np.uint8), np.zeros(len(offsets), np.int64)
    is_hard = np.zeros(len(offsets) - 1, np.bool_)
    size = 0
    for row in range(len(offsets) - 1):
        i, end, start, after_mark = offsets[row], offsets[row + 1], size, False
        after_space = True  # so that none begins the text; one that ends it is taken back
        if size + 12 * (end - i) + 64 > room:  # three bytes become 33 at most (U+FDFA)
            room = 2 * (size + 12 * (end - i) + 64)
            grown = np.empty(room, np.uint8)
            grown[:size] = out[:size]
            out = grown
        while i < end:
            folded_byte = byte_of[data[i]]
            if folded_byte != _LONG:  # most of most texts: no branch on what it is, which no processor foresees
                is_space = folded_byte == 32
                out[size] = folded_byte
                size += 1 - (is_space & after_space)
                after_space, after_mark = is_space, False
                i += 1
                continue
            point, i = decode(data, i, end)
            if point >= len(begins) or (after_mark and begins[point]):
                is_hard[row] = True
                size = start
                break
            after_mark = ends_in[point]
            k, k_end = starts[point], starts[point + 1]
            while k < k_end:
                folded, after = decode(values, k, k_end)
                kind = classes[folded]
                if kind == SPACE:
                    out[size] = 32
                    size += 1 - after_space
                    after_space = True
                elif kind != INVISIBLE:
                    after_space = False
                    for at in range(k, after):
                        out[size] = values[at]
                        size += 1
                k = after
        if size > start and out[size - 1] == 32:
            size -= 1
        ends[row + 1] = size
    return out[:size].copy(), ends, is_hard


def normalise(texts: pa.Array) -> Flat[np.uint8]:
    """The UTF-8 bytes of each text in NFKD and lower case, white space collapsed to one space, invisibles removed.

    Two texts are exact duplicates when these bytes are equal. Null and blank texts give no bytes.
    "\\u00a0The \\n CAT\\u00ad's " -> "the cat's"
    """
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    texts = texts.cast(pa.large_string()).fill_null("")
    folding = _folding()
    data, ends = _bytes_of(texts)
    values, ends, is_hard = _fold(
        data, ends, character_classes(), folding.byte, folding.values, folding.offsets, folding.begins, folding.ends
    )
    if not is_hard.any():
        return Flat(values=values, offsets=ends)
    # Not NFKC: pyarrow 25 leaves it decomposed ("\u00e9" -> "e\u0301"), and a cure there would re-key every signature.
    hard = pc.utf8_lower(_decomposed(texts.filter(pa.array(is_hard))))
    squeezed, squeezed_ends = _squeeze(*_bytes_of(hard), character_classes())
    values, ends = _merge(values, ends, is_hard, squeezed, squeezed_ends)
    return Flat(values=values, offsets=ends)


@compiled
def _merge(values: U8, offsets: I64, is_other: npt.NDArray[np.bool_], others: U8, ends: I64) -> tuple[U8, I64]:
    """The lists of `values`, with those of `others` where `is_other`, in order."""
    out, out_ends = np.empty(len(values) + len(others), np.uint8), np.zeros(len(offsets), np.int64)
    size, other = 0, 0
    for row in range(len(offsets) - 1):
        if is_other[row]:
            found = others[ends[other] : ends[other + 1]]
            other += 1
        else:
            found = values[offsets[row] : offsets[row + 1]]
        out[size : size + len(found)] = found
        size += len(found)
        out_ends[row + 1] = size
    return out, out_ends


def _bytes_of(texts: pa.Array) -> tuple[U8, I64]:
    _, offsets, data = texts.buffers()
    return np.frombuffer(data or b"", np.uint8), np.frombuffer(offsets, np.int64, len(texts) + 1, 8 * texts.offset)


_APART, _INSIDE, _ASK = 0, 1, 2


@compiled
def _bytes_of_words(classes: U8) -> U8:
    """uint8[256]: whether a byte is a character that stands between words or one that is part of a word; _ASK for all others."""
    out = np.full(0x100, _ASK, np.uint8)
    for byte in range(0x80):
        if classes[byte] == WORD:
            out[byte] = _INSIDE
        elif classes[byte] == BREAK or classes[byte] == SPACE:
            out[byte] = _APART
    return out


@compiled
def _words(data: U8, start: int, end: int, byte_of: U8, classes: U8, out: U64) -> int:
    """Fill `out`, which has room for one more, with one hash a word (FNV-1a of its bytes, mixed) and return how many there are."""
    basis, prime = (
        np.uint64(0xCBF29CE484222325),
        np.uint64(0x100000001B3),
    )  # Source: FNV-1a, 64 bit (draft-eastlake-fnv)
    count, h, inside, i = 0, basis, 0, start
    while i < end:
        byte_kind = byte_of[data[i]]
        if byte_kind != _ASK:  # most of most texts: no branch on the end of a word, which no processor foresees
            grown = (h ^ np.uint64(data[i])) * prime
            out[count] = mix64(h)
            count += inside & (1 - byte_kind)
            h = grown if byte_kind else basis
            inside = int(byte_kind)
            i += 1
            continue
        point, after = decode(data, i, end)
        kind = classes[point]
        if kind == INVISIBLE:
            i = after
            continue
        if inside and kind != WORD:
            out[count] = mix64(h)
            count += 1
            h, inside = basis, 0
        if kind in (WORD, SINGLE):
            for k in range(i, after):
                h = (h ^ np.uint64(data[k])) * prime
            inside = 1
        if kind == SINGLE:
            out[count] = mix64(h)
            count += 1
            h, inside = basis, 0
        i = after
    if inside:
        out[count] = mix64(h)
        count += 1
    return count


@compiled
def _slots(values: int) -> int:
    """How many slots a table of so many values takes, at most half of them full: a power of two."""
    slots = 16
    while slots < 2 * values:
        slots *= 2
    return slots


@compiled
def _table(values: int) -> U64:
    return np.empty(_slots(values), np.uint64)


@compiled
def _slot(table: U64, value: np.uint64) -> np.uint64:
    """Where a value stands in an open-addressed table, or would stand; 0 marks a free slot."""
    mask = np.uint64(len(table) - 1)
    slot = value & mask
    while table[slot] != 0 and table[slot] != value:
        slot = (slot + np.uint64(1)) & mask
    return slot


@compiled
def _distinct(values: U64, table: U64) -> int:
    """How many distinct values there are, these moved to the front in order; the table is overwritten."""
    kept = 0
    table[:] = 0
    for value in values:
        slot = _slot(table, value)
        if table[slot] == 0:
            table[slot] = value
            values[kept] = value
            kept += 1
    return kept


@compiled
def _shingles(data: U8, offsets: I64, classes: U8, size: int, most: int, longest: int) -> tuple[U64, I64]:
    """`longest`: the most words of one text. `most`: those of all."""
    base = np.uint64(0x9E3779B97F4A7C15)  # odd: multiplying by it loses nothing
    top = np.uint64(1)
    for _ in range(size):
        top *= base
    words, byte_of, table = np.empty(longest + 1, np.uint64), _bytes_of_words(classes), _table(longest)
    out, ends = np.empty(most, np.uint64), np.zeros(len(offsets), np.int64)
    total = 0
    for row in range(len(offsets) - 1):
        count = _words(data, offsets[row], offsets[row + 1], byte_of, classes, words)
        first, rolling = total, np.uint64(0)
        for i in range(count):
            rolling = rolling * base + words[i]
            if i >= size:
                rolling -= top * words[i - size]
            if i >= size - 1 or i == count - 1:  # a text of fewer words than a shingle is one shingle
                out[total] = max(mix64(rolling), np.uint64(1))
                total += 1
        total = first + _distinct(out[first:total], table[: _slots(total - first)])
        ends[row + 1] = total
    return out[:total].copy(), ends


def shingles(text: Flat[np.uint8], words: int, *, punctuation: bool = False) -> Flat[np.uint64]:
    """The distinct 64-bit hashes of each text's runs of `words` words, in the order of the text and never 0; none for a text without words.

    A text of fewer words gives one shingle of all it has. Two different shingles share a hash with probability 2^-64.
    `punctuation`: marks are words too, as in source code.
    """
    classes = token_classes() if punctuation else character_classes()
    size = 1 if punctuation else 2  # bytes a word takes at least: a letter and its gap, or three and none
    most, longest = len(text.values) // size + len(text.offsets), int(text.sizes.max(initial=0)) // size + 1
    values, offsets = _shingles(text.values, text.offsets, classes, words, most, longest)
    return Flat(values=values, offsets=offsets)


@cache
def affine32(permutations: int) -> tuple[U32, U32]:
    """The (a, b) of each permutation `h -> a * h + b mod 2^32`, as datasketch 2.0 draws them for its default seed."""
    generator = np.random.RandomState(PERMUTATION_SEED)
    a = generator.randint(0, 1 << 31, permutations, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return a, generator.randint(0, 1 << 32, permutations, dtype=np.uint32)


@compiled
def _minhash(hashes: U64, offsets: I64, a: U32, b: U32, out: U32) -> None:
    low = np.uint64(0xFFFFFFFF)
    for row in range(len(offsets) - 1):
        smallest = out[row]
        for i in range(offsets[row], offsets[row + 1]):
            h = hashes[i] >> np.uint64(32)
            # MurmurHash3's 32-bit finaliser, as datasketch mixes before it permutes. Source: MurmurHash3.cpp, fmix32.
            h = ((h ^ (h >> np.uint64(16))) * np.uint64(0x85EBCA6B)) & low
            h = ((h ^ (h >> np.uint64(13))) * np.uint64(0xC2B2AE35)) & low
            mixed = np.uint32(h ^ (h >> np.uint64(16)))
            for p in range(len(a)):
                smallest[p] = min(smallest[p], np.uint32(a[p] * mixed + b[p]))


def minhash(hashes: Flat[np.uint64], permutations: int) -> U32:
    """uint32[texts, permutations]: for each permutation the smallest value over the upper 32 bits of the hashes.

    Equal to `datasketch.MinHash(num_perm=permutations, scheme="affine32", hashfunc=lambda h: h >> 32)` fed the same
    hashes; 2^32 - 1 throughout for a text without hashes.
    """
    out = np.full((len(hashes), permutations), 0xFFFFFFFF, np.uint32)
    _minhash(hashes.values, hashes.offsets, *affine32(permutations), out)
    return out


@compiled
def _jaccard(hashes: U64, offsets: I64, left: I64, right: I64, out: F64) -> None:
    longest = 0
    for row in range(len(offsets) - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    room, held = _table(longest), -1
    table = room
    for pair in range(len(left)):
        i, i_end = offsets[left[pair]], offsets[left[pair] + 1]
        j, j_end = offsets[right[pair]], offsets[right[pair] + 1]
        if left[pair] != held:
            held, table = left[pair], room[: _slots(i_end - i)]
            table[:] = 0
            for k in range(i, i_end):
                table[_slot(table, hashes[k])] = hashes[k]
        shared = 0
        for k in range(j, j_end):
            shared += table[_slot(table, hashes[k])] != 0
        union = (i_end - i) + (j_end - j) - shared
        out[pair] = shared / union if union else 0.0


def jaccard(hashes: Flat[np.uint64], left: I64, right: I64) -> F64:
    """float64[pairs], 0..1: exact Jaccard similarity of texts left[k] and right[k]; 0.0 where neither has a shingle.

    The hashes of a text are distinct, in any order, and not 0. Pairs of one left text are best given one after another.
    """
    out = np.empty(len(left), np.float64)
    _jaccard(hashes.values, hashes.offsets, left, right, out)
    return out
