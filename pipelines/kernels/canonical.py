"""What a text says to a reader, whatever its characters are: the view that classifiers judge. Stored texts stay as they are.

    canonical    texts -> texts: NFKD without accents, lower case, look-alikes as Latin letters, hidden characters gone
    windows      texts -> stretches of them, spread evenly, and the row that each is of

`"\\u200bFr\\u0435\\u0435  V1agra"` -> `"free viagra"`; `"b u y n-o-w"` -> `"buy now"`.
"""

from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.kernels.minhash import I64, character_classes
from pipelines.kernels.scan import U8, compiled, decode

I32 = npt.NDArray[np.int32]

# Letters that pass for a Latin one, in either case. Source: Unicode confusables.txt (UTS #39), the single letters of scripts that
# are met in mixed words; beside them small capitals and letters with a stroke, which no normal form takes apart.
_TWINS = {
    "a": "ⱭаАαΑɑᴀᎪꓮ", "b": "вВЬьβΒʙᏴᏏꓐ", "c": "сСϲϹᴄⅽᏟꓚ", "d": "ÐԁԀđĐðᴅᎠꓓ", "e": "еЕєЄεΕєᴇᎬꓰəƏ", "f": "ƑƒϝϜꜰꓝ",
    "g": "ꞬɡԌԍɢᏀᏳꓖ", "h": "нНһҺηΗħĦʜᎻᏂꓧ", "i": "ƖꞮіІιΙıɩɪᎥꓲ", "j": "ͿјЈϳᴊᎫꓙ", "k": "кКκΚᴋᏦꓗ", "l": "ӏӀłŁʟᏞꓡ",
    "m": "мМΜᴍᎷꓟ", "n": "пПΝɴꓠŋŊ", "o": "оОοΟσσΣօՕøØᴏꓳ", "p": "рРρΡᴘᏢꓑ", "q": "ԶԛԚզ", "r": "ƦгГʀᏒᎡꓣ", "s": "ѕЅꜱᏚꓢ",
    "t": "тТτΤŧŦᴛᎢꓔ", "u": "ƱυՍսʊᴜꓴμ", "v": "νѵѴᴠᏙᏤꓦ", "w": "ԝԜᴡᎳꓪѡѠ", "x": "хХχΧꓫ", "y": "уУүҮΥʏꓬ", "z": "ᴢᏃꓜ",
}  # fmt: skip
# Chosen: digits and signs that stand for a letter inside a word; "!" and "|" do so too rarely to lose "now!call" for.
_LEET = {"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s"}
# Chosen: "h3ll0" has one at a time, "a1337b" is a number.
_MOST_LEET = 3
# Chosen: two are initials ("e.g.") or how short messages write ("r u in").
_LEAST_SPACED = 3
_SEPARATORS = " .-_*"
# Marks that pile up on Latin, Greek and Cyrillic letters; those of other scripts are vowels. Source: Unicode Blocks.txt.
_MARKS = ((0x300, 0x36F), (0x483, 0x489), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE20, 0xFE2F))

_OTHER, _GONE, _SPACE, _LATIN, _TWIN, _LETTER, _SIGN, _SEPARATOR = range(8)
_SPACE_POINT, _AT, _DOT, _ZERO, _NINE = (ord(c) for c in " @.09")
_WORD_CLASSES = (0, 2)  # of `character_classes`: parts of words, and words of one character
_HIDDEN_CLASS, _SPACE_CLASS = 3, 4


