"""A sixth lane goes all the way, through a spine that never heard of it; its page in the docs shows the file that runs here."""

import dataclasses
import re
from collections import Counter
from pathlib import Path

import pytest

from pipelines.audit.open import Ledger
from pipelines.recipe import loads
from pipelines.run import run
from pipelines.shard.verify import verify_release
from tests.conftest import RECIPE, site_at
from tests.corpus.prose import paragraphs
from tests.lanes import notes

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "add-a-lane.md").read_text("utf-8")


def recipe_of_notes(folder):
    """A recipe of this one lane. LANES would be the place for its name; here it is set by hand."""
    recipe = loads(RECIPE.format(more=""), base=folder)
    source = dataclasses.replace(recipe.sources[0], lanes=("notes",), inputs=("notes",))
    return dataclasses.replace(recipe, lanes=(notes.NOTES,), sources=(source,))


@pytest.fixture
def written(tmp_path):
    """Two notes, a copy of one, and a list of tasks."""
    first, second = ("\n\n".join([f"# {name}", *paragraphs(name)]) for name in ("Weir", "Mill"))
    tasks = "# To do\n\n" + "\n".join(f"- [ ] mend {what}" for what in ("the gate", "the boat", "the roof", "the bell"))
    files = {"a.md": first, "b.md": second, "copy/a.md": first, "tasks.md": tasks}
    for name, text in files.items():
        path = tmp_path / "notes" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return tmp_path


def test_it_runs_to_a_release(written):
    site = site_at(written / "site")
    result = run(recipe_of_notes(written), site)
    rows = Ledger.open(site.store).db.rows("SELECT lane, state, reason FROM disposition WHERE state <> 'split'")
    assert Counter((row["lane"], row["state"], row["reason"]) for row in rows) == {
        ("notes", "kept", None): 2,
        ("notes", "merged", "exact_duplicate"): 1,
        ("notes", "dropped", "too_many_bullets"): 1,
    }
    assert result.balance.holds
    assert verify_release(site.store.local(result.release_path)).problems == ()


def test_the_page_shows_the_file_and_no_other():
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert Path(notes.__file__).read_text("utf-8") in blocks
