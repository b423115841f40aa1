"""What an earlier run verified, so that only pairs with something new in them are compared.

A pair of texts that both were there, and that share a bucket which is searched whole now, shared one that was searched whole then: a
bucket only grows. So it was compared then, unless both were merged into the same one (see `settle`): it is an edge of that run, or none.
Where a bucket is not searched whole, the best of it may have changed, and its pairs are compared again.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.dedup.elect import EXACT, Ranks
from pipelines.dedup.verify import EDGES
from pipelines.kernels.minhash import F64, I64


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What an earlier run of the same stage, over some of the same signature parts and no others, found.

    parts: bool[parts], which of the signature parts given now it had. edges, duplicates: its `EDGE` and `DUPLICATE`.
    """

    parts: npt.NDArray[np.bool_]
    edges: pa.Table
    duplicates: pa.Table


class Verified:
    """The pairs among the texts of some of the parts. A text is named by its representative now.

    Args:
        ranks: of all items.
        starts: int64[parts + 1], where each part begins.
        earlier: the run that had these parts.
    """

    def __init__(self, ranks: Ranks, starts: I64, earlier: Earlier) -> None:
        old = np.flatnonzero(np.repeat(earlier.parts, np.diff(starts)))
        self._things = np.int64(max(len(ranks.place), 1))
        self._is_old = np.zeros(len(ranks.place), bool)
        self._is_old[ranks.representative[old]] = True
        merged, witness = (_rows(ranks, earlier.duplicates.column(name)) for name in ("item_id", "witness_id"))
        into = np.full(len(ranks.place), -1, np.int64)
        into[merged] = ranks.representative[witness]
        # Of equal texts the best that was there stood for all.
        best_last = old[np.argsort(-ranks.place[old])]
        self._into = np.full(len(ranks.place), -1, np.int64)
        self._into[ranks.representative[best_last]] = into[best_last]
        near = earlier.edges.filter(pc.not_equal(earlier.edges.column("method"), EXACT))
        sides = [ranks.representative[_rows(ranks, near.column(name))] for name in ("item_id", "other_id")]
        keys = self._key(np.minimum(*sides), np.maximum(*sides))
        order = np.argsort(keys, kind="stable")
        self._keys: I64 = keys[order]
        self._similarity: F64 = near.column("similarity").to_numpy()[order]

    def covers(self, left: I64, right: I64) -> npt.NDArray[np.bool_]:
        """bool[n]: whether a pair was compared then."""
        is_of_one = (self._into[left] == self._into[right]) & (self._into[left] >= 0)
        found: npt.NDArray[np.bool_] = self._is_old[left] & self._is_old[right] & ~is_of_one
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


def _rows(ranks: Ranks, ids: pa.ChunkedArray) -> I64:
    found: I64 = (
        pc.index_in(ids.combine_chunks(), value_set=ranks.item_id).to_numpy(zero_copy_only=False).astype(np.int64)
    )
    return found
