"""The whole dedup room at several sizes: wall, CPU and peak memory, on made texts that lie in a store.

    python -m tests.benchmarks.dedup_scale --sizes 10000,50000,500000 --memory "256 MiB"

Texts have 60 words; every tenth is a near copy of the one before it (one word differs), every twentieth an exact one. Each size is made, signed and
stored by one process, and its duplicates are found by another, of which the figures are. `--docs N` is the same as `--sizes N`.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.dedup.signatures import RANKS
from pipelines.group import group
from pipelines.lanes.web import WEB
from pipelines.site import Site, load_site, size
from pipelines.store import Part
from pipelines.verbs import show
from schemas.digest import sha256
from schemas.item import ID
from tests.benchmarks import bench

WORDS, VOCABULARY, PART_ROWS = 60, 50_000, 5_000
COLUMNS = ("docs", "merged", "wall s", "CPU s", "docs / CPU s", "peak MiB", "of it at start", "spilled")


def main(given: Sequence[str] | None = None) -> None:
    """Print the figures."""
    asked = bench.arguments(
        (__doc__ or "").partition("\n")[0], 10_000, given, sizes="texts, with commas", memory="what dedup may hold (default 256 MiB)",
        measure="internal: find the duplicates of a stored size",
    )  # fmt: skip
    if asked.measure:
        return _measure(Path(asked.measure), size(asked.memory, where="--memory"))
    memory = asked.memory or "256 MiB"
    sizes = [int(one) for one in asked.sizes.split(",")] if asked.sizes else [asked.docs]
    rows = []
    for docs in sizes:
        with tempfile.TemporaryDirectory() as name:
            _make(Path(name), docs, asked.seed)
            command = [sys.executable, "-m", "tests.benchmarks.dedup_scale", "--measure", name, "--memory", memory]
            rows.append((docs, *json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)))
    if asked.json:
        show.as_json([dict(zip(COLUMNS, row, strict=True)) for row in rows])
    else:
        show.table(f"the dedup room under --memory {memory}", COLUMNS, rows)


def _make(folder: Path, docs: int, seed: int) -> None:
    """Items, captures and signatures of so many texts in the store of a site."""
    site = load_site(folder)
    parts: dict[str, list[Part]] = {"items": [], "capture": [], "signature": []}
    for texts, start in _texts(docs, seed):
        n = len(texts)
        ids = pa.array([sha256(str(start + row).encode()) for row in range(n)], ID)
        items = pa.RecordBatch.from_arrays(
            [ids, pa.array([f"s{(start + row) % 97}" for row in range(n)]), ids, texts],
            names=["item_id", "source", "capture_id", "text"],
        )
        quality = pc.utf8_length(texts).cast(pa.float64())
        ranks = pa.RecordBatch.from_arrays(
            [ids, pa.array([0] * n, pa.int8()), quality, pa.nulls(n, RANKS.field(3).type)], schema=RANKS
        )
        captures = pa.table({"capture_id": ids, "uri": pa.array([f"u{start + row}" for row in range(n)])})
        made = {"items": items, "capture": captures, "signature": WEB.dedup.sign(items, ranks)}
        for table, rows in made.items():
            parts[table].append(site.store.publish(table, rows))
    (folder / "parts.json").write_text(
        json.dumps({table: [part.path for part in found] for table, found in parts.items()})
    )


def _texts(docs: int, seed: int) -> Iterator[tuple[pa.Array, int]]:
    """The texts in parts, each with the number of its first."""
    vocabulary = pa.array([f"w{n:x}" for n in range(VOCABULARY)])
    for start in range(0, docs, PART_ROWS):
        chance = np.random.default_rng([seed, start])
        n = min(PART_ROWS, docs - start)
        words = chance.integers(0, VOCABULARY, (n, WORDS))
        copies = np.arange(9, n, 10)
        words[copies] = words[copies - 1]
        near = copies[::2]
        words[near, chance.integers(0, WORDS, len(near))] = chance.integers(0, VOCABULARY, len(near))
        lists = pa.ListArray.from_arrays(np.arange(0, n * WORDS + 1, WORDS), vocabulary.take(pa.array(words.ravel())))
        yield pc.binary_join(lists, " "), start


def _measure(folder: Path, memory: int) -> None:
    """Print merged items, wall, CPU, rate, and peak memory, as JSON."""
    site = replace(load_site(folder), memory=memory)
    paths = json.loads((folder / "parts.json").read_text())
    parts = {table: [_part(site, table, path) for path in found] for table, found in paths.items()}
    before = _peak()
    wall, cpu = time.perf_counter(), time.process_time()
    found, _ = group(site, WEB, parts["signature"], parts["items"], parts["capture"])
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    docs = len(found.components)
    spilled = (site.scratch.exists() and "yes") or "no"
    row = (len(found.duplicates), round(wall, 2), round(cpu, 2), round(docs / cpu), _peak(), before, spilled)
    print(json.dumps(row))


def _part(site: Site, table: str, path: str) -> Part:
    data = site.store.local(path)
    return Part(table=table, path=path, sha256=data.stem, rows=0, bytes=data.stat().st_size)


def _peak() -> int:
    """MiB that this process held at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


if __name__ == "__main__":
    main()
