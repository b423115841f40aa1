"""The plan of a takedown: what is in the closure and why, and what holds it. Nothing is changed."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pipelines.audit.exposure import checkpoints
from pipelines.audit.words import UNKNOWN
from pipelines.capture.subject import names
from pipelines.ledger.commit import Commit
from pipelines.ledger.database import Database
from pipelines.ledger.log import Log
from pipelines.site import Site
from pipelines.store import Part, Store
from pipelines.takedown import holdings
from pipelines.takedown.closure import Closure, Why, close, seeds
from pipelines.takedown.like import like
from pipelines.takedown.register import check_name
from pipelines.takedown.texts import Reading, reading
from schemas.capture import Outcome
from schemas.digest import digest
from schemas.errors import InputError, LedgerError, NotFound
from schemas.reasons import Reason
from schemas.request import Scope

Row = dict[str, Any]
_AMONG = "IN (SELECT unnest(?::BLOB[]))"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a takedown would do, as of a commit.

    `items`: item_id, lane, state, uri, link, of, similarity. `captures`: rows of CAPTURE, those whose payload goes. `containers`: stored
    files that go whole. `shards`: release, lane, shard, items of every release that holds some. `exposure`: what `exposed` says.
    `remaining`: HOLDING rows of what is not touched. `contents`: digests of all that goes. `parts`: every file of the ledger that is there.
    """

    request: str
    scope: Scope | None
    value: str | None
    head: Commit
    closure: Closure
    items: list[Row]
    captures: list[Row]
    containers: list[str]
    subjects: frozenset[str]
    shards: list[Row]
    exposure: list[Row] | str
    remaining: list[Row]
    contents: frozenset[bytes]
    parts: tuple[Part, ...]
    read: Reading

    @property
    def digest(self) -> str:
        """The digest of what would be done, hex: `--apply --plan DIGEST` refuses to do anything else."""
        what = [
            self.request,
            self.head.hash,
            sorted(self.closure.items),
            sorted(row["capture_id"] for row in self.captures),
        ]
        return digest("takedown", *what).hex()

    def told(self) -> Row:
        """The plan as JSON values."""
        return {
            "request": self.request,
            "plan": self.digest,
            "commit": self.head.seq,
            "items": len(self.items),
            "captures": len(self.captures),
            "by_link": dict(sorted(Counter(row["link"] for row in self.items).items())),
            "by_lane": dict(sorted(Counter(row["lane"] for row in self.items).items())),
            "by_state": dict(sorted(Counter(row["state"] or "of an earlier run" for row in self.items).items())),
            "closure": self.items,
            "shards": self.shards,
            "exposure": self.exposure,
            "will_be_cleared": sorted(
                {row["payload"]["uri"] for row in self.captures if row["payload"]} | {*self.containers}
            ),
            "remaining": self.remaining,
        }


def plan(
    site: Site,
    request: str,
    scope: Scope | None = None,
    value: str | None = None,
    *,
    expired_at: datetime | None = None,
) -> Plan:
    """What taking out this would do. `expired_at`: take out what is past the site's retention then, in place of a scope.

    Raises:
        NotFound: nothing was committed, or nothing in the ledger is what was named.
        InputError: the value is none of its kind, or the site names no retention.
    """
    check_name(request)
    store = site.store
    commits = list(Log(store).commits())
    if not commits:
        raise NotFound(f"the ledger in {store.root} holds no run yet; `headwater run RECIPE` makes one")
    parts = standing(store, commits)
    with Database(store, parts) as db:
        read = reading(store, db)
        if value is not None and not value.strip():
            raise InputError(f"--{scope} names nothing; it may not be empty")
        if expired_at is not None:
            named = _expired(site, db, expired_at)
        elif scope is Scope.FILE and value is not None:
            named = like(store, db, read, Path(value))
        elif scope is not None and value is not None:
            named = seeds(db, scope, value)
        else:
            raise InputError(
                "say what to take out: --domain, --url, --item, --hash, --owner, --licence, --file, --key or --expired"
            )
        found = close(db, named, read)
        captures = _captures(db, found)
        if not found.items and not captures:
            what = "is past its retention" if expired_at is not None else f"is {scope} {value!r}"
            if scope is Scope.FILE:
                what += ", or like it; what no lane can decode is found by its exact bytes or text alone"
            raise NotFound(f"nothing in the ledger (commits 0 to {commits[-1].seq}) {what}")
        return _planned(site, db, request, (scope, value), commits[-1], found, captures, parts, read)


