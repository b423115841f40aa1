"""Closure: everything that holds, copies or is made of what a request names, and why each item is in it.

    named -> the same bytes or text -> verified similar -> cut from the same capture -> whose words come from it -> ... until no more

Only recorded links count: what dedup verified, what captures said of one another, what splits cut. A near copy leads to no further near
copies, or drifting versions of one text would pull in each other's neighbours; an item merged into one that goes, goes too.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.capture.owner import repository_of
from pipelines.ledger.database import Database
from pipelines.suppression import url_form
from pipelines.takedown.texts import Reading, holding_captions
from schemas.capture import Outcome
from schemas.digest import sha256
from schemas.errors import InputError
from schemas.request import Scope

_ITEM = (
    "SELECT DISTINCT item_id, capture_id, text_capture_id, parent_id, content_sha256, lane, source, licence FROM item"
)
_CAPTURE = "SELECT DISTINCT capture_id, uri, host, outcome, payload.sha256 AS payload_sha256 FROM capture"
_AMONG = "IN (SELECT unnest(?::BLOB[]))"
_EMPTY = sha256(b"")
# What others are judged by stays: the robots.txt of a site is no content of it.
_STAYS = (Outcome.ROBOTS_FILE.value,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why an item is in the closure. `of`: the item or capture that led to it; `similarity`: 0..1, where that was compared."""

    link: str  # named | like | copy | near | merged | cut_from | words_from | holds_words
    of: bytes | None = None
    similarity: float | None = None


@dataclass(slots=True)
class Closure:
    """Items with why they are in it, and the captures whose payloads go with them."""

    items: dict[bytes, Why] = field(default_factory=dict)
    captures: dict[bytes, Why] = field(default_factory=dict)


def seeds(db: Database, scope: Scope, value: str) -> Closure:
    """The items and captures that a request names itself, by any scope but `file`.

    Raises:
        InputError: the value is none of its kind.
    """
    named = Why(link="named")
    match scope:
        case Scope.DOMAIN:
            sql = f"SELECT capture_id FROM ({_CAPTURE}) WHERE host = lower(?) OR ends_with(host, '.' || lower(?))"
            host = value.strip("/.")
            if "/" in host:
                raise InputError(f"{value[:80]!r} is no host; name a page with --url, and a site by its host alone")
            return _of_captures(_ids(db, sql, host, host), named)
        case Scope.URL:
            sql = f"SELECT capture_id FROM ({_CAPTURE}) WHERE uri IN (?, ?)"
            return _of_captures(_ids(db, sql, value, url_form(value)), named)
        case Scope.OWNER:
            rows = db.rows(f"SELECT capture_id, uri FROM ({_CAPTURE}) WHERE uri IS NOT NULL")
            return _of_captures([row["capture_id"] for row in rows if is_owned(row["uri"], value)], named)
        case Scope.ITEM:
            return _of_items(_ids(db, "SELECT item_id FROM item WHERE item_id = ?", _digest(value, 64)), named)
        case Scope.KEY:
            low, high = (_digest(value, 32) + bytes([end]) * 16 for end in (0, 255))
            return _of_items(_ids(db, "SELECT item_id FROM item WHERE item_id BETWEEN ? AND ?", low, high), named)
        case Scope.HASH:
            return of_digests(db, [_digest(value, 64)], named)
        case Scope.LICENCE:
            sql = (
                f"SELECT item_id FROM ({_ITEM}) i LEFT JOIN (SELECT DISTINCT name, licence AS said FROM source) s ON s.name = i.source"
                " WHERE lower(coalesce(i.licence, s.said)) = lower(?) AND parent_id IS NOT NULL"
            )
            return _of_items(_ids(db, sql, value), named)
        case Scope.FILE:
            raise InputError("a file is looked up by what it is like: name it with --file")


def of_digests(db: Database, digests: Sequence[bytes], why: Why) -> Closure:
    """The items and captures of exactly this content."""
    found = _of_items(_ids(db, f"SELECT item_id FROM item WHERE content_sha256 {_AMONG}", list(digests)), why)
    captures = _ids(db, f"SELECT capture_id FROM ({_CAPTURE}) WHERE payload_sha256 {_AMONG}", list(digests))
    found.captures |= dict.fromkeys(captures, why)
    return found


def close(db: Database, found: Closure, texts: Reading | None = None) -> Closure:
    """The closure of what was named, itself included. `texts`: how to read them (`reading`); null: not at all."""
    speaking = set(
        found.captures
    )  # whose words go with them; a page that only holds a caption takes no other caption along
    direct = set(found.items)  # what near copies are looked up of
    whole = Closure(items=dict(found.items), captures=dict(found.captures))
    fresh = Closure(items=dict(found.items), captures=dict(found.captures))
    while fresh.items or fresh.captures:
        step = _linked(db, fresh, speaking, direct)
        if texts is not None:
            words = holding_captions(texts, db, fresh.items)
            step.items = {item: Why(link="holds_words", of=of) for item, of in words.items()} | step.items
        fresh = Closure(
            items={item: why for item, why in step.items.items() if item not in whole.items},
            captures={one: why for one, why in step.captures.items() if one not in whole.captures},
        )
        direct |= {item for item, why in fresh.items.items() if why.link in ("copy", "cut_from", "words_from")}
        whole.items |= fresh.items
        whole.captures |= fresh.captures
    return whole


