"""What an earlier run verified, so that only pairs with something new in them are compared.

A pair of texts that both were there, and that share a bucket which is searched whole now, shared one that was searched whole then: a
bucket only grows. So it was verified then: it is an edge of that run, or none. Where a bucket is not searched whole, the best of it
may have changed, and its pairs are compared again.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.dedup.elect import EXACT, Ranks
from pipelines.dedup.verify import EDGES
from pipelines.kernels.minhash import F64, I64


class Verified:
    """The pairs among the texts of some of the parts. A text is named by its representative now.

    Args:
        ranks: of all items.
        starts: int64[parts + 1], where each part begins.
        parts: bool[parts], those that the earlier run had.
        edges: `EDGE` of the earlier run.
    """

    def __init__(self, ranks: Ranks, starts: I64, parts: npt.NDArray[np.bool_], edges: pa.Table) -> None:
        is_old_row = np.repeat(parts, np.diff(starts))
        self._is_old = np.zeros(len(is_old_row), bool)
        self._is_old[ranks.representative[is_old_row]] = True
        self._things = np.int64(max(len(is_old_row), 1))
        near = edges.filter(pc.not_equal(edges.column("method"), EXACT))
        sides = []
        for name in ("item_id", "other_id"):
            at = pc.index_in(near.column(name).combine_chunks(), value_set=ranks.item_id)
            sides.append(ranks.representative[at.to_numpy(zero_copy_only=False).astype(np.int64)])
        keys = self._key(np.minimum(*sides), np.maximum(*sides))
        order = np.argsort(keys, kind="stable")
        self._keys: I64 = keys[order]
        self._similarity: F64 = near.column("similarity").to_numpy()[order]

    def covers(self, left: I64, right: I64) -> npt.NDArray[np.bool_]:
        """bool[n]: whether both texts of a pair were there."""
        found: npt.NDArray[np.bool_] = self._is_old[left] & self._is_old[right]
        return found

    def edges(self, left: I64, right: I64) -> pa.Table:
        """`EDGES`: those of these pairs that were verified as similar."""
        keys = self._key(left, right)
        at = np.minimum(np.searchsorted(self._keys, keys), max(len(self._keys) - 1, 0))
        is_edge = self._keys[at] == keys if len(self._keys) else np.zeros(len(keys), bool)
        columns = [pa.array(side[is_edge].astype(np.uint64)) for side in (left, right)]
        return pa.table([*columns, pa.array(self._similarity[at[is_edge]])], schema=EDGES)

    def _key(self, left: I64, right: I64) -> I64:
        key: I64 = left * self._things + right
        return key
