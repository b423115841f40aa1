"""The phases of a run, each from what the one before gave: what a whole run, a Dagster asset or a test calls.

    capture -> lane_rooms (split, measure, judge, edit, sign) -> unique -> mixed -> sharded -> `pipelines.run` commits

What was done before is found by key and not done again, so that a phase may be called again just to be looked at.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product

import pyarrow as pa
import pyarrow.compute as pc

from pipelines import mix
from pipelines.accounts import check_quarantine, concat, dispositions
from pipelines.agreements import agreed
from pipelines.capture.block import Guard
from pipelines.capture.common_crawl import common_crawl, is_common_crawl
from pipelines.capture.feed_source import feed_source, is_feed_entry
from pipelines.capture.git import repository
from pipelines.capture.inputs import adopt, is_local, is_repository, is_url, named, printable
from pipelines.capture.joined import unmatched
from pipelines.capture.layout import File
from pipelines.capture.live import Crawled, crawl_source
from pipelines.capture.url_list import Listed, list_source
from pipelines.dedup.duplicates import Duplicates
from pipelines.group import Texts, group
from pipelines.lanes.lane import Lane, wanted_by
from pipelines.mix import balance
from pipelines.orders import ROOMS, CaptureOrder, LaneOrder, Sayers
from pipelines.receipt import Receipt, Tables, room
from pipelines.rechecks import rechecked
from pipelines.recipe import Recipe, Source
from pipelines.rooms import one_batch
from pipelines.runner import Progress, quiet, run_orders
from pipelines.shard.work import Place, Release, release_from, shard_orders
from pipelines.site import Site
from pipelines.spans import Cut, cut_spans
from pipelines.spine import accepted
from pipelines.store import Part
from pipelines.suppression import suppression
from schemas.capture import CAPTURE
from schemas.decision import DECISION, State
from schemas.digest import canonical, digest
from schemas.errors import SourceError
from schemas.item import ID, root_id

Clock = Callable[[], float]
ROWS_NAMED = 20  # of tables, that describe files which are not there; Chosen: enough to see what is wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """The captures of one source: receipts in a fixed order, file names by stored path, what was passed over."""

    source: Source
    receipts: tuple[Receipt, ...]
    names: dict[str, str]
    ignored: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneRun:
    """One lane after its local rooms: per work order its receipts, by room name."""

    lane: Lane
    orders: tuple[LaneOrder, ...]
    receipts: tuple[dict[str, Receipt], ...]

    def parts(self, room: str, table: str) -> tuple[Part, ...]:
        """The parts of one table that one room made, in the order of the work orders."""
        return tuple(receipts[room].part(table) for receipts in self.receipts)


def capture(
    recipe: Recipe, site: Site, source: Source, progress: Progress = quiet, clock: Clock = time.time
) -> Captured:
    """Everything the source's `from` names, captured.

    Raises:
        SourceError: an input is missing or unreadable.
    """
    name = source.card.name
    urls = tuple(entry for entry in source.inputs if is_url(entry))
    repositories = [entry for entry in source.inputs if is_repository(entry)]
    rest = [entry for entry in source.inputs if is_local(entry)]
    found = named(rest, recipe.base, source.layout, wanted_by([recipe.lane(lane) for lane in source.lanes]))
    with Guard(recipe.block_lists, suppression(site)) as guard:
        files = [adopt(site, file, path, found.forms[file], guard, name) for file, path in found.files.items()]
        barred = [entry for entry in repositories if guard.bars(entry)]
    for entry in repositories:
        if entry in barred:
            continue
        _check_copied(recipe, entry)
        files.append(repository(site, name, entry))
    files += [
        file for entry in source.inputs if is_common_crawl(entry) for file in _from_afar(recipe, site, name, entry)
    ]
    names = {file.stored: printable(file.name) for file in files if file.stored}
    lists = [file for file in files if source.layout.is_list(file.name)]
    files = [file for file in files if file not in lists]
    orders = [CaptureOrder(source=name, files=group) for group in _groups(files, site.part_rows)]
    receipts = [done[0] for done in run_orders(recipe, site, orders, f"capture {name}", progress)]
    feeds = [entry for entry in source.inputs if is_feed_entry(entry)]
    rounds: list[Callable[..., Crawled | Listed]] = []
    rounds += [partial(crawl_source, recipe, site, source, urls)] if urls else []
    rounds += [partial(feed_source, recipe, site, source, feeds)] if feeds else []
    rounds += [partial(list_source, recipe, site, source, lists)] if lists else []
    unread = [f"{entry}: not asked for: a request covers its owner or host" for entry in barred]
    for fetched, label in product(rounds, source.crawl.rounds):
        crawled = fetched(label, clock=clock, progress=progress)
        # An unchanged page is kept by the round that fetched it: several rounds may bring the same archive.
        known = {receipt.key for receipt in receipts}
        receipts += [receipt for receipt in crawled.receipts if receipt.key not in known]
        names |= dict.fromkeys(crawled.archives, "crawl")
        unread += crawled.ignored
    receipts += [*rechecked(site.store, name), *agreed(site.store, source.card, clock())]
    ignored = (*found.ignored, *dict.fromkeys(unread), *_describing_nothing(site, source, receipts))
    return Captured(source=source, receipts=tuple(receipts), names=names, ignored=ignored)


def _from_afar(recipe: Recipe, site: Site, name: str, entry: str) -> list[File]:
    """The archives of an entry of Common Crawl. Raises SourceError where block lists forbid to copy what nobody has looked at."""
    _check_copied(recipe, entry)
    return common_crawl(site, name, entry)


def _check_copied(recipe: Recipe, entry: str) -> None:
    """Refuse to copy what may hold blocked bytes. Raises SourceError."""
    if recipe.block_lists:
        raise SourceError(
            f"source input {entry}: archives and repositories are not copied into the store while the recipe has block_lists: they "
            "may hold blocked bytes; fetch them yourself and name them as files: archives are only linked, files looked at first"
        )


def _describing_nothing(site: Site, source: Source, receipts: Sequence[Receipt]) -> Iterator[str]:
    """A line a table row that describes a file which is not there; the first of them by name."""
    found = unmatched(site.store, source.card.name, receipts)
    if source.layout.captions and not found.counts["said"]:
        yield f"source {source.card.name}: no table {source.layout.captions} that says anything was found"
    for row in site.store.read_part(found.part("unmatched")).slice(0, ROWS_NAMED).to_pylist():
        yield f"{row['table']}, {row['locator']}: describes {row['subject']}, which is not there"
    if (more := found.counts["unmatched"] - ROWS_NAMED) > 0:
        yield f"source {source.card.name}: {more} more table rows describe files that are not there"


def outcomes(site: Site, found: Captured) -> dict[str, int]:
    """How many distinct captures ended how."""
    parts = [part for receipt in found.receipts for part in receipt.all("capture")]
    rows = site.store.table(parts, CAPTURE, ["capture_id", "outcome"]).group_by(["capture_id", "outcome"]).aggregate([])
    return dict(sorted(Counter(rows.column("outcome").to_pylist()).items()))


def _groups(files: Sequence[File], size: int) -> list[tuple[File, ...]]:
    """Files that are captured together: what holds captures of its own alone, and only once; others by `size`."""
    alone = {canonical(file.identity): file for file in files if file.form.stands_alone}
    others = sorted((file for file in files if not file.form.stands_alone), key=lambda file: file.name)
    groups = [(file,) for file in sorted(alone.values(), key=lambda file: (file.stored, file.name))]
    return groups + [tuple(others[at : at + size]) for at in range(0, len(others), size)]


def lane_rooms(
    recipe: Recipe, site: Site, lane: Lane, captured: Sequence[Captured], progress: Progress = quiet, *,
    until: str = ROOMS[-1],
) -> LaneRun:  # fmt: skip
    """One lane's local rooms over these captures, up to the room `until`; evidence counts from all captures."""
    everything = [receipt for c in captured for receipt in c.receipts]
    robots, rights, licences = (_with_rows(everything, name) for name in ("robots", "rights", "licence"))
    sayers = tuple(
        Sayers(annotation=said, capture=capture, rights=own, licence=licence)
        for receipt in everything
        for said, capture, own, licence in zip(
            *(receipt.all(table) for table in ("annotation", "capture", "rights", "licence")), strict=True
        )
        if said.rows
    )
    orders = [
        LaneOrder(
            lane=lane.name, source=c.source.card.name, capture=capture, rights=own, licence=licence,
            robots=robots, sites=rights, licences=licences, sayers=sayers, until=until,
        )
        for c in captured
        if lane.name in c.source.lanes
        for receipt in c.receipts
        for capture, own, licence in zip(
            receipt.all("capture"), receipt.all("rights"), receipt.all("licence"), strict=True
        )
    ]  # fmt: skip
    # By content, not by input order: two runs over the same archives make the same list.
    orders = sorted(
        {(o.source, o.capture.sha256): o for o in orders}.values(), key=lambda o: (o.source, o.capture.sha256)
    )
    orders = _each_capture_once(site, orders)
    found = run_orders(recipe, site, orders, lane.name, progress)
    return LaneRun(
        lane=lane,
        orders=tuple(orders),
        receipts=tuple({receipt.room: receipt for receipt in receipts} for receipts in found),
    )


