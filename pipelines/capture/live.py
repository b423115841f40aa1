"""The live crawl of a source as a room: fetched once per round, found again by key, replayed from its WARC ever after."""

import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.capture.archive import statement_rows
from pipelines.capture.block import BlockList, Guard
from pipelines.capture.crawl import CrawlResult, Round, crawl
from pipelines.capture.crawl_plan import CrawlPlan
from pipelines.capture.known import FRONTIER, Known
from pipelines.capture.layout import File, Form
from pipelines.capture.medium import KINDS, Kind
from pipelines.capture.rounds import ended, forget, journal_folder, over_path
from pipelines.capture.screen import screened
from pipelines.capture.stored import ARCHIVE
from pipelines.capture.uri import origin
from pipelines.orders import CaptureOrder
from pipelines.receipt import Receipt, Tables, is_stored, room
from pipelines.receipt import stored as stored_receipt
from pipelines.recipe import Recipe, Source
from pipelines.rights.site_file import ASKED_PATHS, site_file_statements
from pipelines.runner import Progress, run_orders
from pipelines.site import Site
from pipelines.store import Store
from pipelines.suppression import suppression
from schemas.annotation import ANNOTATION
from schemas.capture import Outcome
from schemas.digest import digest, sha256
from schemas.rights import LICENCE, RIGHTS, ROBOTS

_Row: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crawled:
    """The capture receipts of a crawl: its WARC's, and that of the URLs that gave no bytes. `archives`: stored paths. `ignored`: a line
    for each thing of which not all was read.
    """

    receipts: tuple[Receipt, ...]
    archives: tuple[str, ...]
    ignored: tuple[str, ...] = ()


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
    """The captures of a source's URLs in the round of this label: fetched now, or found where it was fetched before.

    With a round come the archives of earlier ones that its revisits refer to.
    """
    media = media_of(recipe, source)
    # Not the options: a round that was fetched is never fetched again, whatever the next one is to be like.
    key = digest("room", "crawled", 5, source.card.name, sorted(urls), label, media)
    plan = plan_of(source, urls, media)
    fetched = crawled_room(site, plan, key, recipe.block_lists, clock=clock, progress=progress)
    files = archives_of(site, fetched)
    orders = [CaptureOrder(source=source.card.name, files=(file,)) for file in files]
    receipts = [found[0] for found in run_orders(recipe, site, orders, f"capture {source.card.name}", progress)]
    return Crawled(receipts=(fetched, *receipts), archives=tuple(file.stored for file in files))


def plan_of(source: Source, urls: Sequence[str], media: tuple[Kind, ...]) -> CrawlPlan:
    """How the URLs of a source are crawled."""
    card, options = source.card, source.crawl
    return CrawlPlan(
        source=card.name, contact=card.contact, seeds=tuple(urls), max_pages=options.max_pages, max_depth=options.max_depth,
        delay_s=options.delay_s, round_s=options.round_s, max_bytes=options.max_bytes,
        max_variants=options.max_variants, max_parked=options.max_parked,
        media=media, max_media=options.max_media, site_files=ASKED_PATHS,
    )  # fmt: skip


def archives_of(site: Site, fetched: Receipt) -> list[File]:
    """The archive of a round, and those of earlier rounds that hold what its revisits stand for."""
    rows = site.store.read_part(fetched.part("archive")).to_pylist()
    return [
        File(name="crawl", stored=row["stored"], sha256=row["sha256"], length=row["length"], form=Form.RECORDS)
        for row in rows
    ]


def media_of(recipe: Recipe, source: Source) -> tuple[Kind, ...]:
    """What of a page a crawl of this source fetches beside it: only what one of its lanes takes."""
    taken = {kind.partition("/")[0] for name in source.lanes for kind in recipe.lane(name).media_types}
    return tuple(kind for kind in KINDS if kind in taken)


