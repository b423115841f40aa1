"""Common Crawl as a source: archives of a crawl, or what its index says of a host, read by ranges.

    from = "crawl-data/CC-MAIN-2026-43/segments/.../warc/....warc.gz"   one archive, by its path
    from = "cc:CC-MAIN-2026-43@3"                    three of its archives, each a random cut of the crawl; without @: all
    from = "cc:CC-MAIN-2026-43/river.example/poems"  every capture of a host (below a path); *.river.example: of a domain

Paths start from the site's `[store] common_crawl`: https://data.commoncrawl.org, s3://commoncrawl, or a mirror. Records are taken as they
lie there, one gzip member each, robots.txt as captured then among them, and put into one archive of the site's store.
"""

import gzip
import hashlib
import json
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from pipelines.capture.layout import File, Form
from pipelines.capture.stored import ARCHIVE, open_stored
from pipelines.receipt import Tables, room
from pipelines.site import Site
from pipelines.store import Store
from pipelines.suppression import suppression
from schemas.digest import digest, sha256
from schemas.errors import SourceError

_SCHEME, _PATHS, _INDEX = "cc:", "crawl-data/", "cc-index/"
_MAX_RECORDS = 100_000  # Chosen: captures of one entry; a larger site is better read from whole archives
_NEAR_BYTES = 64 << 10  # Chosen: what is read of cluster.idx without looking closer; of some 150 MB
_PROBE_BYTES = 8 << 10  # Chosen: holds a whole line of it: URLs in an index have some 100 bytes, few have thousands
_MAX_BLOCK_BYTES = 16 << 20  # Source: a block of the index is 3,000 lines, some 300 kB; Chosen: what it may unpack to


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a record lies."""

    filename: str
    offset: int
    length: int


def is_common_crawl(entry: str) -> bool:
    """Whether a `from` entry is read from Common Crawl."""
    return entry.startswith((_SCHEME, _PATHS, _INDEX))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What an entry names: the archive at `path`, or all of a `crawl`, or `count` of it, or what it has of a `host` (and path)."""

    path: str = ""
    crawl: str = ""
    host: str = ""
    count: int | None = None


def parsed(entry: str) -> _Wanted:
    """What an entry names. Raises SourceError where that is nothing that is read."""
    if entry.startswith(_INDEX):
        raise SourceError(
            f"source input {entry}: the columnar index is not read; name the host, as cc:CC-MAIN-2026-43/river.example: its "
            "captures are looked up in the crawl's other index, which has the same"
        )
    if entry.startswith(_PATHS):
        return _Wanted(path=entry)
    crawl, _, host = entry.removeprefix(_SCHEME).partition("/")
    crawl, at, count = (crawl, "", "") if host else crawl.partition("@")
    if not crawl or (at and not (count.isascii() and count.isdigit() and int(count))):
        raise SourceError(
            f"source input {entry}: write cc:CC-MAIN-2026-43/river.example, cc:CC-MAIN-2026-43@3 (three archives) or "
            "cc:CC-MAIN-2026-43 (all of them)"
        )
    return _Wanted(crawl=crawl, host=host, count=int(count) if at else None)


def common_crawl(site: Site, source: str, entry: str) -> list[File]:
    """The archives that an entry of a recipe names, in the site's store; of a host, nothing that a request took down.

    Raises:
        SourceError: the entry names nothing, the crawl or its index is missing, the index holds nothing of the host, or too much of it.
        StoreError: the network or the store failed.
    """
    far, wanted = Store(root=site.common_crawl), parsed(entry)
    if wanted.path:
        return [_whole(site, far, source, wanted.path)]
    if wanted.host:
        key = digest("room", "common_crawl", 1, source, entry)
        made = room(site.store, source, "common_crawl", key, lambda: _indexed(site, far, wanted.crawl, wanted.host))
        (row,) = site.store.read_part(made.part("archive")).to_pylist()
        return [File(name=entry, form=Form.RECORDS, **row)]
    chosen = sorted(_paths(far, wanted.crawl), key=lambda path: sha256(path.encode()))
    return [_whole(site, far, source, path) for path in chosen[: wanted.count]]


def _paths(far: Store, crawl: str) -> list[str]:
    """The paths of all archives of a crawl."""
    data = _read(far, f"{_PATHS}{crawl}/warc.paths.gz")
    return gzip.decompress(data).decode().split()


def _read(far: Store, path: str) -> bytes:
    try:
        return far.read(path)
    except FileNotFoundError:
        raise SourceError(f"{far.root} has no {path}; check the name of the crawl") from None


def _whole(site: Site, far: Store, source: str, path: str) -> File:
    """One archive, copied piece by piece."""
    key = digest("room", "common_crawl", 1, source, path)

    def build() -> tuple[Tables, dict[str, int]]:
        try:
            length = far.length(path)
        except FileNotFoundError:
            raise SourceError(f"{far.root} has no {path}; check the path") from None
        with open_stored(far, path, length) as stream:
            return _kept(site, iter(lambda: stream.read(4 << 20), b""), Path(path).suffixes[-2:])

    made = room(site.store, source, "common_crawl", key, build)
    (row,) = site.store.read_part(made.part("archive")).to_pylist()
    return File(name=path, form=Form.RECORDS, **row)


