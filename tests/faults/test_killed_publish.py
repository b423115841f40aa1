"""A run that is killed at each of its writes and started again ends as one that was let be; and what is changed later is named."""

import shutil
from dataclasses import replace

import pytest

from pipelines.audit.open import Ledger
from pipelines.audit.verify import verify_ledger
from pipelines.audit.where import where
from pipelines.ledger.log import Log
from pipelines.run import run
from pipelines.store import Store
from tests.conftest import recipe_over, site_at
from tests.corpus import archive
from tests.corpus.pages import pages

TIME = 1_800_000_000.0


class Killed(BaseException):
    """No code of ours catches it: what is under way ends here, as by a signal."""


class Mortal(Store):
    """A store whose user dies instead of making the next write, once so many were made."""

    left = 0

    def _live(self):
        if not Mortal.left:
            raise Killed
        Mortal.left -= 1

    def put(self, path, data):
        self._live()
        super().put(path, data)

    def create(self, path, *data):
        self._live()
        return super().create(path, *data)


def clock():
    return TIME


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """(recipe, site, result) of a run that nothing disturbed. Tests read it only."""
    folder = tmp_path_factory.mktemp("whole")
    archive.write(folder / "all.warc.gz", pages()[:12])
    recipe, site = recipe_over(folder), site_at(folder / "site")
    return recipe, site, run(recipe, site, clock=clock)


def test_killed_at_every_write_and_run_again_it_is_the_same_release(whole, tmp_path):
    recipe, site, expected = whole
    mortal = replace(site_at(tmp_path / "site"), store=Mortal(root=site_at(tmp_path / "site").store.root))
    deaths = 0
    while True:
        Mortal.left = 1
        try:
            result = run(recipe, mortal, clock=clock)
            break
        except Killed:
            deaths += 1
            assert deaths < 500, "the same write is made again and again: a run makes no progress"
            store = Store(root=mortal.store.root)
            assert Log(store).verify() == []
    writes = sum(1 for folder in ("parts", "rooms", "ledger") for _ in site.store.list(folder))
    assert deaths >= writes - 1
    store = Store(root=mortal.store.root)
    assert (result.release, result.balance, result.run) == (expected.release, expected.balance, expected.run)
    assert set(store.list("releases")) == set(site.store.list("releases"))
    assert verify_ledger(store).problems == []
    Log(store).clean()
    # An undisturbed run may leave a part or two that nothing names as well.
    assert set(store.list("parts")) == set(site.store.list("parts")) - set(Log(site.store).orphans())
    assert verify_ledger(store).problems == []


def test_a_moved_site_verifies_and_answers(whole, tmp_path):
    _, site, _ = whole
    shutil.copytree(site.store.root, tmp_path / "elsewhere")
    moved = Store(root=str(tmp_path / "elsewhere"))
    assert verify_ledger(moved).problems == []
    with Ledger.open(site.store) as here, Ledger.open(moved) as there:
        keys = here.db.rows("SELECT key FROM placement ORDER BY key")
        assert keys
        assert [where(there, row["key"]) for row in keys] == [where(here, row["key"]) for row in keys]


def test_a_flipped_bit_in_a_file_of_any_kind_is_named(whole, tmp_path):
    _, site, _ = whole
    shutil.copytree(site.store.root, tmp_path / "site")
    store = Store(root=str(tmp_path / "site"))
    kinds = {}
    for top in ("ledger", "parts", "rooms", "releases"):
        for path in sorted(set(store.list(top)) - set(Log(store).orphans())):
            folder, _, name = path.rpartition("/")
            kind = (
                folder.partition("/web/")[0]
                if top == "rooms"
                else folder.partition("/")[2].partition("/")[0] + name.partition(".")[2]
            )
            kinds.setdefault((top, kind, path.rpartition(".")[2]), path)
    assert len(kinds) > 20
    unnamed = []
    for path in kinds.values():
        content = store.read(path)
        store.put(path, content[:-1] + bytes([content[-1] ^ 1]))
        if not any(path.startswith(problem["path"]) for problem in verify_ledger(store).problems):
            unnamed.append(path)
        store.put(path, content)
    assert unnamed == []
    assert verify_ledger(store).problems == []
