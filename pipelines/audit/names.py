"""Names: which items and captures a URI, an id, a sample key or a file stands for."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipelines.audit.open import Ledger
from pipelines.audit.words import Row
from pipelines.ledger.database import Database, among
from schemas.errors import InputError, NotFound
from schemas.item import text_sha256

# Chosen: 8 hex digits are unique with near certainty among ten thousand items, and short enough to type.
_ID = re.compile(r"[0-9a-f]{8,64}")
_KEY_DIGITS = 32
# A member of a shard at any path: the ledger does not know the bytes of a sample's JSON, but its name is the key.
_MEMBER = re.compile(r"(?:.*/)?([0-9a-f]{32})\.[^/]+", re.DOTALL)
# Larger files are looked up as bytes only, not also as text in NFC.
_TEXT_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a name stands for. `kind`: uri | item | sample_key | capture | file; a file known by its name is a sample_key."""

    kind: str
    items: tuple[bytes, ...] = ()
    captures: tuple[bytes, ...] = ()
    places: tuple[Row, ...] = ()  # of a URI: the rows of its captures in `capture_place`


def resolve(ledger: Ledger, name: str) -> tuple[Ledger, Found]:
    """What the name stands for, and the ledger as of the commit that knows it: this one, else the last before it.

    Raises:
        NotFound: no commit knows it; the text names URIs that differ only in form.
        InputError: several ids begin so.
    """
    digests = _file_digests(name)
    if found := _find(ledger.db, name, digests):
        return ledger, found
    for before in ledger.earlier():
        if found := _find(before.db, name, digests):
            return before, found
        before.db.close()
    near = _near(ledger.db, name)
    cure = f"did you mean {' or '.join(near)}?" if near else "give the URI exactly as captured, an id, or a file"
    raise NotFound(f"nothing in the ledger answers to {name!r} (commits 0 to {ledger.commit.seq}): {cure}")


def _find(db: Database, name: str, digests: tuple[bytes, ...]) -> Found | None:
    if places := db.find("capture_place", "uri", [name]):
        return Found(kind="uri", captures=tuple(sorted({row["capture_id"] for row in places})), places=tuple(places))
    if _ID.fullmatch(name.lower()):
        # Dispositions lie in the order of ids where they are compacted, items in that of captures; an item has one of each.
        for table in ("disposition", "item"):
            if items := _one(db, table, "item_id", name):
                return Found(kind="sample_key" if len(name) == _KEY_DIGITS else "item", items=items)
        if captures := _one(db, "capture_fact", "capture_id", name):
            return Found(kind="capture", captures=captures)
    if digests:
        items = _sorted(db.find("item", "content_sha256", digests, columns=["item_id"]))
        stored = f"SELECT DISTINCT capture_id FROM capture_place WHERE {among('payload.sha256', digests)}"
        captures = _sorted(db.rows(stored))
        if items or captures:
            return Found(kind="file", items=items, captures=captures)
    if key := _MEMBER.fullmatch(name):
        return _find(db, key[1], ())
    return None


def _sorted(rows: Iterable[Row]) -> tuple[bytes, ...]:
    """The ids that are these rows' only column."""
    return tuple(sorted(one for row in rows for one in row.values()))


def _one(db: Database, table: str, column: str, name: str) -> tuple[bytes, ...]:
    """The id in this column that begins with these hex digits, or none. Raises InputError for several."""
    digits = name.lower()
    rows = db.find(table, column, [bytes.fromhex(digits[: len(digits) & ~1])], begins=True, columns=[column])
    ids = [one for one in _sorted(rows) if one.hex().startswith(digits)]
    if len(ids) > 1:
        some = ", ".join(one.hex() for one in ids[:5])
        raise InputError(f"{len(ids)} ids begin with {name}; give more digits: {some}")
    return tuple(ids)


def _file_digests(name: str) -> tuple[bytes, ...]:
    """Digests under which the ledger may know the file: of its bytes, and of its text in NFC; none if it is no file."""
    path = Path(name)
    try:
        if not path.is_file():
            return ()
    except (OSError, ValueError):  # too long for a file name, or a zero byte in it
        return ()
    with path.open("rb") as file:
        exact = hashlib.file_digest(file, "sha256").digest()
    if path.stat().st_size > _TEXT_BYTES:
        return (exact,)
    try:
        return tuple(dict.fromkeys((exact, text_sha256(path.read_text("utf-8")))))
    except UnicodeDecodeError:
        return (exact,)


def _near(db: Database, name: str) -> list[str]:
    """Up to three captured URIs that differ from `name` only in scheme, `www.`, case, fragment or last slash."""
    sql = f"SELECT DISTINCT uri FROM capture_place WHERE {_form('uri')} = {_form('?::VARCHAR')} ORDER BY uri LIMIT 3"
    return [row["uri"] for row in db.rows(sql, [name])]


def _form(sql: str) -> str:
    """SQL for what is left of a URI when everything people leave out or add by accident is gone."""
    return f"regexp_replace(regexp_replace(lower({sql}), '^https?://(www[.])?', ''), '/*(#.*)?$', '')"