def _with_rows(receipts: Sequence[Receipt], table: str) -> tuple[Part, ...]:
    return tuple(sorted({p for receipt in receipts for p in receipt.all(table) if p.rows}, key=lambda p: p.path))


def _each_capture_once(site: Site, orders: Sequence[LaneOrder]) -> list[LaneOrder]:
    """The orders without captures that an earlier one holds: a record that lies in two archives is one capture.

    What is left of a part has a receipt, so that cleaning spares it.
    """
    seen: set[bytes] = set()
    found = []
    for order in orders:
        ids = site.store.read_part(order.capture, ["capture_id"]).column("capture_id").to_pylist()
        fresh = []
        for row, capture in enumerate(ids):
            if capture not in seen:
                seen.add(capture)
                fresh.append(row)
        if len(fresh) < len(ids):
            key = digest("room", "once", 1, order.capture.sha256, fresh)
            left = room(site.store, order.source, "once", key, partial(_rows_of, site, order.capture, fresh))
            order = replace(order, capture=left.part("capture"))
        found.append(order)
    return found


def _rows_of(site: Site, part: Part, rows: Sequence[int]) -> tuple[Tables, dict[str, int]]:
    captures = site.store.read_part(part).take(pa.array(rows, pa.int64()))
    return [("capture", captures)], {"captures": len(rows)}


