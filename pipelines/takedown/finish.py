"""What is left to do of a takedown once it is committed: names move to what took the place of their files, and the old files go.

It is written down before the commit (`announce`), so that whoever finds it knows what to do, however often somebody was killed at it:

    takedowns/pending/<run>.json  ->  receipts and captured files name the new ones  ->  old ones deleted  ->  takedowns/<request>.json
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from pipelines.capture.stored import replacement_path
from pipelines.ledger.commit import Commit
from pipelines.ledger.log import Log
from pipelines.receipt import read_receipt
from pipelines.shard.release import MANIFEST
from pipelines.store import Store
from pipelines.takedown.gone import Cut
from pipelines.takedown.work import Work
from schemas.digest import canonical

REPORTS = "takedowns"
PENDING = f"{REPORTS}/pending"
Row = dict[str, Any]


def announce(store: Store, work: Work, report: Row, rows: Sequence[Row]) -> None:
    """Write down what is to be done once the takedown is committed. `rows`: of HOLDING, what is cleared and what remains."""
    parts = {old: asdict(new) for old, new in work.swept.parts.items()}
    said = {
        "run": work.run,
        "after": work.plan.head.hash,
        "report": report,
        "moved": parts | {cut.old: _place(cut) for cut in work.gone.cuts.values()},
        "cleared": [[row["kind"], row["store"]] for row in rows if row["state"] == "cleared"],
    }
    store.put(_path(work.run), json.dumps(said).encode())


def _place(cut: Cut) -> Row | None:
    """What took the place of a file of bytes, in the form of a part; null where nothing was left of it."""
    if cut.new is None:
        return None
    return {"path": cut.new, "sha256": cut.new.rpartition("/")[2].partition(".")[0], "rows": 0, "bytes": cut.length}


def finish(store: Store) -> dict[str, Row]:
    """Do what is left to do of every committed takedown: by request, its proof, now in the store."""
    said = [json.loads(store.read(path)) for path in list(store.list(PENDING))]
    if not said:
        return {}
    commits = list(Log(store).commits())
    by_run = {commit.run: commit for commit in commits}
    done: dict[str, Row] = {}
    for one in said:
        if commit := by_run.get(one["run"]):
            report = _finished(store, one, commit)
            done[report["request"]] = report
        elif one["after"] != commits[-1].hash:  # killed before its commit, and its plan is out of date
            store.delete(_path(one["run"]))
    return done


def _finished(store: Store, said: Row, commit: Commit) -> Row:
    _move_receipts(store, said["moved"])
    for old, new in said["moved"].items():
        if old.startswith("captures/"):
            place = {"stored": new["path"], "length": new["bytes"]} if new else {"stored": "", "length": 0}
            store.put(replacement_path(old), canonical(place))
    _delete(store, said["cleared"])
    report: Row = said["report"] | {"commit": {"seq": commit.seq, "hash": commit.hash}}
    store.put(f"{REPORTS}/{report['request']}.json", json.dumps(report, indent=1, sort_keys=True).encode() + b"\n")
    store.delete(_path(said["run"]))
    return report


def _path(run: str) -> str:
    return f"{PENDING}/{run}.json"


def _move_receipts(store: Store, moved: Mapping[str, Row | None]) -> None:
    """Have every receipt name what took the place of its parts; those of which nothing was left it does not name any more."""
    for path in list(store.list("rooms")) if moved else ():
        body = json.loads(store.read(path))
        now = [part | (moved[part["path"]] or {}) if part["path"] in moved else part for part in body["parts"]]
        left = [part for part in now if moved.get(part["path"], part) is not None]
        if left != body["parts"]:
            store.put(path, canonical(body | {"parts": left}))


def _delete(store: Store, cleared: Sequence[tuple[str, str]]) -> None:
    """Delete what was cleared, as far as it is still there; of shards first the receipts, so that they are made anew where wanted."""
    keys = {path.removeprefix("shards/") for kind, path in cleared if kind == "shards"}
    for path in list(store.list("rooms")) if keys else ():
        if path.split("/")[-2] == "sharded" and read_receipt(store, path).key in keys:
            store.delete(path)
    for kind, path in cleared:
        files = store.list(path) if kind in ("release", "shards") else [path]
        for file in sorted(
            files, key=lambda file: (file != f"{path}/{MANIFEST}", file)
        ):  # without it nobody sees a release
            with suppress(FileNotFoundError):
                store.delete(file)