def _linked(db: Database, at: Closure, speaking: set[bytes], direct: Collection[bytes]) -> Closure:
    """What one step of each kind of link leads to."""
    found = Closure()
    items, captures = list(at.items), list(at.captures)
    own = db.rows(f"SELECT item_id, capture_id, content_sha256 FROM ({_ITEM}) WHERE item_id {_AMONG}", [items])
    # What merely holds the words of another item goes alone: its page, but not what else that page says.
    quiet = {row["capture_id"] for row in own if at.items[row["item_id"]].link == "holds_words"}
    for row in own:
        found.captures.setdefault(row["capture_id"], at.items[row["item_id"]])
    speaking |= {one for one in found.captures if one not in quiet}
    for row in db.rows(f"SELECT item_id, capture_id FROM ({_ITEM}) WHERE capture_id {_AMONG}", [captures]):
        found.items.setdefault(row["item_id"], Why(link="cut_from", of=row["capture_id"]))
    heard = [one for one in captures if one in speaking]
    for row in db.rows(f"SELECT item_id, text_capture_id FROM ({_ITEM}) WHERE text_capture_id {_AMONG}", [heard]):
        found.items.setdefault(row["item_id"], Why(link="words_from", of=row["text_capture_id"]))
    _add_copies(db, found, own, captures)
    near = [item for item in items if item in direct]
    for row in db.rows(
        f"SELECT DISTINCT a, b, similarity FROM (SELECT item_id AS a, other_id AS b, similarity FROM edge UNION ALL"
        f" SELECT other_id, item_id, similarity FROM edge UNION ALL SELECT item_id, witness_id, similarity FROM duplicate) WHERE a {_AMONG}",
        [near],
    ):
        found.items.setdefault(row["b"], Why(link="near", of=row["a"], similarity=row["similarity"]))
    for row in db.rows(
        f"SELECT DISTINCT item_id, witness_id, similarity FROM duplicate WHERE witness_id {_AMONG}", [items]
    ):
        found.items.setdefault(row["item_id"], Why(link="merged", of=row["witness_id"], similarity=row["similarity"]))
    return found


def _add_copies(db: Database, found: Closure, own: Iterable[Mapping[str, Any]], captures: Sequence[bytes]) -> None:
    """Items and captures of exactly the content of these."""
    by_content = {row["content_sha256"]: row["item_id"] for row in own if row["content_sha256"] != _EMPTY}
    payloads = db.rows(
        f"SELECT capture_id, payload_sha256 FROM ({_CAPTURE}) WHERE payload_sha256 IS NOT NULL AND capture_id {_AMONG}",
        [list(captures)],
    )
    by_content |= {row["payload_sha256"]: row["capture_id"] for row in payloads if row["payload_sha256"] != _EMPTY}
    contents = list(by_content)
    for row in db.rows(f"SELECT item_id, content_sha256 FROM ({_ITEM}) WHERE content_sha256 {_AMONG}", [contents]):
        found.items.setdefault(row["item_id"], Why(link="copy", of=by_content[row["content_sha256"]]))
    for row in db.rows(
        f"SELECT capture_id, payload_sha256 FROM ({_CAPTURE}) WHERE payload_sha256 {_AMONG}"
        " AND outcome NOT IN (SELECT unnest(?::VARCHAR[]))",
        [contents, list(_STAYS)],
    ):
        found.captures.setdefault(row["capture_id"], Why(link="copy", of=by_content[row["payload_sha256"]]))


def is_owned(uri: str, owner: str) -> bool:
    """Whether a file lies in a repository of this owner: `github.com/river`, or `river` at any host."""
    where = repository_of(uri)
    if where is None:
        return False
    host, name, _ = where.split("/", 2)
    return owner.lower().strip("/") in (name, f"{host}/{name}")


def _of_items(ids: Iterable[bytes], why: Why) -> Closure:
    return Closure(items=dict.fromkeys(ids, why))


def _of_captures(ids: Iterable[bytes], why: Why) -> Closure:
    return Closure(captures=dict.fromkeys(ids, why))


def _ids(db: Database, sql: str, *parameters: object) -> list[bytes]:
    return sorted({row[name] for row in db.rows(sql, parameters) for name in row})


def _digest(value: str, digits: int) -> bytes:
    try:
        found = bytes.fromhex(value)
    except ValueError:
        found = b""
    if len(value) != digits or len(found) * 2 != digits:
        raise InputError(f"{value[:80]!r} is not {digits} hex digits")
    return found