def standing(store: Store, commits: Iterable[Commit]) -> tuple[Part, ...]:
    """Every file that any of these commits lists and that is still there."""
    parts = {part.path: part for commit in commits for part in commit.files}
    return tuple(part for path, part in sorted(parts.items()) if store.exists(path))


def _planned(
    site: Site, db: Database, request: str, named: tuple[Scope | None, str | None], head: Commit, found: Closure, captures: list[Row],
    parts: tuple[Part, ...], read: Reading,
) -> Plan:  # fmt: skip
    media = [row["uri"] for row in captures if row["uri"] and row["payload"]]
    subjects = frozenset(name for uri in media for name in names(uri))
    more, remaining = _sayers(db, subjects, {row["capture_id"] for row in captures}, request)
    found.captures |= {row["capture_id"]: Why(link="words_from") for row in more}
    captures = captures + more
    uris = [row["uri"] for row in captures if row["uri"]]
    remaining += holdings.unread(db, request)
    remaining += holdings.sharing(db, list(found.items), request)
    with Database(site.store, head.files) as now:
        items = _items(db, now, found)
        exposure = exposed(db, list(found.items))
        trained = now.rows("SELECT DISTINCT store, what FROM holding WHERE kind = 'training' ORDER BY store")
    shards = _shards(db, list(found.items))
    if shards:
        remaining += [
            holdings.row(
                row["store"],
                "training",
                row["what"],
                "remaining",
                "models and token files are not changed: see `exposure`",
                request,
            )
            for row in trained
        ]
    contents = {row["payload"]["sha256"] for row in captures if row["payload"]}
    for row in db.rows(f"SELECT DISTINCT content_sha256 FROM item WHERE item_id {_AMONG}", [list(found.items)]):
        contents.add(row["content_sha256"])
    return Plan(
        request=request, scope=named[0], value=named[1], head=head, closure=found, items=items, captures=captures,
        containers=holdings.containers(db, uris), subjects=subjects, shards=shards, exposure=exposure, remaining=remaining,
        contents=frozenset(contents), parts=parts, read=read,
    )  # fmt: skip


def _captures(db: Database, found: Closure) -> list[Row]:
    """The captures that go, each once for each place its payload lies at; robots.txt and its like stay, and so does what went before."""
    return db.rows(
        "SELECT DISTINCT capture_id, uri, outcome, media_type, payload FROM capture WHERE outcome <> ? AND reason IS DISTINCT FROM ?"
        f" AND capture_id {_AMONG} ORDER BY capture_id",
        [Outcome.ROBOTS_FILE.value, Reason.TAKEN_DOWN.value, list(found.captures)],
    )


def _sayers(db: Database, subjects: frozenset[str], gone: set[bytes], request: str) -> tuple[list[Row], list[Row]]:
    """Captures that speak of nothing but what goes, which go too; and holdings of those that speak of other things as well."""
    rows = db.rows(
        "SELECT capture_id, bool_and(subject IN (SELECT unnest($subjects::VARCHAR[]))) AS alone FROM annotation GROUP BY capture_id"
        " HAVING bool_or(subject IN (SELECT unnest($subjects::VARCHAR[])))",
        {"subjects": sorted(subjects)},
    )
    alone = {row["capture_id"]: row["alone"] for row in rows if row["capture_id"] not in gone}
    said = db.rows(
        "SELECT DISTINCT c.capture_id, c.uri, c.outcome, c.media_type, c.payload, d.item_id IS NOT NULL AS is_kept FROM capture c"
        " LEFT JOIN item i USING (capture_id) LEFT JOIN (SELECT item_id FROM disposition WHERE state = 'kept') d USING (item_id)"
        f" WHERE c.payload IS NOT NULL AND c.capture_id {_AMONG} ORDER BY c.capture_id",
        [list(alone)],
    )
    kept = {row["capture_id"] for row in said if row["is_kept"]}
    go = [row for row in said if alone[row["capture_id"]] and row["capture_id"] not in kept]
    stay = {row["payload"]["uri"]: row for row in said if row not in go}
    reason = "it also speaks of what stays; the words about what was taken out are in none of its items"
    return [{k: v for k, v in row.items() if k != "is_kept"} for row in go], [
        holdings.row(
            path, "warc", f"a page or table that describes what goes ({row['outcome']})", "remaining", reason, request
        )
        for path, row in sorted(stay.items())
    ]


