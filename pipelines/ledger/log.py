"""The log: one commit a run, each naming the one before it, so that no byte can change unnoticed.

`ledger/_log/<seq>.json` is canonical JSON, created exclusively: of two writers one wins, the other reads again and
takes the next number. A commit is the complete statement of one run: every file the run stands on, reused ones too; readers
follow it and never a listing. Whoever can rewrite the whole chain can still do so: keep the hash of a head elsewhere (a
git tag, a time stamp) and hand it to `verify` as the anchor.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TypedDict

import pyarrow as pa

from pipelines.capture.rounds import left
from pipelines.ledger.archives import unnamed_archives
from pipelines.ledger.checkpoint import EVERY, LOG, checkpoint, restored
from pipelines.ledger.commit import FOLDER, VERSION, Commit, Erased, commit_path, parse_commit
from pipelines.store import Part, Store
from schemas.digest import canonical, digest, merkle_root, sha256
from schemas.errors import ChainBroken, CommitConflict

# Chosen: each failed try means that another writer got through, so 100 in a row is no contention but a fault.
ATTEMPTS = 100

_NAME = re.compile(rf"{FOLDER}/(\d{{12}})\.json")


class Problem(TypedDict):
    """Something that is not as it was committed: the file, relative to the store, and what is wrong with it."""

    path: str
    what: str


@dataclass(frozen=True, slots=True)
class Log:
    """The log of one store."""

    store: Store

    def head(self) -> Commit | None:
        """The last commit, or None where nothing was committed yet. Raises ChainBroken where it cannot be read."""
        names = [path for path in self.store.list(FOLDER) if _NAME.fullmatch(path)]
        return read_commit(self.store, names[-1]) if names else None

    def commits(self) -> Iterator[Commit]:
        """All commits, the first one first: from the head's checkpoint, and those after it as they lie.

        Raises:
            ChainBroken: one cannot be read, or does not follow the checkpoint.
        """
        known = self._checkpointed(self.head())
        yield from known
        after = known[-1].hash if known else None
        for path in self.store.list(FOLDER):
            match = _NAME.fullmatch(path)
            if match and int(match[1]) >= len(known):
                commit = read_commit(self.store, path)
                if after is not None and commit.prev != after:
                    raise ChainBroken(
                        f"{path} does not follow the checkpoint before it; `headwater verify` names all damage"
                    )
                after = None
                yield commit

    def _checkpointed(self, head: Commit | None) -> list[Commit]:
        """The commits in the checkpoint that the head names; none where it is not as it was committed: they lie in their own files too."""
        part = next((part for part in head.files if part.table == LOG), None) if head else None
        if part is None:
            return []
        try:
            data = self.store.read(part.path)
            return restored(data) if sha256(data).hex() == part.sha256 else []
        except (FileNotFoundError, ValueError):
            return []

    def _checkpoint(self, head: Commit | None) -> list[Part]:
        """The checkpoint that the commit after the head names: every so often a new one, else the head's."""
        if head is None:
            return []
        if (head.seq + 1) % EVERY:
            return [part for part in head.files if part.table == LOG]
        return [checkpoint(self.store, [one for one in self.commits() if one.seq <= head.seq])]

    def append(
        self,
        run: str,
        recipe: str | None,
        files: Iterable[Part],
        *,
        of_head: Callable[["Commit | None"], Iterable[Part]] = lambda head: (),
        note: str = "",
        time: datetime | None = None,
        replaces: Iterable[Erased] = (),
        after: Commit | None = None,
    ) -> Commit:
        """The commit that now says which files the run stands on; the head itself, `reused`, where it says so already.

        `of_head`: files to take over from the commit before, whichever that is when this one is written. `recipe`: null is that
        of the commit before. `after`: the commit that the head must still be, for what was made of its files. "Already" looks past
        the run's own row, whose times differ between two tries of the same run.

        Raises:
            CommitConflict: other writers took the number 100 times in a row, or the head is not `after` any more; try again.
        """
        own = set(files)
        erased = tuple(sorted(set(replaces), key=lambda one: one.path))
        for _ in range(ATTEMPTS):
            head = self.head()
            if after is not None and (head is None or head.hash != after.hash):
                raise CommitConflict(
                    f"commit {after.seq} is not the last one any more, so what was made of it is not; do it again"
                )
            listed = _sorted(own.union(of_head(head)))
            if head and head.run == run and not erased and _work(head.files) == _work(listed):
                return replace(head, reused=True)
            listed = _sorted({*(part for part in listed if part.table != LOG), *self._checkpoint(head)})
            body = {
                "v": VERSION,
                "seq": head.seq + 1 if head else 0,
                "prev": head.hash if head else None,
                "run": run,
                "recipe": recipe if recipe is not None or head is None else head.recipe,
                "note": note,
                "time": time,
                "files": [asdict(part) for part in listed],
                "replaces": [asdict(one) for one in erased],
                "root": _root(listed),
            }
            data = canonical(body | {"hash": digest("commit", body).hex()})
            commit = parse_commit(data)
            if self.store.create(commit.path, data):
                return commit
        raise CommitConflict(f"run {run}: another writer took the next commit {ATTEMPTS} times; commit again")

    def verify(self, anchor: str | None = None) -> list[Problem]:
        """Everything that is not as it was committed: commits in order, then files by path; empty where all is well.

        Every file that any commit lists is hashed again. `anchor`: hash of a commit noted elsewhere that the chain must
        hold; without it, commits cut off at the end cannot be missed.
        """
        commits, problems = _check_chain(self.store)
        if anchor is not None and all(commit.hash != anchor for commit in commits):
            problems.append(Problem(path=FOLDER, what=f"holds no commit {anchor}: cut off, or written anew"))
        return problems + _check_files(self.store, commits) + _check_checkpoints(self.store, commits)

    def orphans(self) -> list[str]:
        """What no commit and no receipt names, left by killed runs: parts, journals and archives of crawl rounds. Harmless, free to delete.

        No archive is among them where a part is damaged that may name it.
        """
        named = self._named()
        unnamed = [path for path in self.store.list("parts") if path not in named]
        try:
            archives = unnamed_archives(self.store, named)
        except (pa.ArrowException, OSError):  # a damaged part, which `verify` names, may name any of them
            archives = []
        return left(self.store) + archives + unnamed

    def unnamed_archives(self) -> list[str]:
        """The archives among the orphans."""
        return unnamed_archives(self.store, self._named())

    def _named(self) -> set[str]:
        """The parts that a commit or a receipt names."""
        named = {part.path for commit in self.commits() for part in commit.files}
        for path in self.store.list("rooms"):
            named |= _named_by(self.store, path)
        return named

    def clean(self) -> list[str]:
        """The orphans, now deleted. Not while a run is under way: what it wrote is named by nothing until it is done.

        Raises:
            ChainBroken: a commit cannot be read, so that nobody knows what it names; nothing is deleted.
        """
        found = self.orphans()
        for path in found:
            self.store.delete(path)
        return found


