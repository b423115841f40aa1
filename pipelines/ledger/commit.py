"""The commit: what one run stands on, as canonical JSON that names its own hash and that of the commit before it."""

import json
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from pipelines.store import Part
from schemas.digest import canonical, digest

FOLDER = "ledger/_log"
VERSION = 2  # 1 kept addresses and facts of captures in one table


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """A file of earlier commits whose bytes may be gone: a request had it replaced. `sha256`: of the old bytes.

    `by`: the path of the file that holds what was left of it; empty where nothing took its place.
    """

    path: str
    sha256: str
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One commit. `prev`: hash of the commit before, None for the first; `recipe`: its digest; digests are hex.

    `files` are sorted by table and path; `root` is the Merkle root of their digests in that order. `time`: when the run
    ended. `reused`: the head said the same already, so nothing was written.
    """

    seq: int
    prev: str | None
    run: str
    recipe: str
    note: str
    time: datetime | None
    files: tuple[Part, ...]
    replaces: tuple[Erased, ...]
    root: str
    hash: str
    reused: bool = False

    @property
    def path(self) -> str:
        """Where the commit lies, relative to the store."""
        return commit_path(self.seq)


def commit_path(seq: int) -> str:
    """Where the commit of that number lies, relative to the store."""
    return f"{FOLDER}/{seq:012d}.json"


def parse_commit(data: bytes) -> Commit:
    """The commit in these bytes of a file of the log. Raises ValueError with what is wrong."""
    try:
        body: dict[str, Any] = json.loads(data)
        said = body.pop("hash")
        commit = Commit(
            **{name: body[name] for name in ("seq", "prev", "run", "recipe", "note", "root")},
            time=None if body["time"] is None else datetime.fromisoformat(body["time"]),
            files=tuple(Part(**part) for part in body["files"]),
            replaces=tuple(Erased(**one) for one in body["replaces"]),
            hash=said,
        )
        same = digest("commit", body).hex() == said and canonical(body | {"hash": said}) == data
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"was changed: it is no commit ({type(error).__name__})") from error
    if not same or body.keys() != {field.name for field in fields(Commit)} - {"hash", "reused"} | {"v"}:
        raise ValueError("was changed: its bytes do not have the hash it names")
    if body["v"] != VERSION:
        raise ValueError(
            f"is of version {body['v']}, which this code does not know: make the ledger anew, `headwater run` in another site"
        )
    return commit