def _items(db: Database, now: Database, found: Closure) -> list[Row]:
    """The items of the closure, named ones first, with why they are in it."""
    ids = list(found.items)
    states = {
        row["item_id"]: row["state"]
        for row in now.rows(f"SELECT item_id, state FROM disposition WHERE item_id {_AMONG}", [ids])
    }
    rows = db.rows(
        "SELECT item_id, any_value(lane) AS lane, any_value(uri) AS uri FROM item LEFT JOIN (SELECT DISTINCT capture_id, uri FROM capture)"
        f" USING (capture_id) WHERE item_id {_AMONG} GROUP BY item_id ORDER BY item_id",
        [ids],
    )
    told = []
    for row in rows:
        why = found.items[row["item_id"]]
        told.append(
            row | {"state": states.get(row["item_id"]), "link": why.link, "of": why.of, "similarity": why.similarity}
        )
    return sorted(
        told,
        key=lambda row: (row["link"] not in ("named", "like"), row["link"], -(row["similarity"] or 0), row["item_id"]),
    )


def _shards(db: Database, ids: list[bytes]) -> list[Row]:
    return db.rows(
        "SELECT s.release, s.lane, s.path AS shard, s.shard_id, count(*) AS items"
        " FROM (SELECT DISTINCT item_id, release, shard_id FROM placement) p"
        " JOIN (SELECT DISTINCT shard_id, release, lane, path FROM shard) s USING (shard_id, release)"
        f" WHERE p.item_id {_AMONG} GROUP BY ALL ORDER BY s.release, s.lane, s.path",
        [ids],
    )


def exposed(db: Database, ids: list[bytes]) -> list[Row] | str:
    """A row a training run that saw some of these items: the checkpoints that did, and the last that did not; "unknown" without a record.

    `last_clean`: step of the run's last checkpoint before the first exposed one; null where there is none.
    """
    seen = checkpoints(db, ids)
    if isinstance(seen, str):
        return UNKNOWN
    by_run: dict[str, set[int]] = {}
    for rows in seen.values():
        for row in rows:
            by_run.setdefault(row["training_run"], set()).add(row["step"])
    steps: Mapping[str, list[int]] = {
        row["training_run"]: row["steps"]
        for row in db.rows("SELECT training_run, list(DISTINCT step ORDER BY step) AS steps FROM checkpoint GROUP BY 1")
    }
    return [
        {
            "training_run": run, "exposed_steps": sorted(found),
            "last_clean": max((step for step in steps.get(run, []) if step < min(found)), default=None),
        }
        for run, found in sorted(by_run.items())
    ]  # fmt: skip


def _expired(site: Site, db: Database, now: datetime) -> Closure:
    """Captures held for longer than the site says for their source."""
    if not site.retention:
        raise InputError('the site names no retention; say it in site.toml: [retention], "*" = 365')
    days = dict(site.retention)
    found = Closure()
    for row in db.rows(
        "SELECT DISTINCT capture_id, source, fetched_at FROM capture WHERE payload IS NOT NULL AND fetched_at IS NOT NULL"
    ):
        held = days.get(row["source"], days.get("*"))
        if held is not None and row["fetched_at"] < now - timedelta(days=held):
            found.captures[row["capture_id"]] = Why(link="expired")
    return found


def one_release(db: Database) -> str | None:
    """The release of a commit; null where it has none. Raises LedgerError where there are several."""
    names = [row["release"] for row in db.rows("SELECT DISTINCT release FROM release")]
    if len(names) > 1:
        raise LedgerError(f"one commit holds {len(names)} releases: {', '.join(names)}; run the recipe again")
    return names[0] if names else None
