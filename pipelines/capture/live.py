"""The live crawl of a source as a room: fetched once per round, found again by key, replayed from its WARC ever after."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from pipelines.capture.crawl import CrawlPlan, crawl
from pipelines.receipt import Receipt, Tables, room
from pipelines.recipe import Recipe, Source
from pipelines.runner import Progress, run_orders
from pipelines.site import Site
from pipelines.spine import CaptureOrder
from schemas.digest import digest, sha256
from schemas.rights import LICENCE, RIGHTS, ROBOTS

# Our name in robots.txt and in the User-Agent.
TOKEN = "HeadwaterBot"
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
    options = source.crawl
    plan = CrawlPlan(
        source=source.card.name, seeds=tuple(urls), token=TOKEN, contact=source.card.contact, max_pages=options.max_pages,
        max_depth=options.max_depth, delay_s=options.delay_s, round_s=options.round_s, max_bytes=options.max_bytes,
    )  # fmt: skip
    name = f"crawl {source.card.name}"
    found = crawl(plan, clock=clock, hosts=site.host_overrides, progress=lambda n: progress(name, n, options.max_pages))
    digest_hex = sha256(found.warc).hex()
    stored = f"captures/{digest_hex}.warc.gz"
    site.store.put(stored, found.warc)
    archive = pa.Table.from_pylist([{"stored": stored, "sha256": digest_hex}], schema=ARCHIVE)
    empty: Tables = [
        ("rights", RIGHTS.empty_table()),
        ("robots", ROBOTS.empty_table()),
        ("licence", LICENCE.empty_table()),
    ]
    return [("archive", archive), ("capture", found.outcomes), *empty], {"without_bytes": found.outcomes.num_rows}
