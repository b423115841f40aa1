"""The election: who of similar items is kept, and which kept item each merged one is merged into.

Items have a total order (`Ranks.place`). Exact duplicates come first: the best of equal texts stands for them. Then,
best first, an item is merged only into a better kept item it has a verified edge to; the most similar of those is its
witness. So no chain collapses (of A ~ B ~ C with A !~ C and B ranked between, A and C stay), and a second run finds
nothing.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.kernels import pairs as kernels
from pipelines.kernels.minhash import F64, I64
from pipelines.stage import decisions as decisions_of
from schemas.decision import DUPLICATE, EDGE, Verdict
from schemas.errors import StageError
from schemas.item import ID
from schemas.reasons import Reason

RANKED = ("item_id", "exact_sha256", "rights_rank", "quality", "fetched_at")  # what an election reads of signatures
EXACT = "exact"  # the method of pairs that have the same normalised text
COMPONENT = pa.schema([pa.field("item_id", ID, nullable=False), pa.field("cluster_id", ID, nullable=False)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranks:
    """The order of n items, each named by its row.

    item_id: ID[n]. place: int64[n], 0 for the best. representative: int64[n], the row of the best item of equal
    `exact_sha256`; an item's own row where there is none better.
    """

    item_id: pa.Array
    place: I64
    representative: I64


@dataclass(frozen=True, slots=True, kw_only=True)
class Election:
    """Rows merged, in order of item_id, each with its witness and proof; and every row's cluster.

    merged, witness: int64[k] rows; every witness is kept. similarity: float64[k]. exact: bool[k], the witness has the
    same normalised text. cluster: int64[n], the row of the smallest item_id of the item's component of verified edges.
    """

    merged: I64
    witness: I64
    similarity: F64
    exact: npt.NDArray[np.bool_]
    cluster: I64


def rank(signatures: pa.Table) -> Ranks:
    """The total order of the rows: rights_rank, then quality (higher first), fetched_at (null last), item_id.

    Raises:
        StageError: an item_id is there twice.
    """
    order = best_first(signatures)
    ids = _whole(signatures.column("item_id"))
    _check_unique(ids)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    digests = _whole(signatures.column("exact_sha256"))
    codes = digests.dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    codes = np.where(codes < 0, len(codes) + np.arange(len(codes)), codes)  # without a digest an item stands alone
    _, first, inverse = np.unique(codes[order], return_index=True, return_inverse=True)
    representative = np.empty(len(order), np.int64)
    representative[order] = order[first[inverse]]
    return Ranks(item_id=ids, place=place, representative=representative)


def best_first(table: pa.Table) -> I64:
    """int64[n]: the rows of a table with the columns of RANKS in their total order, the best first."""
    keys = [
        ("rights_rank", "ascending"),
        ("quality", "descending"),
        ("fetched_at", "ascending"),
        ("item_id", "ascending"),
    ]
    order: I64 = pc.sort_indices(table, sort_keys=keys).to_numpy().astype(np.int64)
    return order


def elect(edges: pa.RecordBatch, ranks: Ranks) -> Election:
    """Who is merged into whom. `edges` are `verify.EDGES` between rows; their order and doubles do not matter."""
    a, b = (ranks.representative[edges.column(name).to_numpy().astype(np.int64)] for name in ("a", "b"))
    similarity = edges.column("similarity").to_numpy()
    row_at = np.argsort(ranks.place)
    better, worse = np.minimum(ranks.place[a], ranks.place[b]), np.maximum(ranks.place[a], ranks.place[b])
    order = np.lexsort((better, worse))
    order = order[better[order] < worse[order]]
    found, proof = kernels.elect(better[order], worse[order], similarity[order], len(row_at))
    # A copy shares its representative's fate: the same text is as similar to the witness.
    place_of_text = ranks.place[ranks.representative]
    is_near = found[place_of_text] >= 0
    witness = np.where(is_near, row_at[found[place_of_text]], ranks.representative)
    by_id = _order_of_ids(ranks.item_id)
    merged = by_id[witness[by_id] != by_id]
    return Election(
        merged=merged,
        witness=witness[merged],
        similarity=np.where(is_near, proof[place_of_text], 1.0)[merged],
        exact=~is_near[merged],
        cluster=_clusters(a, b, ranks.representative, by_id),
    )


def _clusters(a: I64, b: I64, representative: I64, by_id: I64) -> I64:
    """int64[n]: the row of the smallest id in each row's component of edges and equal texts."""
    number = np.empty(len(by_id), np.int64)
    number[by_id] = np.arange(len(by_id))  # components give the smallest number, so number by id
    left, right = np.concatenate([a, np.arange(len(number))]), np.concatenate([b, representative])
    return by_id[kernels.components(number[left], number[right], len(by_id))[number]]


