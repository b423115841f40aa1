"""A process that is killed at each step it takes in the store and started again ends as one that was let be; what is changed later is named."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from pipelines.audit.open import Ledger
from pipelines.audit.verify import verify_ledger
from pipelines.audit.where import where
from pipelines.ledger.log import Log
from pipelines.store import Store
from tests.corpus import archive
from tests.corpus.pages import pages
from tests.faults.dying import parent

COMMIT = "ledger/_log"
URL = "http://river.example/"
# What a takedown does once it is committed, in its order: where it is killed, after how many steps there.
AFTER = (
    ("takedowns/pending", 0),
    ("rooms", 0), ("rooms", 1), ("captures", 0), ("captures", 1), ("parts", 0), ("parts", 1), ("releases", 0), ("releases", 1),
    ("takedowns/", 0), ("takedowns/", 1),
)  # fmt: skip
TOPS = ("captures", "ledger", "parts", "releases", "rooms", "shards", "takedowns")


@pytest.fixture(scope="module")
def do():
    with parent() as found:
        yield found


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("killed")
    archive.write(folder / "all.warc.gz", pages()[:12])
    return folder


@pytest.fixture(scope="module")
def whole(corpus, do):
    """The site of a run that nothing disturbed. Tests read it only."""
    assert do("curate", corpus / "whole", corpus) is None
    return corpus / "whole"


def copied(site: Path, to: Path) -> Path:
    """A copy of a site: no file is ever changed in place, so that links are enough."""
    shutil.copytree(site, to, copy_function=shutil.os.link)
    return to


def contents(site: Path) -> dict[str, bytes]:
    store = Store(root=str(site))
    return {path: store.read(path) for top in TOPS for path in store.list(top)}


def kinds(site: Path, before: Mapping[str, bytes] | None = None) -> list[str]:
    """What a site holds that is not in `before`, by kind (`parts`, `rooms/web/split`, `ledger/_log`, ...), in the order of their last files."""
    depth = {"rooms": 3, "ledger": 2}
    new = [path for path in contents(site) if path not in (before or {})]
    new.sort(key=lambda path: (site / path).stat().st_mtime_ns, reverse=True)
    return list(reversed(dict.fromkeys("/".join(path.split("/")[: depth.get(path.split("/")[0], 1)]) for path in new)))


def died(do, site: Path, job: str, *args: object, at: Sequence[str], left: int = 0) -> str | None:
    """The step that the job died at; what it left is a ledger that verifies."""
    step = do(job, site, *args, at=at, left=left)
    assert Log(Store(root=str(site))).verify() == []
    return step


def test_a_run_that_is_killed_before_a_file_of_each_kind_ends_as_one_that_was_let_be(whole, corpus, do, tmp_path):
    site = tmp_path / "site"
    places = kinds(whole)
    places.insert(places.index("shards"), ".scratch")
    steps = [died(do, site, "curate", corpus, at=[place, COMMIT]) for place in places]
    assert [step for step, place in zip(steps, places, strict=True) if not step.startswith(place)] == []
    assert len(places) > 10
    assert [one for one in (site / "releases").glob("*") if not (one / "manifest.json").is_file()] == []
    assert do("curate", site, corpus) is None
    assert do("cleaned", site) is None
    assert [path for path in (site / ".scratch").iterdir() if path.name.startswith("shard-")] == []
    assert list(site.rglob("*#*")) == []
    # An undisturbed run may leave a part or two that nothing names as well.
    left = set(Log(Store(root=str(whole))).orphans())
    assert contents(site) == {path: body for path, body in contents(whole).items() if path not in left}
    assert verify_ledger(Store(root=str(site))).problems == []


@pytest.mark.parametrize(("job", "args"), [("forget", [URL]), ("expire", []), ("compacted", [])])
def test_what_is_killed_and_done_again_ends_as_if_let_be(whole, do, tmp_path, job, args):
    """Before a file of each kind until it is committed, and at the first steps of each kind after that."""
    mine, other = copied(whole, tmp_path / "killed"), copied(whole, tmp_path / "let-be")
    for site in (mine, other):
        (site / ".suppression.key").write_text("ab" * 32)
    assert do(job, other, *args) is None
    places = sorted(kinds(contents(other).keys() - contents(whole).keys()), key=lambda place: place == COMMIT)
    steps = [died(do, mine, job, *args, at=[place, COMMIT]) for place in places]
    assert None not in steps
    for place, left in AFTER if job != "compacted" else ():
        steps.append(died(do, mine, job, *args, at=[place], left=left))
        assert steps[-1] is not None, place
    assert do(job, mine, *args) is None
    assert contents(mine) == contents(other)
    assert verify_ledger(Store(root=str(mine))).problems == []


def test_a_moved_site_verifies_and_answers(whole, tmp_path):
    site = Store(root=str(whole))
    moved = Store(root=str(copied(whole, tmp_path / "elsewhere")))
    assert verify_ledger(moved).problems == []
    with Ledger.open(site) as here, Ledger.open(moved) as there:
        keys = here.db.rows("SELECT key FROM placement ORDER BY key")
        assert keys
        assert [where(there, row["key"]) for row in keys] == [where(here, row["key"]) for row in keys]


def test_a_flipped_bit_in_a_file_of_any_kind_is_named(whole, tmp_path):
    store = Store(root=str(copied(whole, tmp_path / "site")))
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
