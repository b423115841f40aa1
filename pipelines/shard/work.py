"""The shard room: kept items -> work orders -> shards -> a release. The bytes are `pipelines.shard.writer`'s.

A shard lies in `shards/<key>/` of the store, whole or not at all; a release links or copies what it is made of, so that an
unchanged shard is written once however many releases hold it.
"""

import os
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines import mix
from pipelines.lanes.lane import Lane
from pipelines.ledger.published import published
from pipelines.payload import payload_bytes
from pipelines.receipt import Receipt, room
from pipelines.recipe import Recipe
from pipelines.rights.licences import LOCATIONS
from pipelines.rooms import one_batch, set_column
from pipelines.shard.card import Card
from pipelines.shard.release import (
    ShardSet,
    assemble_lane,
    assemble_release,
    publish_release,
    put_folder,
    release_name,
    staged,
)
from pipelines.shard.sample import EVIDENCE, Sample
from pipelines.shard.writer import ShardReceipt, read_receipt, shard_name, shard_plan, write_shard
from pipelines.site import Site
from pipelines.store import Part, sync_folder, sync_tree
from schemas.digest import digest
from schemas.item import ID
from schemas.rights import RightsVerdict
from schemas.shard import PLACEMENT, RELEASE, SHARD, Split


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the items of one work order lie, and what is known of them. `card_licence`: of their source, as a whole."""

    items: Part
    capture: Part
    rights: Part
    licence: Part
    page: Part
    card_licence: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardOrder:
    """The items of one shard, in order: for each the index of its place and its row there."""

    lane: str
    split: str
    index: int
    places: tuple[Place, ...]
    rows: tuple[tuple[int, int], ...]

    @property
    def key(self) -> bytes:
        """The digest of everything the shard's bytes follow from."""
        parts = [
            [p.items.sha256, p.capture.sha256, p.rights.sha256, p.licence.sha256, p.page.sha256, p.card_licence]
            for p in self.places
        ]
        return digest("room", "shard", 5, self.lane, self.split, self.index, parts, self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A published release: its name, its path in the store, and its rows for the ledger. Nameless when nothing was kept."""

    name: str | None
    path: str | None
    tables: dict[str, pa.Table]


def shard_orders(
    recipe: Recipe, site: Site, lane: Lane, kept: pa.Array, components: pa.RecordBatch, places: Sequence[Place]
) -> list[ShardOrder]:
    """The shards of a lane: which items, in which order, in which split; the same for any order of the input.

    `kept`: ids of the items to publish. `components`: item_id and cluster_id; a cluster is published in one split, and an item that
    a release in the ledger holds keeps its own.
    """
    ids, part, row, sizes = _locate(site, lane, kept, places)
    cluster = components.column("cluster_id").take(pc.index_in(ids, value_set=components.column("item_id")))
    shards = recipe.shards
    split = mix.splits(cluster, validation=shards.validation, test=shards.test, seed=shards.seed)
    split = mix.keep_splits(split, ids, components, published(site.store, lane.name))
    orders = []
    for name in Split:
        mine = np.flatnonzero(split == name.value)
        plan = shard_plan(
            ids.take(pa.array(mine)),
            sizes[mine],
            shards.seed,
            target_bytes=shards.target_bytes,
            max_samples=shards.max_samples,
        )
        for index, chosen in enumerate(plan):
            at = mine[chosen]
            used = np.unique(part[at])
            rows = zip(np.searchsorted(used, part[at]).tolist(), row[at].tolist(), strict=True)
            taken = tuple(places[i] for i in used)
            orders.append(ShardOrder(lane=lane.name, split=name.value, index=index, places=taken, rows=tuple(rows)))
    return orders


def _locate(
    site: Site, lane: Lane, kept: pa.Array, places: Sequence[Place]
) -> tuple[pa.Array, np.ndarray, np.ndarray, np.ndarray]:
    """(ids, place, row in the place, content bytes) of the kept items, in the order of the places."""
    ids, part, row, size = [], [], [], []
    for number, place in enumerate(places):
        table = site.store.read_part(place.items, ["item_id", "text", "payload"])
        rows = np.flatnonzero(pc.is_in(table.column("item_id"), value_set=kept).to_numpy(zero_copy_only=False))
        chosen = table.take(pa.array(rows))
        ids.append(chosen.column("item_id").combine_chunks())
        size.append(pc.binary_length(chosen.column("text")).fill_null(0).to_numpy().astype(np.int64))
        if lane.config.payload:
            size[-1] += pc.struct_field(chosen.column("payload"), "length").to_numpy().astype(np.int64)
        part.append(np.full(len(rows), number, dtype=np.int64))
        row.append(rows)
    if not ids:
        empty = np.array([], dtype=np.int64)
        return pa.array([], ID), empty, empty, empty
    return pa.concat_arrays(ids), np.concatenate(part), np.concatenate(row), np.concatenate(size)


def write_shard_order(recipe: Recipe, site: Site, order: ShardOrder) -> Receipt:
    """The receipt of one shard, written unless it lies in the store already."""
    lane = recipe.lane(order.lane)

    def build() -> tuple[list[tuple[str, pa.Table]], dict[str, int]]:
        folder = site.scratch / f"shard-{order.key.hex()}-{os.getpid()}"
        shutil.rmtree(folder, ignore_errors=True)
        receipt = write_shard(
            folder,
            config=lane.config,
            lane=lane.name,
            split=Split(order.split),
            index=order.index,
            samples=_samples(site, lane, order),
        )
        _store_folder(site, folder, f"shards/{order.key.hex()}")
        return [], {"samples": receipt.nsamples, "bytes": receipt.bytes}

    return room(site.store, order.lane, "sharded", order.key, build)


def _samples(site: Site, lane: Lane, order: ShardOrder) -> Iterator[Sample]:
    """The samples of the shard in its order; the rows of one place are read together, payloads one by one."""
    wanted = defaultdict(list)
    for ordinal, (number, row) in enumerate(order.rows):
        wanted[number].append((ordinal, row))
    found: dict[int, tuple[Sample, Mapping[str, Any] | None]] = {}
    for number, rows in wanted.items():
        place = order.places[number]
        items = one_batch(site.store.read_part(place.items).take(pa.array([row for _, row in rows])))
        captures = site.store.read_part(place.capture)
        at = pc.index_in(items.column("capture_id"), value_set=captures.column("capture_id").combine_chunks())
        rights, licences, pages = (site.store.read_part(part) for part in (place.rights, place.licence, place.page))
        known = _known(items, rights, licences, pages, place)
        of_card = pc.equal(known.column("license_source"), "card").fill_null(False)
        licence = pc.if_else(of_card, pa.scalar(place.card_licence, pa.string()), items.column("licence"))
        items = set_column(items, "licence", licence)
        samples = lane.samples(items, one_batch(captures.take(at)), known)
        pairs = zip(samples, items.column("payload").to_pylist(), strict=True)
        found |= dict(zip([ordinal for ordinal, _ in rows], pairs, strict=True))
    for ordinal in range(len(order.rows)):
        sample, payload = found.pop(ordinal)
        if lane.config.payload and payload:
            content = payload_bytes(site.store, payload)
            sample = replace(sample, parts={**sample.parts, lane.config.payload: content})
        yield sample


def _known(
    items: pa.RecordBatch, rights: pa.Table, licences: pa.Table, pages: pa.Table, place: Place
) -> pa.RecordBatch:
    """What the captures of these items, and of their words, say of their use, in the form samples publish it.

    The licence of the source card stands, named as such, for an item of whose licence nothing was said.
    """
    said: dict[bytes, set[tuple[str, str]]] = defaultdict(set)
    for row in rights.select(["capture_id", "subject_kind", "mechanism", "verdict"]).to_pylist():
        if row["subject_kind"] == "capture":
            said[row["capture_id"]].add((row["mechanism"], row["verdict"]))
    named: dict[tuple[bytes, str], str] = {}
    hits = licences.select(["capture_id", "expression", "location"]).to_pylist()
    for row in sorted(hits, key=lambda row: LOCATIONS.index(row["location"])):  # the most trusted place names it
        named.setdefault((row["capture_id"], row["expression"]), row["location"])
    speak = set(licences.column("capture_id").to_pylist())
    sayers = {row["capture_id"]: row for row in pages.to_pylist()}
    rows = []
    columns = (items.column(name).to_pylist() for name in ("capture_id", "licence", "text_capture_id"))
    for capture, licence, sayer in zip(*columns, strict=True):
        speaker = sayers.get(sayer, {"uri": None, "signals": []})
        both = said[capture] | {tuple(signal.split(":")) for signal in speaker["signals"]}
        verdicts = {verdict for _, verdict in both}
        decision = next(
            (v.value for v in (RightsVerdict.DISALLOW, RightsVerdict.ERROR, RightsVerdict.ALLOW) if v in verdicts),
            "unknown",
        )
        signals = [f"{mechanism}:{verdict}" for mechanism, verdict in sorted(both)]
        source = named.get((capture, licence))
        if place.card_licence and licence is None and capture not in speak:
            source = "card"
        rows.append({"license_source": source, "page_url": speaker["uri"], "decision": decision, "signals": signals})
    return pa.RecordBatch.from_pylist(rows, schema=EVIDENCE)


def _store_folder(site: Site, folder: Path, target: str) -> None:
    """Move a finished folder into the store; whoever is first wins, the others hold the same bytes."""
    if site.store.is_local:
        place = site.store.local(target)
        place.parent.mkdir(parents=True, exist_ok=True)
        sync_tree(folder)  # the receipt that follows must not outlive it
        try:
            folder.rename(place)
            sync_folder(place.parent)
        except OSError:
            if not place.is_dir():
                raise
    else:
        put_folder(site.store, folder, target)
    shutil.rmtree(folder, ignore_errors=True)


def release_from(recipe: Recipe, site: Site, orders: Sequence[ShardOrder]) -> Release:
    """The release that these shards make, published; nameless where there are none."""
    if not orders:
        return Release(name=None, path=None, tables={"release": RELEASE.empty_table()})
    staging = site.scratch / f"release-{os.getpid()}"
    shutil.rmtree(staging, ignore_errors=True)
    receipts: dict[str, list[ShardReceipt]] = defaultdict(list)
    held: dict[str, str] = {}
    for order in orders:
        folder = f"shards/{order.key.hex()}"
        files = {path.replace(folder, order.lane, 1): path for path in site.store.list(folder)}
        held |= staged(site.store, files, staging)
        name = shard_name(Split(order.split), order.index)
        receipts[order.lane].append(
            read_receipt((staging / order.lane / "meta/receipts" / f"{name}.json").read_bytes())
        )
    for lane, found in receipts.items():
        assemble_lane(staging / lane, _shard_set(recipe, lane), found)
    root = assemble_release(staging, sorted(receipts))
    name = release_name(recipe.name, root)
    tables = release_tables(recipe.digest, name, root, staging, receipts)
    return Release(name=name, path=publish_release(site.store, staging, name, held), tables=tables)


def _shard_set(recipe: Recipe, lane: str) -> ShardSet:
    cards = tuple(source.card for source in sorted(recipe.sources, key=lambda s: s.card.name) if lane in source.lanes)
    contact = "; ".join(sorted({card.contact for card in cards}))
    card = Card(
        title=f"{recipe.name}: {lane}",
        summary=f"The {lane} lane of the corpus {recipe.name}, curated under the policy {recipe.policy}.",
        contact=contact,
        sources=cards,
    )
    return ShardSet(lane=lane, config=recipe.lane(lane).config, seed=recipe.shards.seed, card=card)


def release_tables(
    recipe_digest: bytes, release: str, root: bytes, staging: Path, receipts: Mapping[str, Sequence[ShardReceipt]]
) -> dict[str, pa.Table]:
    """The tables `release`, `shard` and `placement` of a release whose lanes are folders of `staging`."""
    shards, placements = [], []
    for lane, found in sorted(receipts.items()):
        for receipt in found:
            shard_id = bytes.fromhex(receipt.shard_id)
            shards.append(
                {"shard_id": shard_id, "release": release, "lane": lane, "split": receipt.split, "path": f"{lane}/{receipt.path}",
                 "sha256": bytes.fromhex(receipt.sha256), "bytes": receipt.bytes, "samples": receipt.nsamples}
            )  # fmt: skip
            meta = pq.ParquetFile(staging / lane / "meta" / f"{receipt.name}.parquet").read(
                ["item_id", "key", "index", "offset", "length"]
            )
            columns = {
                **{name: meta.column(name) for name in ("item_id", "key", "offset", "length")},
                "ordinal": meta.column("index"),
                "release": pa.repeat(release, meta.num_rows),
                "shard_id": pa.repeat(pa.scalar(shard_id, ID), meta.num_rows),
            }
            placements.append(pa.table([columns[f.name].cast(f.type) for f in PLACEMENT], schema=PLACEMENT))
    everything = [receipt for found in receipts.values() for receipt in found]
    row = {"release": release, "set_root": root, "recipe_digest": recipe_digest,
           "items": sum(r.nsamples for r in everything), "bytes": sum(r.bytes for r in everything)}  # fmt: skip
    return {
        "release": pa.Table.from_pylist([row], schema=RELEASE),
        "shard": pa.Table.from_pylist(shards, schema=SHARD),
        "placement": pa.concat_tables(placements).sort_by("item_id"),
    }
