"""Candidate pairs in bounded memory: many buckets say the same pair, and one just under the cap says half a million.

Pairs are numbers of 8 bytes. What is more than the budget goes to files, by the first row of the pair, and comes back in blocks
of distinct pairs that the budget holds.
"""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.dedup.candidates import mix
from pipelines.dedup.spill import Spill
from pipelines.kernels.minhash import I64, U64

FILES = 64  # Chosen: so many times the budget of pairs are read once; of more, a file is read several times
BYTES_A_PAIR = 128  # Chosen: measured, what sorting and comparing a block takes beside it, with its own 8
_KEYS = pa.schema([pa.field("pair", pa.uint64(), nullable=False)])
_ONE = np.uint64(1)


class PairStore:
    """Pairs of rows below `things` (fewer than 2^31). Use it as a context: its files are gone when that ends.

    Args:
        folder: where files may be written; it is made when the first is.
        memory: bytes that holding, sorting and comparing a block may take.
        things: how many rows there are.
    """

    def __init__(self, folder: Path, memory: int, things: int) -> None:
        self.most = max(1, memory // 2 // BYTES_A_PAIR)
        self._things, self._held, self._count = max(things, 1), [np.empty(0, np.uint64)], 0
        self._spill, self.is_spilled = Spill(folder, memory // 2), False

    def __enter__(self) -> "PairStore":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._held.clear()
        self._spill.__exit__(kind, error, at)

    def add(self, left: I64, right: I64, *, is_anchored: bool) -> None:
        """Keep the pairs of two columns of rows; of a row with itself none. `is_anchored`: of a bucket that was not searched whole."""
        small, large = np.minimum(left, right), np.maximum(left, right)
        is_pair = small < large
        keys = (small[is_pair].astype(np.uint64) << np.uint64(33)) | (large[is_pair].astype(np.uint64) << _ONE)
        self._held.append(keys | np.uint64(is_anchored))
        self._count += len(keys)
        if self._count > self.most:
            distinct = _distinct(np.concatenate(self._held))
            if 2 * len(distinct) > self.most:
                self._write(distinct)
                distinct = distinct[:0]
            self._held, self._count = [distinct], len(distinct)

    def blocks(self) -> Iterator[tuple[I64, I64, npt.NDArray[np.bool_]]]:
        """Distinct pairs, each once: the smaller row, the larger, and whether only buckets that were not searched whole say so."""
        keys = _distinct(np.concatenate([np.empty(0, np.uint64), *self._held]))
        if not self.is_spilled:
            self._held = [keys]
            yield _pairs(keys)
            return
        self._write(keys)
        self._held = []
        for files, rows in _together(self._spill.rows(), self.most):
            slices = 1 + rows // self.most
            for number in range(slices):
                batches = (batch.column("pair").to_numpy() for file in files for batch in self._spill.read(file))
                yield _pairs(_distinct(np.concatenate([_slice(keys, number, slices) for keys in batches])))

    def _write(self, keys: U64) -> None:
        """Append these keys, which ascend, to their files."""
        self.is_spilled = True
        files = (keys >> np.uint64(33)) * np.uint64(FILES) // np.uint64(self._things)
        cuts = np.searchsorted(files, np.arange(FILES + 1))
        for file in range(FILES):
            mine = keys[cuts[file] : cuts[file + 1]]
            if len(mine):
                self._spill.add(file, pa.RecordBatch.from_arrays([pa.array(mine)], schema=_KEYS))


def _together(rows: dict[int, int], most: int) -> Iterator[tuple[list[int], int]]:
    """The files, as many at a time as hold no more than `most` rows, or one that holds more; and how many rows these hold."""
    files: list[int] = []
    held = 0
    for file, count in rows.items():
        if files and held + count > most:
            yield files, held
            files, held = [], 0
        files.append(file)
        held += count
    if files:
        yield files, held


def _slice(keys: U64, number: int, slices: int) -> U64:
    return keys if slices == 1 else keys[mix(keys >> _ONE) % np.uint64(slices) == number]


def _distinct(keys: U64) -> U64:
    """As `np.unique`, which for whole numbers asks a hash table: of ten million pairs it takes six times as long as a sort."""
    keys = np.sort(keys)
    found: U64 = keys[np.append(True, keys[1:] != keys[:-1])[: len(keys)]]
    return found


def _pairs(keys: U64) -> tuple[I64, I64, npt.NDArray[np.bool_]]:
    is_first = np.append(True, (keys[1:] >> _ONE) != (keys[:-1] >> _ONE))[: len(keys)]
    keys = keys[is_first]
    left, right = keys >> np.uint64(33), (keys >> _ONE) & np.uint64(0xFFFFFFFF)
    return left.astype(np.int64), right.astype(np.int64), (keys & _ONE) == 1
