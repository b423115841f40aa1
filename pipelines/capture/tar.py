"""Members of a tar, in order; every byte that is neither member nor header is reported as a gap.

Python's tarfile ends in silence at a damaged header, and reads an extended header of any size into memory. Here a header
whose checksum fails makes a gap up to the next one that holds. A limit nobody can lift: a tar inside a damaged member
can be taken for members of the outer one; and only headers have a checksum.
Source: POSIX.1-2017, pax, "pax Interchange Format" and "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipelines.capture.stored import Tape

BLOCK = 512
_EXTENDED_BYTES = 1 << 20  # Chosen: of one extended header; real ones hold a path and times
_KINDS = {
    b"1": "a hard link", b"2": "a symbolic link", b"3": "a device", b"4": "a device", b"6": "a named pipe",
    b"S": "a sparse file",
}  # fmt: skip
_FILE, _FOLDER, _WITHOUT_CONTENT = (b"0", b"\0", b"7"), b"5", b"123456"


@dataclass(frozen=True, slots=True, kw_only=True)
class TarMember:
    """A member. `at`: of its header; `start`: of its content on the tape. `refusal`: why it is no plain file, else null."""

    name: str
    at: int
    start: int
    size: int
    is_folder: bool
    refusal: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TarGap:
    """Bytes that are no member. `is_end`: no member follows, and none of the zeros that close a tar were seen."""

    at: int
    length: int
    sha256: bytes
    detail: str
    is_end: bool = False


@dataclass(frozen=True, slots=True)
class _Header:
    name: bytes
    size: int
    kind: bytes
    target: bytes
    is_long_sparse: bool


@dataclass(slots=True)
class _Extended:
    """What extended headers say of the next member: fields of pax by name, `shared` for all that follow."""

    shared: dict[bytes, bytes] = field(default_factory=dict)
    own: dict[bytes, bytes] = field(default_factory=dict)
    problem: str | None = None


def tar_members(tape: Tape) -> Iterator[TarMember | TarGap]:
    """Members and gaps. Whoever wants the content of a member reads it from the tape before asking for the next."""
    extended, is_closed, block = _Extended(), False, tape.read(BLOCK)
    while block:
        at = tape.at - len(block)
        header = _header(block)
        if not block.strip(b"\0"):
            is_closed, block = True, tape.read(BLOCK)
            continue
        if header is None:
            gap, block = _gap(tape, at, block)
            yield gap
            is_closed, extended = is_closed or not block, _Extended(shared=extended.shared)
            continue
        is_closed = False
        if header.kind in b"xgLK":
            _extend(extended, header, tape)
        else:
            if header.is_long_sparse:
                _skip_map(tape)
            member = _member(header, extended, at, tape.at)
            yield member
            tape.to(member.start + member.size + -member.size % BLOCK)
            extended = _Extended(shared=extended.shared)
        block = tape.read(BLOCK)
    if not is_closed:
        detail = "the tar ends without its closing blocks: it was cut"
        yield TarGap(at=tape.at, length=0, sha256=hashlib.sha256().digest(), detail=detail, is_end=True)


def _gap(tape: Tape, at: int, block: bytes) -> tuple[TarGap, bytes]:
    """The bytes from a block that is no header up to the next one that is; and that one, empty at the end."""
    digest, length = hashlib.sha256(), 0
    while True:
        digest.update(block)
        length += len(block)
        block = tape.read(BLOCK)
        if not block or (block[257:262] == b"ustar" and _header(block) is not None):
            detail = "no tar header, or its checksum does not hold"
            return TarGap(at=at, length=length, sha256=digest.digest(), detail=detail, is_end=not block), block


def _header(block: bytes) -> _Header | None:
    """What a header block says; null where its checksum or a number does not hold."""
    if len(block) < BLOCK:
        return None
    checksum, size = _number(block[148:156]), _number(block[124:136])
    # Source: POSIX: the sum of all bytes, its own eight read as spaces.
    if size is None or checksum != sum(block) - sum(block[148:156]) + 8 * ord(" "):
        return None
    name = block[:100].partition(b"\0")[0]
    if block[257:263] == b"ustar\0" and (prefix := block[345:500].partition(b"\0")[0]):
        name = prefix + b"/" + name
    kind, target = block[156:157], block[157:257].partition(b"\0")[0]
    return _Header(name, size, kind, target, kind == b"S" and block[482] != 0)


def _number(digits: bytes) -> int | None:
    """A number of a header: octal, or base 256 where the first bit is set; null where it is neither."""
    if digits[0] == 0x80:
        return int.from_bytes(digits[1:], "big")
    try:
        value = int(digits.partition(b"\0")[0].strip() or b"0", 8)
    except ValueError:
        return None
    return value if value >= 0 else None


def _extend(extended: _Extended, header: _Header, tape: Tape) -> None:
    """Read an extended header (pax `x`, `g`; GNU `L`, `K`) from the tape."""
    end = tape.at + header.size + -header.size % BLOCK
    if header.size > _EXTENDED_BYTES:
        extended.problem = f"an extended header of {header.size} bytes"
    else:
        data = tape.read(header.size)
        if header.kind in b"LK":
            extended.own[b"path" if header.kind == b"L" else b"linkpath"] = data.partition(b"\0")[0]
        elif (found := _pax(data)) is None or len(data) < header.size:
            extended.problem = "an extended header that cannot be read"
        else:
            (extended.own if header.kind == b"x" else extended.shared).update(found)
    tape.to(end)


def _pax(data: bytes) -> dict[bytes, bytes] | None:
    """The records `length key=value\\n` of an extended header; null where it is not made of them."""
    found, at = {}, 0
    while at < len(data):
        digits, _, _ = data[at : at + 20].partition(b" ")
        stop = at + int(digits) if digits.isdigit() else at
        key, is_pair, value = data[at + len(digits) + 1 : stop - 1].partition(b"=")
        if not is_pair or stop > len(data) or data[stop - 1 : stop] != b"\n":
            return None
        found[key] = value
        at = stop
    return found


def _skip_map(tape: Tape) -> None:
    """Pass over the rest of an old GNU sparse file's map, which lies between header and content."""
    while len(block := tape.read(BLOCK)) == BLOCK and block[504]:
        pass


def _member(header: _Header, extended: _Extended, at: int, start: int) -> TarMember:
    said = extended.shared | extended.own
    name = said.get(b"path", header.name)
    size = _pax_size(said.get(b"size"), header.size)
    refusal = extended.problem if size is not None else "an extended header that names no size"
    if any(key.startswith(b"GNU.sparse.") for key in said):
        refusal = refusal or _KINDS[b"S"]
    if header.kind not in _FILE and not refusal:
        refusal = _KINDS.get(header.kind, f"of the unknown type {header.kind!r}")
        if header.kind in b"12":
            refusal += f" to {_text(said.get(b'linkpath', header.target))}"
    is_folder = header.kind == _FOLDER or (header.kind in _FILE and name.endswith(b"/"))
    size = 0 if header.kind in _WITHOUT_CONTENT or size is None else size
    return TarMember(name=_text(name), at=at, start=start, size=size, is_folder=is_folder, refusal=refusal)


def _pax_size(said: bytes | None, otherwise: int) -> int | None:
    if said is None:
        return otherwise
    return int(said) if said.isdigit() and len(said) < 20 else None


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
