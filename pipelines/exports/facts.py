"""Facts: the answers from which the papers of a release are written. Whatever a paper says in numbers stands here first."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipelines.audit.open import Ledger
from pipelines.audit.questions import ask
from pipelines.audit.words import Row
from pipelines.ledger.commit import Commit
from pipelines.ledger.log import Log
from pipelines.shard.files import SUMS, read_sums
from pipelines.shard.release import MANIFEST
from schemas.errors import NotFound
from schemas.source import SourceKind

_DATE = re.compile(r"\d{4}-\d{2}(-\d{2})?")
NOTICE = "Evidence of what was found, as of the capture; not legal advice."


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A file of the release: its path in it, its SHA-256 (hex) and bytes."""

    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the ledger says of one release. Lists are rows of the named question; `commit`: the first that holds the release.

    `configs`: the name of each lane's sample config. `tars`, `rows`: the shards, and the Parquet file with a row a sample of each.
    """

    release: Row
    run: Row
    commit: Commit
    configs: Mapping[str, str]
    tars: Sequence[Stored]
    rows: Sequence[Stored]
    sizes: Sequence[Row]
    hours: Sequence[Row]
    licences: Sequence[Row]
    shares: Sequence[Row]
    sources: Sequence[Row]
    domains: Sequence[Row]
    stages: Sequence[Row]
    edited: Sequence[Row]
    withheld: Sequence[Row]
    splits: Sequence[Row]
    funnel: Sequence[Row]

    @property
    def name(self) -> str:
        """The name of the release."""
        return str(self.release["release"])

    @property
    def languages(self) -> list[str]:
        """All languages of all modalities, sorted."""
        return sorted({code for row in self.sizes for code in row["languages"] or ()})

    @property
    def period(self) -> tuple[str | None, str | None]:
        """First and last day on which something of the release was obtained, as YYYY-MM-DD; None where one source does not know."""
        return days(self.sources)

    def of_kind(self, *kinds: SourceKind) -> list[Row]:
        """The source cards of these kinds."""
        return [row for row in self.sources if row["kind"] in kinds]


def days(sources: Sequence[Row]) -> tuple[str | None, str | None]:
    """First and last day on which something of these sources was obtained, as YYYY-MM-DD; None where one of them does not know."""
    first = [_day(row, "obtained_from", "collected_from") for row in sources]
    last = [_day(row, "obtained_until", "collected_to") for row in sources]
    return (
        min((day for day in first if day), default=None) if None not in first else None,
        max((day for day in last if day), default=None) if None not in last else None,
    )


def _day(source: Row, measured: str, said: str) -> str | None:
    """The day that the captures of a source give, or its card where not all of them are dated."""
    if source[said] is not None or source["undated"]:
        return source[said] if _DATE.fullmatch(source[said] or "") else None  # a card may say "spring 2024"
    return str(source[measured].date().isoformat())


def requests_against(ledger: Ledger, release: str) -> list[str]:
    """The requests that something of a release was taken out for, by name."""
    found = ledger.db.rows("SELECT DISTINCT request FROM request_match WHERE release = $r ORDER BY 1", {"r": release})
    return [row["request"] for row in found]


def whole(ledger: Ledger, release: str) -> Ledger:
    """The ledger as of the last commit that holds a release, whose files are there.

    Raises:
        NotFound: no commit holds that release, or it is gone from the store.
    """
    at = ledger.of_release(release)
    if not at.store.exists(f"releases/{release}/{MANIFEST}"):
        names = ", ".join(requests_against(ledger, release))
        why = f"it was taken down for {names}; later releases stand" if names else f"{MANIFEST} is missing"
        raise NotFound(f"release {release} is gone from the store: {why}; see `headwater verify`")
    return at


def facts(ledger: Ledger, release: str) -> Facts:
    """The facts of a release.

    Raises:
        NotFound: no commit holds that release, or its files are gone.
    """
    at = whole(ledger, release)
    answers = {name: ask(at, question).to_pylist() for name, question in _QUESTIONS.items()}
    (row,) = at.db.rows("SELECT DISTINCT * FROM release WHERE release = $name", {"name": release})
    runs = at.db.rows("SELECT DISTINCT * FROM run WHERE release = $name ORDER BY started_at", {"name": release})
    shards = at.db.rows("SELECT DISTINCT path, sha256, bytes, lane, split, samples FROM shard ORDER BY path")
    tars = [Stored(path=one["path"], sha256=one["sha256"].hex(), bytes=one["bytes"]) for one in shards]
    lanes = sorted({one["lane"] for one in shards})
    splits: dict[tuple[str, str], int] = {}
    for one in shards:
        key = (one["lane"], one["split"])
        splits[key] = splits.get(key, 0) + one["samples"]
    return Facts(
        release=row,
        run=runs[0],
        commit=_first(ledger, release),
        configs={lane: config_of(at, release, lane) for lane in lanes},
        tars=tars,
        rows=_sample_rows(at, release, lanes),
        splits=[{"lane": lane, "split": split, "items": items} for (lane, split), items in sorted(splits.items())],
        **answers,
    )


_QUESTIONS = {
    "sizes": "sizes", "hours": "hours", "licences": "licence-mix", "shares": "source-shares", "sources": "sources",
    "domains": "domains", "stages": "made-by", "edited": "edited", "withheld": "withheld",
    "funnel": "funnel",
}  # fmt: skip


def _first(ledger: Ledger, release: str) -> Commit:
    """The first commit that holds the release: later ones leave what is written of it as it was."""
    for commit in Log(ledger.store).commits():
        parts = [part for part in commit.files if part.table == "release"]
        if any(release in ledger.store.read_part(part, ["release"]).column(0).to_pylist() for part in parts):
            return commit
    raise NotFound(f"no commit holds release {release}")


def config_of(ledger: Ledger, release: str, lane: str) -> str:
    """The name of the sample config of a lane of the release, as its manifest says it. Raises NotFound."""
    manifest = json.loads(_read(ledger, release, f"{lane}/{MANIFEST}"))
    return str(manifest["config"])


def _read(ledger: Ledger, release: str, path: str) -> bytes:
    try:
        return ledger.store.read(f"releases/{release}/{path}")
    except FileNotFoundError as error:
        raise NotFound(
            f"release {release}: {path} is gone from the store; `headwater verify {release}` names all damage"
        ) from error


def _sample_rows(ledger: Ledger, release: str, lanes: Sequence[str]) -> list[Stored]:
    found = []
    for lane in lanes:
        sums = read_sums(_read(ledger, release, f"{lane}/{SUMS}"))
        for path in sorted(sums):
            if path.startswith("meta/") and path.endswith(".parquet"):
                size = len(_read(ledger, release, f"{lane}/{path}"))
                found.append(Stored(path=f"{lane}/{path}", sha256=sums[path], bytes=size))
    return found
