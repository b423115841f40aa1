"""Canonical digests: the one way in which Headwater turns values into ids.

An id is SHA-256 over RFC 8785 canonical JSON of `[domain, part, ...]`, so that ids of different kinds never meet.
In canonical JSON bytes are lower-case hex, times are RFC 3339 UTC strings with microseconds, and integers outside
+-2^53 are strings (RFC 8785 has only doubles).
"""

import dataclasses
import enum
import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TypeAlias

import rfc8785

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

ID_BYTES = 32


def plain(value: object) -> Json:
    """The JSON form of a value: dataclasses and mappings become objects, bytes hex, times RFC 3339 UTC strings.

    Raises:
        TypeError: for any type that has no single agreed form (functions, sets, naive times).
    """
    match value:
        case None | bool() | str():
            return value.value if isinstance(value, enum.Enum) else value
        case enum.Enum():
            return plain(value.value)
        case int():
            return value if abs(value) < 2**53 else str(value)
        case float():
            return value
        case bytes():
            return value.hex()
        case datetime():
            if value.tzinfo is None:
                raise TypeError(f"a time without a zone has no canonical form: {value!r}; attach UTC")
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        case list() | tuple():
            return [plain(part) for part in value]
        case Mapping():
            return {str(key): plain(part) for key, part in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    raise TypeError(f"no canonical form for {type(value).__name__}: {value!r}")


def canonical(value: object) -> bytes:
    """RFC 8785 canonical JSON of `plain(value)`. `canonical({"b": 1.0, "a": b"\\x00"})` is `{"a":"00","b":1}`."""
    return rfc8785.dumps(plain(value))


def sha256(data: bytes | memoryview) -> bytes:
    """The 32 bytes of SHA-256."""
    return hashlib.sha256(data).digest()


def digest(domain: str, *parts: object) -> bytes:
    """The 32-byte id of `parts` in `domain`: SHA-256 over canonical JSON of `[domain, *parts]`."""
    return sha256(canonical([domain, *parts]))


def merkle_root(leaves: Iterable[bytes]) -> bytes:
    """The RFC 6962 Merkle tree hash of the leaves, 32 bytes; of no leaves, SHA-256 of nothing.

    Leaves are hashed behind a 0x00 byte and nodes behind 0x01, so no leaf can pose as a node.
    Source: RFC 6962, section 2.1.
    """
    level = [sha256(b"\x00" + leaf) for leaf in leaves]
    if not level:
        return sha256(b"")
    while len(level) > 1:
        paired = [sha256(b"\x01" + level[i] + level[i + 1]) for i in range(0, len(level) - 1, 2)]
        # An odd node is carried up unchanged: the same tree as RFC 6962's split at the largest power of two.
        level = paired + level[len(level) & ~1 :]
    return level[0]


def merkle_path(leaves: Iterable[bytes], index: int) -> list[bytes]:
    """What must be hashed with a leaf, from the bottom up, to reach the root that `merkle_root` gives: RFC 6962's audit path."""
    level = [sha256(b"\x00" + leaf) for leaf in leaves]
    found = []
    while len(level) > 1:
        if (index ^ 1) < len(level):
            found.append(level[index ^ 1])
        paired = [sha256(b"\x01" + level[i] + level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level, index = paired + level[len(level) & ~1 :], index // 2
    return found


def merkle_climb(leaf: bytes, index: int, size: int, path: Iterable[bytes]) -> bytes:
    """The root that a leaf at `index` of `size` leaves reaches by its path.

    Raises:
        ValueError: no tree of that size has a path of that length at that place.
    """
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is none of {size}")
    found, steps = sha256(b"\x00" + leaf), iter(path)
    while size > 1:
        if (index ^ 1) < size:
            step = next(steps, None)
            if step is None:
                raise ValueError("the path is too short")
            found = sha256(b"\x01" + (step + found if index % 2 else found + step))
        index, size = index // 2, (size + 1) // 2
    if next(steps, None) is not None:
        raise ValueError("the path is too long")
    return found
