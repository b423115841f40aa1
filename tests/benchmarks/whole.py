"""The whole text pass, archive to release, and beside it the bare kernels of a floor.

    python -m tests.benchmarks.whole --floor DIR

The floor (`tests.benchmarks.floor`) does without evidence, ledger, receipts or protection from what it reads.
"""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pipelines.run import run
from tests.benchmarks import bench
from tests.benchmarks.floor import module_of, of_pages, page_bodies
from tests.conftest import recipe_over, site_at


def main(given: Sequence[str] | None = None) -> None:
    """Print the figures."""
    asked = bench.arguments(
        (__doc__ or "").partition("\n")[0],
        4000,
        given,
        floor="folder that holds floor.py",
        corpus="a WARC file of pages of your own",
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if asked.corpus:
            paths = [Path(shutil.copy(asked.corpus, folder))]
        else:
            paths = bench.warc(folder, asked.docs, asked.seed)
        bodies = page_bodies(paths)
        whole = {"docs": len(bodies), "megabytes": sum(map(len, bodies)) / 1e6}
        found = []
        run(recipe_over(folder), site_at(folder / "warm"))
        for workers in (1, 2):
            sites = iter([site_at(folder / f"{workers}-{i}", workers=workers) for i in range(asked.repeat)])
            found.append(
                bench.timed(
                    f"run, {workers} process{'es' * (workers > 1)}", lambda sites=sites: run(recipe_over(folder), next(sites)),
                    **whole, repeat=asked.repeat,
                )[0]
            )  # fmt: skip
        found.append(
            bench.timed(
                "run again, everything found", lambda: run(recipe_over(folder), site_at(folder / "warm")), **whole
            )[0]
        )
        if asked.floor:
            found += of_pages(module_of(Path(asked.floor) / "floor.py", folder), paths, whole, asked.repeat)
    bench.report(f"{whole['docs']} pages, {whole['megabytes']:.1f} MB", found, is_json=asked.json)


if __name__ == "__main__":
    main()
