"""The lines or the sentences of whole batches of text, and what each is made of, in one compiled scan.

    lines      texts -> Pieces, one a line that holds a word
    sentences  texts -> Pieces, one a sentence; a line ends one, whether it has a mark or not
    without    texts, lines -> the texts without some of their lines

A word is a run of characters that are not white space, and a bullet alone at the start is none, as in
`pipelines.kernels.text`, where the marks that end a sentence are listed too.
"""

from dataclasses import dataclass
from enum import IntEnum, auto
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.kernels.minhash import I64
from pipelines.kernels.scan import U8, compiled, decode
from pipelines.kernels.text import BULLETS, CLOSERS, QUOTES, STOPS, WIDE_STOPS, character_kinds


class Piece(IntEnum):
    """The columns of `Pieces.counts`. Characters are code points."""

    CHARACTERS = 0  # of words, and one for the white space between two
    WORDS = auto()
    CAPITALIZED = auto()  # words that begin with an upper-case letter
    LETTERS = auto()
    UPPERCASE = auto()  # letters
    DIGITS = auto()  # ASCII
    TECHNICAL = auto()  # `TECHNICAL`
    MARKS = auto()  # 1 where it ends with a mark that ends a sentence, or with a quotation mark; 0 after "..."


_FIRST, _AFTER = len(Piece), len(Piece) + 1  # bytes, in the raw rows of the scan
# Source: Kudugunta et al. 2023, arXiv 2309.04662, section 2.4: digits, braces, plus, slash, round and angle brackets.
TECHNICAL = "0123456789{}+/()<>"