def unique(site: Site, found: LaneRun) -> tuple[Duplicates, Receipt]:
    """The duplicates among the lane's items, and the receipt of that room.

    Raises:
        TooManyRemoved: a source loses a larger share of its items than the recipe allows.
    """
    captures = [order.capture for order in found.orders]
    return group(site, found.lane, found.parts("signed", "signature"), found.parts("edited", "items"), captures)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """One lane's final accounts: dispositions, the decisions of group, mix and cut, ids of the kept items, what was cut from them."""

    dispositions: pa.Table
    decisions: pa.Table
    kept: pa.Array
    cut: Cut | None


def mixed(recipe: Recipe, site: Site, lanes: Sequence[LaneRun], grouped: Sequence[Duplicates]) -> list[Settled]:
    """Dispositions of every lane; the mix leaves out what is over quota only after dedup has said who stands, and spans that
    others hold are cut only once the mix has said who is kept.

    Raises:
        TooManyRemoved: a source loses a larger share of its words to such cuts than the recipe allows.
        QuarantineExceeded: too many rows of one reason failed.
    """
    before = [
        _dispose(site, found, cluster, DECISION.empty_table()) for found, cluster in zip(lanes, grouped, strict=True)
    ]
    kept = [_kept(table) for table in before]
    balanced = [_balanced(recipe, site, found, ids) for found, ids in zip(lanes, kept, strict=True)]
    kept = [_without(ids, out) for ids, out in zip(kept, balanced, strict=True)]
    quotas = mix.quotas({f.lane.name: len(k) for f, k in zip(lanes, kept, strict=True)}, dict(recipe.mix))
    settled = []
    for found, cluster, ids, table, out in zip(lanes, grouped, kept, before, balanced, strict=True):
        extra = pa.concat_tables([out, mix.decide(ids, quotas[found.lane.name], recipe.shards.seed)])
        final = _dispose(site, found, cluster, extra) if extra.num_rows else table
        cut = _cut(site, found, _kept(final))
        if cut is not None and cut.decisions.num_rows:
            extra = pa.concat_tables([extra, cut.decisions])
            final = _dispose(site, found, cluster, extra)
        check_quarantine(found.lane.name, final, recipe.max_quarantined)
        decisions = pa.concat_tables([pa.Table.from_batches([cluster.decisions]), extra])
        settled.append(Settled(dispositions=final, decisions=decisions, kept=_kept(final), cut=cut))
    return settled


