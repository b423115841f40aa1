"""Block lists: bytes that are never written. A match leaves a record of the case, without payload.

A list is a text file, one hash a line: `sha256:` or `pdq:` and 64 hex digits (without a prefix: sha256); `#` begins a comment.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa

from pipelines.capture import pdq_child
from pipelines.capture.sniff import sniff
from pipelines.child import Child, Limits
from pipelines.suppression import Suppression
from schemas.digest import sha256
from schemas.errors import RecipeError
from schemas.reasons import Reason

# Source: ThreatExchange, pdq/README.md: 31 of 256 bits, and hashes of a quality under 50 are not compared.
PDQ_DISTANCE, PDQ_QUALITY = 31, 50
_MAX_PIXELS = 40_000_000  # Chosen: as split.image; what is larger becomes no item
_LIMITS = Limits(row_seconds=40, cpu_seconds=15, memory_bytes=512 * 2**20)
_KINDS = ("sha256", "pdq")
_AVIF = (b"ftypavif", b"ftypavis")


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockList:
    """One list of a recipe. `name`: its path as written there; `sha256`: of its bytes, hex, which is all that identity knows."""

    name: str
    sha256: str
    path: Path = field(compare=False)


class _Hash(NamedTuple):
    kind: str
    value: bytes


def block_list(name: str, base: Path) -> BlockList:
    """The list at this path, relative to `base`, after reading it whole.

    Raises:
        RecipeError: it cannot be read, or a line is no hash.
    """
    data = _read(base / name)
    _hashes(name, data)
    return BlockList(name=name, sha256=hashlib.sha256(data).hexdigest(), path=(base / name).absolute())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RecipeError(
            f"block list {path} cannot be read: {error.strerror}; nothing is captured without it: restore it, or take it out "
            "of `block_lists` in the recipe"
        ) from error


def _hashes(name: str, data: bytes) -> list[_Hash]:
    return [_hash(line, f"block list {name}, line {number}") for number, line in _lines(data)]


def _lines(data: bytes) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(data.decode("utf-8-sig", "replace").splitlines(), 1):
        if said := line.partition("#")[0].strip():
            yield number, said


def _hash(line: str, where: str) -> _Hash:
    kind, _, digits = line.rpartition(":")
    kind = kind.strip().lower() or "sha256"
    try:
        value = bytes.fromhex(digits.strip())
    except ValueError:
        value = b""
    if kind not in _KINDS or len(value) != 32:
        raise RecipeError(
            f"{where}: {line[:80]!r} is no sha256:HEX or pdq:HEX with 64 hex digits; correct or remove the line"
        )
    return _Hash(kind, value)


class Case(NamedTuple):
    """Why something may not be written: the reason, and a sentence."""

    reason: Reason
    why: str


class Guard:
    """What may not be written, asked of bytes in memory. Starts a child where it has to decode a picture; close it when done.

    `taken_down`: what requests took out of the corpus, which must not come back.

    Raises:
        RecipeError: a list is missing, or is another one than when the recipe was loaded.
    """

    def __init__(self, lists: Sequence[BlockList], taken_down: Suppression | None = None) -> None:
        found: list[_Hash] = []
        for one in lists:
            data = _read(one.path)
            if hashlib.sha256(data).hexdigest() != one.sha256:
                raise RecipeError(f"block list {one.name} was changed while it was used; run again")
            found += _hashes(one.name, data)
        self._sha256 = frozenset(value for kind, value in found if kind == "sha256")
        near = [value for kind, value in found if kind == "pdq"]
        self._pdq = np.frombuffer(b"".join(near), np.uint64).reshape(-1, 4)
        self._taken_down = taken_down
        gone = sorted(taken_down.pdq) if taken_down else []
        self._gone = np.frombuffer(b"".join(gone), np.uint64).reshape(-1, 4)
        self._child = Child(pdq_child, pdq_child.RESULT, _LIMITS)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is blocked."""
        return self._taken_down is None and not self.has_lists

    @property
    def has_lists(self) -> bool:
        """Whether the recipe has lists of what may not even be copied."""
        return bool(self._sha256) or len(self._pdq) > 0

    def bars(self, uri: str | None) -> Case | None:
        """Why nothing may be asked for at this URI; null where only what comes can say so."""
        is_gone = self._taken_down is not None and self._taken_down.has_uri(uri)
        return Case(Reason.TAKEN_DOWN, "a request covers its address") if is_gone else None

    def shown(self, uri: str, reason: Reason | None) -> str:
        """The address as the record of a case names it: that of what was taken down does not come back in clear."""
        taken = self._taken_down
        return taken.hidden(uri) if taken is not None and reason is Reason.TAKEN_DOWN else uri

    def knows(self, digest: bytes, uri: str | None = None) -> Case | None:
        """Why bytes of this sha256, or from this URI, may not be written; null where nothing but their picture could say so."""
        if digest in self._sha256:
            return Case(Reason.BLOCKED_BY_HASH, "its sha256 is on a block list")
        if case := self.bars(uri):
            return case
        if self._taken_down is not None and self._taken_down.has_content(digest):
            return Case(Reason.TAKEN_DOWN, "a request covers these bytes")
        return None

    def match(self, data: bytes, uri: str | None = None) -> Case | None:
        """Why these bytes, obtained from this URI, may not be written; null where they may."""
        if self.is_empty:
            return None
        if found := self.knows(sha256(data), uri):
            return found
        if (len(self._pdq) or len(self._gone)) and _may_be_picture(data) and (own := self.pdq(data)) is not None:
            within = f"its PDQ hash is within {PDQ_DISTANCE} bits of one"
            if _is_near(self._pdq, own):
                return Case(Reason.BLOCKED_BY_HASH, f"{within} on a block list")
            if _is_near(self._gone, own):
                return Case(Reason.TAKEN_DOWN, f"{within} that a request covers")
        return None

    def pdq(self, data: bytes) -> bytes | None:
        """The PDQ hash of a picture; null where it does not decode, or says too little to be compared."""
        request = {"data": pa.array([data], pa.large_binary()), "max_pixels": pa.array([_MAX_PIXELS], pa.int64())}
        (row,) = self._child.map(pa.RecordBatch.from_pydict(request)).to_pylist()
        if row["pdq"] is None or row["quality"] < PDQ_QUALITY:  # what does not decode is no picture anybody can see
            return None
        return bytes(row["pdq"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.close()


def _is_near(hashes: np.ndarray, own: bytes) -> bool:
    apart = np.bitwise_count(hashes ^ np.frombuffer(own, np.uint64)).sum(axis=1)
    return bool((apart <= PDQ_DISTANCE).any())


def _may_be_picture(data: bytes) -> bool:
    """Whether the first bytes are of a kind of picture that is decoded."""
    shown = sniff(data[:1024]) or ""
    return shown.startswith("image/") or data[:2] == b"BM" or data[:4] in (b"II*\0", b"MM\0*") or data[4:12] in _AVIF
