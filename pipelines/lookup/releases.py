"""The releases a page is looked up in: the ledger as of its head, and as of each commit that published another one."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import duckdb

from pipelines.audit.open import Ledger
from pipelines.ledger.commit import Commit
from pipelines.ledger.database import Database
from pipelines.ledger.log import Log, standing
from pipelines.shard.release import MANIFEST
from pipelines.store import Part, Store
from schemas.errors import NotFound, QueryRefused

MOST = 8  # Chosen: what is older is asked with `headwater ask published --as-of N`; each open ledger holds some MB
FRESH_S = (
    30.0  # Chosen: a new release is seen so soon; a listing of the log costs a request where the store is a bucket
)
SECONDS = 10.0  # of one answer; as in the audit console


@dataclass(slots=True, kw_only=True)
class Releases:
    """Open ledgers of a store, the newest first; each commit is opened once. `clock`: seconds, any start."""

    store: Store
    clock: Callable[[], float]
    _open: list[Ledger] = field(default_factory=list)
    _gone: frozenset[str] = frozenset()
    _until: float = float("-inf")
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def held(self) -> Iterator[list[Ledger]]:
        """The ledgers, for one asker at a time: their connections are not for several threads.

        Raises:
            NotFound: nothing was committed yet.
            QueryRefused: an answer took longer than SECONDS.
        """
        with self._lock:
            if self.clock() >= self._until:
                self._look()
                self._until = self.clock() + FRESH_S
            deadlines = [threading.Timer(SECONDS, one.db.connection.interrupt) for one in self._open]
            for deadline in deadlines:
                deadline.start()
            try:
                yield self._open
            except duckdb.InterruptException as error:
                raise QueryRefused(f"stopped after {SECONDS} s") from error
            finally:
                for deadline in deadlines:
                    deadline.cancel()

    @property
    def gone(self) -> frozenset[str]:
        """Releases that requests took something out of, whose files were not in the store when it was last looked at."""
        return self._gone

    def _look(self) -> None:
        self._look_at_ledger()
        # One that nobody asked to be taken out of may have been moved to where it is published: it still counts.
        touched = self._open[0].db.rows("SELECT DISTINCT release FROM request_match WHERE release IS NOT NULL")
        names = [row["release"] for row in touched]
        self._gone = frozenset(name for name in names if not self.store.exists(f"releases/{name}/{MANIFEST}"))

    def _look_at_ledger(self) -> None:
        head = Log(self.store).head()
        if head is None:
            raise NotFound(f"the ledger in {self.store.root} holds no run yet")
        if self._open and self._open[0].commit.hash == head.hash:
            return
        commits = list(Log(self.store).commits())
        # By their files too: a request may have had some of an earlier commit's erased since it was opened.
        known = {(one.commit.hash, frozenset(one.db.all_parts)): one for one in self._open}
        wanted = {
            (one.hash, frozenset(files)): one for one in _publishing(commits) if (files := standing(one, commits))
        }
        for gone in known.keys() - wanted.keys():
            known.pop(gone).db.close()
        self._open = [known.get(key) or _opened(self.store, commit, key[1]) for key, commit in wanted.items()]


def _opened(store: Store, commit: Commit, files: Iterable[Part]) -> Ledger:
    return Ledger(store=store, commit=commit, db=Database(store, sorted(files, key=lambda part: part.path)))


def _publishing(commits: Sequence[Commit]) -> list[Commit]:
    """The last commit, and the last one of every other release, the newest first."""
    seen: set[str] = set()
    found: list[Commit] = []
    for commit in reversed(commits):
        made = {part.path for part in commit.files if part.table == "release"}
        if not found or (made and not made <= seen):
            found.append(commit)
        seen |= made
    return found[:MOST]
