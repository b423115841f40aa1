"""Arrow chunks by key, in memory until they are too many, then in files: what a shuffle is on one machine.

A file is a run of Arrow IPC streams, as chunks travel through Beam; it holds numbers only.
"""

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import pyarrow as pa


class Spill:
    """Record batches of one schema by key. Use it as a context: its files are gone when that ends.

    Args:
        folder: where files may be written; it is made when the first is.
        budget: how many bytes are held in memory before all are written.
    """

    def __init__(self, folder: Path, budget: int) -> None:
        self._folder, self._budget = folder, budget
        self._held: dict[int, list[pa.RecordBatch]] = defaultdict(list)
        self._bytes = 0
        self._rows: dict[int, int] = defaultdict(int)
        self._files: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> "Spill":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._held.clear()
        if self._files is not None:
            self._files.cleanup()

    def add(self, key: int, batch: pa.RecordBatch) -> None:
        """Keep one more batch of a key. Raises OSError where the disk is full."""
        self._held[key].append(batch)
        self._rows[key] += len(batch)
        self._bytes += batch.nbytes
        if self._bytes > self._budget:
            self._write()

    def rows(self) -> dict[int, int]:
        """How many rows each key has, ascending by key."""
        return {key: self._rows[key] for key in sorted(self._rows)}

    def read(self, key: int) -> Iterator[pa.RecordBatch]:
        """The batches of a key in the order in which they were added."""
        if self._files is not None and (path := self._path(key)).exists():
            with pa.OSFile(str(path)) as file:
                while file.tell() < file.size():
                    with pa.ipc.open_stream(file) as stream:
                        yield from stream
        yield from self._held.get(key, ())

    def _write(self) -> None:
        if self._files is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._files = tempfile.TemporaryDirectory(prefix="dedup-", dir=self._folder)
        for key, batches in self._held.items():
            with self._path(key).open("ab") as file, pa.ipc.new_stream(file, batches[0].schema) as stream:
                for batch in batches:
                    stream.write_batch(batch)
        self._held.clear()
        self._bytes = 0

    def _path(self, key: int) -> Path:
        assert self._files is not None
        return Path(self._files.name) / f"{key}.arrows"
