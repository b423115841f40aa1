"""`headwater whatif` over a run of so many texts, in this process. `python -m tests.benchmarks.whatif --docs 100000`

With `--folder DIR` the texts and the site stay there, and the next time are found.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.audit.open import Ledger
from pipelines.late.whatif import whatif
from pipelines.recipe import loads
from pipelines.run import run
from tests.benchmarks import bench
from tests.conftest import RECIPE, site_at

ASKED = {
    "a rule that takes more away": ["quality.gopher.min_words=150"],
    "a rule that lets more through": ["quality.gopher.min_words=20"],
    "a rule of another number for nothing": ["quality.gopher.max_words=90000"],
    "dedup, upward": ["dedup.text.threshold=0.9"],
    "another policy": ["policy=permissive"],
}


def main(given: Sequence[str] | None = None) -> None:
    """Print how long each question takes, from opening the ledger to the answer."""
    asked = bench.arguments(
        __doc__ or "", 5000, given, folder="where the texts and the site are kept; else a temporary one"
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(asked.folder or temporary)
        if not (folder / "texts.parquet").exists():
            texts = bench.items(asked.docs, asked.seed).column("text")
            ids = [str(n) for n in range(len(texts))]
            folder.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.table({"id": ids, "text": texts}), folder / "texts.parquet")
        recipe = RECIPE.format(more="").replace("*.warc.gz", "texts.parquet")
        site = site_at(folder / "site", workers=2)
        run(loads(recipe, base=folder), site)
        size = (folder / "texts.parquet").stat().st_size / 1e6
        found = []
        for what, changes in ASKED.items():
            timing, answer = bench.timed(
                what, lambda changes=changes: whatif(Ledger.open(site.store), changes), docs=asked.docs, megabytes=size,
                repeat=asked.repeat,
            )  # fmt: skip
            print(
                f"{what}: {answer.gained.items} come back, {answer.lost.items} go, {answer.other_witness} other witnesses"
            )
            found.append(timing)
    bench.report(f"what if, over {asked.docs} texts", found, is_json=asked.json)


if __name__ == "__main__":
    main()
