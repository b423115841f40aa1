import pyarrow as pa
import pytest

from pipelines.accounts import check_quarantine, dispositions
from pipelines.lanes.web import WEB
from schemas.decision import DECISION, DUPLICATE
from schemas.errors import QuarantineExceeded
from schemas.item import ID


def item(n):
    return bytes([n]) * 32


def decision(n, stage, verdict, reason=None):
    return {"item_id": item(n), "stage": stage, "verdict": verdict, "reason": reason}


def settle(ids, decisions, duplicates=()):
    found = dispositions(
        WEB,
        pa.array([item(n) for n in ids], ID),
        pa.Table.from_pylist(list(decisions), schema=DECISION),
        pa.Table.from_pylist(list(duplicates), schema=DUPLICATE),
    )
    return [(row["item_id"][0], row["state"], row["stage"], row["reason"]) for row in found.to_pylist()]


def test_an_item_nobody_objects_to_is_kept():
    assert settle([1], []) == [(1, "kept", None, None)]


def test_the_first_stage_in_order_ends_an_item_whatever_the_order_of_rows():
    late = decision(1, "quality.gopher", "drop", "too_few_words")
    early = decision(1, "language", "drop", "language_not_wanted")
    assert (
        settle([1], [late, early]) == settle([1], [early, late]) == [(1, "dropped", "language", "language_not_wanted")]
    )


def test_rights_win_over_quarantine():
    broken = decision(1, "split.html", "quarantine", "not_decodable")
    barred = decision(1, "rights", "drop", "robots_disallowed")
    assert settle([1], [broken, barred]) == [(1, "dropped", "rights", "robots_disallowed")]


def test_an_edit_ends_nothing():
    assert settle([1], [decision(1, "pii.redact", "edit", "personal_data")]) == [(1, "kept", None, None)]


def test_a_merged_item_names_its_witness():
    merge = decision(2, "dedup.text", "merge", "exact_duplicate")
    pair = {"item_id": item(2), "witness_id": item(1), "method": "exact", "similarity": 1.0, "cluster_id": item(1)}
    found = dispositions(
        WEB, pa.array([item(2), item(1)], ID), pa.Table.from_pylist([merge], schema=DECISION),
        pa.Table.from_pylist([pair], schema=DUPLICATE),
    )  # fmt: skip
    assert found.column("successor_id").to_pylist() == [None, item(1)]


def test_too_many_quarantined_rows_of_one_reason_fail_the_run_and_name_the_first():
    rows = [decision(n, "split.html", "quarantine", "time_limit") for n in range(1, 31)]
    found = dispositions(
        WEB,
        pa.array([item(n) for n in range(1, 101)], ID),
        pa.Table.from_pylist(rows, schema=DECISION),
        DUPLICATE.empty_table(),
    )
    with pytest.raises(QuarantineExceeded, match=r"split\.html quarantined 30 of 100 items as time_limit .*0101"):
        check_quarantine("web", found, 0.01)
    check_quarantine("web", found, 0.3)


def test_a_few_quarantined_rows_never_fail_a_run():
    rows = [decision(n, "split.html", "quarantine", "time_limit") for n in range(1, 20)]
    ids = pa.array([item(n) for n in range(1, 20)], ID)
    check_quarantine(
        "web", dispositions(WEB, ids, pa.Table.from_pylist(rows, schema=DECISION), DUPLICATE.empty_table()), 0.01
    )
