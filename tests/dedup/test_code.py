"""Near-duplicate source files: real versions and vendored copies, with the similarities of their tokens."""

import json
import tarfile
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipelines.dedup.code import CODE_DEDUP
from pipelines.dedup.duplicates import find_duplicates
from pipelines.dedup.signatures import RANKS
from pipelines.dedup.text import text_dedup
from pipelines.kernels.minhash import jaccard, normalise, shingles
from schemas.digest import sha256
from schemas.item import ID

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
DEDUP = text_dedup(CODE_DEDUP)


def merged(texts):
    """{merged: (witness, similarity)} among texts {name: text}."""
    names = {sha256(name.encode()): name for name in texts}
    ids = pa.array(names, ID)
    items = pa.RecordBatch.from_arrays(
        [ids, pa.array(["s"] * len(names)), pa.array(texts.values(), pa.string())], names=["item_id", "source", "text"]
    )
    order = pa.array(np.arange(len(names), 0, -1).astype(float))
    ranks = pa.RecordBatch.from_arrays(
        [ids, pa.array([0] * len(names), pa.int8()), order, pa.nulls(len(names), RANKS.field(3).type)], schema=RANKS
    )
    found = find_duplicates(
        DEDUP,
        [pa.Table.from_batches([DEDUP.sign(items, ranks)])],
        lambda asked: pa.array([texts[names[i]] for i in asked.to_pylist()]),
    )
    rows = [tuple(row.values()) for row in found.duplicates.to_pylist()]
    return {names[loser]: (names[witness], round(similarity, 3)) for loser, witness, _, similarity, _ in rows}


BODY = "\n".join(f"def f_{i}(a, b):\n    return a[{i}] + b.c{i}(x={i})\n" for i in range(12))


def test_marks_and_underscores_tell_files_apart_and_white_space_does_not():
    assert merged({"a": BODY, "spaces": BODY.replace("    ", "\t")}) == {"spaces": ("a", 1.0)}
    other = BODY.replace("[", "(").replace("]", ")").replace("+", "*").replace(".", "->")
    assert merged({"a": BODY, "b": other}) == {}
    assert merged({"a": BODY, "b": BODY.replace("f_", "f ")}) == {}


def test_short_files_are_merged_only_where_they_are_the_same():
    assert merged({"a": "import os\nimport sys\n", "b": "import os\nimport re\n", "c": "import os\nimport sys\n"}) == {
        "c": ("a", 1.0)
    }


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is absent: the pairs of Python files")
def test_every_pair_of_the_gold_and_no_other_is_near():
    """Precision and recall 1.0 at 0.8, and similarities within 0.008 of the gold's, which tells case apart."""
    with tarfile.open(SHARED / "code" / "python_packages.tar.gz") as archive:
        files = {
            m.name: archive.extractfile(m).read().decode() for m in archive if m.isfile() and m.name.endswith(".py")
        }
    files = {name: text for name, text in sorted(files.items()) if len(text.encode()) > 400}
    gold = {
        frozenset((row["a"], row["b"])): row["jaccard_tok5"]
        for row in map(json.loads, (SHARED / "neardup" / "code_pairs.jsonl").read_text().splitlines())
    }
    pairs = np.array(list(combinations(range(len(files)), 2)), np.int64)
    hashes = shingles(normalise(pa.array(files.values())), 5, punctuation=True)
    found = jaccard(hashes, *np.ascontiguousarray(pairs.T))
    names = list(files)
    expected = np.array([gold.get(frozenset((names[a], names[b])), 0.0) for a, b in pairs])
    assert (found >= 0.8).tolist() == (expected >= 0.8).tolist()
    assert np.abs(found - expected)[expected > 0].max() < 0.008
    near = {pair for pair, similarity in gold.items() if similarity >= 0.8}
    merges = merged(files)
    assert {frozenset((loser, witness)) for loser, (witness, _) in merges.items()} <= near
    assert {name for pair in near for name in pair} == {*merges, *(witness for witness, _ in merges.values())}