def _cut(site: Site, found: LaneRun, kept: pa.Array) -> Cut | None:
    if found.lane.cuts_spans is None:
        return None
    prints, items, rows = (
        found.parts(room, table) for room, table in (("signed", "print"), ("edited", "items"), ("edited", "item"))
    )
    return cut_spans(site, found.lane, prints, items, rows, kept)


def _balanced(recipe: Recipe, site: Site, found: LaneRun, ids: pa.Array) -> pa.Table:
    """The decisions of the balance about these items; none where the lane is not balanced."""
    if not recipe.balance.entries or found.lane.name not in recipe.balance.lanes:
        return DECISION.empty_table()
    texts = Texts(site, found.parts("edited", "items")).load(ids)
    return balance.decide(recipe.balance, ids, texts, recipe.shards.seed)


def _without(ids: pa.Array, out: pa.Table) -> pa.Array:
    return ids.filter(pc.invert(pc.is_in(ids, value_set=out.column("item_id").combine_chunks())))


def _dispose(site: Site, found: LaneRun, cluster: Duplicates, extra: pa.Table) -> pa.Table:
    tables = [
        site.store.table(found.parts(room, "decision"), DECISION) for room in ("split", "measured", "judged", "edited")
    ]
    decisions = concat([*tables, pa.Table.from_batches([cluster.decisions]), extra], DECISION)
    ids = pa.array([], ID)
    parts = found.parts("edited", "item")
    if parts:
        ids = (
            pa.concat_tables([site.store.read_part(part, ["item_id"]) for part in parts])
            .column("item_id")
            .combine_chunks()
        )
    return dispositions(found.lane, pc.unique(ids), decisions, pa.Table.from_batches([cluster.duplicates]))


def _kept(table: pa.Table) -> pa.Array:
    return table.filter(pc.equal(table.column("state"), State.KEPT.value)).column("item_id").combine_chunks()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharded:
    """The shards of all lanes, each with its receipt, and the release they make."""

    receipts: tuple[Receipt, ...]
    release: Release


def sharded(
    recipe: Recipe, site: Site, lanes: Sequence[LaneRun], grouped: Sequence[Duplicates], settled: Sequence[Settled],
    progress: Progress = quiet,
) -> Sharded:  # fmt: skip
    """The kept items in shards, published as a release."""
    orders = [
        order
        for found, cluster, done in zip(lanes, grouped, settled, strict=True)
        for order in shard_orders(
            recipe, site, found.lane, done.kept, cluster.components, _places(recipe, found, done.cut)
        )
    ]
    receipts = tuple(done[0] for done in run_orders(recipe, site, orders, "shards", progress))
    return Sharded(receipts=receipts, release=release_from(recipe, site, orders))


def _places(recipe: Recipe, found: LaneRun, cut: Cut | None) -> list[Place]:
    """Where the text, capture and evidence of each work order's items lie."""
    items = cut.items if cut else {}
    return [
        Place(
            items=items.get(ordinal, receipts["edited"].part("items")),
            capture=order.capture,
            rights=order.rights,
            licence=receipts["split"].part("licence"),
            page=receipts["split"].part("page"),
            card_licence=recipe.source(order.source).card.licence,
        )
        for ordinal, (receipts, order) in enumerate(zip(found.receipts, found.orders, strict=True))
    ]


def expected_roots(site: Site, lanes: Sequence[LaneRun], recipe: Recipe) -> pa.Array:
    """Ids of the roots that the captures must have given, computed from the captures alone."""
    ids: set[bytes] = set()
    for found in lanes:
        for order in found.orders:
            source = recipe.source(order.source)
            captures = one_batch(site.store.read_part(order.capture))
            keep, _ = accepted(found.lane, source, captures, takes_damage=source.lanes[0] == found.lane.name)
            taken = captures.filter(pa.array(keep))
            digests = pc.struct_field(taken.column("payload"), "sha256").to_pylist()
            ids |= {
                root_id(capture, found.lane.name, content or EMPTY)
                for capture, content in zip(taken.column("capture_id").to_pylist(), digests, strict=True)
            }
    return pa.array(sorted(ids), ID)


EMPTY = bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
