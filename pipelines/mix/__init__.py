"""Which kept items a release takes, and in which split each is published. Only excludes; never repeats an item."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.stage import decisions
from schemas.decision import Verdict
from schemas.digest import sha256
from schemas.reasons import Reason
from schemas.shard import Split


def unit(domain: str, seed: int, ids: pa.Array) -> np.ndarray:
    """float64[n] in 0..1, a fixed number for each id: SHA-256 of domain, seed and id, first 8 bytes."""
    head = f"{domain}:{seed}:".encode()
    numbers = np.array([int.from_bytes(sha256(head + i)[:8], "big") for i in ids.to_pylist()], dtype=np.uint64)
    return numbers.astype(np.float64) / 2.0**64


def quotas(counts: Mapping[str, int], weights: Mapping[str, float]) -> dict[str, int]:
    """Items each lane may keep so that lanes stand in the proportion of their weights; every count where no weight is given.

    `quotas({"web": 900, "audio": 50}, {"web": 0.9, "audio": 0.1})` is `{"web": 450, "audio": 50}`. A lane without items
    does not hold the others back.
    """
    present = {lane: n for lane, n in counts.items() if n and lane in weights}
    if not present:
        return dict(counts)
    total = min(n / weights[lane] for lane, n in present.items())
    # The small margin keeps 0.1 * 500 at 50 where binary fractions give 49.999.
    return {lane: min(n, int(total * weights[lane] + 1e-9)) if lane in weights else n for lane, n in counts.items()}


def over_quota(item_ids: pa.Array, quota: int, seed: int) -> np.ndarray:
    """bool[n]: the items to leave out, chosen by a fixed number per item, whatever the order of the rows."""
    order = np.argsort(unit("mix", seed, item_ids), kind="stable")
    left_out = np.zeros(len(item_ids), dtype=bool)
    left_out[order[quota:]] = True
    return left_out


def splits(cluster_ids: pa.Array, *, validation: float, test: float, seed: int) -> np.ndarray:
    """Split value of each item: all items of a cluster of similar ones go to the same split.

    Args:
        cluster_ids: the smallest item id of each item's cluster of verified edges; its own id where it stands alone.
        validation: expected share of clusters held out for validation, 0..1.
        test: likewise for the test split.
        seed: another seed, another choice.

    Returns:
        object[n] of `train`, `validation`, `test`.
    """
    place = unit("holdout", seed, cluster_ids)
    found = np.full(len(cluster_ids), Split.TRAIN.value, dtype=object)
    found[place < validation + test] = Split.TEST.value
    found[place < validation] = Split.VALIDATION.value
    return found


def keep_splits(
    split: np.ndarray, item_ids: pa.Array, components: pa.RecordBatch | pa.Table, published: pa.Table
) -> np.ndarray:
    """The split of each item once those that earlier releases published keep theirs.

    A new item of a cluster of which any item was published goes where that one is, and into the hold-out rather than to train: it is like what
    is measured on. So a cluster lies in two splits only where two that were published apart have grown together.

    Args:
        split: object[n] from `splits`.
        item_ids: the items, in the same order.
        components: item_id and cluster_id of all items of the lane, those that are not published included.
        published: item_id and split of what earlier releases hold.
    """
    strictness = pa.array([Split.TRAIN.value, Split.VALIDATION.value, Split.TEST.value])
    ids, clusters = (components.column(name) for name in ("item_id", "cluster_id"))
    ids, clusters = (c.combine_chunks() if isinstance(c, pa.ChunkedArray) else c for c in (ids, clusters))
    level = pc.index_in(published.column("split"), value_set=strictness)
    at = pc.index_in(published.column("item_id"), value_set=ids)
    held = (
        pa.table({"cluster_id": clusters.take(at), "level": level}).group_by("cluster_id").aggregate([("level", "max")])
    )
    own = level.take(pc.index_in(item_ids, value_set=published.column("item_id").combine_chunks()))
    cluster = clusters.take(pc.index_in(item_ids, value_set=ids))
    shared = held.column("level_max").take(pc.index_in(cluster, value_set=held.column("cluster_id").combine_chunks()))
    kept = strictness.take(pc.coalesce(own, shared).combine_chunks())
    found: np.ndarray = pc.coalesce(kept, pa.array(split, pa.string())).to_numpy(zero_copy_only=False)
    return found


def decide(item_ids: pa.Array, quota: int, seed: int) -> pa.Table:
    """A drop decision (`over_quota`, stage "mix") for each item the mix leaves out; no rows where all fit."""
    out = item_ids.filter(pa.array(over_quota(item_ids, quota, seed)))
    found = decisions(out, "mix")
    found.set(
        np.ones(len(out), dtype=bool),
        Verdict.DROP,
        Reason.OVER_QUOTA,
        signal="items",
        value=float(len(item_ids)),
        threshold=float(quota),
    )
    return pa.Table.from_batches([found.batch()])
