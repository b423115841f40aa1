"""Opening the ledger: one commit of a store, ready to be asked."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.ledger.database import Database
from pipelines.ledger.log import Commit, Log
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
        return Ledger(store=store, commit=found, db=Database(store, found.files))

    def of_release(self, name: str) -> "Ledger":
        """The ledger as of the last commit that holds this release. Raises NotFound with those there are."""
        known = []
        for commit in reversed(list(Log(self.store).commits())):
            parts = [part for part in commit.files if part.table == "release"]
            names = {row for part in parts for row in self.store.read_part(part, ["release"]).column(0).to_pylist()}
            if name in names:
                return Ledger(store=self.store, commit=commit, db=Database(self.store, commit.files))
            known += sorted(names)
        raise NotFound(f"the ledger holds no release {name!r}; there are: {', '.join(dict.fromkeys(known)) or 'none'}")

    def earlier(self) -> Iterator["Ledger"]:
        """The commits before this one, the last of them first, but those that hold no item or capture not seen yet."""
        seen = _named(self.commit)
        for commit in reversed([one for one in Log(self.store).commits() if one.seq < self.commit.seq]):
            if _named(commit) <= seen:
                continue
            seen |= _named(commit)
            yield Ledger(store=self.store, commit=commit, db=Database(self.store, commit.files))


def _named(commit: Commit) -> set[str]:
    return {part.path for part in commit.files if part.table in ("item", "capture")}


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
