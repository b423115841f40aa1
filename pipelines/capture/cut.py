"""The head of an archive of files: a smaller archive of the first members, for samples. Members are copied, never unpacked to files.

Only tar (plain or gzip) and zip are cut; anything else is for the caller to take whole.
"""

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from pipelines.capture.inflate import BrokenError, Budget
from pipelines.capture.zip import content, zip_members

_BLOCK = 512  # Source: POSIX, pax interchange format: headers and padding
_FILES = (b"0", b"\0", b"7")  # type flags of regular files
_PIECE = 1 << 20
_CUT = (".tar", ".tar.gz", ".tgz", ".zip", ".whl")


def is_cut(path: Path) -> bool:
    """Whether the file, by its name, is of a kind that is cut here."""
    return path.name.lower().endswith(_CUT)


def cut(path: Path, members: int, target: Path, *, most_bytes: int) -> None:
    """Write an archive of the first regular files of another: at most so many, and of about `most_bytes` in all.

    Raises:
        OSError, zlib.error, EOFError, BrokenError, ValueError: it cannot be read.
    """
    if path.name.lower().endswith((".zip", ".whl")):
        _cut_zip(path, members, target, most_bytes)
    elif path.name.lower().endswith(".tar"):
        with path.open("rb") as source, target.open("wb") as out:
            _cut_tar(source, members, out, most_bytes)
    else:
        with gzip.open(path) as source, gzip.open(target, "wb", compresslevel=6) as out:
            _cut_tar(source, members, out, most_bytes)  # type: ignore[arg-type]


def _cut_tar(source: IO[bytes], members: int, out: IO[bytes], most_bytes: int) -> None:
    """Copy headers and contents up to the last wanted file, then the two empty blocks that end a tar."""
    files = taken = 0
    while files < members and taken < most_bytes:
        header = source.read(_BLOCK)
        if len(header) < _BLOCK or not header.strip(b"\0"):
            break
        size = _size(header[124:136])
        left = -(-size // _BLOCK) * _BLOCK
        out.write(header)
        for piece in _pieces(source, left):
            out.write(piece)
        taken += left
        files += header[156:157] in _FILES
    out.write(bytes(2 * _BLOCK))


def _pieces(source: IO[bytes], left: int) -> Iterator[bytes]:
    while left and (piece := source.read(min(left, _PIECE))):
        left -= len(piece)
        yield piece


def _size(field: bytes) -> int:
    """The size in a header: octal digits, or a binary number where the first bit is set (GNU). Raises ValueError."""
    if field[0] & 0x80:
        return int.from_bytes(field) & ((1 << 88) - 1)
    return int(field.split(b"\0")[0].strip() or b"0", 8)


def _cut_zip(path: Path, members: int, target: Path, most_bytes: int) -> None:
    budget = Budget(most_bytes)
    taken = 0
    with path.open("rb") as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        for member in [one for one in zip_members(source, path.stat().st_size) if one.refusal is None][:members]:
            if taken >= most_bytes:
                break
            try:
                data, _ = content(source, member, most_bytes, budget)
            except (BrokenError, zlib.error):
                continue
            taken += len(data)
            out.writestr(zipfile.ZipInfo(member.name), data, zipfile.ZIP_DEFLATED)
