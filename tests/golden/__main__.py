"""`python -m tests.golden`: writes counts.json anew, of the demo, and of the shared real data where it lies beside the checkout.

Refuses counts that changed although no stage up to them has another version.
"""

import json
import sys
import tempfile
import warnings
from pathlib import Path

from pipelines.audit.open import Ledger
from pipelines.demo import demo_site
from pipelines.recipe import SHIPPED, load, loads
from pipelines.run import run
from tests.conftest import site_at
from tests.golden.table import FILE, Table, complaints, pinned, table
from tests.test_five_lanes import DATA, RECIPE


def demo(folder: Path) -> Table:
    with warnings.catch_warnings(), demo_site(load("demo"), site_at(folder)) as (recipe, site):
        warnings.simplefilter("ignore", ResourceWarning)
        run(recipe, site)
        return table(Ledger.open(site.store), (SHIPPED / "demo.toml").read_text("utf-8"))


def shared(folder: Path) -> Table:
    (folder / "data").symlink_to(DATA)
    site = site_at(folder / "site")
    run(loads(RECIPE, base=folder), site)
    return table(Ledger.open(site.store), RECIPE)


def main() -> int:
    made = {}
    for name, make in (("demo", demo), ("shared", shared)):
        if name == "shared" and not DATA.is_dir():
            made[name] = pinned(name)
            print(f"shared: {DATA} is not there; its counts stay as they were")
            continue
        with tempfile.TemporaryDirectory() as folder:
            made[name] = make(Path(folder))
    found = [f"{name}: {text}" for name, now in made.items() if now for text in complaints(pinned(name), now)]
    print("\n".join(found) or "nothing changed")
    if any("NOT VERSIONED" in text for text in found):
        print(f"{FILE} was not written")
        return 1
    FILE.write_text(json.dumps(made, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
