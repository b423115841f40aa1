"""One run: from a recipe and a site to a committed release. The driver; the work itself is in the spine.

capture -> split, measure, judge, edit, sign (run_part) -> dedup -> mix -> shards -> release -> commit
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata

import pyarrow as pa
import pyarrow.compute as pc

from pipelines import mix
from pipelines import recipe as recipes
from pipelines.accounts import check_quarantine, concat, dispositions
from pipelines.capture.inputs import adopt, is_url, named
from pipelines.capture.layout import File
from pipelines.capture.live import crawl_source
from pipelines.dedup.duplicates import Duplicates
from pipelines.group import group
from pipelines.lanes.lane import Lane
from pipelines.ledger.ledger import commit_run, head_run
from pipelines.receipt import Receipt
from pipelines.recipe import Recipe, Source
from pipelines.rooms import one_batch
from pipelines.runner import Progress, quiet, run_orders
from pipelines.shard.work import Place, Release, release_from, shard_orders
from pipelines.site import Site
from pipelines.spine import CaptureOrder, LaneOrder, Sayers, accepted
from pipelines.store import Part
from schemas.decision import DECISION, DUPLICATE, State
from schemas.digest import canonical, digest
from schemas.item import ID, root_id
from schemas.run import HOLDING, OP, RUN, SOURCE, Balance

log = logging.getLogger(__name__)

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a run ended with. `release`: its name, None when nothing was kept; `reused`: rooms found, not run."""

    run: str
    release: str | None
    release_path: str | None
    balance: Balance
    shards: int
    seconds: float
    rooms: int
    reused: int
    ignored: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """The captures of one source: receipts in a fixed order, archive names by stored path, files passed over."""

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


def run(recipe: Recipe, site: Site, *, progress: Progress = quiet, clock: Clock = time.time) -> Result:
    """Take a recipe all the way: capture, curate, release, commit. What was done before is found, not done again.

    Raises:
        SourceError: an input is missing or unreadable.
        QuarantineExceeded: too many rows of one reason failed.
        BalanceError: the accounts do not add up; nothing is committed.
    """
    started = clock()
    captured = [_capture(recipe, site, source, progress, clock) for source in recipe.sources]
    lanes = [_lane(recipe, site, lane, captured, progress) for lane in recipe.lanes]
    grouped = [
        group(site, found.lane, found.parts("signed", "signature"), found.parts("edited", "items")) for found in lanes
    ]
    settled = _settle(recipe, site, lanes, grouped)
    orders = [
        order
        for found, cluster, done in zip(lanes, grouped, settled, strict=True)
        for order in shard_orders(recipe, site, found.lane, done.kept, cluster.components, _places(found))
    ]
    shards = [receipts[0] for receipts in run_orders(recipe, site, orders, "shards", progress)]
    release = release_from(recipe, site, orders)
    receipts = (
        [r for c in captured for r in c.receipts]
        + [r for f in lanes for rs in f.receipts for r in rs.values()]
        + shards
    )
    name = f"{recipe.name}-{digest('run', recipe.digest, sorted(r.key for r in receipts), release.name).hex()[:12]}"
    balance = head_run(site.store, name)
    if balance is None:
        row = _run_row(recipe, site, name, release, started, clock())
        parts = _ledger_parts(recipe, site, captured, lanes, grouped, settled, release, row)
        balance = commit_run(site.store, row, parts, _expected_roots(site, lanes, recipe))
    return Result(
        run=name,
        release=release.name,
        release_path=release.path,
        balance=balance,
        shards=len(shards),
        seconds=round(clock() - started, 3),
        rooms=len(receipts),
        reused=sum(receipt.reused for receipt in receipts),
        ignored=tuple(sorted(name for c in captured for name in c.ignored)),
    )


