"""Tags and hidden parts of an HTML page, compiled: each function is one pass over the bytes, in linear time.

    shown        page -> the page with comments, scripts and styles overwritten by spaces
    text_only    page -> the page with every tag overwritten by spaces
    start_tags   page -> int64[n, 2]: the start tags of some names
    parts        page -> int64[n, 2]: tags of some names, scripts and captions, where no comment or style hides them
    scripts      page -> int64[n, 4]: the inside of a script's tag, and its content

What a tag is and where it ends is said in `pipelines.rights.markup`, as patterns; these give what those would find, one
match after the other. A pattern engine with a wrapper in Python takes a microsecond a match, and a page has some hundred.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from pipelines.kernels.minhash import I64, U64
from pipelines.kernels.scan import U8, compiled

_TAB, _LF, _FF, _CR, _SPACE = 9, 10, 12, 13, 32
_BANG, _QUOTE, _APOSTROPHE, _HYPHEN, _SLASH, _LESS, _MORE = 0x21, 0x22, 0x27, 0x2D, 0x2F, 0x3C, 0x3E
_NAME_BYTES = 16  # longer names than we ask for are of no use
_SCRIPT, _STYLE = np.frombuffer(b"script", np.uint8), np.frombuffer(b"style", np.uint8)
_CAPTION = np.frombuffer(b"wp-caption-text", np.uint8)


@compiled
def _is_space(byte: int) -> bool:
    return byte in (_SPACE, _LF, _TAB, _CR, _FF)


@compiled
def _lower(byte: int) -> int:
    return byte | 0x20 if 0x41 <= byte <= 0x5A else byte


@compiled
def _is_word(byte: int) -> bool:
    return 0x61 <= byte | 0x20 <= 0x7A or 0x30 <= byte <= 0x39 or byte == 0x5F


@compiled
def _is_at(page: U8, i: int, lower: U8) -> bool:
    """Whether these bytes are at i, in upper or lower case."""
    k = 0
    while k < len(lower) and i + k < len(page) and _lower(page[i + k]) == lower[k]:
        k += 1
    return k == len(lower)


@compiled
def _find(page: U8, i: int, byte: int) -> int:
    """Where the byte is next, from i on; the length of the page where it is not."""
    while i < len(page) and page[i] != byte:
        i += 1
    return i


@compiled
def _comment_end(page: U8, i: int) -> int:
    """The byte after the comment that starts at i, -1 where none does."""
    n = len(page)
    if not (i + 3 < n and page[i + 1] == _BANG and page[i + 2] == _HYPHEN and page[i + 3] == _HYPHEN):
        return -1
    i += 4
    if i < n and page[i] == _MORE:
        return i + 1
    if i + 1 < n and page[i] == _HYPHEN and page[i + 1] == _MORE:
        return i + 2
    while i + 2 < n:
        if page[i] == _HYPHEN and page[i + 1] == _HYPHEN:
            if page[i + 2] == _MORE:
                return i + 3
            if page[i + 2] == _BANG and i + 3 < n and page[i + 3] == _MORE:
                return i + 4
        i += 1
    return n


@compiled
def _closing(page: U8, i: int, name: U8) -> int:
    """Where the end tag of this name starts, from i on; the length of the page where none does."""
    n = len(page)
    while True:
        i = _find(page, i, _LESS)
        after = i + 2 + len(name)
        if after >= n:
            return n
        if page[i + 1] == _SLASH and _is_at(page, i + 2, name) and (
            _is_space(page[after]) or page[after] == _SLASH or page[after] == _MORE
        ):  # fmt: skip
            return i
        i += 1


@compiled
def _raw_end(page: U8, i: int, name: U8, last: int) -> int:
    """The byte after the element `name` that starts at i, its end tag included; -1 where none does. `last`: the last ">"."""
    if not _is_at(page, i + 1, name):
        return -1
    at = i + 1 + len(name)
    if at > last or not (page[at] == _MORE or page[at] == _SLASH or _is_space(page[at])):
        return -1
    end = _closing(page, _find(page, at, _MORE) + 1, name)
    return min(end + 3 + len(name), len(page))


@compiled
def _hidden_end(page: U8, i: int, last: int) -> int:
    """The byte after the comment, script or style that starts at i, -1 where none does."""
    end = _comment_end(page, i)
    if end < 0:
        end = _raw_end(page, i, _SCRIPT, last)
    return end if end >= 0 else _raw_end(page, i, _STYLE, last)


@compiled
def _last_more(page: U8) -> int:
    last = len(page) - 1
    while last >= 0 and page[last] != _MORE:
        last -= 1
    return last


@compiled
def _rest_end(page: U8, i: int) -> int:
    """The ">" of the tag whose name ends at i; -1 where it is no tag.

    Linear over a page, whatever it holds: an attempt ends at a "<" outside quotes, so that at most one attempt in each of
    the two quotes goes on over the start of the next.
    """
    n = len(page)
    if i < n and page[i] == _MORE:
        return i
    if i >= n or not (_is_space(page[i]) or page[i] == _SLASH or page[i] == _QUOTE or page[i] == _APOSTROPHE):
        return -1
    i += 1
    while i < n:
        byte = page[i]
        if byte == _MORE:
            return i
        if byte == _LESS:
            return -1
        i = _find(page, i + 1, byte) + 1 if byte in (_QUOTE, _APOSTROPHE) else i + 1
    return -1


@compiled
def _named_end(page: U8, i: int, names: U64) -> int:
    """The byte after the name at i, where it is one of `names`; else -1."""
    first, second, k = np.uint64(0), np.uint64(0), 0
    while i + k < len(page) and _is_word(page[i + k]) and k < _NAME_BYTES:
        byte = np.uint64(_lower(page[i + k]))
        if k < 8:
            first = first << np.uint64(8) | byte
        else:
            second = second << np.uint64(8) | byte
        k += 1
    for row in range(len(names)):
        if names[row, 0] == first and names[row, 1] == second:
            return i + k
    return -1


@compiled
def _blank_hidden(page: U8, out: U8) -> bool:
    last, i, found = _last_more(page), 0, False
    while True:
        i = _find(page, i, _LESS)
        if i >= len(page):
            return found
        end = _hidden_end(page, i, last)
        if end < 0:
            i += 1
            continue
        out[i:end] = _SPACE
        i, found = end, True


@compiled
def _blank_tags(page: U8, out: U8) -> None:
    last, i = _last_more(page), 0
    while True:
        i = _find(page, i, _LESS)
        if i >= last:
            return
        byte = page[i + 1]
        if not (0x61 <= byte | 0x20 <= 0x7A or byte in (_SLASH, _BANG)):
            i += 1
            continue
        end = _find(page, i + 2, _MORE) + 1
        out[i:end] = _SPACE
        i = end


@compiled
def _room(page: U8) -> int:
    n = 0
    for byte in page:
        n += byte == _LESS
    return n


@compiled
def _holds(page: U8, start: int, end: int, words: U8, firsts: U8) -> bool:
    """Whether one of the words is among these bytes, in upper or lower case; true where there are none.

    `words`: each ended by a zero; `firsts`: uint8[256], 1 for the bytes that begin one.
    """
    for i in range(start, end):
        if not firsts[page[i]]:
            continue
        k = 0
        while k < len(words):
            n = k
            while words[n] != 0 and i + n - k < end and _lower(page[i + n - k]) == words[n]:
                n += 1
            if words[n] == 0:
                return True
            k = _find(words, n, 0) + 1
    return len(words) == 0


@compiled
def _start_tags(page: U8, names: U64, words: U8, firsts: U8, found: I64) -> int:
    i, n = 0, 0
    while True:
        i = _find(page, i, _LESS)
        if i >= len(page):
            return n
        named = _named_end(page, i + 1, names)
        end = _rest_end(page, named) if named >= 0 else -1
        if end < 0:
            i += 1
            continue
        if _holds(page, i, end, words, firsts):
            found[n, 0], found[n, 1] = i, end + 1
            n += 1
        i = end + 1


@compiled
def _caption_end(page: U8, i: int) -> int:
    """The byte after the tag at i, where it is a p or dd of WordPress's caption class; else -1."""
    at = i + 2 if _lower(page[i + 1]) == 0x70 else i + 3
    if at >= len(page) or not (
        _lower(page[i + 1]) == 0x70 or (_lower(page[i + 1]) == 0x64 and _lower(page[i + 2]) == 0x64)
    ):
        return -1
    if not _is_space(page[at]):
        return -1
    end = at + 1
    while end < len(page) and page[end] != _MORE and page[end] != _LESS:
        end += 1
    if end == len(page) or page[end] == _LESS:
        return -1
    for k in range(at + 1, end - len(_CAPTION) + 1):
        if _is_at(page, k, _CAPTION) and not _is_word(page[k - 1]) and not _is_word(page[k + len(_CAPTION)]):
            return end + 1
    return -1