def standing(commit: Commit, commits: Iterable[Commit]) -> tuple[Part, ...]:
    """The files of a commit as they stand now: of one that a request had replaced, what took its place.

    `commits`: of its log, later ones at least; what they erased is not there any more, and neither is what was said in it.
    """
    by = {one.path: one.by for later in commits if later.seq > commit.seq for one in later.replaces}
    found: dict[str, Part] = {}
    for part in commit.files:
        path = part.path
        while path in by:
            path = by[path]
        if path:
            now = part if path == part.path else replace(part, path=path, sha256=_content_name(path))
            found[now.path] = now
    return tuple(found.values())


def _content_name(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0]


def _sorted(parts: Iterable[Part]) -> tuple[Part, ...]:
    return tuple(sorted(parts, key=lambda part: (part.table, part.path)))


def _named_by(store: Store, receipt: str) -> set[str]:
    """The parts that a room's receipt names. Raises ChainBroken where it cannot be read."""
    try:
        return {part["path"] for part in json.loads(store.read(receipt))["parts"]}
    except (ValueError, KeyError, TypeError) as error:
        raise ChainBroken(
            f"{receipt} is no receipt, so nobody knows which parts it names; restore it from a copy"
        ) from error


def _work(files: Iterable[Part]) -> list[Part]:
    return [part for part in files if part.table not in ("run", LOG)]


