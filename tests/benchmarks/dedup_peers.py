"""Text to verified clusters beside a floor and peers, on one corpus of archives with planted copies, in one run.

    python -m tests.benchmarks.dedup_peers --corpus DIR [--floor DIR] [--text-dedup PYTHON]

DIR holds `warc/*.warc.gz` and `truth.jsonl`: a line a page with `url`, `kind` (exact, near, ...), and for planted copies `of` and `jaccard5`.
Without `--corpus` it makes pages of its own. `--floor`: a folder with `floor.py`, as for `whole`. `--text-dedup`: an interpreter that has text-dedup.
Every step is timed by the CPU of this process and of the children that ended in it. What was removed is checked by sets of Python.
"""

import json
import re
import shutil
import subprocess
import tempfile
import unicodedata
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.dedup.duplicates import Duplicates, find_duplicates
from pipelines.dedup.signatures import RANKS
from pipelines.kernels.minhash import INVISIBLE, SINGLE, WORD, character_classes
from pipelines.lanes.web import WEB
from pipelines.verbs import show
from schemas.digest import sha256
from tests.benchmarks import bench
from tests.benchmarks.floor import arrays_of, module_of, signatures

GROUPS: tuple[tuple[str, Callable[[str, float], bool]], ...] = (
    ("exact", lambda kind, _: kind == "exact"),
    ("near, .9 and over", lambda kind, j: kind == "near" and j >= 0.9),
    ("near, .8 to .9", lambda kind, j: kind == "near" and 0.8 <= j < 0.9),
    ("near, .5 to .8", lambda kind, j: kind == "near" and 0.5 <= j < 0.8),
    ("near, under .5", lambda kind, j: kind == "near" and j < 0.5),
)
PART_ROWS = 2000


def main(given: Sequence[str] | None = None) -> None:
    """Print the figures."""
    asked = bench.arguments(
        (__doc__ or "").partition("\n")[0], 1000, given, corpus="folder with warc/ and truth.jsonl",
        floor="folder that holds floor.py", **{"text-dedup": "a Python that has text-dedup"},
    )  # fmt: skip
    urls, texts, truth = _corpus(Path(asked.corpus)) if asked.corpus else _made(asked.docs, asked.seed)
    whole = {"docs": len(texts), "megabytes": bench.megabytes(pa.array(texts)), "repeat": asked.repeat}
    _ours(texts[:50])  # loads the kernels
    timing, found = bench.timed("ours: text to verified clusters", lambda: _ours(texts), **whole)
    steps = [timing]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if asked.floor:
            steps.append(_floor(module_of(Path(asked.floor) / "floor.py", folder), texts, whole))
        steps += [bench.timed(label, partial(peer, texts), **whole | {"repeat": 1})[0] for label, peer in PEERS]
        if asked.text_dedup:
            steps.append(_text_dedup(Path(asked.text_dedup), folder, urls, texts, whole))
    told = _accuracy(urls, texts, truth, found)
    if asked.json:
        title = f"{len(texts)} texts"
        show.as_json({"title": title, "timings": [vars(step) for step in steps], "accuracy": told})
        return
    bench.report(f"{len(texts)} texts, {whole['megabytes']:.1f} MB", steps, is_json=False)
    show.table("times the CPU of ours", ("step", "times"), [(step.name, step.cpu_s / timing.cpu_s) for step in steps])
    show.table("what was removed", ("", "found", "of"), told)