@cache
def _kinds() -> tuple[U8, I32]:
    """uint8[0x110000], what each code point is; int32[0x110000], the Latin letter it stands for, 0 for none."""
    classes = character_classes()
    kinds = np.where(np.isin(classes, _WORD_CLASSES), _LETTER, _OTHER).astype(np.uint8)
    latin = np.zeros(0x110000, np.int32)
    kinds[classes == _HIDDEN_CLASS] = _GONE
    kinds[classes == _SPACE_CLASS] = _SPACE
    kinds[:_SPACE_POINT] = _SPACE  # controls too: a NUL ends what fastText reads
    for first, last in _MARKS:
        kinds[first : last + 1] = _GONE
    for point in range(ord("a"), ord("z") + 1):
        kinds[[point, point - 32]], latin[[point, point - 32]] = _LATIN, point
    for letter, twins in _TWINS.items():
        kinds[[ord(twin) for twin in twins]], latin[[ord(twin) for twin in twins]] = _TWIN, ord(letter)
    for point in range(_ZERO, _NINE + 1):
        kinds[point] = _OTHER
    for sign, letter in _LEET.items():
        kinds[ord(sign)], latin[ord(sign)] = _SIGN, ord(letter)
    for separator in _SEPARATORS[1:]:
        kinds[ord(separator)] = _SEPARATOR
    for table in (kinds, latin):
        table.setflags(write=False)
    return kinds, latin


@compiled
def _read(data: U8, i: int, end: int, kinds: U8, points: I32) -> int:
    """Fill `points` with what is not hidden, white space as one space between words, and return how many there are."""
    size, owes_space = 0, False
    while i < end:
        point, i = decode(data, i, end)
        kind = kinds[point]
        if kind == _SPACE:
            owes_space = size > 0
        elif kind != _GONE:
            if owes_space:
                points[size] = _SPACE_POINT
                size += 1
                owes_space = False
            points[size] = point
            size += 1
    return size


@compiled
def _untwin(points: I32, size: int, kinds: U8, latin: I32) -> None:
    """Latin letters for the words whose every letter is one or looks like one; others keep their script."""
    i = 0
    while i < size:
        start, is_latin = i, True
        while i < size and _LATIN <= kinds[points[i]] <= _LETTER:
            is_latin &= kinds[points[i]] != _LETTER
            i += 1
        if is_latin:
            for k in range(start, i):
                points[k] = latin[points[k]]
        i = max(i, start + 1)


@compiled
def _names_a_host(points: I32, i: int, size: int) -> bool:
    """Whether a full stop follows before white space, as in an e-mail address."""
    while i < size and points[i] != _SPACE_POINT:
        if points[i] == _DOT:
            return True
        i += 1
    return False


@compiled
def _unleet(points: I32, size: int, kinds: U8, latin: I32) -> None:
    """Letters for up to _MOST_LEET digits and signs between two Latin letters."""
    i = 1
    while i < size:
        start = i
        while i < size and kinds[points[i]] == _SIGN:
            i += 1
        is_inside = kinds[points[start - 1]] == _LATIN and i < size and kinds[points[i]] == _LATIN
        if is_inside and 0 < i - start <= _MOST_LEET and not (points[start] == _AT and _names_a_host(points, i, size)):
            for k in range(start, i):
                points[k] = latin[points[k]]
        i = max(i, start + 1)


@compiled
def _stands_alone(points: I32, i: int, size: int, kinds: U8) -> bool:
    """Whether a Latin letter at i has no letter or digit beside it."""
    for k in (i - 1, i + 1):
        if 0 <= k < size and (_LATIN <= kinds[points[k]] <= _SIGN or _ZERO <= points[k] <= _NINE):
            return False
    return bool(kinds[points[i]] == _LATIN)


@compiled
def _close_up(points: I32, size: int, kinds: U8) -> int:
    """Join letters that stand alone with the same separator between them, and return how many points are left."""
    out, i = 0, 0
    while i < size:
        last = i
        if i + 2 < size and _stands_alone(points, i, size, kinds):
            separator = points[i + 1]
            is_one = kinds[separator] == _SPACE or kinds[separator] == _SEPARATOR
            while (
                is_one
                and last + 2 < size
                and points[last + 1] == separator
                and _stands_alone(points, last + 2, size, kinds)
            ):
                last += 2
        if (last - i) // 2 + 1 < _LEAST_SPACED:
            last = i
        for k in range(i, last + 1, 2):
            points[out] = points[k]
            out += 1
        i = last + 1
    return out


@compiled
def _write(points: I32, size: int, out: U8, at: int) -> int:
    """The points as UTF-8 from byte `at` on; returns the byte after them."""
    for i in range(size):
        point = points[i]
        if point < 0x80:
            out[at] = point
            at += 1
            continue
        extra = 1 if point < 0x800 else (2 if point < 0x10000 else 3)
        out[at] = (0xFF00 >> (extra + 1) & 0xFF) | point >> 6 * extra
        for k in range(1, extra + 1):
            out[at + k] = 0x80 | (point >> 6 * (extra - k) & 0x3F)
        at += extra + 1
    return at