def decisions(stage: str, election: Election, ranks: Ranks, *, threshold: float) -> pa.RecordBatch:
    """`DECISION` rows, one a merged item, ascending by item_id; kept items pass and have none."""
    found = decisions_of(ranks.item_id.take(pa.array(election.merged)), stage)
    witnesses = np.array([each.hex() for each in ranks.item_id.take(pa.array(election.witness)).to_pylist()], object)
    proof = {"signal": "similarity", "value": election.similarity.astype(object), "detail": witnesses}
    found.set(election.exact, Verdict.MERGE, Reason.EXACT_DUPLICATE, threshold=1.0, **proof)
    found.set(~election.exact, Verdict.MERGE, Reason.NEAR_DUPLICATE, threshold=threshold, **proof)
    return found.batch()


def duplicates(election: Election, ranks: Ranks, *, method: str) -> pa.RecordBatch:
    """`DUPLICATE` rows, one a merged item, ascending by item_id. `method` is what found the near ones ("minhash")."""
    ids = [ranks.item_id.take(pa.array(rows)) for rows in (election.merged, election.witness)]
    methods = pa.array(np.where(election.exact, EXACT, method), pa.string())
    clusters = ranks.item_id.take(pa.array(election.cluster[election.merged]))
    return pa.RecordBatch.from_arrays([*ids, methods, pa.array(election.similarity), clusters], schema=DUPLICATE)


def verified(edges: pa.RecordBatch, ranks: Ranks, *, method: str) -> pa.RecordBatch:
    """`EDGE` rows, ascending by both ids: what this election, and any other of the same items, can stand on.

    Near ones lie between the best of equal texts (`edges`, as `elect` gets them); each copy has an exact one to the best.
    """
    rows = np.arange(len(ranks.place))
    copies = rows[ranks.representative != rows]
    left, right = (
        np.concatenate([edges.column(name).to_numpy().astype(np.int64), more])
        for name, more in (("a", copies), ("b", ranks.representative[copies]))
    )
    similarity = np.concatenate([edges.column("similarity").to_numpy(), np.ones(len(copies))])
    by_id = _order_of_ids(ranks.item_id)
    number = np.argsort(by_id)
    smaller, larger = np.minimum(number[left], number[right]), np.maximum(number[left], number[right])
    order = np.lexsort((larger, smaller))
    columns = [
        ranks.item_id.take(pa.array(by_id[smaller[order]])),
        ranks.item_id.take(pa.array(by_id[larger[order]])),
        pa.array(np.where(order < len(edges), method, EXACT), pa.string()),
        pa.array(similarity[order]),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=EDGE)


def components(election: Election, ranks: Ranks) -> pa.RecordBatch:
    """`COMPONENT` rows, one an item, ascending by item_id: what a hold-out must not cut. Alone, an item is its own."""
    by_id = _order_of_ids(ranks.item_id)
    columns = [ranks.item_id.take(pa.array(rows)) for rows in (by_id, election.cluster[by_id])]
    return pa.RecordBatch.from_arrays(columns, schema=COMPONENT)


def _order_of_ids(ids: pa.Array) -> I64:
    order: I64 = pc.array_sort_indices(ids).to_numpy().astype(np.int64)
    return order


def _check_unique(ids: pa.Array) -> None:
    if pc.count_distinct(ids).as_py() == len(ids):
        return
    counts = pc.value_counts(ids)
    twice = counts.filter(pc.greater(counts.field("counts"), 1))[0]["values"].as_py().hex()
    raise StageError(f"dedup: item {twice} has two signatures; give each part of the signature table once")


def _whole(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    return whole if isinstance(whole, pa.Array) else pa.concat_arrays(whole.chunks)
