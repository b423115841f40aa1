"""Compressed files as streams: what they unpack to, how much of it is proven, and what is wrong with the rest.

A file holds one compressed stream after another. Nothing of a stream counts before its own checksum has been compared at
its end: bytes that come out before a damage shows may be altered. Of a stream that was cut all that came out counts:
nothing is wrong with it but the end of the file. So a file is read twice, first to see how much of it holds.
"""

import bz2
import io
import lzma
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import zstandard

from schemas.reasons import Reason

_PIECE = 1 << 20  # bytes that come out at once; Chosen: no larger piece was faster
_FED = 64 << 10  # bytes fed at once; Chosen: as in pipelines.capture.members
_ZSTD_FED = 512  # Source: pipelines.capture.codings: the engine of zstd knows no limit on what comes out
# Source: xz(1): the highest preset needs 65 MiB to unpack; zstd(1): windows over 128 MiB need --long. Chosen: twice that.
_XZ_MEMORY, _ZSTD_WINDOW = 256 << 20, 128 << 20
_MAGIC = {b"\x1f\x8b\x08": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
_MAGIC_BYTES, _TAIL_BYTES = 6, 16
# Chosen: a changed byte alters the end of what comes out (a block of 64 KiB or so), rarely half of it. A larger factor would
# take the last bytes of more files that were really cut for a size.
_SMALL_BYTES = 64 << 10
_SKIPPABLE = b"\x2a\x4d\x18"  # bytes 2 to 4 of a zstd frame without content; Source: RFC 8878, section 3.1.2
ERRORS = (zlib.error, OSError, EOFError, lzma.LZMAError, zstandard.ZstdError)


class BrokenError(Exception):
    """Bytes that cannot be read as what they should be. `is_cut`: nothing is wrong but the end of the file."""

    def __init__(self, detail: str, reason: Reason = Reason.ARCHIVE_DAMAGED, *, is_cut: bool = False) -> None:
        super().__init__(detail)
        self.detail, self.reason, self.is_cut = detail, reason, is_cut


class Budget:
    """How many bytes may still come out of a file, over all its members: what makes a bomb cheap."""

    def __init__(self, left: int) -> None:
        self.left = left

    def spend(self, size: int) -> None:
        """Count bytes that came out. Raises BrokenError where they are too many."""
        self.left -= size
        if self.left < 0:
            raise BrokenError("it unpacks to more than the cap for a file of its size", Reason.TOO_LARGE)


def fed_bytes(name: str) -> int:
    """How many bytes an engine may be fed at once."""
    return _ZSTD_FED if name == "zstd" else _FED


def coding(head: bytes) -> str | None:
    """gzip, bzip2, xz or zstd by the first bytes; null for none of them."""
    if head[1:4] == _SKIPPABLE and 0x50 <= head[0] <= 0x5F:
        return "zstd"
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)


def engine(name: str) -> Any:
    """A new decompressor with `decompress(data, limit)`, `eof` and `unused_data`; `deflate` is the one of zip."""
    match name:
        case "gzip":
            return zlib.decompressobj(31)
        case "deflate":
            return zlib.decompressobj(-15)
        case "bzip2":
            return bz2.BZ2Decompressor()
        case "xz":
            return lzma.LZMADecompressor(memlimit=_XZ_MEMORY)
        case _:
            return _Zstd()


class _Zstd:
    """zstandard's engine in the form of the standard library's."""

    def __init__(self) -> None:
        self._engine = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()

    @property
    def eof(self) -> bool:
        return bool(self._engine.eof)

    @property
    def unused_data(self) -> bytes:
        return self._engine.unused_data

    def decompress(self, data: bytes, limit: int) -> bytes:
        return self._engine.decompress(data) if data else b""


