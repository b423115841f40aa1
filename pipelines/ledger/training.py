"""Training runs in the ledger: what a run folder recorded, committed beside the release it stands on.

Later curation runs carry these rows on, so that the last commit always knows every recorded checkpoint; the register of requests too.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.ledger.commit import Commit
from pipelines.ledger.database import Database
from pipelines.ledger.log import Log
from pipelines.store import Part, Store
from schemas.errors import LedgerError, TrainingError
from schemas.run import HOLDING
from schemas.training import RECORD

# An index that compaction makes of the record: in which row of its plan a training run was fed an item, sorted by item.
FED = "fed"
KINDS = ("training",)  # of HOLDING: derivatives of items that a run folder holds
REGISTER = (
    "request",
    "request_match",
    "suppression",
)  # what people asked for stands for ever, whichever run comes next


def commit_training(store: Store, folder: Path) -> Commit:
    """The commit that holds the record of the training run in `folder`; the head itself, where it holds it already.

    Raises:
        TrainingError: the folder holds no record.
        LedgerError: nothing was committed yet, or no release of this ledger has the run's root.
    """
    record = {name: _read(folder, name) for name in RECORD}
    (run,) = _read(folder, "training_run", base=False).to_pylist() or [None]
    head = Log(store).head()
    if run is None:
        raise TrainingError(f"{folder} holds no record of a training run; `headwater train` writes one")
    if head is None:
        raise LedgerError(f"the ledger in {store.root} holds no run yet; `headwater run RECIPE` first")
    _check_release(store, run["release_root"], folder)
    parts = [store.publish(name, table) for name, table in record.items() if table.num_rows]
    parts.append(store.publish("holding", _holding(folder)))
    if set(parts) <= set(head.files):
        return replace(head, reused=True)
    return Log(store).append(
        run["training_run"],
        None,
        parts,
        of_head=lambda head: head.files if head else (),
        note=f"training run {run['training_run']}",
        time=run["started_at"],
    )


def carried(store: Store, head: Commit | None) -> Iterator[Part]:
    """The files of training and of the register of requests that a new commit must name again."""
    for part in head.files if head else ():
        if part.table in (*RECORD, *REGISTER, FED) or (part.table == "holding" and is_carried(store, part)):
            yield part


def is_carried(store: Store, part: Part) -> bool:
    """Whether a file of HOLDING is of training or of takedowns, so that it stands beside those of any run."""
    table = store.read_part(part)
    is_told = "state" in table.column_names and table.column("state").null_count == 0
    return is_told or set(table.column("kind").to_pylist()) <= {*KINDS}


def stands_on(store: Store, head: Commit, run: str) -> bool:
    """Whether the head is this run's commit, or one of training or of the register that was laid on top of it."""
    if head.run == run:
        return True
    if not any(part.table in (*RECORD, *REGISTER) for part in head.files):
        return False
    with Database(store, [part for part in head.files if part.table == "run"]) as db:
        return run in {row["run"] for row in db.rows("SELECT run FROM run")}


def fed(store: Store, parts: Sequence[Part]) -> pa.Table | None:
    """FEEDING of every run that recorded what it consumed; None where there is none, or the parts hold it already."""
    from schemas.exposure import feedings

    runs, there = (_runs(store, parts, name) for name in ("consumption", FED))
    if runs <= there:
        return None
    return feedings({name: store.table(_of(parts, name), schema) for name, schema in RECORD.items()})


def _runs(store: Store, parts: Sequence[Part], table: str) -> set[str]:
    read = (store.read_part(part, ["training_run"]) for part in _of(parts, table))
    return {run for rows in read for run in rows.column(0).unique().to_pylist()}


def _read(folder: Path, name: str, *, base: bool = True) -> pa.Table:
    """The rows of a table that the run recorded, with `base` also those of the runs it went on from."""
    schema = RECORD[name]
    places = [folder / "record", *([folder / "base"] if base else [])]
    tables = [pq.ParquetFile(p / f"{name}.parquet").read() for p in places if (p / f"{name}.parquet").is_file()]
    return pa.concat_tables([schema.empty_table(), *(table.cast(schema) for table in tables)])


def _check_release(store: Store, root: bytes, folder: Path) -> None:
    roots: set[bytes] = set()
    for commit in Log(store).commits():
        for part in _of(commit.files, "release"):
            roots |= set(store.read_part(part, ["set_root"]).column("set_root").to_pylist())
    if root not in roots:
        raise LedgerError(
            f"{folder} was trained on a release of root {root.hex()[:16]}, which the ledger in {store.root} does not "
            "hold; name the site that made the release"
        )


def _of(parts: Iterable[Part], table: str) -> list[Part]:
    return [part for part in parts if part.table == table]


def _holding(folder: Path) -> pa.Table:
    """Everything below the run folder is made of items: tokens, documents, weights."""
    what = "tokens, codecs and weights made of the items of a release"
    return pa.Table.from_pylist([{"store": str(folder.resolve()), "kind": "training", "what": what}], schema=HOLDING)