def _corpus(folder: Path) -> tuple[list[str], list[str], list[dict[str, Any]]]:
    """Addresses and main texts of the pages, and the truth about them."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType
    from resiliparse.extract.html2text import extract_plain_text

    urls, texts = [], []
    for path in sorted((folder / "warc").glob("*.warc.gz")):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
                body = record.reader.read()
                if record.http_headers.status_code == 200 and record.http_content_type == "text/html":
                    text = extract_plain_text(body.decode("utf-8", "replace"), main_content=True, alt_texts=False)
                    if text:
                        urls.append(record.headers["WARC-Target-URI"])
                        texts.append(text)
    return urls, texts, [json.loads(line) for line in (folder / "truth.jsonl").read_text("utf-8").splitlines()]


def corpus_texts(folder: Path) -> list[str]:
    """The main texts of the pages in `folder`/warc."""
    return _corpus(folder)[1]


def _made(docs: int, seed: int) -> tuple[list[str], list[str], list[dict[str, Any]]]:
    texts = bench.items(docs, seed).column("text").to_pylist()
    urls = [f"made/{n}" for n in range(docs)]
    truth = []
    for n in range(bench.COPIES - 1, docs, bench.COPIES):
        a, b = (_grams(texts[at]) for at in (n, n - 1))
        truth.append({"kind": "near", "url": urls[n], "of": urls[n - 1], "jaccard5": len(a & b) / len(a | b)})
    return urls, texts, truth


def _ours(texts: list[str]) -> Duplicates:
    """The whole of dedup: signatures in parts, then candidates, exact Jaccard, election."""
    ids = [sha256(str(number).encode()) for number in range(len(texts))]
    rows = {item: row for row, item in enumerate(ids)}
    column = pa.array(texts, pa.large_string())
    tables = []
    for start in range(0, len(texts), PART_ROWS):
        mine = slice(start, start + PART_ROWS)
        n = len(ids[mine])
        quality = [float(len(text)) for text in texts[mine]]
        ranks = {"item_id": ids[mine], "rights_rank": [0] * n, "quality": quality, "fetched_at": [None] * n}
        ranked = pa.RecordBatch.from_pydict(ranks, schema=RANKS)
        told = {"item_id": ranked.column("item_id"), "source": pa.array(["bench"] * n), "text": column[mine]}
        items = pa.RecordBatch.from_pydict(told)
        tables.append(pa.Table.from_batches([WEB.dedup.sign(items, ranked)]))
    return find_duplicates(
        WEB.dedup, tables, lambda wanted: column.take(pa.array([rows[i] for i in wanted.to_pylist()]))
    )


def _floor(floor: Any, texts: list[str], whole: dict[str, Any]) -> bench.Timing:
    """Bare kernels for the same texts: shingles, MinHash, LSH and union-find, nothing verified."""

    def bare(texts: list[str]) -> int:
        return int(floor.lsh_cluster(signatures(floor, arrays_of(texts))))

    bare(texts[:50])  # compiles
    return bench.timed("floor: bare kernels, nothing verified", lambda: bare(texts), **whole)[0]


def _byte_sets(texts: list[str]) -> list[list[bytes]]:
    found = []
    for text in texts:
        words = text.lower().split()
        found.append(list({" ".join(words[i : i + 5]).encode() for i in range(max(1, len(words) - 4))}))
    return found


def _datasketch(texts: list[str], **how: Any) -> int:
    """datasketch 2.0 as its documentation has it: one MinHash a text, one LSH index, asked and then told; nothing verified."""
    from datasketch import MinHash, MinHashLSH

    index, removed = MinHashLSH(threshold=0.8, num_perm=128), 0
    for number, shingles in enumerate(_byte_sets(texts)):
        sketch = MinHash(num_perm=128, **how)
        sketch.update_batch(shingles)
        removed += bool(index.query(sketch))
        index.insert(number, sketch)
    return removed


PEERS: tuple[tuple[str, Callable[[list[str]], int]], ...] = (
    ("datasketch, its default", _datasketch),
    ("datasketch, affine32", partial(_datasketch, scheme="affine32")),
)

CONFIG = """\
[input]
input_type = "local_files"
file_type = "parquet"
[input.read_arguments]
path = "parquet"
data_files = "{folder}/texts.parquet"
split = "train"
[algorithm]
algorithm_name = "minhash"
text_column = "text"
seed = 42
batch_size = 10000
num_perm = 128
threshold = 0.8
hash_bits = 64
ngram_size = 5
num_proc = 1
check_false_positive = {check}
[output]
output_dir = "{folder}/output"
clean_cache = true
save_clusters = true
[debug]
enable_profiling = false
"""


def _text_dedup(python: Path, folder: Path, urls: list[str], texts: list[str], whole: dict[str, Any]) -> bench.Timing:
    """text-dedup's MinHash in one process, verification off, as it comes: its start counts."""
    pq.write_table(pa.table({"url": urls, "text": texts}), folder / "texts.parquet")
    (folder / "config.toml").write_text(CONFIG.format(folder=folder, check="false"))
    told = {"HF_HOME": str(folder / "hf"), "HF_DATASETS_OFFLINE": "1", "PATH": "/usr/bin:/bin", "HOME": str(folder)}

    def call() -> None:
        for made in ("hf", "output"):
            shutil.rmtree(folder / made, ignore_errors=True)
        subprocess.run([python, "-m", "text_dedup.minhash"], cwd=folder, env=told, check=True, capture_output=True)

    return bench.timed("text-dedup, MinHash, 1 process", call, **whole | {"repeat": 1})[0]


def _fives(words: Sequence[str]) -> set[tuple[str, ...]]:
    return {tuple(words[i : i + 5]) for i in range(max(1, len(words) - 4))}


def _grams(text: str) -> set[tuple[str, ...]]:
    return _fives(re.findall(r"\w+", text.lower()))


def _characters(text: str) -> set[tuple[str, ...]]:
    return _fives(re.sub(r"\W+", "", text.lower()))


def _declared(text: str) -> set[tuple[str, ...]]:
    """The stage's own shingles, by the definition in `kernels.minhash` and no kernel."""
    kinds, words, inside = character_classes(), [], ""
    for character in unicodedata.normalize("NFKD", text).lower():
        kind = kinds[ord(character)]
        if kind == INVISIBLE:
            continue
        if kind == WORD:
            inside += character
            continue
        words += [inside] if inside else []
        words += [character] if kind == SINGLE else []
        inside = ""
    return _fives([*words, inside] if inside else words)


MEASURES: tuple[tuple[str, Callable[[str], set[tuple[str, ...]]]], ...] = (
    ("the stage's own shingles", _declared),
    ("words as \\w+ cuts them", _grams),
    ("characters, marks left out", _characters),
)


def _accuracy(
    urls: list[str], texts: list[str], truth: Sequence[dict[str, Any]], found: Duplicates
) -> list[tuple[str, int, int]]:
    """How many planted pairs lost one of their two; how many removals sets of Python find under the threshold, by each measure."""
    row_of = {sha256(str(number).encode()): number for number in range(len(texts))}
    merged = {row_of[row["item_id"]]: row_of[row["witness_id"]] for row in found.duplicates.to_pylist()}
    gone, there = {urls[row] for row in merged}, set(urls)
    pairs = [(t["kind"], t.get("jaccard5", 1.0), t["url"], t["of"]) for t in truth if {t["url"], t.get("of")} <= there]
    told = []
    for name, belongs in GROUPS:
        mine = [bool({a, b} & gone) for kind, j, a, b in pairs if belongs(kind, j)]
        told.append((f"planted {name}", sum(mine), len(mine)))
    threshold = WEB.dedup.stage.number("threshold")
    for name, cut in MEASURES:
        low = 0
        for row, witness in merged.items():
            a, b = cut(texts[row]), cut(texts[witness])
            low += len(a & b) / len(a | b) < threshold
        told.append((f"removals under {threshold:g} by fives of {name}", low, len(merged)))
    return told


if __name__ == "__main__":
    pa.set_cpu_count(1)
    main()