def unpack(stream: BinaryIO, name: str, unit: int = 1) -> Iterator[tuple[bytes, bool]]:
    """What a file of this coding unpacks to, in pieces; the flag tells that all so far is proven.

    `unit`: what it unpacks to is a multiple of so many bytes.

    Raises:
        BrokenError: the rest of the file cannot be unpacked.
    """
    now, data, at, is_full, is_fresh = engine(name), b"", 0, False, False
    tail, size = b"", 0  # the last bytes of the file, and what the present stream gave
    while True:
        if not data and not is_full:
            data = stream.read(fed_bytes(name))
            at += len(data)
            if not data and is_fresh:
                return
            if not data:
                raise _unended(name, tail, size, unit)
            tail = (tail + data)[-_TAIL_BYTES:]
        if is_fresh:  # zeros may pad a file; whatever else follows must be another stream
            data = data.lstrip(b"\0")
            data += stream.read(_MAGIC_BYTES - len(data)) if 0 < len(data) < _MAGIC_BYTES else b""
            if not data:
                continue
            if coding(data) != name:
                raise BrokenError(f"about byte {at - len(data)}: what follows the end is no {name} stream")
            now, is_fresh, size = engine(name), False, 0
        try:
            piece = now.decompress(data, _PIECE)
        except ERRORS as error:
            raise BrokenError(f"about byte {at - len(data)}: {error}") from error
        is_fresh, is_full = now.eof, len(piece) == _PIECE and not now.eof
        data = now.unused_data if now.eof else getattr(now, "unconsumed_tail", b"")
        size += len(piece)
        yield piece, now.eof


def _unended(name: str, tail: bytes, size: int, unit: int) -> BrokenError:
    """What is wrong with a stream that does not end: cut, unless the file has the end of one.

    A changed byte can lead past the end of a stream; then the file still ends as that stream did, for gzip with the size
    of what it holds (modulo 2^32), for xz with two letters. Source: RFC 1952, section 2.3.1; The .xz File Format, 2.1.2.4.
    """
    said = int.from_bytes(tail[-4:], "little")
    is_gzip_end = name == "gzip" and said % unit == 0 and said <= 2 * size + _SMALL_BYTES
    if is_gzip_end or (name == "xz" and tail.rstrip(b"\0").endswith(b"YZ")):
        return BrokenError(f"the {name} stream does not end where the file does: a byte of it was changed")
    return BrokenError(f"the {name} stream does not end", Reason.RECORD_TRUNCATED, is_cut=True)


class Unpacked(io.RawIOBase):
    """What a compressed file unpacks to, as a file to be read once.

    `size`: bytes that came out; `sound`: those of them that are proven; `problem`: why no more come. `stop`: how many may
    come, as an earlier reading proved; `unit`: as in `unpack`.
    """

    def __init__(self, stream: BinaryIO, name: str, budget: Budget, *, stop: int | None = None, unit: int = 1) -> None:
        self._pieces, self._rest = unpack(stream, name, unit), memoryview(b"")
        self._budget, self._stop = budget, stop
        self.size, self.sound, self.problem = 0, 0, None  # type: int, int, BrokenError | None

    def readable(self) -> bool:  # noqa: D102 - as io.RawIOBase says
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # noqa: D102
        while not self._rest and self._more():
            pass
        taken = min(len(buffer), len(self._rest))
        buffer[:taken] = self._rest[:taken]
        self._rest = self._rest[taken:]
        return taken

    def _more(self) -> bool:
        """Unpack one more piece; false at the end."""
        if self.problem is not None or self.size == self._stop:
            return False
        try:
            piece, is_proven = next(self._pieces, (None, True))
            self._budget.spend(len(piece or b""))
        except BrokenError as error:
            self.problem, self.sound = error, self.size if error.is_cut else self.sound
            return False
        if piece is None:
            return False
        if self._stop is not None:
            piece = piece[: self._stop - self.size]
        self.size += len(piece)
        self.sound = self.size if is_proven else self.sound
        self._rest = memoryview(piece)
        return True
