import pytest

from pipelines.audit.drops import By, drops
from pipelines.audit.open import Ledger
from tests.ledger.test_balance import WHOLE


def test_reasons_come_most_frequent_first_with_their_share(ledger: Ledger) -> None:
    rows = [tuple(row.values()) for row in drops(ledger).to_pylist()]
    assert rows == [
        ("web", "split", "split.html", None, 6, 6 / 15),
        ("web", "kept", None, None, 2, 2 / 15),
        ("web", "dropped", "mix", "over_quota", 1, 1 / 15),
        ("web", "dropped", "quality.gopher", "too_few_words", 1, 1 / 15),
        ("web", "dropped", "split.html", "no_text", 1, 1 / 15),
        ("web", "merged", "dedup.text", "near_duplicate", 1, 1 / 15),
        ("web", "quarantined", "capture", "archive_damaged", 1, 1 / 15),
        ("web", "quarantined", "language", "stage_failed", 1, 1 / 15),
        ("web", "withdrawn", "rights", "taken_down", 1, 1 / 15),
    ]


@pytest.mark.parametrize("by", ["reason", "stage", "source", "language"])
def test_items_add_up_to_the_balance(ledger: Ledger, by: By) -> None:
    counts = dict.fromkeys(("kept", "dropped", "merged", "split", "quarantined", "withdrawn"), 0)
    for row in drops(ledger, by).to_pylist():
        counts[row["state"]] += row["items"]
    assert counts == {state: getattr(WHOLE, state) for state in counts}


@pytest.mark.parametrize(("by", "columns"), [
    ("stage", ["lane", "state", "stage", "items", "share"]),
    ("source", ["lane", "source", "state", "stage", "reason", "items", "share"]),
    ("language", ["lane", "language", "state", "stage", "reason", "items", "share"]),
])  # fmt: skip
def test_columns_say_what_is_compared(ledger: Ledger, by: By, columns: list[str]) -> None:
    assert drops(ledger, by).column_names == columns


def test_share_is_of_all_items_of_the_language(ledger: Ledger) -> None:
    shares: dict[str, float] = {}
    for row in drops(ledger, "language").to_pylist():
        shares[row["language"]] = shares.get(row["language"], 0) + row["share"]
    assert shares == pytest.approx({"en": 1, "unknown": 1})