def _capture(recipe: Recipe, site: Site, source: Source, progress: Progress, clock: Clock) -> Captured:
    urls = tuple(entry for entry in source.inputs if is_url(entry))
    takes_files = any(recipe.lane(name).takes_files for name in source.lanes)
    found, others = named((e for e in source.inputs if not is_url(e)), recipe.base, takes_files=takes_files)
    files = [adopt(site, name, path) for name, path in found.items()]
    names = {file.stored: file.name for file in files}
    orders = [CaptureOrder(source=source.card.name, files=group) for group in _groups(files, site.part_rows)]
    receipts = [done[0] for done in run_orders(recipe, site, orders, f"capture {source.card.name}", progress)]
    if urls:
        crawled = crawl_source(recipe, site, source, urls, clock=clock, progress=progress)
        receipts += crawled.receipts
        names |= dict.fromkeys(crawled.archives, "crawl")
    return Captured(source=source, receipts=tuple(receipts), names=names, ignored=tuple(map(str, others)))


def _groups(files: Sequence[File], size: int) -> list[tuple[File, ...]]:
    """Files that are captured together: each archive of records alone, and only once; others by `size`."""
    archives = sorted({file.stored: file for file in files if file.is_archive}.values(), key=lambda file: file.stored)
    others = sorted((file for file in files if not file.is_archive), key=lambda file: file.name)
    return [(file,) for file in archives] + [tuple(others[at : at + size]) for at in range(0, len(others), size)]


