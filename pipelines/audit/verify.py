"""Verifying everything: the chain, every file it lists, and the bytes of the releases of the head."""

import json
from collections.abc import Callable
from typing import NamedTuple

import duckdb

from pipelines.audit.open import Ledger
from pipelines.ledger.log import Log, Problem
from pipelines.store import Store
from schemas.digest import sha256
from schemas.errors import LedgerError, ShardError


class Verified(NamedTuple):
    """What was read, and everything that is not as it was committed."""

    counts: dict[str, int]
    problems: list[Problem]


def verify_ledger(
    store: Store, *, anchor: str | None = None, progress: Callable[[str], None] | None = None
) -> Verified:
    """The problems of a whole store, by path: the log and its files, then each release that the head's run published.

    `anchor`: hash of a commit noted elsewhere that must be in the chain. `progress` is told each file of a release.
    Parts that no commit or receipt names are counted as `orphans`; they are no problem. Of a remote store each release is
    copied here first, and the copy is gone afterwards.

    Raises:
        NotFound: nothing was committed yet.
    """
    log = Log(store)
    problems = log.verify(anchor)
    problems += _receipts(store, log)
    counts = {"commits": 0, "files": 0, "orphans": 0, "releases": 0, "samples": 0}
    try:
        ledger = Ledger.open(store)
        commits = list(log.commits())
        counts["orphans"] = len(log.orphans())
        published = ledger.db.rows("SELECT DISTINCT release, set_root FROM release ORDER BY release")
    except (LedgerError, duckdb.Error):
        if problems:  # named above: a ledger that cannot be read cannot be asked for its releases
            return Verified(counts, problems)
        raise
    counts |= {"commits": len(commits), "files": len({part.path for one in commits for part in one.files})}
    for row in published:
        samples, found = _release(store, row["release"], row["set_root"], progress)
        counts["releases"] += 1
        counts["samples"] += samples
        problems += found
    return Verified(counts, problems)


def _receipts(store: Store, log: Log) -> list[Problem]:
    """Receipts of rooms that cannot be read, or do not name parts as they are; what a receipt counts is checked by no other file."""
    try:
        commits = list(log.commits())
    except LedgerError:
        return []  # named by the log itself
    listed = {part.path: part.sha256 for commit in commits for part in commit.files}
    erased = {one.path for commit in commits for one in commit.replaces}
    problems: list[Problem] = []
    for path in store.list("rooms"):
        try:
            named = {part["path"]: part["sha256"] for part in json.loads(store.read(path))["parts"]}
        except (ValueError, KeyError, TypeError):
            problems.append(Problem(path=path, what="was changed: it is no receipt"))
            continue
        for part in sorted(named.keys() - erased):
            if part in listed and listed[part] != named[part]:
                problems.append(
                    Problem(path=path, what=f"names {part} with another digest than the commits or receipts before it")
                )
            elif part not in listed:
                listed[part] = named[part]
                found = sha256(store.read(part)).hex() if store.exists(part) else None
                if found != named[part]:
                    what = "is missing" if found is None else "was changed"
                    problems.append(Problem(path=part, what=f"{what}: {path} lists it with sha256 {named[part][:16]}"))
    return problems


def _release(
    store: Store, name: str, set_root: bytes, progress: Callable[[str], None] | None
) -> tuple[int, list[Problem]]:
    from pipelines.shard.verify import verify_release

    folder = f"releases/{name}"
    try:
        with store.lent_folder(folder) as local:
            report = verify_release(local, progress)
    except ShardError as error:
        return 0, [Problem(path=folder, what=str(error))]
    problems = [Problem(path=f"{folder}/{path}", what=what) for path, what in report.problems]
    # A release can be whole and yet not the one that was committed.
    if not problems and json.loads(store.read(f"{folder}/manifest.json"))["set_root"] != set_root.hex():
        problems.append(
            Problem(path=f"{folder}/manifest.json", what="is of another release than the one the ledger lists")
        )
    return report.samples, problems
