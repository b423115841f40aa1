from pathlib import Path

import pytest

from pipelines.audit.open import Ledger
from pipelines.store import Store
from schemas.errors import NotFound


def test_last_commit_is_opened_unless_another_is_asked_for(store: Store) -> None:
    assert Ledger.open(store).commit.run == "made-1"
    assert Ledger.open(Path(store.root)).commit.run == "made-1"
    assert Ledger.open(store.root, run="made-0").commit.seq == 0
    assert Ledger.open(store, commit=0).commit.run == "made-0"


@pytest.mark.parametrize(
    ("asked", "text"), [({"run": "other"}, "has no run other"), ({"commit": 7}, "has no commit 7")]
)
def test_unknown_commit_is_an_error_that_names_the_last(store: Store, asked: dict[str, object], text: str) -> None:
    with pytest.raises(NotFound, match=f"{text}; its last is commit 1, run made-1"):
        Ledger.open(store, **asked)  # type: ignore[arg-type]


def test_store_without_a_run_is_an_error_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="holds no run yet; `headwater run RECIPE` makes one"):
        Ledger.open(tmp_path)


def test_missing_folder_is_an_error_and_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="is no folder"):
        Ledger.open(tmp_path / "typo")
    assert not (tmp_path / "typo").exists()


def test_views_are_made_only_for_the_tables_a_statement_names(store: Store) -> None:
    db = Ledger.open(store).db
    db.rows("SELECT count(*) FROM disposition")
    made = db.rows("SELECT table_name FROM information_schema.tables")
    assert [row["table_name"] for row in made] == ["disposition"]
