"""The plan: the order of training as a pure function of (documents, seed). Nothing of it need be saved, so nothing can be lost.

Documents stand in blocks. Within a block they are packed into rows of `row_tokens` places, longest first, each where it
fits best; none is cut and none is left out. An epoch shuffles the documents of one length among themselves, the rows of
each block, and the blocks. Which lengths share a row is therefore the same in every epoch, and so is the number of rows:
row r of training is row r % rows of epoch r // rows, found without computing any other epoch.

Random numbers are raw Philox output, which NumPy promises never to change; its Generator methods may.
Imports neither torch nor training: the ledger's readers compute from it which checkpoint saw an item.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pyarrow as pa

from schemas.digest import digest, sha256

PLAN_VERSION = 1
# Chosen: large enough that a shuffle within it is one, small enough that any row costs milliseconds. Source: TRAINING.md 2.5.
BLOCK = 16_384
_DOCUMENTS, _ROWS, _BLOCKS = range(3)  # what random numbers are for, so that no two uses share any
Ints = np.ndarray


def plan_digest(
    documents: pa.Table, *, release_root: bytes, vocabulary: bytes, row_tokens: int, block: int = BLOCK
) -> bytes:
    """The digest of all but the seed that decides the order. Of `documents`, all but their `plan_digest` counts."""
    columns = (documents.column(name).to_numpy() for name in ("start", "tokens", "length", "copies"))
    numbers = sha256(b"".join(column.astype("<i4").tobytes() for column in columns))
    names = sha256("\n".join(documents.column("kind").to_pylist()).encode())
    ids = sha256(b"".join(documents.column("item_id").to_pylist() + documents.column("content_sha256").to_pylist()))
    return digest("plan", PLAN_VERSION, release_root, vocabulary, row_tokens, block, numbers, names, ids)


def copies(item_ids: Sequence[bytes], kind: str, weight: float) -> Ints:
    """int32[n]: how often each document of a kind is fed in an epoch, `weight` times on average.

    The whole part for all, the rest for the items whose digest falls below it: `2.5` feeds each twice, half of them
    a third time, whatever the seed.
    """
    whole, share = int(weight), weight - int(weight)
    if not share:
        return np.full(len(item_ids), whole, np.int32)
    draws = [int.from_bytes(sha256(kind.encode() + item_id)[:8], "big") / 2.0**64 < share for item_id in item_ids]
    return np.array(draws, np.int32) + np.int32(whole)


def pack(lengths: Ints, row_tokens: int) -> Ints:
    """int32[n]: the row of each length; `lengths` must descend. Best fit: the fullest open row that still has room.

    `pack([6, 5, 3, 2], 8)` is `[0, 1, 1, 0]`.
    """
    rows = np.empty(len(lengths), np.int32)
    open_rows: list[list[int]] = [[] for _ in range(row_tokens + 1)]
    room = 0  # bit c is set while some open row has exactly c places left
    count = 0
    for i, length in enumerate(lengths.tolist()):
        fitting = room >> length
        if fitting:
            left = length + (fitting & -fitting).bit_length() - 1
            row = open_rows[left].pop()
            if not open_rows[left]:
                room ^= 1 << left
        else:
            left, row, count = row_tokens, count, count + 1
        rows[i] = row
        left -= length
        if left:
            open_rows[left].append(row)
            room |= 1 << left
    return rows


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """The order in which documents are fed.

    `lengths`: int32[n], 1..row_tokens. `copies`: int32[n], times in an epoch. `seed`: 0..2^63-1.
    """

    lengths: Ints
    copies: Ints
    seed: int
    row_tokens: int
    block: int = BLOCK

    @staticmethod
    def of(documents: pa.Table, *, seed: int, row_tokens: int, block: int = BLOCK) -> "Plan":
        """The plan over a table of documents (DOCUMENT)."""
        lengths, times = (documents.column(name).to_numpy() for name in ("length", "copies"))
        return Plan(lengths=lengths, copies=times, seed=seed, row_tokens=row_tokens, block=block)

    @cached_property
    def entries(self) -> Ints:
        """int64[m]: the document of each place in the shuffle: a document as often as its copies."""
        return np.repeat(np.arange(len(self.lengths)), self.copies)

    @cached_property
    def _slots(self) -> list[Ints]:
        """Per block, the row within the block of the k-th longest entry: the same in every epoch."""
        lengths = self.lengths[self.entries]
        blocks = (lengths[at : at + self.block] for at in range(0, len(lengths), self.block))
        return [pack(np.sort(one)[::-1], self.row_tokens) for one in blocks]

    @cached_property
    def _sizes(self) -> Ints:
        """int64[blocks]: rows of each block."""
        return np.array([int(slots.max()) + 1 for slots in self._slots], np.int64)

    @property
    def rows(self) -> int:
        """Rows of an epoch; 0 where there is nothing to feed."""
        return int(self._sizes.sum())

    def row(self, number: int) -> Ints:
        """int64[k]: the documents in row `number` of training, counted from 0 through all epochs."""
        epoch, row = divmod(number, self.rows)
        starts = self._starts(epoch)
        (inside,) = np.nonzero((starts <= row) & (row < starts + self._sizes))
        block = int(inside[0])
        documents, bounds = _rows_of(self, epoch, block)
        at = row - int(starts[block])
        return documents[bounds[at] : bounds[at + 1]]

    def epoch_rows(self, epoch: int) -> Ints:
        """int64[m]: for each of `entries`, its row within the epoch."""
        starts = self._starts(epoch)
        found = np.empty(len(self.entries), np.int64)
        for block in range(len(self._slots)):
            at = slice(block * self.block, block * self.block + len(self._slots[block]))
            found[at] = starts[block] + self._places(epoch, block)
        return found

    def times(self, first_row: int, last_row: int) -> Ints:
        """int64[n]: how often each document is in rows first_row..last_row, both included."""
        counts = np.zeros(len(self.lengths), np.int64)
        if last_row < first_row or not self.rows:
            return counts
        for epoch in range(first_row // self.rows, last_row // self.rows + 1):
            at = epoch * self.rows
            if first_row <= at and at + self.rows - 1 <= last_row:
                counts += self.copies
            else:
                rows = at + self.epoch_rows(epoch)
                inside = (first_row <= rows) & (rows <= last_row)
                counts += np.bincount(self.entries[inside], minlength=len(counts))
        return counts

    def fed(self, first_row: int, last_row: int) -> tuple[Ints, Ints]:
        """(documents, rows), int64 each: every time that a document is in rows first_row..last_row, both included."""
        documents, found = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for epoch in range(first_row // self.rows, last_row // self.rows + 1) if self.rows else ():
            rows = epoch * self.rows + self.epoch_rows(epoch)
            inside = (first_row <= rows) & (rows <= last_row)
            documents.append(self.entries[inside])
            found.append(rows[inside])
        return np.concatenate(documents), np.concatenate(found)

    def _starts(self, epoch: int) -> Ints:
        """int64[blocks]: the first row of each block in an epoch."""
        order = np.argsort(self._raw(_BLOCKS, epoch, 0, len(self._sizes)), kind="stable")
        starts = np.empty_like(self._sizes)
        starts[order] = np.cumsum(self._sizes[order]) - self._sizes[order]
        return starts

    def _places(self, epoch: int, block: int) -> Ints:
        """int64[entries of the block]: the row within the block of each."""
        slots = self._slots[block]
        entries = self.entries[block * self.block :][: len(slots)]
        keys = self._raw(_DOCUMENTS, epoch, block, len(slots))
        longest_first = np.lexsort((keys, -self.lengths[entries]))
        shuffled = np.argsort(self._raw(_ROWS, epoch, block, int(self._sizes[block])), kind="stable")
        places = np.empty(len(slots), np.int64)
        places[longest_first] = shuffled[slots]
        return places

    def _raw(self, use: int, epoch: int, block: int, count: int) -> Ints:
        return random_words(self.seed, use, epoch, block, count)


@lru_cache(maxsize=4)  # rows are asked for in order, so nearly always from one block
def _rows_of(plan: Plan, epoch: int, block: int) -> tuple[Ints, Ints]:
    """The documents of a block by row, and int64[rows + 1], where each row begins in them."""
    places = plan._places(epoch, block)
    order = np.argsort(places, kind="stable")
    documents = plan.entries[block * plan.block :][: len(places)][order]
    bounds = np.searchsorted(places[order], np.arange(int(plan._sizes[block]) + 1))
    return documents, bounds


def random_words(seed: int, use: int, high: int, low: int, count: int) -> Ints:
    """uint64[count], a pure function of the arguments on every machine and under every NumPy."""
    return np.random.Philox(key=[seed, use], counter=[0, 0, low, high]).random_raw(count)