def _root(files: Iterable[Part]) -> str:
    return merkle_root(bytes.fromhex(part.sha256) for part in files).hex()


def read_commit(store: Store, path: str) -> Commit:
    """The commit in a file of the log.

    Raises:
        ChainBroken: the file is missing, or its bytes are not those that were committed.
    """
    try:
        return parse_commit(store.read(path))
    except FileNotFoundError:
        raise ChainBroken(f"{path} is missing; restore it from a copy of the store") from None
    except ValueError as error:
        raise ChainBroken(f"{path} {error}; restore it from a copy (`headwater verify` names all damage)") from error


def _check_chain(store: Store) -> tuple[list[Commit], list[Problem]]:
    """The readable commits in the order of their names, and what is wrong with the chain."""
    commits: list[Commit] = []
    problems: list[Problem] = []
    expected, prev = 0, None
    whole = True  # after a commit that is missing, damaged or misplaced nothing can be said of the next one's link
    for path in store.list(FOLDER):
        match = _NAME.fullmatch(path)
        if not match:
            problems.append(Problem(path=path, what="was added: it is no commit"))
            continue
        seq = int(match[1])
        problems += [Problem(path=commit_path(gone), what="is missing") for gone in range(expected, seq)]
        whole, expected = whole and expected == seq, seq + 1
        try:
            commit = parse_commit(store.read(path))
        except ValueError as error:
            problems.append(Problem(path=path, what=str(error)))
            whole = False
            continue
        if commit.seq != seq:
            problems.append(Problem(path=path, what=f"was moved here from {commit.path}"))
        elif whole and commit.prev != prev:
            problems.append(
                Problem(path=path, what="does not follow the commit before it: one of the two was replaced")
            )
        whole, prev = commit.seq == seq, commit.hash
        commits.append(commit)
    return commits, problems


def _check_files(store: Store, commits: Sequence[Commit]) -> list[Problem]:
    listed: dict[str, tuple[str, str]] = {}
    erased = {(one.path, one.sha256) for commit in commits for one in commit.replaces}
    problems: list[Problem] = []
    for commit in commits:
        for part in commit.files:
            said, by = listed.setdefault(part.path, (part.sha256, commit.path))
            if said != part.sha256:
                problems.append(Problem(path=part.path, what=f"has one digest in {by} and another in {commit.path}"))
    for path, (said, by) in sorted(listed.items()):
        try:
            found = sha256(store.read(path)).hex()
        except FileNotFoundError:
            if (path, said) not in erased:
                problems.append(Problem(path=path, what=f"is missing; {by} lists it"))
            continue
        if found != said:
            problems.append(
                Problem(path=path, what=f"was changed: {by} lists it with sha256 {said[:16]}, it has {found[:16]}")
            )
    return problems


def _check_checkpoints(store: Store, commits: Sequence[Commit]) -> list[Problem]:
    """Checkpoints that are as they were committed, but say what the commits do not."""
    parts = {part.path: part for commit in commits for part in commit.files if part.table == LOG}
    there = {commit.seq: commit for commit in commits}
    problems: list[Problem] = []
    for path, part in sorted(parts.items()):
        data = store.read(path) if store.exists(path) else b""
        if sha256(data).hex() != part.sha256:
            continue  # named as a file
        try:
            said = restored(data)
        except ValueError as error:
            problems.append(Problem(path=path, what=str(error)))
            continue
        false = [one for seq, one in enumerate(said) if (seq in there and there[seq] != one) or one.seq != seq]
        problems += [Problem(path=path, what=f"says of a commit what {one.path} does not say") for one in false[:1]]
    return problems
