"""The site: where a recipe runs. `--site`, else HEADWATER_SITE, else ./site.toml. No part of it enters a digest."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from pipelines import toml
from pipelines.store import Store
from schemas.errors import SiteError

EMBEDDED = """\
# Where Headwater runs and keeps what it makes. Nothing here changes a corpus.
[store]
url = "."                # this folder, or s3://bucket/path, gs://..., az://... (docs/bucket.md)

[run]
runner = "local"         # local, or a Beam runner by name: FnApiRunner, DataflowRunner, FlinkRunner, SparkRunner
workers = 2              # processes of a local run
part_rows = 2000         # captures in one unit of work; the corpus is the same whatever it is
memory = "2 GiB"         # that finding duplicates may hold of texts and buckets; the rest is spilled to files
"""


LEAST_MEMORY = 64 << 20  # Chosen: with less, blocks are so small that texts are read again and again
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kMGT]?i?B?)", re.IGNORECASE)


def size(text: str, *, where: str) -> int:
    """The bytes that a text says: `"2 GiB"` is 2147483648, `"500MB"` 500000000, `"4096"` 4096.

    Raises:
        SiteError: it says none; `where` it was read.
    """
    found = _SIZE.fullmatch(text.strip())
    if not found:
        raise SiteError(f'{where}: {text!r} is no size; write it as "500 MB" or "2 GiB"')
    unit = found[2].lower().rstrip("b")
    base = 1024 if unit.endswith("i") else 1000
    power = "kmgt".index(unit[0]) + 1 if unit.strip("i") else 0
    return int(float(found[1]) * base**power)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Stores, runner, workers. `store` holds everything; `scratch` is a local folder for files being written. `memory`: bytes
    that finding duplicates may hold of texts and buckets.

    `beam_options`: flags passed to Beam as they are. `models`: model file name -> local path that overrides the set-up
    folder. `hosts`: host name -> "address:port", for a site that is not in DNS (the demo's, on loopback).
    `common_crawl`: where paths of Common Crawl start from. `suppression_key`: a file for the key of the list of what was taken down.
    `retention`: days for which captures are held, by source; `*` means all others. `home`: the folder of the site file, where Dagster
    keeps its own; null: there is none.
    """

    store: Store
    scratch: Path
    runner: str = "local"
    workers: int = 2
    part_rows: int = 2000
    memory: int = 2 << 30
    beam_options: tuple[str, ...] = ()
    models: tuple[tuple[str, str], ...] = ()
    hosts: tuple[tuple[str, str], ...] = field(default=())
    common_crawl: str = "https://data.commoncrawl.org"
    suppression_key: Path | None = None
    retention: tuple[tuple[str, int], ...] = ()
    home: Path | None = None

    def __post_init__(self) -> None:
        if self.workers < 1 or self.part_rows < 1:
            raise SiteError(f"workers and part_rows must be at least 1, are {self.workers} and {self.part_rows}")
        if self.memory < LEAST_MEMORY:
            raise SiteError(f"memory must be at least {LEAST_MEMORY >> 20} MiB, is {self.memory:,} bytes")

    @property
    def host_overrides(self) -> dict[str, tuple[str, int]]:
        """`hosts` as the resolver wants them."""
        pairs = ((name, address.rpartition(":")) for name, address in self.hosts)
        return {name: (address, int(port)) for name, (address, _, port) in pairs}


def load_site(path: str | Path | None) -> Site:
    """The site of a folder or a site.toml; an empty or new folder gets the embedded default (everything local, under it).

    Raises:
        SiteError: no site was named and ./site.toml does not exist; it cannot be read; a key is unknown or of another type.
    """
    named = path or os.environ.get("HEADWATER_SITE") or "site.toml"
    file = Path(named).absolute()
    if file.suffix == ".toml":
        if not file.is_file():
            raise SiteError(
                f"site {named} does not exist; name one with --site DIR or HEADWATER_SITE (`headwater init DIR` writes one)"
            )
    else:
        file = file / "site.toml"
    where = f"site {file}"
    keys = toml.parse(toml.read(file, where, SiteError) if file.is_file() else EMBEDDED, where, SiteError)
    store, run, takedown = keys.sub("store"), keys.sub("run"), keys.sub("takedown")
    url, options = store.value("url", "."), _pairs(store.sub("options"))
    if options and "://" not in url:
        raise store.fail(f"[store.options] is for clouds, and the store is the folder {url}")
    site = Site(
        store=Store(
            root=url if "://" in url else str((file.parent / url).resolve()),
            options=options,
            cache=str((file.parent / store.value("cache", ".cache")).resolve()),
        ),
        scratch=(file.parent / store.value("scratch", ".scratch")).resolve(),
        runner=run.value("runner", "local"),
        workers=run.value("workers", 2),
        part_rows=run.value("part_rows", 2000),
        memory=size(run.value("memory", "2 GiB"), where=f"{where}, [run] memory"),
        beam_options=run.strings("beam_options", ()),
        models=_pairs(keys.sub("models")),
        hosts=_pairs(keys.sub("hosts")),
        common_crawl=store.value("common_crawl", "https://data.commoncrawl.org"),
        suppression_key=(file.parent / takedown.value("key", ".suppression.key")).resolve(),
        retention=_days(keys.sub("retention")),
        home=file.parent.resolve(),
    )
    for table in (store, run, takedown, keys):
        table.finish()
    for name, address in site.hosts:
        if not address.rpartition(":")[2].isdigit():
            raise keys.fail(f'[hosts] {name} must be "address:port", is {address!r}')
    return site


def named_site(path: str | Path | None) -> Site | None:
    """The site, for verbs that need none: null where none is named and ./site.toml does not exist. Raises SiteError."""
    is_named = path or os.environ.get("HEADWATER_SITE") or Path("site.toml").is_file()
    return load_site(path) if is_named else None


def _days(keys: toml.Table) -> tuple[tuple[str, int], ...]:
    """Days by source. Raises SiteError."""
    found = {name: keys.value(name, 0) for name in list(keys.names())}
    for name, days in found.items():
        if days < 1:
            raise keys.fail(f"[retention] {name} is a number of days, at least 1; is {days}")
    return tuple(sorted(found.items()))


def _pairs(keys: toml.Table) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, keys.text(name)) for name in list(keys.names())))
