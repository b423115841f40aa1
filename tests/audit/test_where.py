from pathlib import Path

import pytest

from pipelines.audit.open import Ledger
from pipelines.audit.where import where
from schemas.errors import NotFound
from schemas.item import sample_key
from tests.ledger import made


def keys(ledger: Ledger, name: str) -> list[str]:
    return [place["key"] for place in where(ledger, name)["placements"]]


def test_page_lies_where_what_was_cut_from_it_lies(ledger: Ledger) -> None:
    answer = where(ledger, made.uri("kept"))
    assert answer["commit"] == {"seq": 0, "hash": ledger.commit.hash, "run": "made-0"}
    assert {place["checkpoints"] for place in answer["placements"]} == {"unknown"}
    (place,) = answer["placements"]
    assert (place["release"], place["shard"]) == (made.RELEASE, f"releases/{made.RELEASE}/web/data/train-000000.tar")
    assert (place["item_id"], place["offset"], place["length"]) == (made.child("kept").hex(), 1536, 1536)


@pytest.mark.parametrize("page", ["short", "copy", "gone", "nowhere"])
def test_what_was_not_kept_lies_nowhere(ledger: Ledger, page: str) -> None:
    assert keys(ledger, made.uri(page)) == []


def test_split_root_lies_where_its_kept_children_lie(ledger: Ledger) -> None:
    assert keys(ledger, made.ROOTS["two"].hex()) == [sample_key(made.child("two", 1))]


def test_item_that_is_not_placed_does_not_answer_for_its_sibling(ledger: Ledger) -> None:
    assert keys(ledger, made.child("two", 0).hex()) == []


def test_file_is_found(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("two 1")
    assert keys(ledger, str(tmp_path / "text")) == [sample_key(made.child("two", 1))]


def test_unknown_name_is_not_found(ledger: Ledger) -> None:
    with pytest.raises(NotFound):
        where(ledger, "http://elsewhere.example/")
