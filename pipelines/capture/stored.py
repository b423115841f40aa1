"""Files as the store keeps them: adopted under their content's name, and read as streams wherever the store is."""

import hashlib
import io
import json
import os
import shutil
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from pipelines.store import Store, unfinished
from schemas.errors import SourceError

CAPTURED, REPLACED = "captures", "captures/replaced"

# What a receipt keeps of files that were made here: by a crawl, or from a repository.
ARCHIVE = pa.schema(
    [
        pa.field("stored", pa.string(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("length", pa.int64(), nullable=False),
    ]
)

# Chosen: a link is the user's own file, which an edit in place would change here too. That is noticed (digests), but tables and
# pictures are edited; archives of gigabytes are not, and to copy them would fill a disk.
_COPIED_BYTES = 64 << 20
_REMOTE_BYTES = 4 << 20  # Chosen: one request to a cloud store costs about what 4 MiB take to come


def adopted(store: Store, path: Path, suffix: str, *, must_link: bool = False) -> tuple[str, str, int]:
    """Path in the store, sha256 (hex) and bytes of a file: a large one linked there where the file system allows, else copied.

    Of one that held what a request covers, the path and bytes are those of what took its place, and the sha256 its own.

    must_link: never copy it.

    Raises:
        SourceError: the file cannot be read, or must be linked and cannot be.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        length = path.stat().st_size
    except OSError as error:
        raise SourceError(f"source input {path} cannot be read: {error.strerror}") from error
    stored = f"{CAPTURED}/{digest}{suffix}"
    if now := replaced(store, stored):
        return now[0], digest, now[1]
    if not store.exists(stored) and not _put(
        store, stored, path, is_linked=must_link or length > _COPIED_BYTES, is_copied=not must_link
    ):
        raise SourceError(
            f"{path} cannot be linked into the store, and is not copied while the recipe has `block_lists`: its members are looked "
            "at only later; put it on the file system of a local store, or unpack it"
        )
    return stored, digest, length


def replacement_path(stored: str) -> str:
    """Where it says what took the place of a captured file that held what a request covers."""
    return f"{REPLACED}/{stored.removeprefix(f'{CAPTURED}/')}.json"


def replaced(store: Store, stored: str) -> tuple[str, int] | None:
    """Path and bytes of what took the place of a captured file; the file itself then never comes back into the store."""
    try:
        said = json.loads(store.read(replacement_path(stored)))
    except FileNotFoundError:
        return None
    return said["stored"], said["length"]


def _put(store: Store, stored: str, path: Path, *, is_linked: bool, is_copied: bool) -> bool:
    """Whether the file is in the store now: linked if it may and can be, else copied if it may be."""
    if not store.is_local:
        if is_copied:
            store.put(stored, path)
        return is_copied
    target = store.local(stored)
    target.parent.mkdir(parents=True, exist_ok=True)
    building = unfinished(target)
    if not (is_linked and _is_link(path, building)):
        if not is_copied:
            return False
        shutil.copyfile(path, building)
    os.replace(building, target)
    return True


def _is_link(source: Path, target: Path) -> bool:
    """Whether `target` could be made a link to the file."""
    try:
        os.link(source.resolve(), target)
    except OSError:  # another file system, or one without links
        return False
    return True


def open_stored(store: Store, path: str, length: int) -> BinaryIO:
    """The file of the store at `path`, of `length` bytes, to be read and sought in. Raises SourceError."""
    if not store.is_local:
        return io.BufferedReader(_Remote(store, path, length), _REMOTE_BYTES)
    try:
        return store.local(path).open("rb")
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read from the store: {error.strerror}; restore it, then run again"
        ) from error


class _Remote(io.RawIOBase):
    """Ranges of a file of a remote store, as a file."""

    def __init__(self, store: Store, path: str, length: int) -> None:
        self._store, self._path, self._length, self._at = store, path, length, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length}[whence]
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._store.read_range(self._path, self._at, max(0, min(len(buffer), self._length - self._at)))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


class Tape:
    """A stream read forward only; `at` is the place of the next byte."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._is_seekable, self.at = stream, stream.seekable(), 0

    def read(self, size: int) -> bytes:
        """The next `size` bytes, fewer at the end."""
        data = self._stream.read(size)
        self.at += len(data)
        return data

    def to(self, place: int) -> None:
        """Go forward to `place`, or to the end."""
        if self._is_seekable:
            self.at = self._stream.seek(place)
        while self.at < place and self.read(min(place - self.at, 1 << 20)):
            pass
