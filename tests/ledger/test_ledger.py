from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.ledger.ledger import commit_run, head_run
from pipelines.ledger.log import Log
from pipelines.store import Store
from schemas.errors import BalanceError, CommitConflict, LedgerError
from schemas.request import REQUEST_MATCH
from tests.ledger import made
from tests.ledger.test_balance import WHOLE


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(root=str(tmp_path / "site"))


def committed(store: Store, name: str = "made-1") -> None:
    commit_run(store, made.run_row(name), made.publish(store, made.tables()), made.expected())


def test_run_that_balances_is_committed_with_every_file(store: Store) -> None:
    parts = made.publish(store, made.tables())
    assert commit_run(store, made.run_row(), parts, made.expected(), note="by hand") == WHOLE
    head = Log(store).head()
    assert head is not None
    assert (head.seq, head.run, head.note, head.time) == (0, "made-1", "by hand", made.FETCHED)
    assert {part.table for part in head.files} == {*parts, "run"}


def test_run_that_does_not_balance_leaves_the_head(store: Store) -> None:
    committed(store)
    lost = made.changed("disposition", without={"item_id": made.child("short")})
    with pytest.raises(BalanceError, match="nothing was committed"):
        commit_run(store, made.run_row("made-2"), made.publish(store, lost), made.expected())
    head = Log(store).head()
    assert head is not None
    assert head.run == "made-1"


def test_root_that_no_capture_explains_is_refused(store: Store) -> None:
    with pytest.raises(BalanceError, match="8 root items are of no capture that a lane accepted"):
        commit_run(store, made.run_row(), made.publish(store, made.tables()), pa.array([], pa.binary(32)))


def test_part_that_is_not_in_the_store_is_refused(store: Store) -> None:
    parts = made.publish(store, made.tables())
    store.delete(parts["decision"][0].path)
    with pytest.raises(LedgerError, match=r"made-1: parts/decision/\w+.parquet is not in store"):
        commit_run(store, made.run_row(), parts, made.expected())


def test_run_that_publishes_what_was_taken_out_while_it_ran_is_refused(store: Store) -> None:
    committed(store)
    row = {"request": "R-1", "item_id": made.KEPT[0], "why": "named", "done_at": made.FETCHED}
    match = store.publish("request_match", pa.Table.from_pylist([row], schema=REQUEST_MATCH))
    Log(store).append("takedown-R-1", None, [match], of_head=lambda head: head.files if head else ())
    with pytest.raises(CommitConflict, match="request R-1 took out"):
        committed(store, "made-2")
    head = Log(store).head()
    assert head is not None
    assert head.run == "takedown-R-1"


def test_balance_of_the_head_is_found_by_its_run(store: Store) -> None:
    assert head_run(store, "made-1") is None
    committed(store)
    assert head_run(store, "made-1") == WHOLE
    committed(store, "made-2")
    assert head_run(store, "made-1") is None