_LETTER, _SPACE, _UPPER, _TECHNICAL, _STOP, _WIDE, _CLOSER, _QUOTE = (1 << bit for bit in range(8))
_CASED = _LETTER | _UPPER
_LAST_CASED = 0x1E943  # Source: UnicodeData.txt 15.0: no letter after Adlam has two cases
_NEWLINE, _DOT, _ELLIPSIS = 0x0A, 0x2E, 0x2026
_BULLETS = np.array([ord(bullet) for bullet in BULLETS], np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """Pieces of texts, in order. `rows`: int64[n], of which text; `counts`: int64[n, len(Piece)].

    `texts`: large_string[n], without white space at the ends. `first`: int64[n], its first byte, counted over all texts.
    """

    rows: I64
    first: I64
    counts: I64
    texts: pa.LargeStringArray

    def per_text(self, flags: npt.NDArray[np.bool_] | I64, texts: int) -> I64:
        """int64[texts]: the sum of `flags` over the pieces of each text."""
        return np.bincount(self.rows, weights=flags, minlength=texts).astype(np.int64)


@cache
def _kinds() -> U8:
    """uint8[0x110000]: the bits of each code point."""
    known, kinds = character_kinds(), np.zeros(0x110000, np.uint8)
    kinds[:] = known & (_LETTER | _SPACE)  # the same bits there
    for point in range(_LAST_CASED + 1):
        if chr(point).isupper() and kinds[point] & _LETTER:
            kinds[point] |= _UPPER
    for characters, bits in (
        (TECHNICAL, _TECHNICAL), (STOPS, _STOP), (WIDE_STOPS, _STOP | _WIDE), (QUOTES, _CLOSER | _QUOTE), (CLOSERS, _CLOSER),
    ):  # fmt: skip
        for character in characters:
            kinds[ord(character)] |= bits
    kinds.setflags(write=False)
    return kinds


@compiled
def _with_room(found: I64, n: int) -> I64:
    if n < len(found):
        return found
    larger = np.empty((2 * len(found), found.shape[1]), np.int64)
    larger[:n] = found
    return larger


@compiled
def _is_bullet(point: int) -> bool:
    return np.any(point == _BULLETS)  # type: ignore[return-value]


@compiled
def _scan(data: U8, offsets: I64, kinds: U8, by_sentence: bool, found: I64) -> tuple[I64, int]:
    """(the raw rows: counts, first byte, byte after, text; how many)."""
    n = 0
    for row in range(len(offsets) - 1):
        i, end = offsets[row], offsets[row + 1]
        is_open, in_word, is_over, is_wide, is_ellipsis = False, False, False, False, False
        first, last, opening, before, dots = 0, 0, 0, 0, 0
        size, words, capitalized = 0, 0, 0
        # Of the text up to here, and up to where the piece begins: a character costs four sums, whatever is counted in pieces.
        letters, upper, digits, technical = 0, 0, 0, 0
        letters_0, upper_0, digits_0, technical_0 = 0, 0, 0, 0
        while i <= end:
            point, after = _NEWLINE, i + 1
            if i < end:
                point = int(data[i])
                if point >= 0x80:
                    point, after = decode(data, i, end)
            kind = int(kinds[point])
            is_space = kind & _SPACE != 0
            is_cut = point == _NEWLINE
            if by_sentence and is_over:
                is_cut = is_cut or is_space or (is_wide and not kind & (_STOP | _CLOSER))
            if is_open and is_cut:
                if size > 1 or not _is_bullet(opening):
                    found = _with_room(found, n)
                    piece = found[n]
                    piece[Piece.CHARACTERS], piece[Piece.WORDS], piece[Piece.CAPITALIZED] = size, words, capitalized
                    piece[Piece.LETTERS], piece[Piece.UPPERCASE] = letters - letters_0, upper - upper_0
                    piece[Piece.DIGITS], piece[Piece.TECHNICAL] = digits - digits_0, technical - technical_0
                    piece[Piece.MARKS] = before & (_STOP | _QUOTE) != 0 and not is_ellipsis
                    piece[_FIRST], piece[_AFTER], piece[_AFTER + 1] = first, last, row
                    n += 1
                is_open, in_word, is_over, is_wide = False, False, False, False
            if is_space:
                in_word = False
                i = after
                continue
            if not is_open:
                is_open, first, opening, dots = True, i, point, 0
                size, words, capitalized = 0, 0, 0
                letters_0, upper_0, digits_0, technical_0 = letters, upper, digits, technical
            if not in_word:
                if size == 1 and _is_bullet(opening):
                    size, words, opening = 0, 0, 0
                size += words > 0
                words += 1
                capitalized += kind & _UPPER != 0
                in_word = True
            while True:  # on through a run of ASCII letters, at which nothing begins or ends
                size += 1
                letters += kind & _LETTER
                upper += kind & _UPPER != 0
                technical += kind & _TECHNICAL != 0
                digits += 0x30 <= point <= 0x39
                if kind & ~_CASED or not kind or after >= end or data[after] >= 0x80:
                    break
                following = int(kinds[data[after]])
                if following & ~_CASED or not following:
                    break
                point, kind, i, after = int(data[after]), following, after, after + 1
                dots = 0
            dots = dots + 1 if point == _DOT else 0
            is_ellipsis = dots >= 3 or point == _ELLIPSIS
            if kind & _STOP:
                is_over, is_wide = True, is_wide or kind & _WIDE != 0
            elif not kind & _CLOSER:
                is_over, is_wide = False, False
            before, last, i = kind, after, after
    return found, n


def lines(texts: pa.Array) -> Pieces:
    """The lines of these texts that hold a character which is not white space; none of a null text."""
    return _pieces(texts, by_sentence=False)


def sentences(texts: pa.Array) -> Pieces:
    """The sentences of these texts: `"One. Two\\nthree"` -> One. | Two | three. A full-width mark needs no space after it."""
    return _pieces(texts, by_sentence=True)


def without(texts: pa.Array, found: Pieces, gone: npt.NDArray[np.bool_]) -> pa.LargeStringArray:
    """The texts without those of their lines (`found`) that are `gone`, with their newlines; of null an empty text.

    Where a line goes between blank lines, one of these stays: `"a\n\nGONE\n\nb"` -> `"a\n\nb"`.
    """
    data, offsets = _bytes(texts)
    out, ends = np.empty(len(data), np.uint8), np.zeros(len(texts) + 1, np.int64)
    _cut(data, offsets, found.first, gone, out, ends)
    return pa.LargeStringArray.from_buffers(len(texts), pa.py_buffer(ends), pa.py_buffer(out))


def _pieces(texts: pa.Array, *, by_sentence: bool) -> Pieces:
    data, offsets = _bytes(texts)
    found, n = _scan(data, offsets, _kinds(), by_sentence, np.empty((1024, len(Piece) + 3), np.int64))
    found = found[:n]
    first = np.ascontiguousarray(found[:, _FIRST])
    return Pieces(
        rows=np.ascontiguousarray(found[:, _AFTER + 1]),
        first=first,
        counts=found[:, : len(Piece)],
        texts=_slices(data, first, found[:, _AFTER]),
    )


def _bytes(texts: pa.Array) -> tuple[U8, I64]:
    """The UTF-8 bytes of the texts, a null's as an empty one's, and where each begins, and the end."""
    texts = texts.cast(pa.large_string()).fill_null("")
    _, ends, values = texts.buffers()
    offsets = np.frombuffer(ends, np.int64, len(texts) + 1, 8 * texts.offset) if ends else np.zeros(1, np.int64)
    data = np.frombuffer(values or b"", np.uint8)[offsets[0] : offsets[-1]]
    return data, offsets - offsets[0]


@compiled
def _cut(data: U8, offsets: I64, first: I64, gone: npt.NDArray[np.bool_], out: U8, ends: I64) -> None:
    at, k = 0, 0
    for row in range(len(offsets) - 1):
        i, end, start = offsets[row], offsets[row + 1], at
        is_cut, was_blank = False, True
        while i < end:
            after = i
            while after < end and data[after] != _NEWLINE:
                after += 1
            after = min(after + 1, end)
            is_blank = k == len(first) or first[k] >= after
            is_gone = not is_blank and gone[k]
            k += not is_blank
            if not is_gone and not (is_blank and is_cut and was_blank):
                out[at : at + after - i] = data[i:after]
                at += after - i
                was_blank = is_blank
            is_cut = is_gone or (is_cut and is_blank)
            i = after
        while is_cut and at > start and out[at - 1] == _NEWLINE:
            at -= 1
        ends[row + 1] = at


def _slices(data: U8, first: I64, after: I64) -> pa.LargeStringArray:
    """These stretches of bytes as strings, one after the other in a buffer of their own."""
    offsets = np.zeros(len(first) + 1, np.int64)
    np.cumsum(after - first, out=offsets[1:])
    joined = np.empty(int(offsets[-1]), np.uint8)
    _join(data, first, after, joined)
    return pa.LargeStringArray.from_buffers(len(first), pa.py_buffer(offsets), pa.py_buffer(joined))


@compiled
def _join(data: U8, first: I64, after: I64, out: U8) -> None:
    at = 0
    for k in range(len(first)):
        size = after[k] - first[k]
        out[at : at + size] = data[first[k] : after[k]]
        at += size
