"""The live crawl of a source as a room: fetched once per round, found again by key, replayed from its WARC ever after."""

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa

from pipelines.receipt import Receipt, Tables, room
from pipelines.recipe import Recipe, Source
from pipelines.runner import Progress, run_orders
from pipelines.site import Site
from pipelines.spine import CaptureOrder
from schemas.capture import CAPTURE
from schemas.digest import digest
from schemas.rights import LICENCE, RIGHTS, ROBOTS

ARCHIVE = pa.schema([pa.field("stored", pa.string(), nullable=False), pa.field("sha256", pa.string(), nullable=False)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Crawled:
    """The capture receipts of a crawl: its WARC's, and that of the URLs that gave no bytes. `archives`: stored paths."""

    receipts: tuple[Receipt, ...]
    archives: tuple[str, ...]


def crawl_source(
    recipe: Recipe,
    site: Site,
    source: Source,
    urls: Sequence[str],
    *,
    clock: Callable[[], float] = time.time,
    progress: Progress,
) -> Crawled:
    """The captures of a source's URLs: fetched now, or found where this round was fetched before."""
    name = source.card.name
    key = digest("room", "crawled", 1, source.card, sorted(urls), source.crawl)
    fetched = room(site.store, name, "crawled", key, lambda: _fetch(site, source, urls, clock, progress))
    archives = site.store.read_part(fetched.part("archive")).to_pylist()
    orders = [CaptureOrder(source=name, stored=row["stored"], sha256=row["sha256"]) for row in archives]
    receipts = [found[0] for found in run_orders(recipe, site, orders, f"capture {name}", progress)]
    return Crawled(receipts=(fetched, *receipts), archives=tuple(row["stored"] for row in archives))


def _fetch(
    site: Site, source: Source, urls: Sequence[str], clock: Callable[[], float], progress: Progress
) -> tuple[Tables, dict[str, int]]:
    raise SystemExit("crawl not there yet")