def crawled_room(
    site: Site,
    plan: CrawlPlan,
    key: bytes,
    lists: Sequence[BlockList] = (),
    *,
    clock: Callable[[], float],
    progress: Progress,
    chain: str = "",
    wanted: Collection[bytes] | None = None,
) -> Receipt:
    """The receipt of a round: parts `archive`, `capture` (URLs without bytes), `frontier` and `hosts`.

    `chain`: rounds of one source and chain know of one another. `wanted`: as in `screened`. While it lasts its journal lies in the store, so that whoever is
    killed, or helps, asks for nothing twice.
    """
    name, store = plan.source, site.store
    folder, over = journal_folder(name, key), partial(over_path, name, chain, key)

    def build() -> tuple[Tables, dict[str, int]]:
        earlier = ended(store, name, chain)
        began, before = _begun(store, folder, earlier, clock)
        known = _known(store, name, before)
        with Guard(lists, suppression(site)) as guard:
            at = Round(
                store=store, folder=f"{folder}/hosts", over=over(began), began=began, known=known,
                bars=guard.bars, shown=guard.shown, screen=lambda answer: screened(guard, answer, wanted),
            )  # fmt: skip
            found, own = _fetch(site, plan, at, clock, progress)
        revisited = _archives(store, name, earlier, found.revisited)
        return _tables(found, own, revisited), dict(found.counts)

    try:
        fetched = room(store, name, "crawled", key, build)
    except Exception:
        # Another worker may have finished the round, and taken the journal away under this one's feet.
        if not is_stored(store, name, "crawled", key.hex()):
            raise
        fetched = stored_receipt(store, name, "crawled", key.hex())
    with suppress(FileNotFoundError):  # another worker has cleared it away
        began = json.loads(store.read(f"{folder}/round.json"))["began"]
        store.create(over(began), b"")
        forget(store, folder)
    return fetched


def _begun(store: Store, folder: str, earlier: Sequence[str], clock: Callable[[], float]) -> tuple[float, str]:
    """When a round began, and the key of the one before it (empty: none), as its first worker wrote them down."""
    path = f"{folder}/round.json"
    try:
        said = json.loads(store.read(path))
    except FileNotFoundError:
        said = {"began": clock(), "before": next(iter(earlier), "")}
        if not store.create(path, json.dumps(said).encode()):
            said = json.loads(store.read(path))
    return said["began"], said["before"]


def _known(store: Store, source: str, key: str) -> Known:
    """What the round of this key left."""
    if not key:
        return Known()
    before = stored_receipt(store, source, "crawled", key)
    return Known.of(*(store.read_part(before.part(table)) for table in ("frontier", "hosts")))


def _archives(store: Store, source: str, keys: Sequence[str], wanted: Collection[str]) -> list[_Row]:
    """The rows of ARCHIVE of these stored archives, whichever of the rounds wrote them."""
    left, found = set(wanted), dict[str, _Row]()
    for key in keys:
        if not left:
            break
        rows = store.read_part(stored_receipt(store, source, "crawled", key).part("archive")).to_pylist()
        found |= {row["stored"]: row for row in rows if row["stored"] in left}
        left -= found.keys()
    return [found[path] for path in sorted(found)]


def _fetch(
    site: Site, plan: CrawlPlan, at: Round, clock: Callable[[], float], progress: Progress
) -> tuple[CrawlResult, _Row]:
    """The round, and its row of ARCHIVE."""
    site.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=site.scratch, suffix=".warc.gz") as file:
        found = crawl(plan, file, clock=clock, at=at, hosts=site.host_overrides, progress=progress)
        file.flush()
        file.seek(0)
        name = hashlib.file_digest(file, "sha256").hexdigest()
        stored, length = f"captures/{name}.warc.gz", Path(file.name).stat().st_size
        site.store.put(stored, Path(file.name))
    return found, {"stored": stored, "sha256": name, "length": length}


def _tables(found: CrawlResult, own: _Row, revisited: Sequence[_Row]) -> Tables:
    """The parts of a round's receipt. `own`: its archive's row of ARCHIVE."""
    places = found.frontier.column("archive")
    here = pc.if_else(pc.equal(places, ""), own["stored"], places)
    frontier = found.frontier.set_column(FRONTIER.get_field_index("archive"), FRONTIER.field("archive"), here)
    return [
        ("archive", pa.Table.from_pylist([own, *revisited], schema=ARCHIVE)), ("capture", pa.Table.from_batches([found.outcomes])),
        ("frontier", frontier), ("hosts", found.hosts), ("rights", unanswered(found.outcomes)), ("robots", ROBOTS.empty_table()),
        ("licence", LICENCE.empty_table()), ("annotation", ANNOTATION.empty_table()),
    ]  # fmt: skip


def unanswered(outcomes: pa.RecordBatch) -> pa.Table:
    """RIGHTS rows of the files in which a site speaks of use that were asked for and did not answer."""
    silent = [Outcome.UNREACHABLE.value, Outcome.TIMEOUT.value]
    rows = outcomes.filter(pc.is_in(outcomes.column("outcome"), value_set=pa.array(silent))).to_pylist()
    return pa.Table.from_pylist(
        [
            said
            for row in rows
            if (site := origin(row["uri"]))
            for said in statement_rows(row, site_file_statements(row["uri"], None, None, b""), sha256(b""), site)
        ],
        schema=RIGHTS,
    )
