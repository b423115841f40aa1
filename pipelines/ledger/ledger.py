"""Committing a run: its tables must balance, then one commit makes them visible."""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from pipelines.balance import balance, check
from pipelines.ledger.captures import apart
from pipelines.ledger.commit import Commit
from pipelines.ledger.database import Database
from pipelines.ledger.log import Log
from pipelines.ledger.training import carried, stands_on
from pipelines.store import Part, Store
from schemas.errors import CommitConflict, LedgerError
from schemas.run import Balance


def commit_run(
    store: Store, run_row: pa.Table, parts: Mapping[str, Sequence[Part]], expected_roots: pa.Array, *, note: str = ""
) -> Balance:
    """The balance of a run, now committed: every file it stands on is visible, in all tables at once.

    Committing the same run again changes nothing.

    Args:
        store: where the parts lie and the log goes.
        run_row: the run's one row in the schema RUN.
        parts: every file the run stands on, by table, reused ones too; the run's own row is added if it is missing.
        expected_roots: ids of the root items that the captures must have given, computed from the captures alone.
        note: a sentence for the log.

    Raises:
        BalanceError: the accounts do not add up; nothing was committed.
        LedgerError: a part is not in the store.
        CommitConflict: other writers were faster, again and again; or a takedown came that took out what this run publishes.
    """
    (row,) = run_row.to_pylist()
    named = apart(store, parts)
    if "run" not in named:
        named["run"] = [store.publish("run", run_row)]
    files = [part for found in named.values() for part in found]
    for part in files:
        if not store.exists(part.path):
            raise LedgerError(f"run {row['run']}: {part.path} is not in store {store.root}; run the recipe again")
    with Database(store, files) as db:
        found = check(db, expected_roots)

    def of_head(head: Commit | None) -> list[Part]:
        taken = list(carried(store, head))
        _check_taken_out(store, row["run"], named.get("placement", ()), taken)
        return taken

    Log(store).append(
        row["run"],
        row["recipe_digest"].hex(),
        files,
        of_head=of_head,
        note=note,
        time=row["ended_at"],
    )
    return found


def _check_taken_out(store: Store, run: str, placements: Sequence[Part], register: Sequence[Part]) -> None:
    """Nothing, unless the run publishes what a request took out; what was past its retention may be obtained again. Raises CommitConflict."""
    if not any(part.table == "request_match" for part in register):
        return
    with Database(store, [*placements, *register]) as db:
        rows = db.rows(
            "SELECT DISTINCT request FROM request_match JOIN placement USING (item_id)"
            " WHERE request NOT IN (SELECT request FROM request WHERE scope_kind = 'expired') ORDER BY request"
        )
    if rows:
        names = ", ".join(row["request"] for row in rows)
        raise CommitConflict(
            f"run {run} publishes what request {names} took out while it ran; nothing was committed: run it again"
        )


def head_run(store: Store, run: str) -> Balance | None:
    """The balance of `run` where it is the last one committed (training may lie on top); None where it is not. Raises ChainBroken."""
    head = Log(store).head()
    if head is None or not stands_on(store, head, run):
        return None
    with Database(store, head.files) as db:
        return balance(db)
