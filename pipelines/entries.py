"""What a run writes into the ledger: the files of its rooms as they lie, and the tables that only a whole run can make."""

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata

import pyarrow as pa

from pipelines import recipe as recipes
from pipelines.capture.layout import ARCHIVES
from pipelines.dedup.duplicates import Duplicates
from pipelines.edits.pii import redact_link
from pipelines.orders import ROOMS
from pipelines.phases import Captured, LaneRun, Settled
from pipelines.receipt import Receipt
from pipelines.recipe import Recipe, for_source
from pipelines.shard.work import Release
from pipelines.site import Site
from pipelines.store import Part
from schemas.decision import DUPLICATE
from schemas.digest import canonical
from schemas.run import HOLDING, OP, ROOM, RUN, SOURCE


def run_row(recipe: Recipe, site: Site, name: str, release: Release, started: float, ended: float) -> pa.Table:
    """The RUN row; times in seconds since 1970."""
    row = {
        "run": name, "recipe": recipe.name, "recipe_digest": recipe.digest, "recipe_toml": recipes.dump(recipe),
        "policy": recipe.policy, "runner": site.runner, "version": metadata.version("headwater"),
        "started_at": datetime.fromtimestamp(started, UTC), "ended_at": datetime.fromtimestamp(ended, UTC),
        "release": release.name,
    }  # fmt: skip
    return pa.Table.from_pylist([row], schema=RUN)


def ledger_parts(
    recipe: Recipe, site: Site, captured: Sequence[Captured], lanes: Sequence[LaneRun], grouped: Sequence[Duplicates],
    settled: Sequence[Settled], release: Release, row: pa.Table, *, unique: Sequence[Receipt], sharded: Sequence[Receipt] = (),
) -> dict[str, list[Part]]:  # fmt: skip
    """Every file the run stands on, by table: room parts as they lie, and the tables only a whole run can make.

    `unique`: the receipts of the lanes' group rooms. `sharded`: those of the shards.
    """
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
        add("licence", found.parts("split", "licence"))
        add(f"signal_{found.lane.name}", found.parts("measured", f"signal_{found.lane.name}"))
    for found, cluster, done in zip(lanes, grouped, settled, strict=True):
        cut = done.cut.ledger_items if done.cut else {}
        add("item", [cut.get(ordinal, part) for ordinal, part in enumerate(found.parts("edited", "item"))])
        add("repeated_span", done.cut.receipt.all("repeated_span") if done.cut else ())
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
        add("edge", [store.publish("edge", cluster.edges)])
    for name, table in {
        **release.tables,
        "run": row,
        "source": _sources(recipe),
        "op": _ops(recipe),
        "room": _rooms(lanes, unique),
        "holding": _holdings(captured, lanes, [*unique, *sharded], release),
    }.items():
        add(name, [store.publish(name, table)])
    return {table: sorted({p.path: p for p in found}.values(), key=lambda p: p.path) for table, found in parts.items()}


def _sources(recipe: Recipe) -> pa.Table:
    rows = [{name: getattr(source.card, name) for name in SOURCE.names} for source in recipe.sources]
    return pa.Table.from_pylist(sorted(rows, key=lambda row: row["name"]), schema=SOURCE)


def _ops(recipe: Recipe) -> pa.Table:
    wanted = [(lane, lane) for lane in recipe.lanes]
    wanted += [
        (lane, for_source(lane, source))
        for source in recipe.sources
        for lane in recipe.lanes
        if lane.name in source.lanes
    ]
    rows = {
        (lane.name, stage.op_id): {"op_id": stage.op_id, "lane": lane.name, "stage": stage.name, "version": stage.version, "shape": stage.shape.value,
         "parameters": canonical(stage.settings).decode(),
         "models": [{"name": name, "sha256": bytes.fromhex(sha256)} for name, sha256 in stage.used_models]}
        for lane, way in wanted
        for stage in (recipe.rights, *way.stages)
    }  # fmt: skip
    return pa.Table.from_pylist(list(rows.values()), schema=OP)


def _rooms(lanes: Sequence[LaneRun], unique: Sequence[Receipt]) -> pa.Table:
    rows = [
        {"lane": found.lane.name, "source": order.source, "ordinal": n, "room": room, "path": receipts[room].path}
        for found in lanes
        for n, (order, receipts) in enumerate(zip(found.orders, found.receipts, strict=True))
        for room in ROOMS
    ]
    rows += [{"lane": one.lane, "source": None, "ordinal": 0, "room": one.room, "path": one.path} for one in unique]
    return pa.Table.from_pylist(rows, schema=ROOM)


def _said(table: str, receipt: Receipt) -> str:
    if table == "items":
        return f"items of lane {receipt.lane} after room {receipt.room}"
    return f"{table} of lane {receipt.lane}, by ids alone"


def _holdings(
    captured: Sequence[Captured], lanes: Sequence[LaneRun], grouped: Sequence[Receipt], release: Release
) -> pa.Table:
    rows = [
        {
            "store": stored,
            "kind": "warc" if stored.endswith(ARCHIVES) else "upload",
            "what": f"captures of source {c.source.card.name}, obtained as {redact_link(name)}",
        }
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
        rows += [
            {"store": part.path, "kind": "room", "what": f"{part.table} of lane {found.lane.name} after room {room}"}
            for receipts in found.receipts
            for room in ROOMS
            for part in receipts[room].parts
            if part.rows and part.table not in ("media", "item")
        ]
    rows += [
        {
            "store": order.capture.path,
            "kind": "room",
            "what": f"captures of source {order.source} that no archive before holds",
        }
        for found in lanes
        for order in found.orders
        if order.capture.rows
    ]
    rows += [  # in place of those above where nothing was left out
        {"store": part.path, "kind": "room", "what": f"{part.table} of source {c.source.card.name}, as captured"}
        for c in captured
        for receipt in c.receipts
        for part in receipt.parts
        if part.rows
        and part.table in ("capture", "annotation", "licence", "rights", "robots", "unmatched", "frontier", "hosts")
    ]
    for one in grouped:
        if one.room == "sharded":
            rows.append({"store": f"shards/{one.key}", "kind": "shards", "what": f"a shard of lane {one.lane}"})
        else:
            rows += [
                {"store": part.path, "kind": "room", "what": _said(part.table, one)}
                for part in one.parts
                if part.rows and part.table != "item"
            ]
    if release.path:
        rows.append({"store": release.path, "kind": "release", "what": f"published items of release {release.name}"})
    unique = {row["store"]: row for row in rows}
    return pa.Table.from_pylist([unique[key] for key in sorted(unique)], schema=HOLDING)
