"""The commit of a takedown: everything its run stands on, with what goes withdrawn, and the files whose bytes may be gone."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.balance import check
from pipelines.ledger.commit import Commit, Erased
from pipelines.ledger.database import Database
from pipelines.ledger.log import Log
from pipelines.ledger.training import is_carried
from pipelines.store import Part, Store
from pipelines.takedown import holdings
from pipelines.takedown.gone import STAGE
from pipelines.takedown.plan import Plan
from pipelines.takedown.register import find_request, requests, stepped
from pipelines.takedown.work import Work
from schemas.decision import DECISION, DISPOSITION, State, Verdict
from schemas.item import ID
from schemas.reasons import Reason
from schemas.request import REQUEST, REQUEST_MATCH, Status
from schemas.run import HOLDING, RUN

Row = dict[str, Any]


def commit(store: Store, work: Work, rows: Sequence[Row]) -> Commit:
    """The commit that says that what goes is withdrawn. `rows`: of HOLDING, what was cleared and what remains.

    Raises:
        CommitConflict: another commit came while this was being taken down; run it again.
        BalanceError: the accounts do not add up; nothing was committed.
    """
    files = _files(store, work, rows)
    with Database(store, work.plan.head.files) as db:
        roots = db.table("SELECT DISTINCT item_id FROM item WHERE parent_id IS NULL ORDER BY item_id")
    with Database(store, files) as db:
        check(db, roots.column("item_id").combine_chunks().cast(ID))
    return Log(store).append(
        work.run, None, files, note=f"takedown under request {work.plan.request}", time=work.at, replaces=_erased(store, work),
        after=work.plan.head,
    )  # fmt: skip


def _files(store: Store, work: Work, rows: Sequence[Row]) -> list[Part]:
    """The files of the head, those of them in new form that something goes from, and the new ones."""
    before: dict[str, list[Part]] = {}
    for part in work.plan.head.files:
        before.setdefault(part.table, []).append(work.swept.parts.get(part.path, part))
    dispositions, holding = before.get("disposition", []), before.get("holding", [])
    tables: dict[str, list[pa.Table]] = {
        "decision": [_decisions(store, dispositions, work)],
        "disposition": [_withdrawn(store.read_part(part), work) for part in dispositions],
        "request_match": [_matches(work)],
        "suppression": [work.suppression],
        "run": [_run(store, before["run"], work)],
        "holding": [_held(store, holding, work), pa.Table.from_pylist(list(rows), schema=HOLDING)],
    }
    after = before | {
        "disposition": [], "run": [], "request": [work.register], "holding": [one for one in holding if is_carried(store, one)],
    }  # fmt: skip
    if work.release is not None:
        after |= {"release": [], "shard": [], "placement": []}
        tables |= {name: [table] for name, table in work.release.tables.items()}
    for name, new in tables.items():
        after.setdefault(name, []).extend(store.publish(name, table) for table in new if table.num_rows)
    return [part for parts in after.values() for part in parts if part.rows]


def _erased(store: Store, work: Work) -> list[Erased]:
    """The files of earlier commits whose bytes go."""
    listed = {part.path: part for commit in Log(store).commits() for part in commit.files}
    replaced = {old: new.path for old, new in work.swept.parts.items()}
    replaced |= {part.path: work.register.path for part in work.old_registers}
    return [
        Erased(path=path, sha256=listed[path].sha256, by=new)
        for path, new in sorted(replaced.items())
        if path in listed and path != new
    ]


def _held(store: Store, parts: Sequence[Part], work: Work) -> pa.Table:
    """What is held after the takedown, at its new places."""
    new: dict[str, str | None] = {old: cut.new for old, cut in work.gone.cuts.items()}
    new |= {old: part.path for old, part in work.swept.parts.items()}
    new |= dict.fromkeys(work.swept.folders)
    if work.release is not None and work.old_release:
        new[f"releases/{work.old_release}"] = work.release.path
    held_now = [row for part in parts if not is_carried(store, part) for row in store.read_part(part).to_pylist()]
    unique = {row["store"]: row for row in holdings.moved(held_now, new)}
    return pa.Table.from_pylist([unique[path] for path in sorted(unique)], schema=HOLDING)


def _decisions(store: Store, parts: Sequence[Part], work: Work) -> pa.Table:
    """One decision for every item of the last run that goes."""
    rows = [
        {
            "item_id": item, "stage": STAGE, "verdict": Verdict.DROP.value, "reason": Reason.TAKEN_DOWN.value,
            "detail": f"request {work.plan.request}: {work.plan.closure.items[item].link}",
        }
        for part in parts
        for item, state in zip(*(store.read_part(part).column(name).to_pylist() for name in ("item_id", "state")), strict=True)
        if item in work.gone.items and state not in (State.SPLIT.value, State.WITHDRAWN.value)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=DECISION).sort_by("item_id")


def _withdrawn(table: pa.Table, work: Work) -> pa.Table:
    """The dispositions: what goes is withdrawn, but for roots that were split, whose children are."""
    is_gone = pc.and_(
        pc.is_in(table.column("item_id"), value_set=work.gone.item_ids),
        pc.invert(pc.is_in(table.column("state"), value_set=pa.array([State.SPLIT.value, State.WITHDRAWN.value]))),
    )
    ends = {"state": State.WITHDRAWN.value, "stage": STAGE, "reason": Reason.TAKEN_DOWN.value, "successor_id": None}
    columns = [
        pc.if_else(is_gone, pa.scalar(ends[field.name], field.type), table.column(field.name))
        if field.name in ends
        else table.column(field.name)
        for field in DISPOSITION
    ]
    return pa.Table.from_arrays(columns, schema=DISPOSITION)


def _run(store: Store, parts: Sequence[Part], work: Work) -> pa.Table:
    """The run row of the takedown: that of the run it stands on, with another name, time and release."""
    (row,) = {json.dumps(one, default=str): one for part in parts for one in store.read_part(part).to_pylist()}.values()
    own = {"run": work.run, "started_at": work.at, "ended_at": work.at, "release": work.release_after}
    return pa.Table.from_pylist([row | own], schema=RUN)


def register_after(plan: Plan, *, at: datetime, by: str | None) -> pa.Table:
    """The whole register with the plan's request done, and without what was asked for in any of its steps."""
    store = plan.read.store
    rows = pa.concat_tables(
        [
            REQUEST.empty_table(),
            *(store.read_part(part).cast(REQUEST) for part in plan.parts if part.table == "request"),
        ]
    ).to_pylist()
    with Database(store, [part for part in plan.head.files if part.table == "request"]) as db:
        before = find_request(requests(db), plan.request)
    if before is None:
        before = {
            "request": plan.request, "revision": 0, "status": Status.ACCEPTED.value, "at": at, "received_at": at, "due_at": at,
            "channel": "headwater forget", "scope_kind": plan.scope.value if plan.scope else "expired", "by": by,
        }  # fmt: skip
        rows.append(before)
    rows.append(stepped(before, Status.DONE, at=at, by=by))
    for row in rows:
        if row["request"] == plan.request:
            row["scope_value"] = None
    unique = {(row["request"], row["revision"]): row for row in rows}
    return pa.Table.from_pylist([unique[one] for one in sorted(unique)], schema=REQUEST)


def _matches(work: Work) -> pa.Table:
    """A row for every item that goes and every place it lay at."""
    plan = work.plan
    with Database(plan.read.store, plan.parts) as db:
        places = db.rows(
            "SELECT DISTINCT item_id, release, shard_id FROM placement WHERE item_id IN (SELECT unnest(?::BLOB[]))",
            [list(work.gone.items)],
        )
    by_item: dict[bytes, list[Row]] = {}
    for place in places:
        by_item.setdefault(place["item_id"], []).append(place)
    replaced = work.release.replaced if work.release is not None else {}
    rows = [
        {
            "request": plan.request, "item_id": row["item_id"], "why": row["link"], "similarity": row["similarity"],
            "release": place.get("release"), "shard_id": place.get("shard_id"), "new_shard_id": replaced.get(place.get("shard_id", b"")), "done_at": work.at,
        }
        for row in plan.items
        for place in by_item.get(row["item_id"], [{}])
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=REQUEST_MATCH).sort_by("item_id")
