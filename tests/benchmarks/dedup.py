"""Signatures, candidates, verification and election: documents a second in one process. `python -m tests.benchmarks.dedup`"""

from collections.abc import Sequence

import pyarrow as pa

from pipelines.dedup.duplicates import find_duplicates
from pipelines.dedup.signatures import RANKS
from pipelines.kernels import minhash
from pipelines.lanes.web import WEB
from tests.benchmarks import bench


def main(given: Sequence[str] | None = None) -> None:
    """Print the figures."""
    asked = bench.arguments(__doc__ or "", 10_000, given)
    items = bench.items(asked.docs, asked.seed)
    texts = items.column("text")
    n, size = len(items), bench.megabytes(texts)
    ranks = pa.RecordBatch.from_pydict(
        {"item_id": items.column("item_id"), "rights_rank": [0] * n, "quality": [0.0] * n, "fetched_at": [None] * n},
        schema=RANKS,
    )
    rows = {item: row for row, item in enumerate(items.column("item_id").to_pylist())}

    def load(ids: pa.Array) -> pa.Array:
        return texts.take(pa.array([rows[item] for item in ids.to_pylist()]))

    WEB.dedup.sign(items.slice(0, 10), ranks.slice(0, 10))  # loads the kernels
    whole = {"docs": n, "megabytes": size, "repeat": asked.repeat}
    normal, flat = bench.timed("normalise", lambda: minhash.normalise(texts), **whole)
    cut, shingles = bench.timed("shingles: distinct word 5-grams", lambda: minhash.shingles(flat, 5), **whole)
    sketched, _ = bench.timed("minhash, 128 permutations", lambda: minhash.minhash(shingles, 128), **whole)
    signed, signatures = bench.timed(
        "signatures: all of these, and exact digests", lambda: WEB.dedup.sign(items, ranks), **whole
    )
    tables = [pa.Table.from_batches([signatures])]
    grouped, found = bench.timed(
        "candidates, exact Jaccard, election", lambda: find_duplicates(WEB.dedup, tables, load), **whole
    )
    title = f"{n} texts, {size:.1f} MB, {len(found.duplicates)} merged"
    bench.report(title, [normal, cut, sketched, signed, grouped], is_json=asked.json)


if __name__ == "__main__":
    pa.set_cpu_count(1)
    main()
