"""Opening the ledger: one commit of a store, ready to be asked.

with Ledger.open("ours/store") as ledger:
    ledger.why("http://river.example/")  # the life of one name, as JSON values
    ledger.ask("licence-mix")  # a named question, as an Arrow table
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa

from pipelines.ledger.commit import Commit
from pipelines.ledger.compact import is_compacted
from pipelines.ledger.database import Database
from pipelines.ledger.log import Log, standing
from pipelines.store import Store
from schemas.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """One commit and its tables. Later commits do not change what it answers."""

    store: Store
    commit: Commit
    db: Database

    @staticmethod
    def open(where: Store | str | Path, *, run: str | None = None, commit: int | None = None) -> "Ledger":
        """The ledger as of a commit: that number, else the last of that run, else the last of all.

        Raises:
            NotFound: there is no store there, or no such commit in it.
            ChainBroken: the commit was changed.
        """
        store = where if isinstance(where, Store) else Store(root=_root(str(where)))
        if store.is_local and not Path(store.root).is_dir():
            raise NotFound(f"{store.root} is no folder, so it holds no ledger; name the site with --site DIR")
        found = _commit(Log(store), run, commit)
        is_last = run is None and commit is None
        return Ledger(
            store=store, commit=found, db=Database(store, found.files) if is_last else _database(store, found)
        )

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.db.close()

    # What answers stands on this class, so each method imports its answer when it is asked.

    def why(self, name: str) -> dict[str, Any]:
        """The whole life of a URI, id, sample key or file: see `pipelines.audit.why`. Raises NotFound, InputError."""
        from pipelines.audit.why import why

        return why(self, name)

    def where(self, name: str) -> dict[str, Any]:
        """The placements of a name: see `pipelines.audit.where`. Raises NotFound, InputError."""
        from pipelines.audit.where import where

        return where(self, name)

    def ask(self, question: str, *values: str) -> pa.Table:
        """The answer to a named question: see `pipelines.audit.questions`. Raises NotFound, QueryRefused."""
        from pipelines.audit.questions import ask

        return ask(self, question, values)

    def sql(self, statement: str, *, limit: int = 1000, seconds: float = 10) -> pa.Table:
        """The answer to one SELECT, locked in: see `pipelines.audit.console`. Raises QueryRefused."""
        from pipelines.audit.console import query

        return query(self, statement, limit=limit, seconds=seconds)

    def of_release(self, name: str) -> "Ledger":
        """The ledger as of the last commit that holds this release. Raises NotFound with those there are."""
        known = []
        for commit in reversed(list(Log(self.store).commits())):
            parts = [part for part in commit.files if part.table == "release"]
            names = {row for part in parts for row in self.store.read_part(part, ["release"]).column(0).to_pylist()}
            if name in names:
                return Ledger(store=self.store, commit=commit, db=_database(self.store, commit))
            known += sorted(names)
        raise NotFound(f"the ledger holds no release {name!r}; there are: {', '.join(dict.fromkeys(known)) or 'none'}")

    def earlier(self) -> Iterator["Ledger"]:
        """The commits before this one, the last of them first, but those that hold no item or capture not seen yet."""
        seen = _named(self.commit)
        later = self.commit
        for commit in reversed([one for one in Log(self.store).commits() if one.seq < self.commit.seq]):
            seen |= _named(commit) if is_compacted(later) else set()
            later = commit
            if _named(commit) <= seen:
                continue
            seen |= _named(commit)
            yield Ledger(store=self.store, commit=commit, db=_database(self.store, commit))


def _database(store: Store, commit: Commit) -> Database:
    """The tables of a commit, without what requests had erased since."""
    return Database(store, standing(commit, Log(store).commits()))


def _named(commit: Commit) -> set[str]:
    return {part.path for part in commit.files if part.table in ("item", "capture_place")}


def _root(where: str) -> str:
    return where if "://" in where else str(Path(where).resolve())


def _commit(log: Log, run: str | None, seq: int | None) -> Commit:
    head = log.head()
    if head is None:
        raise NotFound(f"the ledger in {log.store.root} holds no run yet; `headwater run RECIPE` makes one")
    if run is None and seq is None:
        return head
    found = [one for one in log.commits() if run in (None, one.run) and seq in (None, one.seq)]
    if not found:
        asked = f"commit {seq}" if run is None else f"run {run}"
        raise NotFound(f"the ledger in {log.store.root} has no {asked}; its last is commit {head.seq}, run {head.run}")
    return found[-1]
