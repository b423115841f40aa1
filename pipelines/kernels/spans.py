"""Who keeps a run of words that texts share, compiled.

    Kept     Words  -> text by text, the best first: the runs that a text before it holds, or the text itself further up

Every letter is compared; a hash only says where to look.
"""

from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from pipelines.kernels.minhash import I64, U32, U64
from pipelines.kernels.runs import BASE, I32, Words, grain, is_same, is_word, twice
from pipelines.kernels.scan import U8, compiled, mix64


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Runs of words that are taken out, int64[runs] each, by text and word. text: its number in the batch.

    first, last: words of the text, both inclusive. witness: what holds them, by the number that it was given. start, end: characters of the
    witness's text as it was given, from and up to.
    """

    text: I64
    first: I64
    last: I64
    witness: I64
    start: I64
    end: I64


class _Held(NamedTuple):
    """Runs that are kept, word for word end to end; room is left behind them.

    first: int64, where the bytes of each word begin in `data`, and the end. region: int32, the run of which each word is. start, end:
    int32, characters of its text. item: int64[regions], what the text is called. keys, places: a table, open-addressed, 0 marks a free
    slot: window -> its first word. size: int64[4], how many words, letters, regions and windows there are.
    """

    first: I64
    region: I32
    start: I32
    end: I32
    data: U8
    item: I64
    keys: U64
    places: I64
    size: I64


class _Work(NamedTuple):
    """The text at hand.

    left: int64, its words as they are left. sums: uint64, hashes of all of these up to each. holder: int64, what holds each word that is
    taken out: a held word, or -2 - a word of its own; -1: it stays. near: int64, prints that begin before each word. stands: int64, where each
    word that stays came to stand. keys, places: its own windows.
    """

    left: I64
    sums: U64
    holder: I64
    near: I64
    stands: I64
    keys: U64
    places: I64


_COUNT, _LETTERS, _REGIONS, _WINDOWS = range(4)


class Kept:
    """The runs that the texts which were seen so far keep, as far as another text may hold them too.

    A run is found in the text as it is left, so that no run of `span_words` words is left that another text holds, or the same one
    twice, side by side. About 60 bytes a word are held of what the texts have in common.
    """

    def __init__(self, span_words: int) -> None:
        self._size = span_words
        none32, none64 = np.empty(1, np.int32), np.empty(1, np.int64)
        self._held = _Held(
            none64, none32, none32, none32, np.empty(0, np.uint8), none64, np.zeros(16, np.uint64), np.zeros(16, np.int64),
            np.zeros(4, np.int64),
        )  # fmt: skip

    def add(
        self, words: Words, numbers: I64, shared: U32, offsets: I64, least: int
    ) -> tuple[Runs, I64, npt.NDArray[np.bool_]]:
        """(the runs to take out, int64[texts] how many words are left, bool[words] which): texts in their order, the best first.

        Args:
            words: of these texts.
            numbers: int64[texts], what each is to be called as a witness.
            shared: uint32, words of a text at which a print begins that is there twice; `offsets`: where each text's begin.
            least: a text that loses words and has fewer left keeps none: it is no witness.
        """
        self._grow(words)
        rows, left, stays = _elect(words, self._held, numbers, shared, offsets, self._size, grain(self._size)[1], least)
        return Runs(
            text=rows[:, 0], first=rows[:, 1], last=rows[:, 2], witness=rows[:, 3], start=rows[:, 4], end=rows[:, 5]
        ), left, stays  # fmt: skip

    def _grow(self, words: Words) -> None:
        """Have room for what these texts may add."""
        held = self._held
        count, letters, _, windows = held.size.tolist()
        wanted = count + len(words.first) + 1
        slots = len(held.keys)
        while slots < 2 * (windows + len(words.first)):
            slots *= 2
        keys, places = held.keys, held.places
        if slots > len(keys):
            keys, places = np.zeros(slots, np.uint64), np.zeros(slots, np.int64)
            _rehash(held.keys, held.places, keys, places)
        self._held = _Held(
            _room(held.first, wanted), _room(held.region, wanted), _room(held.start, wanted), _room(held.end, wanted),
            _room(held.data, letters + len(words.data)), _room(held.item, wanted), keys, places, held.size,
        )  # fmt: skip


Number = TypeVar("Number", bound=np.generic)


def _room(column: npt.NDArray[Number], count: int) -> npt.NDArray[Number]:
    if count <= len(column):
        return column
    larger = np.empty(max(count, len(column) * 3 // 2), column.dtype)
    larger[: len(column)] = column
    return larger


@compiled
def _rehash(keys: U64, places: I64, table: U64, there: I64) -> None:
    for k in range(len(keys)):
        if keys[k]:
            slot = _slot(table, keys[k])
            table[slot], there[slot] = keys[k], places[k]


@compiled
def _slot(table: U64, key: np.uint64) -> int:
    """Where the key is, or is to be."""
    mask = len(table) - 1
    slot = np.int64(key & np.uint64(mask))
    while table[slot] and table[slot] != key:
        slot = (slot + 1) & mask
    return int(slot)


@compiled
def _is_held(words: Words, x: int, held: _Held, at: int) -> bool:
    """Whether a word is the held one."""
    return is_same(words.data, words.first[x], words.last[x], held.data, held.first[at], held.first[at + 1])


@compiled
def _table_size(entries: int) -> int:
    slots = 16
    while slots < 2 * entries:
        slots *= 2
    return slots


@compiled
def _elect(
    words: Words, held: _Held, numbers: I64, shared: U32, offsets: I64, size: int, window: int, least: int
) -> tuple[I64, I64, npt.NDArray[np.bool_]]:  # fmt: skip
    longest = 0
    for text in range(len(words.ends) - 1):
        longest = max(longest, words.ends[text + 1] - words.ends[text])
    slots = _table_size(longest)
    work = _Work(
        np.empty(longest, np.int64), np.zeros(longest + 1, np.uint64), np.empty(longest, np.int64), np.zeros(longest + 1, np.int64),
        np.empty(longest, np.int64), np.zeros(slots, np.uint64), np.empty(slots, np.int64),
    )  # fmt: skip
    gone = np.uint64(1)
    for _ in range(size):
        gone *= np.uint64(BASE)
    rows, n_rows = np.empty((1024, 6), np.int64), 0
    left, stays = np.zeros(len(words.ends) - 1, np.int64), np.ones(len(words.first), np.bool_)
    for text in range(len(words.ends) - 1):
        begin, n = words.ends[text], words.ends[text + 1] - words.ends[text]
        work.near[: n + 1] = 0
        for k in range(offsets[text], offsets[text + 1]):
            work.near[shared[k] + 1] += 1
        for x in range(n):
            work.near[x + 1] += work.near[x]
        f = _take(words, begin, n, held, work, size, window, gone)
        left[text] = f
        is_dropped = f < n and f < least
        if f < n:
            for x in range(n):
                stays[begin + x] = work.holder[x] == -1
            rows, n_rows = _tell(words, begin, n, f, held, work, text, numbers[text], is_dropped, rows, n_rows)
        if not is_dropped:
            _hold(words, begin, f, held, work, size, window, gone, numbers[text])
    return rows[:n_rows].copy(), left, stays


@compiled
def _is_asked(left: I64, near: I64, s: int, size: int, window: int) -> bool:
    """Whether a window of the text as it is left has a print that is there twice, or words that were apart."""
    a = left[s]
    return bool(left[s + size - 1] - a != size - 1 or near[a + window] != near[a])


@compiled
def _take(words: Words, begin: int, n: int, held: _Held, work: _Work, size: int, window: int, gone: np.uint64) -> int:
    """How many words are left of a text, word by word: the last `size` of what is left are looked up, and go with what follows them."""
    left, sums, holder, near = work.left, work.sums, work.holder, work.near
    slots = _table_size(n)
    keys, places = work.keys[:slots], work.places[:slots]
    keys[:] = 0
    holder[:n] = -1
    f, i = 0, 0
    while i < n:
        left[f], sums[f + 1] = i, sums[f] * np.uint64(BASE) + words.hashes[begin + i]
        f, i = f + 1, i + 1
        s = f - size
        if s < 0 or not _is_asked(left, near, s, size, window):
            continue
        key = max(mix64(sums[f] - sums[s] * gone), np.uint64(1))
        theirs = _held_window(words, begin, held, left, s, size, key)
        own = -1 if theirs >= 0 else _own_window(words, begin, left, s, f, size, key, keys, places)
        if theirs < 0 and own < 0:
            continue
        head = 0
        while head < size and s + head and left[s + head - 1] == left[s + head] - 1:
            if words.is_bound[begin + left[s + head]]:
                break
            head += 1
        if head == size:
            continue
        after, length = i, size
        if theirs >= 0:
            while i < n and theirs + length < held.size[_COUNT]:
                if held.region[theirs + length] != held.region[theirs]:
                    break
                if not _is_held(words, begin + i, held, theirs + length):
                    break
                length, i = length + 1, i + 1
        else:
            while i < n and own + length < s and is_word(words, begin + i, begin + left[own + length]):
                length, i = length + 1, i + 1
        tail = length
        while tail > head:
            last = left[s + tail - 1] if tail <= size else after + tail - 1 - size
            following = left[s + tail] if tail < size else after + tail - size
            if following == n or following != last + 1 or words.is_bound[begin + following]:
                break
            tail -= 1
        i = after + max(tail - size, 0)
        if tail == head:
            continue
        for j in range(head, tail):
            x = left[s + j] if j < size else after + j - size
            holder[x] = theirs + j if theirs >= 0 else -2 - left[own + j]
        f = s + head
        for j in range(tail, size):
            x = left[s + j]
            left[f], sums[f + 1] = x, sums[f] * np.uint64(BASE) + words.hashes[begin + x]
            f += 1
    return f


@compiled
def _held_window(words: Words, begin: int, held: _Held, left: I64, s: int, size: int, key: np.uint64) -> int:
    """The held word at which the window at `s` stands too; -1 where it does not."""
    slot = _slot(held.keys, key)
    if not held.keys[slot]:
        return -1
    at = held.places[slot]
    for j in range(size):
        if not _is_held(words, begin + left[s + j], held, at + j):
            return -1
    return int(at)


@compiled
def _own_window(
    words: Words, begin: int, left: I64, s: int, f: int, size: int, key: np.uint64, keys: U64, places: I64
) -> int:
    """Where the window at `s` stood in the text before, apart from it; -1 where it did not: it does now."""
    slot = _slot(keys, key)
    at = places[slot] if keys[slot] else f
    is_there = at + size <= f  # what lay beyond was taken out
    j = 0
    while is_there and j < size:
        is_there, j = is_word(words, begin + left[s + j], begin + left[at + j]), j + 1
    if not is_there:
        keys[slot], places[slot] = key, s
        return -1
    return int(at) if at + size <= s else -1


@compiled
def _tell(
    words: Words, begin: int, n: int, f: int, held: _Held, work: _Work, text: int, number: int, is_dropped: bool, rows: I64, n_rows: int
) -> tuple[I64, int]:  # fmt: skip
    """The rows with those of one text: runs of words whose holders stand in a row."""
    holder = work.holder
    for k in range(f):
        work.stands[work.left[k]] = k
    was, was_at, was_own = -2, -2, False
    for x in range(n):
        if holder[x] == -1:
            continue
        at, own = holder[x], -1
        while at <= -2:  # what held it in the text itself may have gone since, to where another holds it
            own = -2 - at
            at = holder[own]
        is_own = at == -1
        if is_own and is_dropped:
            continue
        if is_own:
            at = work.stands[own]
        goes_on = was == x - 1 and was_own == is_own and was_at == at - 1
        if goes_on and not is_own:
            goes_on = held.region[at] == held.region[at - 1]
        if not goes_on:
            if n_rows == len(rows):
                rows = twice(rows)
            rows[n_rows, 0], rows[n_rows, 1] = text, x
            rows[n_rows, 3] = number if is_own else held.item[held.region[at]]
            rows[n_rows, 4] = words.start[begin + own] if is_own else held.start[at]
            n_rows += 1
        rows[n_rows - 1, 2] = x
        rows[n_rows - 1, 5] = words.end[begin + own] if is_own else held.end[at]
        was, was_at, was_own = x, at, is_own
    return rows, n_rows


@compiled
def _hold(
    words: Words, begin: int, f: int, held: _Held, work: _Work, size: int, window: int, gone: np.uint64, number: int
) -> None:
    """Hold what is left of a text, as far as others may have it."""
    counts, done, region_begin, region_at = held.size, 0, 0, 0
    for s in range(f - size + 1):
        if not _is_asked(work.left, work.near, s, size, window):
            continue
        if s >= done:
            done, region_begin, region_at = s, s, counts[_COUNT]
            held.item[counts[_REGIONS]] = number
            counts[_REGIONS] += 1
        while done < s + size:
            x, at = begin + work.left[done], counts[_COUNT]
            held.first[at], held.region[at] = counts[_LETTERS], counts[_REGIONS] - 1
            held.start[at], held.end[at] = words.start[x], words.end[x]
            for k in range(words.first[x], words.last[x]):
                held.data[counts[_LETTERS]] = words.data[k]
                counts[_LETTERS] += 1
            counts[_COUNT] += 1
            held.first[at + 1] = counts[_LETTERS]
            done += 1
        key = max(mix64(work.sums[s + size] - work.sums[s] * gone), np.uint64(1))
        slot = _slot(held.keys, key)
        if not held.keys[slot]:
            held.keys[slot], held.places[slot] = key, region_at + s - region_begin
            counts[_WINDOWS] += 1