@compiled
def _canonical(data: U8, offsets: I64, kinds: U8, latin: I32) -> tuple[U8, I64]:
    longest = 0
    for row in range(len(offsets) - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    points = np.empty(longest + 1, np.int32)
    # A byte that is no UTF-8 would take three; Arrow strings hold none.
    out, ends = np.empty(len(data) + 4, np.uint8), np.zeros(len(offsets), np.int64)
    at = 0
    for row in range(len(offsets) - 1):
        size = _read(data, offsets[row], offsets[row + 1], kinds, points)
        _untwin(points, size, kinds, latin)
        _unleet(points, size, kinds, latin)
        at = _write(points, _close_up(points, size, kinds), out, at)
        ends[row + 1] = at
    return out[:at].copy(), ends


def _flat(texts: pa.Array) -> tuple[U8, I64]:
    _, offsets, data = texts.buffers()
    return np.frombuffer(data or b"", np.uint8), np.frombuffer(offsets, np.int64, len(texts) + 1, 8 * texts.offset)


def _strings(values: U8, offsets: I64) -> pa.Array:
    return pa.Array.from_buffers(
        pa.large_string(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(values)]
    )


def canonical(texts: pa.Array) -> pa.Array:
    """large_string[n]: each text in its canonical view, on one line; "" for a null one. Applied again it changes nothing.

    A compatibility character may give up to 18 (U+FDFA): give it `windows` of untrusted texts.
    """
    texts = texts.cast(pa.large_string()).fill_null("")
    if not pc.all(pc.string_is_ascii(texts)).as_py():
        # Not NFKC: pyarrow 25 leaves it decomposed, and accents go anyway.
        texts = pc.utf8_normalize(texts, form="NFKD")
    return pc.utf8_lower(_strings(*_canonical(*_flat(texts), *_kinds())))


@compiled
def _snap(data: U8, i: int, start: int, end: int, reach: int) -> int:
    """The byte after the first ASCII space at or after i, at most `reach` on; else the next start of a character."""
    if i <= start or i >= end:
        return min(max(i, start), end)
    for k in range(i - 1, min(i + reach, end)):
        if data[k] <= 32:
            return k + 1
    while i < end and data[i] & 0xC0 == 0x80:
        i += 1
    return i


@compiled
def _windows(data: U8, offsets: I64, size: int, most: int) -> tuple[I64, I64, I64]:
    rows = len(offsets) - 1
    count = 0
    for row in range(rows):
        count += min((offsets[row + 1] - offsets[row] + size - 1) // size, most)
    starts, ends, of = np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count, np.int64)
    at = 0
    for row in range(rows):
        start, end = offsets[row], offsets[row + 1]
        n = min((end - start + size - 1) // size, most)
        for k in range(n):
            first = start + (end - start - size) * k // (n - 1) if n > 1 else start
            starts[at] = _snap(data, first, start, end, size // 8)
            ends[at] = _snap(data, first + size, start, end, size // 8)
            of[at] = row
            at += 1
    return starts, ends, of


def windows(texts: pa.Array, *, size: int, most: int) -> tuple[pa.Array, I64]:
    """The windows of all texts as large_string[w], in order, and int64[w], the row each is of; a null or "" has none.

    A text of up to `size` bytes is one window, a longer one gets as many as cover it, of about `size` bytes each, but
    `most` at most: the first begins with it, the last ends with it. They begin and end at a space where one is near.
    """
    texts = texts.cast(pa.large_string()).fill_null("")
    data, offsets = _flat(texts)
    starts, ends, rows = _windows(data, offsets, size, most)
    sizes = ends - starts
    out = np.zeros(len(starts) + 1, np.int64)
    np.cumsum(sizes, out=out[1:])
    places = np.arange(out[-1]) + np.repeat(starts - out[:-1], sizes)
    return _strings(data[places], out), rows