def _lane(recipe: Recipe, site: Site, lane: Lane, captured: Sequence[Captured], progress: Progress) -> LaneRun:
    everything = [receipt for c in captured for receipt in c.receipts]
    robots, rights, licences = (_with_rows(everything, name) for name in ("robots", "rights", "licence"))
    sayers = tuple(
        Sayers(annotation=said, capture=capture, rights=own)
        for receipt in everything
        for said, capture, own in zip(
            receipt.all("annotation"), receipt.all("capture"), receipt.all("rights"), strict=True
        )
        if said.rows
    )
    orders = [
        LaneOrder(
            lane=lane.name, source=c.source.card.name, capture=capture, rights=own, licence=licence,
            robots=robots, sites=rights, licences=licences, sayers=sayers,
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
    """The orders without captures that an earlier one holds: a record that lies in two archives is one capture."""
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
            captures = site.store.read_part(order.capture).take(pa.array(fresh, pa.int64()))
            order = replace(order, capture=site.store.publish("capture", captures))
        found.append(order)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """One lane's final accounts: dispositions, the decisions of group and mix, ids of the kept items."""

    dispositions: pa.Table
    decisions: pa.Table
    kept: pa.Array


def _settle(recipe: Recipe, site: Site, lanes: Sequence[LaneRun], grouped: Sequence[Duplicates]) -> list[Settled]:
    """Dispositions of every lane; the mix leaves out what is over quota only after dedup has said who stands."""
    before = [
        _dispose(site, found, cluster, DECISION.empty_table()) for found, cluster in zip(lanes, grouped, strict=True)
    ]
    kept = [_kept(table) for table in before]
    quotas = mix.quotas({f.lane.name: len(k) for f, k in zip(lanes, kept, strict=True)}, dict(recipe.mix))
    settled = []
    for found, cluster, ids, table in zip(lanes, grouped, kept, before, strict=True):
        extra = mix.decide(ids, quotas[found.lane.name], recipe.shards.seed)
        final = _dispose(site, found, cluster, extra) if extra.num_rows else table
        check_quarantine(found.lane.name, final, recipe.max_quarantined)
        decisions = pa.concat_tables([pa.Table.from_batches([cluster.decisions]), extra])
        settled.append(Settled(dispositions=final, decisions=decisions, kept=_kept(final)))
    return settled


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


def _places(found: LaneRun) -> list[Place]:
    """Where the text, capture and evidence of each work order's items lie."""
    return [
        Place(
            items=receipts["edited"].part("items"),
            capture=order.capture,
            rights=order.rights,
            licence=receipts["split"].part("licence"),
            page=receipts["split"].part("page"),
        )
        for receipts, order in zip(found.receipts, found.orders, strict=True)
    ]


def _expected_roots(site: Site, lanes: Sequence[LaneRun], recipe: Recipe) -> pa.Array:
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


def _run_row(recipe: Recipe, site: Site, name: str, release: Release, started: float, ended: float) -> pa.Table:
    row = {
        "run": name, "recipe": recipe.name, "recipe_digest": recipe.digest, "recipe_toml": recipes.dump(recipe),
        "policy": recipe.policy, "runner": site.runner, "version": metadata.version("headwater"),
        "started_at": datetime.fromtimestamp(started, UTC), "ended_at": datetime.fromtimestamp(ended, UTC),
        "release": release.name,
    }  # fmt: skip
    return pa.Table.from_pylist([row], schema=RUN)


def _ledger_parts(
    recipe: Recipe, site: Site, captured: Sequence[Captured], lanes: Sequence[LaneRun], grouped: Sequence[Duplicates],
    settled: Sequence[Settled], release: Release, row: pa.Table,
) -> dict[str, list[Part]]:  # fmt: skip
    """Every file the run stands on, by table: room parts as they lie, and the tables only a whole run can make."""
    store = site.store
    parts: dict[str, list[Part]] = {}

    def add(table: str, found: Sequence[Part]) -> None:
        parts.setdefault(table, []).extend(part for part in found if part.rows)

    for c in captured:
        for receipt in c.receipts:
            for part in receipt.parts:
                add(part.table, [part])
    for found in lanes:
        for room in ("split", "measured", "judged", "edited"):
            add("decision", found.parts(room, "decision"))
        add("item", found.parts("edited", "item"))
        add("licence", found.parts("split", "licence"))
        add(f"signal_{found.lane.name}", found.parts("measured", f"signal_{found.lane.name}"))
    for cluster, done in zip(grouped, settled, strict=True):
        add("decision", [store.publish("decision", done.decisions.sort_by("item_id"))])
        add("disposition", [store.publish("disposition", done.dispositions)])
        add(
            "duplicate",
            [
                store.publish(
                    "duplicate", pa.Table.from_batches([cluster.duplicates], schema=DUPLICATE).sort_by("item_id")
                )
            ],
        )
    for name, table in {
        **release.tables,
        "run": row,
        "source": _sources(recipe),
        "op": _ops(recipe),
        "holding": _holdings(captured, lanes, release),
    }.items():
        add(name, [store.publish(name, table)])
    return {table: sorted({p.path: p for p in found}.values(), key=lambda p: p.path) for table, found in parts.items()}


def _sources(recipe: Recipe) -> pa.Table:
    rows = [{name: getattr(source.card, name) for name in SOURCE.names} for source in recipe.sources]
    return pa.Table.from_pylist(sorted(rows, key=lambda row: row["name"]), schema=SOURCE)


def _ops(recipe: Recipe) -> pa.Table:
    rows = [
        {"op_id": stage.op_id, "lane": lane.name, "stage": stage.name, "version": stage.version, "shape": stage.shape.value,
         "parameters": canonical(stage.settings).decode()}
        for lane in recipe.lanes
        for stage in (recipe.rights, *lane.stages)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=OP)


def _holdings(captured: Sequence[Captured], lanes: Sequence[LaneRun], release: Release) -> pa.Table:
    rows = [
        {"store": stored, "kind": "warc", "what": f"captures of source {c.source.card.name}, obtained as {name}"}
        for c in captured
        for stored, name in c.names.items()
    ]
    rows += [
        {"store": part.path, "kind": "members", "what": f"members of archives of source {c.source.card.name}"}
        for c in captured
        for receipt in c.receipts
        for part in receipt.all("members")
    ]
    for found in lanes:
        rows += [
            {"store": part.path, "kind": "media", "what": f"converted payloads of lane {found.lane.name}"}
            for receipts in found.receipts
            for part in receipts["split"].all("media")
        ]
        for room in ("split", "edited"):
            rows += [
                {"store": part.path, "kind": "room", "what": f"texts of lane {found.lane.name} after room {room}"}
                for part in found.parts(room, "items")
            ]
    if release.path:
        rows.append({"store": release.path, "kind": "release", "what": f"published items of release {release.name}"})
    unique = {row["store"]: row for row in rows}
    return pa.Table.from_pylist([unique[key] for key in sorted(unique)], schema=HOLDING)