@compiled
def _parts(page: U8, names: U64, ends: bool, captions: bool, found: I64) -> int:
    last, i, n = _last_more(page), 0, 0
    while True:
        i = _find(page, i, _LESS)
        if i + 1 >= len(page):
            return n
        end = _hidden_end(page, i, last)
        is_shown = end >= 0 and _lower(page[i + 1]) == 0x73 and _lower(page[i + 2]) == 0x63  # a script
        if end < 0:
            named = _named_end(page, i + 2 if ends and page[i + 1] == _SLASH else i + 1, names)
            end = _rest_end(page, named) + 1 if named >= 0 else 0
            if end <= 0 and captions:
                end = _caption_end(page, i)
            is_shown = end > 0
        if end <= 0:
            i += 1
            continue
        if is_shown:
            found[n, 0], found[n, 1] = i, end
            n += 1
        i = end


@compiled
def _scripts(page: U8, found: I64) -> int:
    i, n, is_closed = 0, 0, True
    while is_closed:
        i = _find(page, i, _LESS)
        if i >= len(page):
            break
        end = _comment_end(page, i)
        if end < 0 and _is_at(page, i + 1, _SCRIPT):
            named = i + 1 + len(_SCRIPT)
            opened = _rest_end(page, named)
            if opened >= 0:
                closing = _closing(page, opened + 1, _SCRIPT)
                is_closed = closing < len(page)
                if is_closed:
                    found[n, 0], found[n, 1], found[n, 2], found[n, 3] = named, opened, opened + 1, closing
                    end, n = closing + 3 + len(_SCRIPT), n + 1
        i = end if end >= 0 else i + 1
    return n


