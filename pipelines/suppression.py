"""The suppression list: what was taken down and must not come back, known only by keyed digests.

It lies in the ledger (table `suppression`), its key beside the site file and in no store. With a list and without its key nothing can be
told from what must stay out, so nothing is captured then.
"""

import hmac
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

from pipelines.capture.owner import repository_of
from pipelines.capture.uri import absolute, host
from pipelines.ledger.log import Log
from pipelines.site import Site
from pipelines.store import Part, Store
from schemas.errors import SiteError
from schemas.request import SUPPRESSION

KEY_BYTES = 32
_CHECK = b"headwater suppression key"


@dataclass(frozen=True, slots=True)
class Suppression:
    """A list with its key. `entries`: (kind, keyed digest); `pdq`: hashes of pictures, compared by distance."""

    key: bytes
    entries: frozenset[tuple[str, bytes]]
    pdq: frozenset[bytes]

    @property
    def names_uris(self) -> bool:
        """Whether it names addresses, not contents alone."""
        return any(kind != "content" for kind, _ in self.entries)

    def has_content(self, sha256: bytes) -> bool:
        """Whether bytes or a text of this SHA-256 were taken down."""
        return ("content", keyed(self.key, "content", sha256)) in self.entries

    def has_uri(self, uri: str | None) -> bool:
        """Whether this URI, its host or one above it, or the owner of its repository, was taken down."""
        return uri is not None and any(
            (kind, keyed(self.key, kind, said)) in self.entries for kind, said in _names(uri)
        )

    def hidden(self, uri: str) -> str:
        """What stands in place of an address that must not come back into the ledger: its keyed digest."""
        return f"[taken down {keyed(self.key, 'url', url_form(uri).encode()).hex()}]"


def _names(uri: str) -> Iterator[tuple[str, bytes]]:
    """Everything a list may call a URI by."""
    yield "url", url_form(uri).encode()
    labels = (host(uri) or "").split(".")
    yield from (("domain", ".".join(labels[at:]).encode()) for at in range(len(labels)) if labels != [""])
    if where := repository_of(uri):
        at, owner, _ = where.split("/", 2)
        yield from (("owner", name.encode()) for name in (owner, f"{at}/{owner}"))


def url_form(uri: str) -> str:
    """A URI as the list knows it: as the URL standard writes it, without a fragment."""
    return (absolute(uri, None) or uri).partition("#")[0]


def keyed(key: bytes, kind: str, value: bytes) -> bytes:
    """HMAC-SHA256 of a kind and a value."""
    return hmac.digest(key, kind.encode() + b"\0" + value, "sha256")


def suppression(site: Site) -> Suppression | None:
    """The list of the site's ledger; null where nothing was ever taken down.

    Raises:
        SiteError: there is a list, and its key is missing or another one.
    """
    head = Log(site.store).head()
    parts = tuple(part for part in head.files if part.table == "suppression") if head else ()
    return _read(site.store, parts, site.suppression_key) if parts else None


@lru_cache(maxsize=2)
def _read(store: Store, parts: tuple[Part, ...], path: Path | None) -> Suppression | None:
    rows = store.table(parts, SUPPRESSION).to_pylist()
    if not rows:
        return None
    key = _stored_key(path)
    if key is None:
        raise SiteError(
            f"the ledger has a suppression list of {len(rows)} entries, and its key {path} is missing: nothing is captured, judged or "
            "taken down without it. Restore the file from a copy"
        )
    if any(row["key_check"] != keyed(key, "check", _CHECK) for row in rows):
        raise SiteError(f"{path} is not the key of the ledger's suppression list; restore the one it was made with")
    return Suppression(
        key,
        frozenset((row["kind"], row["value"]) for row in rows if row["kind"] != "pdq"),
        frozenset(row["value"] for row in rows if row["kind"] == "pdq"),
    )


def covering(key: bytes, values: Iterable[tuple[str, bytes]]) -> Suppression:
    """The list that these rows make. `values`: as in `suppression_rows`."""
    found = set(values)
    entries = {(kind, keyed(key, kind, said)) for kind, said in found if kind != "pdq"}
    return Suppression(key, frozenset(entries), frozenset(said for kind, said in found if kind == "pdq"))


def suppression_rows(key: bytes, request: str, values: Iterable[tuple[str, bytes]]) -> pa.Table:
    """SUPPRESSION rows of a request: `values` are (kind, what), each written once and in the order of its digest."""
    check = keyed(key, "check", _CHECK)
    found = sorted({(kind, said if kind == "pdq" else keyed(key, kind, said)) for kind, said in values})
    rows = [{"request": request, "kind": kind, "value": value, "key_check": check} for kind, value in found]
    return pa.Table.from_pylist(rows, schema=SUPPRESSION)


def key_of(site: Site) -> bytes:
    """The site's key; a new one where the ledger has no list yet.

    Raises:
        SiteError: there is a list, and its key is missing or another one; or the site names no place for a key.
    """
    if found := suppression(site):
        return found.key
    path = site.suppression_key
    if path is None:
        raise SiteError(
            "the site names no file for the key of its suppression list: set `key` in [takedown] of site.toml"
        )
    if (key := _stored_key(path)) is not None:
        return key
    key = secrets.token_bytes(KEY_BYTES)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(key.hex() + "\n", "ascii")
    return key


def _stored_key(path: Path | None) -> bytes | None:
    try:
        text = path.read_text("ascii").strip() if path else ""
        key = bytes.fromhex(text)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise SiteError(f"the suppression key {path} cannot be read: {error}; restore it from a copy") from error
    if path is not None and len(key) != KEY_BYTES:
        raise SiteError(f"the suppression key {path} does not hold {KEY_BYTES * 2} hex digits; restore it from a copy")
    return key or None
