"""Compaction: other files, the same answers."""

import pytest

from pipelines.audit.open import Ledger
from pipelines.audit.questions import QUESTIONS
from pipelines.ledger.compact import LEFT_OUT, ORDER, compact, is_compacted
from pipelines.ledger.ledger import commit_run, head_run
from pipelines.ledger.log import Log
from pipelines.ledger.training import FED
from pipelines.store import Store
from schemas.errors import CommitConflict, NotFound
from schemas.exposure import FEEDING
from schemas.tables import TABLES
from tests.ledger import made

VALUES = {"site": made.HOST, "name": made.uri("kept"), "release": made.RELEASE}


@pytest.fixture
def store(tmp_path):
    """A run whose tables lie in a file a row, one item's row twice."""
    found = Store(root=str(tmp_path / "site"))
    parts = {
        name: [found.publish(name, table.slice(at, 1)) for at in range(table.num_rows)]
        for name, table in made.tables().items()
    }
    parts["item"].append(found.publish("item", made.tables()["item"].slice(0, 2)))
    commit_run(found, made.run_row("made-0"), parts, made.expected())
    return found


def test_answers_are_the_same_and_so_are_those_of_the_commit_before(store):
    def told(ledger):
        why = {page: ledger.why(made.uri(page)) for page in made.PAGES}
        for one in why.values():
            del one["commit"]
        return why, {
            one.name: ledger.ask(one.name, *(VALUES[name] for name in one.takes)).to_pylist() for one in QUESTIONS
        }

    before = told(Ledger.open(store))
    commit = compact(store)
    assert (commit.seq, commit.run, is_compacted(commit)) == (1, "made-0", True)
    assert told(Ledger.open(store)) == before
    assert told(Ledger.open(store, commit=0)) == before
    assert Log(store).verify() == []


def test_each_table_is_one_sorted_file_and_is_not_written_twice(store):
    commit = compact(store)
    for name, (order, _) in ORDER.items():
        parts = [part for part in commit.files if part.table == name]
        if name in made.ROWS:
            (part,) = parts
            table = store.read_part(part)
            assert table.equals(table.sort_by([(column, "ascending") for column in order]))
    assert compact(store).reused


def test_every_table_is_sorted_or_left_out_on_purpose():
    assert {*ORDER} - {FED} | LEFT_OUT == {*TABLES}
    assert not LEFT_OUT & {*ORDER}
    for name, (order, by) in ORDER.items():
        schema = FEEDING if name == FED else TABLES[name]
        assert {*order, *by} <= {*schema.names}


def test_the_run_stays_the_last_one(store):
    before = head_run(store, "made-0")
    compact(store)
    assert head_run(store, "made-0") == before


def test_what_was_made_of_an_older_head_is_not_committed(store):
    head = Log(store).head()
    Log(store).append("faster", None, head.files)
    with pytest.raises(CommitConflict, match="commit 0 is not the last one any more"):
        Log(store).append("made-0", None, head.files, after=head)


def test_nothing_to_compact_is_said(tmp_path):
    with pytest.raises(NotFound, match="nothing to compact"):
        compact(Store(root=str(tmp_path)))
