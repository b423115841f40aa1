"""`headwater why` cold: a new process each time, over a run of so many pages. `python -m tests.benchmarks.why`"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pipelines.run import run
from tests.benchmarks import bench
from tests.conftest import recipe_over, site_at


def main(given: Sequence[str] | None = None) -> None:
    """Print the figures: what Python itself takes, and `why` of a kept, a merged and an unknown URL."""
    asked = bench.arguments(__doc__ or "", 2000, given)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bench.warc(folder, asked.docs, asked.seed)
        run(recipe_over(folder), site_at(folder / "site"))
        made = bench.pages(asked.docs, asked.seed)
        names = {
            "of a page": made[0].url,
            "of a near copy": made[9].url,
            "of an unknown URL": "http://nowhere.example/",
        }
        python = [sys.executable, "-c", "import duckdb, pyarrow, obstore"]
        commands = {"the interpreter and its imports alone": python}
        for what, url in names.items():
            commands[f"why {what}"] = [
                sys.executable, "-m", "pipelines.cli", "why", url, "--site", str(folder / "site"), "--json",
            ]  # fmt: skip
        found = [
            bench.timed(
                what, lambda command=command: subprocess.run(command, capture_output=True, check=False), docs=1, megabytes=0,
                repeat=asked.repeat,
            )[0]
            for what, command in commands.items()
        ]  # fmt: skip
    bench.report(f"a ledger of {asked.docs} pages", found, is_json=asked.json)


if __name__ == "__main__":
    main()
