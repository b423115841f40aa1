"""The store: where bytes lie, local or in a cloud, behind one small interface (obstore underneath).

Two ways to write, both atomic: `create` makes a file that was not there and says who won (commits, receipts);
`put` writes content-named bytes, where a second writer writes the same (parts, shards). A local file is on the disk before it
has its name, so that after a loss of power a commit or a receipt is whole, and so is every file that was there before it.
"""

import hashlib
import io
import os
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import obstore
import pyarrow as pa
import pyarrow.parquet as pq
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from schemas.digest import sha256
from schemas.errors import SiteError, StoreError

_PLACES = ("endpoint", "base_url", "aws_endpoint", "google_base_url", "azure_endpoint")  # options that hold a URL
_CHUNK = 8 << 20  # Chosen: enough that a request's round trip does not count, and little memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One immutable, content-named file: Parquet of one table, or plain bytes. `path` is relative to the store."""

    table: str
    path: str
    sha256: str
    rows: int
    bytes: int


@dataclass(frozen=True)
class Store:
    """A folder of files at `root`: an absolute local path, or an s3://, gs://, az:// URL; http(s):// to read from.

    Every way to read or write raises StoreError where the disk is full, the network away, or access denied.

    `options`: what a cloud's client is told beside what the environment says, as (name, value); a value `$NAME` is that of an
    environment variable, read when the store is first used, so no secret is in this value or in what is sent to workers.
    `cache`: the local folder for copies of a remote store's files that never change; empty: `headwater` in the user's cache folder.
    """

    root: str
    options: tuple[tuple[str, str], ...] = ()
    cache: str = ""

    def __reduce__(self) -> tuple[type["Store"], tuple[object, ...]]:
        return type(self), (self.root, self.options, self.cache)  # not the open client: it holds secrets

    @cached_property
    def _store(self) -> ObjectStore:
        told = {name: self._option(name, value) for name, value in self.options}
        try:
            if "://" in self.root:
                # A plain-text store is one that the site names itself: a mirror on loopback or in one's own network.
                plain = any(place.startswith("http://") for place in (self.root, *map(told.get, _PLACES)) if place)
                return from_url(self.root, config=told or None, client_options={"allow_http": plain})  # type: ignore[call-overload,no-any-return]
            return LocalStore(prefix=self.root, mkdir=True)
        except Exception as error:
            raise SiteError(f"store {self.root} cannot be opened: {error}; see [store] in site.toml") from error

    def _option(self, name: str, value: str) -> str:
        if not value.startswith("$"):
            return value
        try:
            return os.environ[value[1:]]
        except KeyError:
            raise SiteError(
                f"store {self.root}: [store.options] {name} is {value}, and no environment variable has that name; set it"
            ) from None

    @property
    def is_local(self) -> bool:
        """Whether the store is a folder of this machine."""
        return "://" not in self.root

    def local(self, path: str) -> Path:
        """The local file behind `path`. Only for local stores.

        Raises:
            SiteError: the store is remote.
        """
        if not self.is_local:
            raise SiteError(f"store {self.root} is remote; {path} has no local file")
        return Path(self.root) / path

    def near(self, path: str, sha256: str | None = None) -> Path:
        """A local file with the bytes of one that never changes: itself, or a copy in the cache that stays there.

        `sha256`: hex; bytes that have another one never get into the cache.

        Raises:
            FileNotFoundError: there is no such file.
            StoreError: it was changed, or cannot be read.
        """
        if self.is_local:
            return self.local(path)
        copy = self._cached(path)
        if not copy.is_file():
            self._fetch(path, copy, sha256)
        return copy

    @contextmanager
    def lent(self, path: str) -> Iterator[Path]:
        """A local file with the bytes that lie at `path` now: itself, or a copy that is gone afterwards. Raises FileNotFoundError."""
        with self.lent_files([path]) as folder:
            yield folder / path

    @contextmanager
    def lent_folder(self, path: str) -> Iterator[Path]:
        """A local folder with the files that lie below `path` now: itself, or a copy that is gone afterwards."""
        with self.lent_files(() if self.is_local else self.list(path)) as folder:
            yield folder / path

    def near_folder(self, path: str) -> Path:
        """A local folder with the files below `path`, which never change: itself, or a copy in the cache that stays there."""
        if self.is_local:
            return self.local(path)
        for file in self.list(path):
            self.near(file)
        return self._cached(path)

    @contextmanager
    def lent_files(self, paths: Iterable[str]) -> Iterator[Path]:
        """A local folder in which these files have their own paths: the store's, or one of copies that is gone afterwards."""
        if self.is_local:
            yield Path(self.root)
            return
        self._cached("").mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._cached(""), prefix=f"lent-{os.getpid()}-") as folder:
            for path in paths:
                self._fetch(path, Path(folder) / path)
            yield Path(folder)

    @property
    def cached_folder(self) -> Path:
        """The local folder of copies of this store's files; nothing is in it where the store is local."""
        return self._cached("")

    def _cached(self, path: str) -> Path:
        """Where the copy of a file lies."""
        user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "headwater"
        return (Path(self.cache) if self.cache else user) / hashlib.sha256(self.root.encode()).hexdigest()[:16] / path

    def _fetch(self, path: str, target: Path, expected: str | None = None) -> None:
        with self._asked("read", path):
            chunks = obstore.get(self._store, path).stream(min_chunk_size=_CHUNK)
            _write(
                target, _checked(map(bytes, chunks), expected, f"{path} in the store {self.root}"), must_be_new=False
            )

    def read(self, path: str) -> bytes:
        """All bytes of a file. Raises FileNotFoundError."""
        with self._asked("read", path):
            store = self._store
            if self.is_local:  # one copy in memory, not two
                return self.local(path).read_bytes()
            return bytes(obstore.get(store, path).bytes())

    def read_range(self, path: str, offset: int, length: int) -> bytes:
        """`length` bytes from `offset`. Raises FileNotFoundError."""
        with self._asked("read", path):
            return bytes(obstore.get_range(self._store, path, start=offset, length=length)) if length else b""

    def length(self, path: str) -> int:
        """The bytes of a file. Raises FileNotFoundError."""
        with self._asked("looked up", path):
            return int(obstore.head(self._store, path)["size"])

    def exists(self, path: str) -> bool:
        """Whether the file is there."""
        try:
            with self._asked("looked up", path):
                store = self._store
                if self.is_local:
                    return self.local(path).is_file()
                obstore.head(store, path)
        except FileNotFoundError:
            return False
        return True

    def create(self, path: str, *data: bytes) -> bool:
        """Write a file that must not exist yet, whole or not at all; False if another writer was first.

        `data`: its bytes, in parts that are not joined in memory where the store is local.
        """
        with self._asked("written", path):
            if self.is_local:
                return _write(self.local(path), data, must_be_new=True)
            try:
                obstore.put(self._store, path, b"".join(data), mode="create", use_multipart=False)
            except AlreadyExistsError:
                return False
            return True

    def put(self, path: str, data: bytes | Path | tuple[bytes, ...]) -> None:
        """Write a file whole or not at all, over any older one. For content-named files, pointers, and what one writer owns.

        A tuple is of parts, as in `create`.
        """
        with self._asked("written", path):
            if self.is_local:
                _write(self.local(path), (data,) if isinstance(data, bytes) else data, must_be_new=False)
            else:
                obstore.put(self._store, path, b"".join(data) if isinstance(data, tuple) else data)

    def copy(self, source: str, target: str) -> None:
        """Have the bytes of a file under another path too; in a cloud they do not pass through this machine. Raises FileNotFoundError."""
        with self._asked("copied", source):
            if self.is_local:
                _write(self.local(target), self.local(source), must_be_new=False)
            else:
                obstore.copy(self._store, source, target)

    def delete(self, path: str) -> None:
        """Remove a file, and the copy of it in the cache first. Raises FileNotFoundError where the store is local."""
        if not self.is_local:
            self._cached(path).unlink(missing_ok=True)
        with self._asked("deleted", path):
            obstore.delete(self._store, path)

    def folders(self, path: str) -> list[str]:
        """Names of the folders directly below one, sorted."""
        with self._asked("listed", path):
            found = obstore.list_with_delimiter(self._store, prefix=path)["common_prefixes"]
        return sorted(one.rstrip("/").rpartition("/")[2] for one in found)

    def list(self, prefix: str) -> Iterator[str]:
        """Paths below a folder, sorted."""
        with self._asked("listed", prefix):
            found = [meta["path"] for batch in obstore.list(self._store, prefix=prefix) for meta in batch]
        yield from sorted(found)

    @contextmanager
    def _asked(self, done: str, path: str) -> Iterator[None]:
        """Tells what was being done to which file when the disk or the network failed."""
        try:
            yield
        except FileNotFoundError:
            raise
        except (BaseError, OSError) as error:
            said = (isinstance(error, OSError) and error.strerror) or str(error).partition("\n")[0]
            cure = "make room or get access, then run again: nothing half written is visible"
            raise StoreError(f"{path} in the store {self.root} cannot be {done}: {said}; {cure}") from error

    def publish(self, table: str, data: pa.Table | pa.RecordBatch) -> Part:
        """Write a table as one content-named Parquet file; the same rows always give the same part."""
        if isinstance(data, pa.RecordBatch):
            data = pa.Table.from_batches([data])
        buffer = io.BytesIO()
        # 20,000 rows a group: a look-up by sorted id reads one group of some hundred kB.
        pq.write_table(data.combine_chunks(), buffer, compression="zstd", row_group_size=20_000, store_schema=True)
        blob = buffer.getvalue()
        name = sha256(blob).hex()
        path = f"parts/{table}/{name}.parquet"
        if not self.exists(path):
            self.put(path, blob)
        return Part(table=table, path=path, sha256=name, rows=data.num_rows, bytes=len(blob))

    def publish_bytes(self, kind: str, data: bytes) -> Part:
        """Write bytes as one content-named file, `rows` 0."""
        name = sha256(data).hex()
        path = f"parts/{kind}/{name}.bin"
        if not self.exists(path):
            self.put(path, data)
        return Part(table=kind, path=path, sha256=name, rows=0, bytes=len(data))

    def table(self, parts: Sequence[Part], schema: pa.Schema, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of all parts, in the order of the parts; an empty table of `schema` where there are none.

        What parts of an earlier version lack is null.
        """
        wanted = schema if columns is None else pa.schema([schema.field(name) for name in columns])
        tables = [self.read_part(part, columns) for part in parts]
        return pa.concat_tables(tables, promote_options="default") if tables else wanted.empty_table()

    def read_part(self, part: Part, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of one part."""
        return self.rows(part.path, columns)

    def rows(self, path: str, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of a Parquet file."""
        source = str(self.local(path)) if self.is_local else pa.BufferReader(self.read(path))
        return pq.ParquetFile(source).read(columns=None if columns is None else list(columns))


def _checked(chunks: Iterable[bytes], expected: str | None, where: str) -> Iterator[bytes]:
    """The same chunks. Raises StoreError after the last one where they have not the digest that is expected."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
        yield chunk
    if expected not in (None, digest.hexdigest()):
        raise StoreError(f"{where} was changed: it has not the sha256 {expected}; `headwater verify` names all damage")


def _write(target: Path, data: Iterable[bytes] | Path, *, must_be_new: bool) -> bool:
    """Write a local file, whole and on the disk, before it gets its name; False where it must be new and is not.

    obstore 0.12 writes local files in the same two steps but without fsync (seen by strace). Here that costs 0.5 ms a file.
    """
    missing = [folder for folder in target.parents if not folder.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    building = unfinished(target)
    try:
        with building.open("wb") as out:
            if isinstance(data, Path):
                with data.open("rb") as source:
                    shutil.copyfileobj(source, out, 1 << 20)
            else:
                out.writelines(data)
            out.flush()
            os.fsync(out.fileno())
        if must_be_new:
            os.link(building, target)
        else:
            os.replace(building, target)
    except FileExistsError:
        return False
    finally:
        building.unlink(missing_ok=True)
    for folder in [target.parent, *(folder.parent for folder in missing)]:
        sync_folder(folder)
    return True


def unfinished(target: Path) -> Path:
    """Where this thread writes a local file before it gets its name; the first ten digits are those of the process."""
    # Such a name obstore gives to unfinished files too, and leaves it out of its listings.
    return target.with_name(f"{target.name}#{os.getpid():010d}{threading.get_ident()}")


def linked(source: Path, target: Path) -> None:
    """Have the bytes of a local file under another name too: by a link, or a copy where the file system has none."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def sync_tree(folder: Path) -> None:
    """Have the names in a local folder, and in all below it, on the disk. What the files hold is for their writers to sync."""
    for inner in [path for path in folder.rglob("*") if path.is_dir()]:
        sync_folder(inner)
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Have the names in a local folder on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
