"""Taking out, in an order that a kill at any step leaves right: new files first, one commit, and only then the old ones go.

    suppress -> cut captured bytes -> rewrite parts and receipts -> new release, scanned -> commit -> delete -> report

Whoever was killed before the commit runs it again and finds what was written; after it, the next takedown deletes what is left.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.balance import check
from pipelines.capture.block import Guard
from pipelines.ledger.database import Database
from pipelines.ledger.log import Commit, Erased, Log
from pipelines.ledger.training import is_carried
from pipelines.payload import payload_bytes
from pipelines.site import Site
from pipelines.store import Part, Store
from pipelines.suppression import key_of, suppression_rows, url_form
from pipelines.takedown import holdings
from pipelines.takedown.bytes import cuts
from pipelines.takedown.gone import Gone
from pipelines.takedown.plan import Plan, one_release
from pipelines.takedown.proof import scan
from pipelines.takedown.register import find_request, requests, stepped
from pipelines.takedown.release import Rewritten, held, release_folder, rewritten
from pipelines.takedown.sweep import Swept, delete_folder, delete_receipts, sweep
from schemas.decision import DECISION, DISPOSITION, State, Verdict
from schemas.errors import CommitConflict, InputError, LedgerError, SourceError
from schemas.item import ID
from schemas.reasons import Reason
from schemas.request import REQUEST, REQUEST_MATCH, Scope, Status
from schemas.run import HOLDING, RUN

STAGE = "takedown"
REPORTS = "takedowns"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """Everything a commit is made of."""

    plan: Plan
    gone: Gone
    swept: Swept
    release: Rewritten | None  # null: the head's release holds nothing of it
    old_release: str | None
    olds: tuple[str, ...]  # releases that go
    kept: tuple[str, ...]  # releases that hold some of it and stay


def apply(site: Site, plan: Plan, *, at: datetime, keep_old: bool = False, by: str | None = None) -> Row:
    """The report of a takedown, now done. `at`: of the commit. `keep_old`: leave earlier releases that hold some of it.

    Raises:
        SiteError: the key of the suppression list is missing.
        InputError: the request was not accepted.
        LedgerError: the new release holds something of what was to go, or another commit came between: run it again.
        BalanceError: the accounts do not add up; nothing was committed.
    """
    store = site.store
    _check_request(plan)
    key = key_of(site)
    texts = tuple(plan.read.texts(plan.closure.items).values())
    values = _suppressed(site, plan)
    converted = [place for place in plan.read.places(plan.closure.items) if place["uri"].startswith("parts/")]
    found = cuts(store, [*(row["payload"] for row in plan.captures if row["payload"]), *converted], plan.containers)
    gone = Gone(
        plan.request, frozenset(plan.closure.items), frozenset(row["capture_id"] for row in plan.captures),
        frozenset(one for one, why in plan.closure.captures.items() if why.link == "holds_words"),
        frozenset(row["uri"] for row in plan.captures if row["uri"]), plan.subjects, found,
    )  # fmt: skip
    swept = sweep(store, gone)
    work = _released(site, plan, gone, swept, keep_old=keep_old)
    current = work.release.name if work.release else work.old_release
    told = scan(release_folder(store, current), gone.items, plan.contents, texts) if current else None
    if told and told["found"]:
        raise LedgerError(f"release {current} still holds {told['found'][0]}; nothing was committed: report this")
    rows = _holdings(work)
    commit = _commit(site, work, rows, key, values, at=at, by=by)
    finish(store)
    report = _report(work, commit, rows, told, len(values), at)
    store.put(f"{REPORTS}/{plan.request}.json", json.dumps(report, indent=1, sort_keys=True).encode() + b"\n")
    return report


def finish(store: Store) -> None:
    """Delete what the last commit says is cleared, as far as it is still there."""
    head = Log(store).head()
    if head is None:
        return
    with Database(store, [part for part in head.files if part.table == "holding"]) as db:
        rows = db.rows("SELECT DISTINCT store, kind FROM holding WHERE state = 'cleared' ORDER BY store")
    delete_receipts(store, tuple(row["store"] for row in rows if row["kind"] == "shards"))
    for row in rows:
        if row["kind"] in ("release", "shards"):
            delete_folder(store, row["store"])
        else:
            with suppress(FileNotFoundError):
                store.delete(row["store"])


def _check_request(plan: Plan) -> None:
    with Database(plan.read.store, [part for part in plan.head.files if part.table == "request"]) as db:
        row = find_request(requests(db), plan.request)
    if row is not None and row["status"] != Status.ACCEPTED.value:
        raise InputError(
            f"request {plan.request} is {row['status']}; `headwater requests accept {plan.request}` first"
            if row["status"] != Status.DONE.value
            else f"request {plan.request} is done; file what is new as another request"
        )


def _suppressed(site: Site, plan: Plan) -> list[tuple[str, bytes]]:
    """(kind, value) of what must not come back: contents, pictures like these, and what the request names as a whole."""
    if plan.scope is None:  # past its retention: it may be obtained again
        return []
    whole = {Scope.DOMAIN: "domain", Scope.OWNER: "owner", Scope.URL: "url"}
    found = [("content", one) for one in sorted(plan.contents)]
    if plan.scope in whole and plan.value:
        value = url_form(plan.value) if plan.scope is Scope.URL else plan.value.lower().strip("/.")
        found.append((whole[plan.scope], value.encode()))
    named = {
        one for one, why in plan.closure.captures.items() if why.link in ("named", "copy", "like", "near", "merged")
    }
    with Guard(()) as guard:
        for row in plan.captures:
            if row["capture_id"] in named and (row["media_type"] or "").startswith("image/") and row["payload"]:
                with suppress(SourceError, FileNotFoundError):  # cut out by a takedown that was interrupted
                    if (own := guard.pdq(payload_bytes(site.store, row["payload"]))) is not None:
                        found.append(("pdq", own))
    return found


def _released(site: Site, plan: Plan, gone: Gone, swept: Swept, *, keep_old: bool) -> _Work:
    store = site.store
    with Database(store, plan.head.files) as db:
        old = one_release(db)
        (run,) = db.rows("SELECT DISTINCT recipe, recipe_digest FROM run")
    root = store.local("releases")
    holding = (
        tuple(sorted(folder.name for folder in root.iterdir() if held(folder) & gone.items)) if root.is_dir() else ()
    )
    new = rewritten(site, old, run["recipe"], run["recipe_digest"], gone.items) if old in holding and old else None
    others = tuple(name for name in holding if name != (new.name if new else None))
    olds, kept = ((), others) if keep_old else (others, ())
    return _Work(plan=plan, gone=gone, swept=swept, release=new, old_release=old, olds=olds, kept=kept)


def _holdings(work: _Work) -> list[Row]:
    """What was cleared, and what remains."""
    request = work.plan.request
    rows = holdings.of_cuts(work.gone.cuts, request)
    for old, new in sorted(work.swept.parts.items()):
        rows.append(
            holdings.row(
                old, "room", f"rows of {new.table}", "cleared", f"written again without them as {new.path}", request
            )
        )
    for folder in work.swept.folders:
        rows.append(
            holdings.row(
                folder,
                "shards",
                "a shard as it was made",
                "cleared",
                "deleted; a run makes it anew without them",
                request,
            )
        )
    for name in work.olds:
        rows.append(
            holdings.row(
                f"releases/{name}", "release", "published items", "cleared", "deleted; copies elsewhere remain", request
            )
        )
    for name in work.kept:
        rows.append(
            holdings.row(
                f"releases/{name}", "release", "published items", "remaining", "kept on demand (--keep-old)", request
            )
        )
    return rows + work.plan.remaining


def _commit(
    site: Site,
    work: _Work,
    rows: list[Row],
    key: bytes,
    values: Sequence[tuple[str, bytes]],
    *,
    at: datetime,
    by: str | None,
) -> Commit:
    store, plan = site.store, work.plan
    files, erased = _files(site, work, rows, key, values, at=at, by=by)
    with Database(store, plan.head.files) as db:
        roots = db.table("SELECT DISTINCT item_id FROM item WHERE parent_id IS NULL ORDER BY item_id")
    with Database(store, files) as db:
        check(db, roots.column("item_id").combine_chunks().cast(ID))

    def on_top(head: Commit | None) -> Sequence[Part]:
        if head is None or head.hash != plan.head.hash:
            raise CommitConflict("another commit came while this was being taken down; run it again")
        return ()

    (run,) = [part for part in files if part.table == "run"]
    name = store.read_part(run, ["run"]).column("run")[0].as_py()
    return Log(store).append(
        name, None, files, of_head=on_top, note=f"takedown under request {plan.request}", time=at, replaces=erased
    )


def _files(
    site: Site,
    work: _Work,
    rows: list[Row],
    key: bytes,
    values: Sequence[tuple[str, bytes]],
    *,
    at: datetime,
    by: str | None,
) -> tuple[list[Part], list[Erased]]:
    """The files of the commit, and those of earlier ones whose bytes go."""
    store, plan = site.store, work.plan
    by_table: dict[str, list[Part]] = {}
    for part in plan.head.files:
        by_table.setdefault(part.table, []).append(work.swept.parts.get(part.path, part))
    old_requests = [part for part in plan.parts if part.table == "request"]
    new_requests = _requests(store, plan, old_requests, at=at, by=by)
    current = store.publish("request", new_requests)
    rows += [
        holdings.row(
            part.path,
            "ledger",
            "steps of requests, with what was asked for",
            "cleared",
            f"written again as {current.path}",
            plan.request,
        )
        for part in old_requests
        if part.path != current.path
    ]
    tables: dict[str, list[pa.Table]] = {
        "decision": [_decisions(store, by_table.get("disposition", []), work)],
        "request_match": [_matches(plan, work, at)],
        "suppression": [suppression_rows(key, plan.request, values)] if values else [],
        "run": [_run(store, by_table["run"], work, at)],
        "holding": [_held(store, by_table.get("holding", []), work), pa.Table.from_pylist(rows, schema=HOLDING)],
    }
    by_table["disposition"] = [
        store.publish("disposition", _withdrawn(store.read_part(part), work))
        for part in by_table.get("disposition", [])
    ]
    by_table |= {"run": [], "request": [current]}
    training = [part for part in by_table.get("holding", []) if is_carried(store, part)]
    by_table["holding"] = training
    if work.release is not None:
        for name in ("release", "shard", "placement"):
            by_table[name] = []
        tables |= {name: [table] for name, table in work.release.tables.items()}
    for name, new in tables.items():
        by_table.setdefault(name, [])
        by_table[name] += [store.publish(name, table) for table in new if table.num_rows]
    listed = {part.path: part for commit in Log(store).commits() for part in commit.files}
    replaced = {old: new.path for old, new in work.swept.parts.items()} | {
        part.path: current.path for part in old_requests
    }
    erased = [
        Erased(path=path, sha256=listed[path].sha256, by=new)
        for path, new in sorted(replaced.items())
        if path in listed and path != new
    ]
    return [part for found in by_table.values() for part in found if part.rows], erased


def _held(store: Store, parts: Sequence[Part], work: _Work) -> pa.Table:
    """What is held after the takedown, at its new places."""
    new: dict[str, str | None] = {old: cut.new for old, cut in work.gone.cuts.items()}
    new |= {old: part.path for old, part in work.swept.parts.items()}
    new |= dict.fromkeys(work.swept.folders)
    if work.release is not None and work.old_release:
        new[f"releases/{work.old_release}"] = work.release.path
    held_now = [row for part in parts if not is_carried(store, part) for row in store.read_part(part).to_pylist()]
    unique = {row["store"]: row for row in holdings.moved(held_now, new)}
    return pa.Table.from_pylist([unique[path] for path in sorted(unique)], schema=HOLDING)


def _decisions(store: Store, parts: Sequence[Part], work: _Work) -> pa.Table:
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


def _withdrawn(table: pa.Table, work: _Work) -> pa.Table:
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


def _run(store: Store, parts: Sequence[Part], work: _Work, at: datetime) -> pa.Table:
    """The run row of the takedown: that of the run it stands on, with another name, time and release."""
    (row,) = {json.dumps(one, default=str): one for part in parts for one in store.read_part(part).to_pylist()}.values()
    release = work.release.name if work.release is not None else work.old_release
    name = f"takedown-{work.plan.request}-{work.plan.digest[:12]}"
    return pa.Table.from_pylist(
        [{**row, "run": name, "started_at": at, "ended_at": at, "release": release}], schema=RUN
    )


def _requests(store: Store, plan: Plan, parts: Sequence[Part], *, at: datetime, by: str | None) -> pa.Table:
    """The whole register with this request done, and without what was asked for in any of its steps."""
    rows = pa.concat_tables(
        [REQUEST.empty_table(), *(store.read_part(part).cast(REQUEST) for part in parts)]
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


def _matches(plan: Plan, work: _Work, at: datetime) -> pa.Table:
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
            "release": place.get("release"), "shard_id": place.get("shard_id"), "new_shard_id": replaced.get(place.get("shard_id", b"")), "done_at": at,
        }
        for row in plan.items
        for place in by_item.get(row["item_id"], [{}])
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=REQUEST_MATCH).sort_by("item_id")


def _report(work: _Work, commit: Commit, rows: list[Row], told: Row | None, suppressed: int, at: datetime) -> Row:
    """The proof, without addresses and words: digests, ids, counts."""
    changes = list(work.release.shards) if work.release is not None else []
    return {
        "request": work.plan.request,
        "plan": work.plan.digest,
        "at": at.isoformat(),
        "commit": {"seq": commit.seq, "hash": commit.hash},
        "release": {
            "before": work.old_release,
            "after": work.release.name if work.release is not None else work.old_release,
        },
        "items": [
            {"item_id": row["item_id"].hex(), "lane": row["lane"], "link": row["link"], "similarity": row["similarity"]}
            for row in work.plan.items
        ],
        "captures": len(work.gone.captures),
        "shards": changes,
        "untouched_shards": sum(change["before"] == change["after"] for change in changes),
        "scan": told,
        "cleared": [{"store": row["store"], "reason": row["reason"]} for row in rows if row["state"] == "cleared"],
        "remaining": [
            {"store": row["store"], "what": row["what"], "reason": row["reason"]}
            for row in rows
            if row["state"] == "remaining"
        ],
        "exposure": work.plan.exposure,
        "suppressed": suppressed,
        "beyond": "Copies of earlier releases outside of this site, and models that were trained, are not changed.",
    }
