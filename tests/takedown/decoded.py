"""Every file of a site as its contents: what a person with the right programs could read of it."""

import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow.parquet as pq


def contents(root: Path) -> Iterator[tuple[str, bytes]]:
    """(path relative to the site, bytes) of every file as it is and as it unpacks; not of the scratch folder, where inputs lie."""
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_file() and not name.startswith(".scratch"):
            for data in unpacked(path.read_bytes()):
                yield name, data


def unpacked(data: bytes) -> Iterator[bytes]:
    """These bytes, and what they hold, layer by layer."""
    yield data
    if data[:4] == b"PAR1":
        yield b"\0".join(cells(data))
    elif data[:2] == b"\x1f\x8b":
        yield from unpacked(gunzipped(data))
    elif data[:4] == b"PK\3\4":
        with zipfile.ZipFile(io.BytesIO(data)) as found:
            for name in found.namelist():
                yield from unpacked(found.read(name))
    elif data[257:262] == b"ustar":
        with (
            tarfile.open(fileobj=io.BytesIO(data)) as found,
            suppress(tarfile.ReadError),
        ):  # one archive is cut on purpose
            for member in found:
                if member.isfile():
                    yield from unpacked(found.extractfile(member).read())


def gunzipped(data: bytes) -> bytes:
    """All members of a gzip file, one after another."""
    found = b""
    while data[:2] == b"\x1f\x8b":
        member = zlib.decompressobj(wbits=31)
        found += member.decompress(data)
        data = member.unused_data
    return found


def cells(data: bytes) -> Iterator[bytes]:
    """Every text and byte string of a Parquet file."""
    stack = pq.ParquetFile(io.BytesIO(data)).read().to_pylist()
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            yield value.encode("utf-8", "surrogatepass")
        elif isinstance(value, bytes):
            yield value
        elif isinstance(value, dict):
            stack += value.values()
        elif isinstance(value, list | tuple):
            stack += value
