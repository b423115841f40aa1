"""Shards as bytes: the one way to write and to read a Headwater tar (SHARDSET.md, version 1).

A header block is a pure function of a member's name and size, so the reader rebuilds it and compares: any changed bit
of it is found. `__header__` comes first and says what the shard is, `__trailer__` last and says what it must hold.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from pipelines.shard.files import side_json
from schemas.digest import merkle_root, sha256
from schemas.errors import ShardError
from schemas.shard import SHARDSET_VERSION

BLOCK = 512
HEADER, TRAILER = "__header__", "__trailer__"
END = bytes(2 * BLOCK)
# Source: POSIX.1-1988 ustar: the size field holds 11 octal digits.
SIZE_LIMIT = 8**11
# Source: SHARDSET.md, "Tar": 32 hex digits, one dot, an extension; nothing a path could hide in.
SAMPLE_NAME = re.compile(r"([0-9a-f]{32})\.([a-z0-9_]+)")
BUFFER_BYTES = 1 << 20  # Chosen: hashing and writing in pieces of 1 MiB, 3 times faster than one call a header

_NAME, _SIZE = 100, 124  # length of the name field, offset of the size field
# Mode 0444, uid, gid, mtime and devices 0, no user or group name: nothing of a machine or a clock.
_MIDDLE = b"0000444\0" + b"0000000\0" * 2
_TIME = b"\0" + b"00000000000\0"
_REST = b"0" + bytes(100) + b"ustar\x0000" + bytes(64) + b"0000000\0" * 2 + bytes(155 + 12)
# The checksum is taken with its own eight bytes read as spaces.
_CONSTANT_SUM = sum(_MIDDLE) + sum(_TIME) + sum(_REST) + 8 * ord(" ")


def header(name: str, size: int) -> bytes:
    """The 512-byte ustar header of a member.

    Raises:
        ShardError: the name is not 1 to 100 bytes of ASCII, or the content has 8 GiB or more.
    """
    if not (name.isascii() and 0 < len(name) <= _NAME):
        raise ShardError(f"tar member {name!r}: a name is 1 to {_NAME} ASCII bytes")
    if not 0 <= size < SIZE_LIMIT:
        raise ShardError(f"tar member {name}: {size} bytes; ustar ends at 8 GiB, split the payload into several items")
    raw = name.encode()
    digits = b"%011o" % size
    checksum = b"%06o\0 " % (_CONSTANT_SUM + sum(raw) + sum(digits))
    return raw.ljust(_NAME, b"\0") + _MIDDLE + digits + _TIME + checksum + _REST


def padding(size: int) -> int:
    """Zero bytes between the end of a content and the next block."""
    return -size % BLOCK


@dataclass(frozen=True, slots=True)
class Member:
    """One member as it lies in the tar. `offset` is that of its header; the content follows 512 bytes later."""

    name: str
    offset: int
    size: int
    sha256: bytes

    @property
    def extension(self) -> str:
        """What follows the dot in the name."""
        return self.name.partition(".")[2]

    @property
    def content_offset(self) -> int:
        """Byte of the content's start."""
        return self.offset + BLOCK

    @property
    def end(self) -> int:
        """Byte behind the padding."""
        return self.offset + BLOCK + self.size + padding(self.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardHead:
    """What `__header__` says."""

    config: str
    lane: str
    split: str
    shard: str
    schema_digest: str

    def content(self) -> bytes:
        """The JSON of the member."""
        return side_json({"spec_version": SHARDSET_VERSION} | {name: getattr(self, name) for name in self.__slots__})


def trailer(head: ShardHead, members: int, samples: int, size: int, root: bytes) -> bytes:
    """The JSON of `__trailer__`: counts and content bytes of the sample members, Merkle root over their digests.

    The digest of `__header__` is in it too, so that a shard vouches for all of itself.
    """
    return side_json(
        {
            "bytes": size,
            "header_sha256": sha256(head.content()).hex(),
            "merkle_root": root.hex(),
            "nmembers": members,
            "nsamples": samples,
            "spec_version": SHARDSET_VERSION,
        }
    )


class ShardWriter:
    """Streams samples into a tar and hashes what it writes. `finish` must be called for the tar to be valid."""

    def __init__(self, out: BinaryIO, head: ShardHead) -> None:
        self._out, self._head = out, head
        self._sha256, self._md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
        self._buffer = bytearray()
        self.bytes = 0
        self.root = b""
        self.offsets: list[int] = []
        self.members: list[Member] = []
        self._member(HEADER, head.content())

    def add(self, key: str, parts: Mapping[str, bytes]) -> list[Member]:
        """The members of a new sample, parts in the order of their extensions."""
        self.offsets.append(self.bytes)
        members = [self._member(f"{key}.{extension}", parts[extension]) for extension in sorted(parts)]
        self.members += members
        return members

    def finish(self) -> None:
        """Write the trailer and the end of the archive."""
        self.offsets.append(self.bytes)
        self.root = merkle_root(member.sha256 for member in self.members)
        size = sum(member.size for member in self.members)
        self._member(TRAILER, trailer(self._head, len(self.members), len(self.offsets) - 1, size, self.root))
        self._write(END)
        self._flush()

    @property
    def sha256(self) -> str:
        """SHA-256 of the tar, hex, once finished."""
        return self._sha256.hexdigest()

    @property
    def md5(self) -> str:
        """MD5 of the tar, hex, once finished (the wids index wants it)."""
        return self._md5.hexdigest()

    def index(self) -> bytes:
        """The `.tar.idx`: uint64 little endian, each sample's first header, then the end of the last sample."""
        return np.array(self.offsets, dtype="<u8").tobytes()

    def _member(self, name: str, content: bytes) -> Member:
        member = Member(name, self.bytes, len(content), sha256(content))
        self._write(header(name, len(content)))
        self._write(content)
        self._write(bytes(padding(len(content))))
        return member

    def _write(self, data: bytes) -> None:
        self._buffer += data
        self.bytes += len(data)
        if len(self._buffer) >= BUFFER_BYTES:
            self._flush()

    def _flush(self) -> None:
        self._sha256.update(self._buffer)
        self._md5.update(self._buffer)
        self._out.write(self._buffer)
        self._buffer = bytearray()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSample:
    """One sample as read back: its key, its parts by extension, and its members in order."""

    key: str
    parts: Mapping[str, bytes]
    members: tuple[Member, ...]

    @property
    def offset(self) -> int:
        """Byte of the first header."""
        return self.members[0].offset

    @property
    def length(self) -> int:
        """Bytes of all members with headers and padding."""
        return self.members[-1].end - self.offset


def read_members(stream: BinaryIO, size: int) -> Iterator[tuple[Member, bytes]]:
    """Every member and its content, in order, from a tar of `size` bytes.

    Raises:
        ShardError: a byte of a header, of padding or of the end is not what `ShardWriter` writes.
    """
    offset = 0
    while (block := stream.read(BLOCK)) != bytes(BLOCK):
        member_size = _parse(block, offset, size)
        content = stream.read(member_size)
        if stream.read(padding(member_size)).strip(b"\0"):
            raise ShardError(f"at byte {offset}: padding behind the member is not zero")
        name = block[:_NAME].rstrip(b"\0").decode("ascii")
        member = Member(name, offset, member_size, sha256(content))
        yield member, content
        offset = member.end
    if stream.read() != END[BLOCK:]:
        raise ShardError(f"at byte {offset}: the archive does not end with two zero blocks and nothing behind them")


def _parse(block: bytes, offset: int, size: int) -> int:
    """The size of the member whose header this is, after comparing the header with what ours would be."""
    if len(block) < BLOCK:
        raise ShardError(f"at byte {offset}: the archive is cut short")
    digits = block[_SIZE : _SIZE + 11]
    member_size = int(digits, 8) if re.fullmatch(rb"[0-7]{11}", digits) else -1
    name = block[:_NAME].rstrip(b"\0")
    if member_size < 0 or not name or not name.isascii() or header(name.decode(), member_size) != block:
        raise ShardError(f"at byte {offset}: the tar header is damaged or was not written by Headwater")
    if offset + BLOCK + member_size + padding(member_size) + 2 * BLOCK > size:
        raise ShardError(f"at byte {offset}: member {name.decode()} of {member_size} bytes reaches past the end")
    return member_size


def read_head(content: bytes) -> ShardHead:
    """What a `__header__` member says.

    Raises:
        ShardError: it is not the header of a shard of this version.
    """
    try:
        fields = json.loads(content)
        version = fields.pop("spec_version")
        head = ShardHead(**fields)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ShardError(f"{HEADER} is not readable: {error}") from error
    if version != SHARDSET_VERSION:
        raise ShardError(f"{HEADER} is of version {version!r}; this reader knows {SHARDSET_VERSION}")
    if head.content() != content:
        raise ShardError(f"{HEADER} is not written as the specification says")
    return head


class ShardReader:
    """The samples of one shard file, read strictly. `head` is known at once; iterate once for the samples.

    The iteration raises ShardError where the file differs from the specification; the counts and the Merkle root in
    the trailer can only be compared at its end, so nothing read counts before the iteration has ended.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as stream:
            first = next(read_members(stream, os.fstat(stream.fileno()).st_size), None)
        if first is None or first[0].name != HEADER:
            raise ShardError(f"the first member is not {HEADER}")
        self.head = read_head(first[1])

    def __iter__(self) -> Iterator[StoredSample]:
        digests: list[bytes] = []
        samples = size = 0
        last: tuple[Member, bytes] | None = None
        with self._path.open("rb") as stream:
            members = read_members(stream, os.fstat(stream.fileno()).st_size)
            next(members)  # __header__, read by __init__
            for key, group in _samples(members):
                if last is not None:
                    raise ShardError(f"a member follows {TRAILER}")
                if key == TRAILER:
                    last = group[0]
                    continue
                digests += [member.sha256 for member, _ in group]
                samples += 1
                size += sum(member.size for member, _ in group)
                yield _stored(key, group)
        if last is None:
            raise ShardError(f"{TRAILER} is missing: the shard was not finished or was cut")
        if last[1] != trailer(self.head, len(digests), samples, size, merkle_root(digests)):
            raise ShardError(f"{TRAILER} disagrees with the members: one was changed, lost, added or moved")


def read_shard(path: Path) -> Iterator[StoredSample]:
    """The samples of a shard, in order, read strictly. Raises ShardError, naming the byte; see `ShardReader`."""
    yield from ShardReader(path)


def _samples(members: Iterator[tuple[Member, bytes]]) -> Iterator[tuple[str, list[tuple[Member, bytes]]]]:
    """Runs of members of one key; the trailer as a run of its own under its name."""
    key, group = "", list[tuple[Member, bytes]]()
    for member, content in members:
        match = SAMPLE_NAME.fullmatch(member.name)
        if match is None and member.name != TRAILER:
            raise ShardError(f"at byte {member.offset}: {member.name!r} is neither <32 hex>.<extension> nor {TRAILER}")
        now = match[1] if match else TRAILER
        if group and (now != key or now == TRAILER):
            yield key, group
            group = []
        key = now
        group.append((member, content))
    if group:
        yield key, group


def _stored(key: str, group: list[tuple[Member, bytes]]) -> StoredSample:
    extensions = [member.extension for member, _ in group]
    if sorted(set(extensions)) != extensions:
        raise ShardError(f"at byte {group[0][0].offset}: the parts of {key} are not sorted or not unique: {extensions}")
    parts = {extension: content for extension, (_, content) in zip(extensions, group, strict=True)}
    return StoredSample(key=key, parts=parts, members=tuple(member for member, _ in group))
