"""Checkpoints: all commits so far in one file, so that whoever opens a long log reads a few files and not all of it.

A checkpoint is a part like any other: named by its content and listed, with its digest, by the commits after it. So the hash of the head
vouches for it, a second writer writes the same, and a damaged one is passed over. Of a commit it says which files came and which went
since the one before.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pipelines.ledger.commit import Commit, Erased
from pipelines.store import Part, Store
from schemas.digest import canonical

LOG = "log"  # the table that commits list a checkpoint under; it is of no run and nobody asks it
# Chosen: at most so many commits are read one by one, 0.1 s where each of them lists a thousand files.
EVERY = 32

_PLAIN = ("seq", "prev", "run", "recipe", "note", "root", "hash")


def checkpoint(store: Store, commits: Sequence[Commit]) -> Part:
    """The checkpoint of all these commits, from the first one on, now in the store."""
    rows: list[dict[str, Any]] = []
    before: set[Part] = set()
    for one in commits:
        now = set(one.files)
        rows.append(
            {name: getattr(one, name) for name in _PLAIN}
            | {"time": one.time, "replaces": [asdict(gone) for gone in one.replaces]}
            | {"came": [asdict(part) for part in one.files if part not in before]}
            | {"went": sorted([part.table, part.path] for part in before - now)}
        )
        before = now
    return store.publish_bytes(LOG, canonical(rows))


def restored(data: bytes) -> list[Commit]:
    """The commits in a checkpoint. Raises ValueError where it is none."""
    try:
        return _restored(json.loads(data))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"is no checkpoint of the log ({type(error).__name__})") from error


def _restored(rows: list[dict[str, Any]]) -> list[Commit]:
    found: list[Commit] = []
    files: dict[tuple[str, str], Part] = {}
    for row in rows:
        for table, path in row["went"]:
            del files[table, path]
        files |= {(one["table"], one["path"]): Part(**one) for one in row["came"]}
        files = dict(sorted(files.items()))
        found.append(
            Commit(
                **{name: row[name] for name in _PLAIN},
                time=None if row["time"] is None else datetime.fromisoformat(row["time"]),
                files=tuple(files.values()),
                replaces=tuple(Erased(**one) for one in row["replaces"]),
            )
        )
    return found
