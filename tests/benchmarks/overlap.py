"""What texts share with evaluation sets: the index, the search, and the search over texts that lie in a store.

    python -m tests.benchmarks.overlap --sets evals/ [--corpus DIR]

The last is what `headwater overlap --against NEW --release NAME` does when a set appears: it reads the stored texts again. DIR is that of
`dedup_peers`; without it pages are made, and without `--sets` the set is made of their first paragraphs.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from pipelines.dedup.overlap import Sets, known_sets, overlaps
from pipelines.dedup.sets import Entry, entries, set_files
from pipelines.site import load_site
from pipelines.store import Part, Store
from tests.benchmarks import bench
from tests.benchmarks.dedup_peers import corpus_texts

PART_ROWS, PROBLEMS = 2_000, 500


def main(given: Sequence[str] | None = None) -> None:
    """Print the figures."""
    asked = bench.arguments(
        (__doc__ or "").partition("\n")[0], 10_000, given, corpus="folder with warc/ and truth.jsonl", sets="a file or folder of evaluation sets"
    )  # fmt: skip
    texts = (
        corpus_texts(Path(asked.corpus))
        if asked.corpus
        else bench.items(asked.docs, asked.seed).column("text").to_pylist()
    )
    known = entries(set_files([asked.sets])) if asked.sets else _made(texts)
    whole = {"docs": len(texts), "megabytes": bench.megabytes(pa.array(texts)), "repeat": asked.repeat}
    own = {
        "docs": len(known),
        "megabytes": sum(len(ask) for one in known for ask in one.asks) / 1e6,
        "repeat": asked.repeat,
    }
    known_sets(known)  # compiles
    index, sets = bench.timed("index of the sets (entries)", lambda: known_sets(known), **own)
    search, _ = bench.timed("search, texts in memory", lambda: _held(sets, texts), **whole)
    with tempfile.TemporaryDirectory() as name:
        store = load_site(Path(name)).store
        parts = [
            store.publish("items", pa.table({"text": texts[start : start + PART_ROWS]}))
            for start in range(0, len(texts), PART_ROWS)
        ]
        again, _ = bench.timed("search, texts read from the store", lambda: _stored(sets, store, parts), **whole)
    bench.report(f"{len(texts)} texts against {len(known)} entries", [index, search, again], is_json=asked.json)


def _made(texts: Sequence[str]) -> tuple[Entry, ...]:
    return tuple(
        Entry(set="made", item=n, asks=(text.partition("\n\n")[0],)) for n, text in enumerate(texts[:PROBLEMS])
    )


def _held(sets: Sets, texts: Sequence[str]) -> int:
    return sum(bool(hits) for hits in overlaps(sets, texts))


def _stored(sets: Sets, store: Store, parts: Sequence[Part]) -> int:
    return sum(_held(sets, store.read_part(part, ["text"]).column("text").to_pylist()) for part in parts)


if __name__ == "__main__":
    pa.set_cpu_count(1)
    main()