@cache
def packed(names: tuple[str, ...]) -> U64:
    """uint64[names, 2]: ASCII names of up to 16 letters, lower case, as the kernels compare them."""
    halves = [[name[:8], name[8:]] for name in names]
    return np.array([[int.from_bytes(half.encode(), "big") for half in pair] for pair in halves], np.uint64)


@cache
def _words(words: tuple[str, ...]) -> tuple[U8, U8]:
    """Words as `_holds` wants them."""
    firsts = np.zeros(256, np.uint8)
    for word in words:
        firsts[[ord(word[0].lower()), ord(word[0].upper())]] = 1
    return np.frombuffer(b"".join(word.encode() + b"\0" for word in words), np.uint8), firsts


def _bytes(page: bytes) -> U8:
    return np.frombuffer(page, np.uint8)


def shown(page: bytes) -> bytes:
    """The page with comments, scripts and styles overwritten by spaces; itself where it has none."""
    out = bytearray(page)
    return bytes(out) if _blank_hidden(_bytes(page), np.frombuffer(out, np.uint8)) else page


def text_only(page: bytes) -> bytes:
    """The page with everything from "<" to ">" overwritten by spaces, where a letter, "/" or "!" follows the "<"."""
    out = bytearray(page)
    _blank_tags(_bytes(page), np.frombuffer(out, np.uint8))
    return bytes(out)


def start_tags(page: bytes, names: tuple[str, ...], about: tuple[str, ...] = ()) -> list[list[int]]:
    """[start, end] of each start tag that has one of these names, in order; `about`: only those that hold one of these words."""
    data = _bytes(page)
    found = np.empty((_room(data), 2), np.int64)
    return _listed(found, _start_tags(data, packed(names), *_words(about), found))


def parts(page: bytes, names: tuple[str, ...], *, ends: bool, captions: bool) -> list[list[int]]:
    """[start, end] of each script and each start tag of these names outside comments, scripts and styles, in order.

    `ends`: their end tags too; `captions`: start tags `p` and `dd` of the class wp-caption-text too.
    """
    data = _bytes(page)
    found = np.empty((_room(data), 2), np.int64)
    return _listed(found, _parts(data, packed(names), ends, captions, found))


def scripts(page: bytes) -> list[list[int]]:
    """[start, end, start, end] of what follows the name in a script's tag, and of its content; only where it ends."""
    data = _bytes(page)
    found = np.empty((_room(data), 4), np.int64)
    return _listed(found, _scripts(data, found))


def _listed(found: npt.NDArray[np.int64], n: int) -> list[list[int]]:
    return found[:n].tolist()  # type: ignore[no-any-return]
