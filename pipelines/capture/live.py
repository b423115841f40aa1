"""The live crawl of a source as a room: fetched once per round, found again by key, replayed from its WARC ever after."""

import hashlib
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from pipelines.capture.block import Guard
from pipelines.capture.crawl import CrawlPlan, crawl
from pipelines.capture.layout import File, Form
from pipelines.capture.medium import KINDS, Kind
from pipelines.capture.stored import ARCHIVE
from pipelines.receipt import Receipt, Tables, room
from pipelines.recipe import Recipe, Source
from pipelines.runner import Progress, run_orders
from pipelines.site import Site
from pipelines.spine import CaptureOrder
from schemas.annotation import ANNOTATION
from schemas.digest import digest
from schemas.rights import LICENCE, RIGHTS, ROBOTS


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
    label: str,
    *,
    clock: Callable[[], float] = time.time,
    progress: Progress,
) -> Crawled:
    """The captures of a source's URLs in the round of this label: fetched now, or found where it was fetched before."""
    name = source.card.name
    media = media_of(recipe, source)
    # Not the options: a round that was fetched is never fetched again, whatever the next one is to be like.
    key = digest("room", "crawled", 4, name, sorted(urls), label, media)
    fetched = room(site.store, name, "crawled", key, lambda: _fetch(recipe, site, source, urls, media, clock, progress))
    archives = site.store.read_part(fetched.part("archive")).to_pylist()
    files = [
        File(name="crawl", stored=row["stored"], sha256=row["sha256"], length=row["length"], form=Form.RECORDS)
        for row in archives
    ]
    orders = [CaptureOrder(source=name, files=(file,)) for file in files]
    receipts = [found[0] for found in run_orders(recipe, site, orders, f"capture {name}", progress)]
    return Crawled(receipts=(fetched, *receipts), archives=tuple(row["stored"] for row in archives))


def media_of(recipe: Recipe, source: Source) -> tuple[Kind, ...]:
    """What of a page a crawl of this source fetches beside it: only what one of its lanes takes."""
    taken = {kind.partition("/")[0] for name in source.lanes for kind in recipe.lane(name).media_types}
    return tuple(kind for kind in KINDS if kind in taken)


def _fetch(
    recipe: Recipe,
    site: Site,
    source: Source,
    urls: Sequence[str],
    media: tuple[Kind, ...],
    clock: Callable[[], float],
    progress: Progress,
) -> tuple[Tables, dict[str, int]]:
    card, options = source.card, source.crawl
    plan = CrawlPlan(
        source=card.name, contact=card.contact, seeds=tuple(urls), max_pages=options.max_pages, max_depth=options.max_depth,
        delay_s=options.delay_s, round_s=options.round_s, max_bytes=options.max_bytes,
        media=media, max_media=options.max_media,
    )  # fmt: skip
    site.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=site.scratch, suffix=".warc.gz") as file, Guard(recipe.block_lists) as guard:
        found = crawl(plan, file, clock=clock, hosts=site.host_overrides, progress=progress, guard=guard)
        file.flush()
        file.seek(0)
        name = hashlib.file_digest(file, "sha256").hexdigest()
        stored, length = f"captures/{name}.warc.gz", Path(file.name).stat().st_size
        site.store.put(stored, Path(file.name))
    outcomes = pa.Table.from_batches([found.outcomes])
    archive = pa.Table.from_pylist([{"stored": stored, "sha256": name, "length": length}], schema=ARCHIVE)
    empty: Tables = [
        ("rights", RIGHTS.empty_table()),
        ("robots", ROBOTS.empty_table()),
        ("licence", LICENCE.empty_table()),
        ("annotation", ANNOTATION.empty_table()),
    ]
    return [("archive", archive), ("capture", outcomes), *empty], dict(found.counts)
