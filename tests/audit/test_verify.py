import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.audit.verify import verify_ledger
from pipelines.ledger.log import Log
from pipelines.store import Store
from schemas.digest import sha256
from schemas.errors import NotFound
from schemas.shard import RELEASE


@pytest.fixture
def site(store: Store, tmp_path: Path) -> Store:
    """A copy of the store of two runs, without a release of theirs."""
    shutil.copytree(store.root, tmp_path / "site")
    found = Store(root=str(tmp_path / "site"))
    head = Log(found).head()
    assert head is not None
    Log(found).append("no-release", head.recipe, [part for part in head.files if part.table != "release"])
    return found


def test_whole_store_verifies_and_is_counted(site: Store) -> None:
    counts, problems = verify_ledger(site)
    assert problems == []
    assert {name: counts[name] for name in ("commits", "orphans", "releases")} == {
        "commits": 3, "orphans": 0, "releases": 0,
    }  # fmt: skip


def test_changed_part_is_named(site: Store) -> None:
    path = next(site.list("parts/item"))
    site.put(path, b"changed")
    _, problems = verify_ledger(site)
    assert [problem["path"] for problem in problems] == [path]


def test_changed_head_is_named_though_nothing_can_be_asked(site: Store) -> None:
    path = "ledger/_log/000000000002.json"
    site.put(path, site.read(path) + b" ")
    assert [problem["path"] for problem in verify_ledger(site).problems] == [path]


def test_anchor_is_looked_for(site: Store) -> None:
    assert verify_ledger(site, anchor="ab" * 32).problems[0]["what"].startswith("holds no commit")


def test_missing_release_is_named(store: Store) -> None:
    _, problems = verify_ledger(store)
    assert [problem["path"] for problem in problems] == ["releases/made-0123456789ab"]


def test_empty_store_holds_nothing_to_verify(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="holds no run yet"):
        verify_ledger(Store(root=str(tmp_path)))


def with_release(site: Store, root: bytes) -> None:
    """A committed release without lanes, the smallest that verifies, of which the ledger says this root."""
    from pipelines.shard.release import release_files

    for name, content in release_files({}).items():
        site.put(f"releases/made-1/{name}", content)
    row = {"release": "made-1", "set_root": root, "recipe_digest": sha256(b"recipe"), "items": 0, "bytes": 0}
    part = site.publish("release", pa.Table.from_pylist([row], schema=RELEASE))
    Log(site).append("released", "ab" * 32, [part])


def test_release_of_the_head_is_read(site: Store) -> None:
    from pipelines.shard.release import release_files

    root = bytes.fromhex(json.loads(release_files({})["manifest.json"])["set_root"])
    with_release(site, root)
    counts, problems = verify_ledger(site)
    assert (counts["releases"], problems) == (1, [])
    site.put("releases/made-1/extra", b"x")
    assert [problem["path"] for problem in verify_ledger(site).problems] == ["releases/made-1/extra"]


def test_release_that_is_whole_but_not_the_committed_one_is_named(site: Store) -> None:
    with_release(site, sha256(b"another"))
    assert verify_ledger(site).problems == [
        {"path": "releases/made-1/manifest.json", "what": "is of another release than the one the ledger lists"}
    ]
