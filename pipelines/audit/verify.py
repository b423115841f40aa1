"""Verifying everything: the chain, every file it lists, and the bytes of the releases of the head."""

import json
from collections.abc import Callable
from typing import NamedTuple

from pipelines.audit.open import Ledger
from pipelines.ledger.log import Log, Problem
from pipelines.store import Store
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
    counts = {"commits": 0, "files": 0, "orphans": 0, "releases": 0, "samples": 0}
    try:
        ledger = Ledger.open(store)
        commits = list(log.commits())
        counts["orphans"] = len(log.orphans())
        published = ledger.db.rows("SELECT DISTINCT release, set_root FROM release ORDER BY release")
    except LedgerError:
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
