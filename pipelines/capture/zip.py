"""Members of a zip: by its central directory, or where that is lost (a cut file) by the headers before each member.

Python's zipfile gives nothing of a zip whose end is missing, and takes members that overlap (a zip bomb without nesting).
Source: PKWARE APPNOTE 6.3.10, sections 4.3 to 4.5.
"""

import io
import stat
import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO

from pipelines.capture.inflate import ERRORS, BrokenError, Budget, engine, fed_bytes
from schemas.reasons import Reason

_LOCAL = struct.Struct("<4s5HLLLHH")
_CENTRAL = struct.Struct("<4s6HLLLHHHHHLL")
_END = struct.Struct("<4s4HLLH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_LOCAL_MAGIC, _CENTRAL_MAGIC, _END_MAGIC = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_COMMENT_BYTES = 0xFFFF
_METHODS = {8: "deflate", 12: "bzip2", 93: "zstd", 95: "xz"}  # 0: stored
_ENCRYPTED, _DESCRIPTOR, _UTF_8 = 1 << 0 | 1 << 6 | 1 << 13, 1 << 3, 1 << 11
_UNIX = 3
_SEARCHED = 1 << 20
_DIRECTORY_BYTES = 512 << 20  # Chosen: holds four million members with names of 80 bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ZipMember:
    """A member. `at`: of its local header; `packed`, `size`: bytes as stored and unpacked; `crc`: of the content.

    Sizes are null where only a local header is left, which need not know them. `raw_name`: as written. `refusal`: why it is no
    plain file, else null.
    """

    raw_name: bytes
    flags: int
    method: int
    at: int
    packed: int | None
    size: int | None
    crc: int
    refusal: str | None

    @property
    def name(self) -> str:
        """The name; backslashes of Windows tools are slashes."""
        if self.flags & _UTF_8 or self.raw_name.isascii():
            name = self.raw_name.decode("utf-8", "surrogateescape")
        else:
            try:
                name = self.raw_name.decode("utf-8")  # what most tools write, flag or not
            except UnicodeDecodeError:
                name = self.raw_name.decode("cp437")
        return name if "/" in name else name.replace("\\", "/")

    @property
    def is_folder(self) -> bool:
        """Whether it only says that a folder is there."""
        return self.name.endswith("/") and not self.size


def zip_members(stream: BinaryIO, length: int) -> list[ZipMember]:
    """The members that the central directory names, in the order in which they lie.

    Raises:
        BrokenError: there is no central directory that can be read; see `next_member`.
    """
    at, size, count, shift = _directory(stream, length)
    if size > _DIRECTORY_BYTES:
        raise BrokenError(f"a central directory of {size} bytes, over the cap of {_DIRECTORY_BYTES}", Reason.TOO_LARGE)
    stream.seek(at)
    data = stream.read(size)
    members, place = [], 0
    while place < len(data):
        if len(data) - place < _CENTRAL.size or not data.startswith(_CENTRAL_MAGIC, place):
            raise BrokenError(f"byte {at + place}: the central directory is damaged")
        fields = _CENTRAL.unpack_from(data, place)
        place += _CENTRAL.size
        name, extra = data[place : place + fields[10]], data[place + fields[10] : place + fields[10] + fields[11]]
        place += fields[10] + fields[11] + fields[12]
        members.append(_member(fields, name, extra, shift))
    if len(members) & 0xFFFF != count & 0xFFFF:
        raise BrokenError(f"the central directory has {len(members)} members, and {count} were promised")
    members.sort(key=lambda member: member.at)
    stream.seek(members[0].at if members else 0)
    if members and stream.read(len(_LOCAL_MAGIC)) != _LOCAL_MAGIC:
        raise BrokenError("no member lies where the central directory says")
    return members


def _directory(stream: BinaryIO, length: int) -> tuple[int, int, int, int]:
    """Place and bytes of the central directory, how many members it promises, and what lies before the zip."""
    tail_at = max(0, length - _END.size - _COMMENT_BYTES)
    stream.seek(tail_at)
    tail = stream.read(length - tail_at)
    end = tail.rfind(_END_MAGIC)
    if end < 0 or end + _END.size > len(tail):
        raise BrokenError("the central directory is missing: the file was cut, or is no zip", is_cut=True)
    _, _, _, _, count, size, offset, _ = _END.unpack_from(tail, end)
    stop = tail_at + end
    if 0xFFFFFFFF in (size, offset) or count == 0xFFFF:
        count, size, offset, stop = _directory_64(stream, stop) or (count, size, offset, stop)
    shift = stop - size - offset
    if shift < 0:
        raise BrokenError(f"byte {tail_at + end}: the central directory cannot lie where the end of the zip says")
    return stop - size, size, count, shift


def _directory_64(stream: BinaryIO, end: int) -> tuple[int, int, int, int] | None:
    """The same fields of a zip64 and the place of its end record; null where there is none."""
    if end < _LOCATOR.size:
        return None
    stream.seek(end - _LOCATOR.size)
    magic, _, at, _ = _LOCATOR.unpack(stream.read(_LOCATOR.size))
    if magic != b"PK\x06\x07":
        return None
    stream.seek(min(at, end))
    record = stream.read(_END_64.size)
    if len(record) < _END_64.size or not record.startswith(b"PK\x06\x06"):
        raise BrokenError(f"byte {at}: no zip64 end record")
    *_, count, size, offset = _END_64.unpack(record)
    return count, size, offset, at


def _member(fields: tuple[int, ...], name: bytes, extra: bytes, shift: int) -> ZipMember:
    _, made_by, _, flags, method, _, _, crc, packed, size, _, _, _, _, _, attributes, at = fields
    size, packed, at = _wide(extra, [size, packed, at])
    refusal = None
    mode = attributes >> 16 if made_by >> 8 == _UNIX else 0
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        refusal = "a symbolic link" if stat.S_ISLNK(mode) else "a device or pipe"
    return ZipMember(
        raw_name=name, flags=flags, method=method, at=at + shift, packed=packed, size=size, crc=crc,
        refusal=refusal or _unreadable(flags, method),
    )  # fmt: skip


def _unreadable(flags: int, method: int) -> str | None:
    if flags & _ENCRYPTED:
        return "encrypted"
    return None if method in (0, *_METHODS) else f"compressed by method {method}, which is not read"


def _wide(extra: bytes, values: list[int]) -> list[int]:
    """The values, each of 32 bits whose ones are all set replaced by the next of the zip64 field."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            numbers = iter(struct.unpack_from(f"<{min(size, len(extra) - at - 4) // 8}Q", extra, at + 4))
            return [next(numbers, value) if value == 0xFFFFFFFF else value for value in values]
        at += 4 + size
    return values


def content(stream: BinaryIO, member: ZipMember, cap: int, budget: Budget) -> tuple[bytes, int]:
    """The content of a member, and where its stored bytes end.

    Raises:
        BrokenError: it cannot be unpacked, is over the cap, or has not the checksum that was written for it.
    """
    start = _start(stream, member)
    if member.size is not None and member.size > cap:
        raise BrokenError(f"{member.size} bytes, over the cap of {cap}", Reason.TOO_LARGE)
    data, stop = _unpacked(stream, member, start, cap if member.size is None else member.size, budget)
    if member.size is None or member.packed is None:
        holds = _is_described(stream, stop, data)
    else:
        holds = zlib.crc32(data) == member.crc and len(data) == member.size
    if not holds:
        raise BrokenError("its checksum or size does not hold", Reason.DIGEST_MISMATCH)
    return data, stop


def _start(stream: BinaryIO, member: ZipMember) -> int:
    """Where the stored bytes of a member begin."""
    stream.seek(member.at)
    head = stream.read(_LOCAL.size)
    if len(head) < _LOCAL.size or not head.startswith(_LOCAL_MAGIC):
        raise BrokenError("no local header lies where the central directory says")
    *_, name_bytes, extra_bytes = _LOCAL.unpack(head)
    if stream.read(name_bytes) != member.raw_name:
        raise BrokenError("the local header has another name than the central directory")
    return stream.seek(extra_bytes, io.SEEK_CUR)


def _unpacked(stream: BinaryIO, member: ZipMember, start: int, limit: int, budget: Budget) -> tuple[bytes, int]:
    """At most `limit` bytes of content, and where the stored bytes end."""
    if member.method == 0:
        data = stream.read(min(limit, member.packed or 0))
        budget.spend(len(data))
        return data, start + (member.packed or 0)
    now, fed = engine(_METHODS[member.method]), fed_bytes(_METHODS[member.method])
    kept, size, data, to_come = list[bytes](), 0, b"", member.packed
    while not now.eof and size <= limit:
        if not data:
            data = stream.read(fed if to_come is None else min(fed, to_come))
            to_come = None if to_come is None else to_come - len(data)
        try:
            piece = now.decompress(data, limit + 1 - size)
        except ERRORS as error:
            raise BrokenError(str(error)) from error
        if not data and not piece:
            raise BrokenError("the content does not end", Reason.RECORD_TRUNCATED)
        data = getattr(now, "unconsumed_tail", b"")
        kept.append(piece)
        size += len(piece)
        budget.spend(len(piece))
    if size > limit:
        raise BrokenError(f"it unpacks to more than the {limit} bytes it may have", Reason.TOO_LARGE)
    return b"".join(kept), stream.tell() - len(now.unused_data) if member.packed is None else start + member.packed


def _is_described(stream: BinaryIO, at: int, data: bytes) -> bool:
    """Whether checksum and size, written behind a member whose header did not know them, are those of `data`."""
    stream.seek(at)
    said = stream.read(24).removeprefix(b"PK\x07\x08").ljust(20)
    wanted = zlib.crc32(data), len(data)
    return wanted in (struct.unpack_from("<L4xL", said), struct.unpack_from("<L8xQ", said))


def next_member(stream: BinaryIO, at: int) -> ZipMember | None:
    """The member whose local header is the next from `at` on, for a zip without its central directory; null for none."""
    at = _next_local(stream, at)
    stream.seek(max(at, 0))
    head = stream.read(_LOCAL.size)
    if at < 0 or len(head) < _LOCAL.size:
        return None
    _, _, flags, method, _, _, crc, packed, size, name_bytes, extra_bytes = _LOCAL.unpack(head)
    name, extra = stream.read(name_bytes), stream.read(extra_bytes)
    has_sizes, refusal = not flags & _DESCRIPTOR, _unreadable(flags, method)
    if method == 0 and not has_sizes:
        refusal = "of a size that only the central directory knew"
    size, packed = _wide(extra, [size, packed])
    return ZipMember(
        raw_name=name, flags=flags, method=method, at=at, crc=crc, refusal=refusal,
        packed=packed if has_sizes else None, size=size if has_sizes else None,
    )  # fmt: skip


def _next_local(stream: BinaryIO, at: int) -> int:
    """The place of the next local header's first bytes, from `at` on; -1 for none."""
    stream.seek(at)
    window = b""
    while piece := stream.read(_SEARCHED):
        window += piece
        if (found := window.find(_LOCAL_MAGIC)) >= 0:
            return at + found
        at += len(window) - 3
        window = window[-3:]
    return -1
