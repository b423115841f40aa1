"""Repeated spans: documents a second in one process, and its peak memory. `python -m tests.benchmarks.spans`"""

import random
import resource
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.dedup.cut import cut_items
from pipelines.dedup.duplicates import find_duplicates
from pipelines.dedup.prints import span_prints
from pipelines.dedup.spans import DEDUP_SPANS, find_repeats
from pipelines.lanes.web import WEB
from schemas.item import ID
from tests.benchmarks import bench
from tests.benchmarks.dedup_peers import corpus_texts
from tests.corpus.prose import paragraphs

NOTICES = 100  # of 60 to 90 words; each text of two holds one


def made(docs: int, seed: int) -> pa.RecordBatch:
    """Texts of 100 to 300 words, every other with one of the notices, as items of the web lane."""
    chance = random.Random(seed)
    words = " ".join(paragraphs("words", 40, 5)).split()
    notices = [" ".join(chance.choices(words, k=chance.randint(60, 90))) for _ in range(NOTICES)]
    texts = []
    for number in range(docs):
        text = " ".join(chance.choices(words, k=chance.randint(100, 300)))
        texts.append(f"{text}\n\n{chance.choice(notices)}" if number % 2 else text)
    return bench.items_of(texts)


def main(given: Sequence[str] | None = None) -> None:
    """Print the figures."""
    told = "DIR of the corpus of dedup_peers, whose duplicates are merged first; without it, texts are made"
    asked = bench.arguments(__doc__ or "", 10_000, given, corpus=told)
    items = bench.items_of(corpus_texts(Path(asked.corpus))) if asked.corpus else made(asked.docs, asked.seed)
    texts, ids, ranks = items.column("text"), items.column("item_id"), bench.ranks(items)
    rows = {item: row for row, item in enumerate(ids.to_pylist())}

    def load(wanted: pa.Array) -> pa.Array:
        return texts.take(pa.array([rows[item] for item in wanted.to_pylist()]))

    way = DEDUP_SPANS.override({"on": True, "max_removed_share": 1.0}, where="benchmark")
    span_prints(way, items.slice(0, 2), ranks.slice(0, 2))  # loads the kernels
    find_repeats(way, [], pa.array([], ID), load)
    merged = pa.array([], ID)
    if asked.corpus:
        signed = [pa.Table.from_batches([WEB.dedup.sign(items, ranks)])]
        merged = find_duplicates(WEB.dedup, signed, load).duplicates.column("item_id")
    kept = ids.filter(pc.invert(pc.is_in(ids, value_set=merged)))
    whole = {"docs": len(items), "megabytes": bench.megabytes(texts), "repeat": asked.repeat}
    signed_in, prints = bench.timed("prints", lambda: span_prints(way, items, ranks), **whole)
    table = pa.Table.from_batches([prints])
    found_in, found = bench.timed("shared places, election", lambda: find_repeats(way, [table], kept, load), **whole)
    cut_in, _ = bench.timed("cuts and receipts", lambda: cut_items(way, items, found.cuts, found.left), **whole)
    lost = pc.sum(pc.subtract(found.left.column("words"), found.left.column("words_left"))).as_py() or 0
    title = (
        f"{len(items)} texts, {whole['megabytes']:.1f} MB, {lost} words in {len(found.spans)} spans of {len(found.left)} texts, "
        f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB"
    )
    bench.report(title, [signed_in, found_in, cut_in], is_json=asked.json)


if __name__ == "__main__":
    pa.set_cpu_count(1)
    main()