def _indexed(site: Site, far: Store, crawl: str, host: str) -> tuple[Tables, dict[str, int]]:
    found, taken = list[_Place](), suppression(site)
    for url, place in _captures(far, f"{_INDEX}collections/{crawl}/indexes", host):
        if taken is None or not taken.has_uri(url):
            found.append(place)
        if len(found) > _MAX_RECORDS:
            raise SourceError(f"cc:{crawl}/{host}: more than {_MAX_RECORDS} captures; name a path, or take archives")
    if not found:
        raise SourceError(f"cc:{crawl}/{host}: the index has no capture of it that may be taken")
    found.sort(key=lambda place: (place.filename, place.offset))
    return _kept(
        site, (far.read_range(place.filename, place.offset, place.length) for place in found), [".warc", ".gz"]
    )


def _kept(site: Site, pieces: Iterator[bytes], suffixes: list[str]) -> tuple[Tables, dict[str, int]]:
    """The pieces as one file of the site's store."""
    site.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=site.scratch) as file:
        hashed, count = hashlib.sha256(), 0
        for piece in pieces:
            hashed.update(piece)
            file.write(piece)
            count += 1
        file.flush()
        stored = f"captures/{hashed.hexdigest()}{''.join(suffixes)}"
        site.store.put(stored, Path(file.name))
        row = {"stored": stored, "sha256": hashed.hexdigest(), "length": file.tell()}
    return [("archive", pa.Table.from_pylist([row], schema=ARCHIVE))], {"pieces": count}


def _captures(far: Store, index: str, host: str) -> Iterator[tuple[str, _Place]]:
    """The URLs of the captures of a host (below a path) and where they lie, in the order of the index.

    Source: pywb's ZipNum index, as Common Crawl publishes it: `cluster.idx` has the first key of every block of lines
    (`key time TAB file TAB offset TAB length TAB number`), a line is `key time {"url", "filename", "offset", "length", ...}`.
    """
    keys = _keys(host)
    for block in _blocks(far, f"{index}/cluster.idx", keys):
        data = far.read_range(f"{index}/{block.filename}", block.offset, block.length)
        engine = zlib.decompressobj(31)
        text = engine.decompress(data, _MAX_BLOCK_BYTES)
        if not engine.eof:
            raise SourceError(f"{far.root}/{index}/{block.filename}: no index block at byte {block.offset}")
        for line in text.decode("utf-8", "replace").splitlines():
            key, _, rest = line.partition(" ")
            if key.startswith(keys):
                said = json.loads(rest.partition(" ")[2])
                place = _Place(filename=said["filename"], offset=int(said["offset"]), length=int(said["length"]))
                yield said["url"], place


def _blocks(far: Store, path: str, keys: tuple[str, ...]) -> Iterator[_Place]:
    """The blocks that may hold lines of these keys: from the last that begins before them to the last that begins with them."""
    try:
        length = far.length(path)
    except FileNotFoundError:
        raise SourceError(f"{far.root} has no {path}; check the name of the crawl") from None
    held: _Place | None = None
    start = _near(far, path, length, keys[0])
    with open_stored(far, path, length) as stream:
        stream.seek(start)
        if start:
            stream.readline()  # the rest of a line
        for raw in stream:
            first, name, offset, size, *_ = raw.decode("utf-8", "replace").rstrip("\n").split("\t")
            place = _Place(filename=name, offset=int(offset), length=int(size))
            key = first.partition(" ")[0]
            if key.startswith(keys):
                if held is not None:
                    yield held
                yield place
                held = None
            elif key < keys[0]:
                held = place
            else:  # sorted, and past all of them
                break
        if held is not None:
            yield held


def _near(far: Store, path: str, length: int, key: str) -> int:
    """A place in cluster.idx behind which a line begins that comes before the key, or 0; not much before the last of those."""
    low, high = 0, length
    while high - low > _NEAR_BYTES:
        middle = (low + high) // 2
        _, _, rest = far.read_range(path, middle, min(_PROBE_BYTES, length - middle)).partition(b"\n")
        line = rest.partition(b" ")[0].decode("utf-8", "replace")
        low, high = (middle, high) if line and line < key else (low, middle)
    return low


def _keys(host: str) -> tuple[str, ...]:
    """What the keys of the captures begin with, smallest first: `river.example/a` -> `example,river)/a`."""
    name, _, path = host.partition("/")
    labels = ",".join(reversed(name.removeprefix("*.").lower().split(".")))
    exact = f"{labels})/{path.lower()}"
    return (exact, f"{labels},") if name.startswith("*.") else (exact,)
