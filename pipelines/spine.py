"""The spine: the rooms in order, and `run_part`, the one function that takes a work order through them.

    CaptureOrder   one archive or upload  -> capture, rights, robots, licence, annotation
    LaneOrder      one capture part       -> split -> measured -> judged -> edited -> signed
    ShardOrder     the items of one shard -> one tar

This is the only place where a row is dropped: a room publishes the rows its decisions left standing, and the decisions
beside them. Tests call `run_part`, Beam calls it, the local runner calls it; nothing else runs stages.
"""

import json
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines import rooms
from pipelines.capture.archive import Captured
from pipelines.capture.block import Guard
from pipelines.capture.files import capture_files
from pipelines.capture.layout import Form, Wanted
from pipelines.dedup.prints import prints_key, span_prints
from pipelines.dedup.signatures import RANKS
from pipelines.evidence import evidence_for, hear, licences_of
from pipelines.lanes.lane import Lane, wanted_by
from pipelines.orders import ROOMS, CaptureOrder, LaneOrder
from pipelines.payload import payload_bytes
from pipelines.receipt import Receipt, Tables, room
from pipelines.recipe import Recipe, Source, for_source, with_models
from pipelines.rights.judge import evidence_key
from pipelines.rights.spdx import licence_class
from pipelines.rights.weighed import Evidence
from pipelines.shard.work import ShardOrder, write_shard_order
from pipelines.site import Site
from pipelines.stage import Reach
from pipelines.store import Part
from pipelines.suppression import suppression
from schemas.annotation import SAID
from schemas.capture import Outcome
from schemas.decision import DECISION, Verdict
from schemas.digest import digest, sha256
from schemas.item import LEDGER_ITEM, PAYLOAD, item_schema
from schemas.reasons import Reason

# Chosen: 128 pages of 15 kB are 2 MB; 32 MiB bound what pictures and recordings take in this process.
DECODE_ROWS, DECODE_BYTES = 128, 32 << 20


CAPTURE_VERSION = 12  # rises with every change of what captures, evidence and annotations look like


Order: TypeAlias = CaptureOrder | LaneOrder | ShardOrder


def run_part(recipe: Recipe, site: Site, order: Order) -> tuple[Receipt, ...]:
    """The receipts of every room this order went through, in order; rooms that ran before are found, not run."""
    match order:
        case CaptureOrder():
            return (_captured(recipe, site, order),)
        case LaneOrder():
            return tuple(islice(_lane_rooms(recipe, site, order), ROOMS.index(order.until) + 1))
        case ShardOrder():
            return (write_shard_order(recipe, site, order),)


def _captured(recipe: Recipe, site: Site, order: CaptureOrder) -> Receipt:
    source = recipe.source(order.source)
    wanted = wanted_by([recipe.lane(name) for name in source.lanes])

    def build() -> tuple[Tables, dict[str, int]]:
        tables: Tables = []
        counts: dict[str, int] = {}
        for found in _captures(recipe, site, order, wanted):
            for name, rows in (
                ("capture", found.captures),
                ("rights", found.rights),
                ("robots", found.robots),
                ("licence", found.licences),
                ("annotation", found.annotations),
            ):
                tables.append((name, pa.Table.from_batches([rows])))
            tables += [("members", part) for part in found.members]
            counts["captures"] = counts.get("captures", 0) + len(found.captures)
            for kind, n in found.skipped.items():
                counts[f"skipped_{kind}"] = counts.get(f"skipped_{kind}", 0) + n
        return tables, counts

    files = [file.identity for file in order.files]
    # Web records say all there is about themselves: what the lanes ask for changes nothing in their rows.
    asked = [] if all(file.form == Form.RECORDS for file in order.files) else [source.layout, wanted.identity]
    key = digest("room", "captured", CAPTURE_VERSION, order.source, files, asked, site.part_rows, *recipe.blocked)
    return room(site.store, order.source, "captured", key, build)


def _captures(recipe: Recipe, site: Site, order: CaptureOrder, wanted: Wanted) -> Iterator[Captured]:
    layout = recipe.source(order.source).layout
    with Guard(recipe.block_lists, suppression(site)) as guard:
        yield from capture_files(site.store, order.files, order.source, layout, wanted, site.part_rows, guard)


def _lane_rooms(recipe: Recipe, site: Site, order: LaneOrder) -> Iterator[Receipt]:
    source, store = recipe.source(order.source), site.store
    lane = with_models(for_source(recipe.lane(order.lane), source), site.models)
    takes_damage = source.lanes[0] == lane.name

    captures = rooms.one_batch(store.read_part(order.capture))
    heard = hear(recipe, site, lane, order, captures)
    said, licence, page = heard.said, store.publish("licence", heard.licences), store.publish("page", heard.pages)
    split_key = digest(
        "room", "split", lane.name, order.capture.sha256, licence.sha256, page.sha256, lane.split.op_id, source.sample, takes_damage,
        "" if said is None else sha256(json.dumps(said.to_pylist(), default=bytes.hex).encode()),
    )  # fmt: skip
    made = room(
        store, lane.name, "split", split_key,
        lambda: _split(lane, site, captures, (licence, page), said, source, takes_damage=takes_damage),
    )  # fmt: skip
    yield made

    measured_key = digest("room", "measured", made.part("items").sha256, [stage.op_id for stage in lane.measures])
    measured = room(store, lane.name, "measured", measured_key, lambda: _measure(lane, site, captures, made))
    yield measured

    evidence = evidence_for(recipe, site, order, licence, heard.sayers)
    candidates = _candidates(site, lane, made)
    judged_key = digest(
        "room", "judged", made.part("items").sha256, measured.part(f"signal_{lane.name}").sha256,
        recipe.rights.op_id, [stage.op_id for stage in lane.judges], evidence_key(candidates, evidence),
    )  # fmt: skip
    judged = room(
        store, lane.name, "judged", judged_key, lambda: _judge(recipe, lane, site, candidates, measured, evidence)
    )
    yield judged

    edited_key = digest("room", "edited", judged.key, [stage.op_id for stage in lane.edits])
    edited = room(
        store, lane.name, "edited", edited_key, lambda: _edit(lane, site, captures, candidates, made, measured, judged)
    )
    yield edited

    signed_key = digest(
        "room", "signed", edited.part("items").sha256, lane.dedup.stage.op_id, recipe.rights.op_id, *prints_key(lane.cuts_spans)
    )  # fmt: skip
    yield room(store, lane.name, "signed", signed_key, lambda: _sign(lane, site, edited, evidence))


def accepted(
    lane: Lane, source: Source, captures: pa.RecordBatch, *, takes_damage: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Two bool[n]: the captures that become roots of this lane, and those of them that are damage (quarantined at once).

    Fetched captures of the lane's media types count, and the sample is taken by capture_id; damage of a source counts in
    its first lane only, and always.
    """
    fetched = pc.and_(
        pc.equal(captures.column("outcome"), Outcome.FETCHED.value), lane.accepts(captures.column("media_type"))
    )
    keep = fetched.fill_null(False).to_numpy(zero_copy_only=False)
    if source.sample < 1:
        numbers = np.array(
            [int.from_bytes(i[:8], "big") for i in captures.column("capture_id").to_pylist()], dtype=np.uint64
        )
        keep &= numbers < np.uint64(source.sample * 2**64)
    damaged = pc.equal(captures.column("outcome"), Outcome.DAMAGED.value).to_numpy(zero_copy_only=False) & takes_damage
    return keep | damaged, damaged


def _split(
    lane: Lane, site: Site, captures: pa.RecordBatch, beside: tuple[Part, Part], said: pa.Array | None, source: Source, *,
    takes_damage: bool,
) -> tuple[Tables, dict[str, int]]:  # fmt: skip
    licences = licences_of(captures, site.store.read_part(beside[0]))
    keep, damaged = accepted(lane, source, captures, takes_damage=takes_damage)
    items: list[pa.RecordBatch] = []
    found: list[pa.RecordBatch] = []
    tables: Tables = []
    gone = np.flatnonzero(damaged)
    if len(gone):
        lost = rooms.roots(lane, captures, licences, gone)
        items.append(lost)
        found.append(_damage(lost.column("item_id"), captures.take(pa.array(gone))))
    said = pa.array([[]] * len(captures), SAID) if said is None else said
    with lane.decoder() as child:
        for rows in _runs(captures, np.flatnonzero(keep & ~damaged)):
            parents = rooms.roots(lane, captures, licences, rows)
            payloads = _payloads(site, captures.take(pa.array(rows)), said.take(pa.array(rows)))
            children, media, decided = rooms.split(lane, parents, payloads, child)
            if media is not None and media.null_count < len(media):
                children, part = _stored(site, children, media)
                tables.append(("media", part))
            items += [parents, children]
            found.append(decided)
    table = pa.Table.from_batches(items, schema=item_schema(lane.facts)).sort_by("item_id")
    counts = {"roots": int(keep.sum()), "items": table.num_rows}
    return [
        ("items", table),
        ("decision", _sorted(found)),
        ("licence", beside[0]),
        ("page", beside[1]),
        *tables,
    ], counts


def _runs(captures: pa.RecordBatch, rows: np.ndarray) -> Iterator[np.ndarray]:
    """`rows` in stretches that are decoded at once: at most DECODE_ROWS, and about DECODE_BYTES of payload."""
    sizes = captures.column("payload_bytes").fill_null(0).to_numpy(zero_copy_only=False)[rows]
    by_bytes, by_rows = (np.cumsum(sizes) - sizes) // DECODE_BYTES, np.arange(len(rows)) // DECODE_ROWS
    ends = np.flatnonzero(np.diff(by_bytes) | np.diff(by_rows)) + 1
    yield from (run for run in np.split(rows, ends) if len(run))


def _stored(site: Site, children: pa.RecordBatch, media: pa.Array) -> tuple[pa.RecordBatch, Part]:
    """The children with converted media behind their payload, and the part that holds these bytes end to end."""
    blobs = media.to_pylist()
    part = site.store.publish_bytes("media", b"".join(blob for blob in blobs if blob is not None))
    places, at = children.column("payload").to_pylist(), 0
    for row, blob in enumerate(blobs):
        if blob is not None:
            places[row] = {"uri": part.path, "offset": at, "length": len(blob), "sha256": sha256(blob)}
            at += len(blob)
    return rooms.set_column(children, "payload", pa.array(places, PAYLOAD)), part


def _damage(ids: pa.Array, captures: pa.RecordBatch) -> pa.RecordBatch:
    batches = [
        rooms.quarantined(ids.slice(i, 1), "capture", Reason(reason), detail or "")
        for i, (reason, detail) in enumerate(
            zip(captures.column("reason").to_pylist(), captures.column("detail").to_pylist(), strict=True)
        )
    ]
    return rooms.one_batch(pa.Table.from_batches(batches, schema=DECISION))


def _payloads(site: Site, captures: pa.RecordBatch, said: pa.Array) -> pa.RecordBatch:
    """What the split of these captures gets; raises SourceError where bytes changed since they were captured."""
    data = [payload_bytes(site.store, place) for place in captures.column("payload").to_pylist()]
    columns = {name: captures.column(name) for name in ("charset", "media_type", "uri")}
    columns |= {"data": pa.array(data, pa.large_binary()), "said": said}
    return pa.RecordBatch.from_arrays([columns[name] for name in rooms.PAYLOADS.names], schema=rooms.PAYLOADS)


def _sorted(batches: Sequence[pa.RecordBatch]) -> pa.Table:
    """All decisions that say something, sorted by item and, within one, in stage order."""
    table = pa.Table.from_batches(batches, schema=DECISION)
    table = table.filter(pc.not_equal(table.column("verdict"), Verdict.KEEP.value))
    return table.take(pc.sort_indices(table, sort_keys=[("item_id", "ascending")])) if table.num_rows else table


def _failed(decided: pa.Table) -> pa.Array:
    """Ids of the roots that the split dropped or quarantined."""
    return (
        decided.filter(pc.not_equal(decided.column("verdict"), Verdict.SPLIT.value)).column("item_id").combine_chunks()
    )


def _children(items: pa.RecordBatch) -> pa.RecordBatch:
    return items.filter(pc.is_valid(items.column("parent_id")))


def _measure(lane: Lane, site: Site, captures: pa.RecordBatch, made: Receipt) -> tuple[Tables, dict[str, int]]:
    children = _children(rooms.one_batch(site.store.read_part(made.part("items"))))
    reach = Reach(payloads=partial(_published, site))
    signals, bad = rooms.measure(lane, rooms.with_uri(children, captures), reach)
    tables: Tables = [(f"signal_{lane.name}", pa.Table.from_batches([signals])), ("decision", _sorted([bad]))]
    return tables, {"measured": len(children), "quarantined": len(bad)}


def _published(site: Site, items: pa.RecordBatch) -> pa.Array:
    """large_binary, one an item: its payload as it will be published; null for none."""
    places = items.column("payload").to_pylist()
    return pa.array([place and payload_bytes(site.store, place) for place in places], pa.large_binary())


def _candidates(site: Site, lane: Lane, made: Receipt) -> pa.RecordBatch:
    items = rooms.one_batch(site.store.read_part(made.part("items")))
    return candidates(items, site.store.read_part(made.part("decision")))


def candidates(items: pa.RecordBatch, decided: pa.Table) -> pa.RecordBatch:
    """What judges see: the children, and the roots that have none because the split failed on them (rights come first).

    `decided`: what the split said of its roots.
    """
    lost = _failed(decided)
    return items.filter(
        pc.or_(pc.is_valid(items.column("parent_id")), pc.is_in(items.column("item_id"), value_set=lost))
    )


def _judge(
    recipe: Recipe, lane: Lane, site: Site, items: pa.RecordBatch, measured: Receipt, evidence: Evidence
) -> tuple[Tables, dict[str, int]]:
    signals = align_signals(items, site.store.read_part(measured.part(f"signal_{lane.name}")))
    found = rooms.judge(lane, recipe.rights, rooms.with_language(items, signals), signals, evidence)
    table = _sorted(found)
    return [("decision", table)], {"judged": len(items), "decisions": table.num_rows}


def align_signals(items: pa.RecordBatch, signals: pa.Table) -> pa.RecordBatch:
    """The signals of these items, row by row; null where an item was not measured."""
    at = pc.index_in(items.column("item_id"), value_set=signals.column("item_id").combine_chunks())
    return rooms.set_column(rooms.one_batch(signals.take(at)), "item_id", items.column("item_id"))


def _edit(
    lane: Lane, site: Site, captures: pa.RecordBatch, candidates: pa.RecordBatch, made: Receipt, measured: Receipt,
    judged: Receipt,
) -> tuple[Tables, dict[str, int]]:  # fmt: skip
    store = site.store
    signals = align_signals(candidates, store.read_part(measured.part(f"signal_{lane.name}")))
    found = [rooms.one_batch(store.read_part(receipt.part("decision"))) for receipt in (made, measured, judged)]
    alive = rooms.survivors(rooms.with_language(candidates, signals), found)
    edited, receipts = rooms.edit(lane, alive)
    kept = rooms.survivors(edited, [receipts])
    everything = rooms.one_batch(store.read_part(made.part("items")))
    ledger = _ledger_items(lane, captures, everything, candidates, signals, edited)
    tables: Tables = [("items", pa.Table.from_batches([kept])), ("decision", _sorted([receipts])), ("item", ledger)]
    return tables, {"alive": len(alive), "edited": len(receipts)}


def _ledger_items(
    lane: Lane, captures: pa.RecordBatch, items: pa.RecordBatch, candidates: pa.RecordBatch, signals: pa.RecordBatch,
    edited: pa.RecordBatch,
) -> pa.Table:  # fmt: skip
    """Every item of the part as the ledger has it: no text, the measured language, the content digest after edits."""
    spoken = rooms.with_language(candidates, signals)
    language = spoken.column("language").take(
        pc.index_in(items.column("item_id"), value_set=candidates.column("item_id"))
    )
    place = pc.index_in(items.column("item_id"), value_set=edited.column("item_id"))
    digests = pc.coalesce(edited.column("content_sha256").take(place), items.column("content_sha256"))
    texts = pc.coalesce(edited.column("text").take(place), items.column("text"))
    # Source code and books have a payload too, but their digest is of the text; a record of an archive is stored longer.
    captured = captures.take(pc.index_in(items.column("capture_id"), value_set=captures.column("capture_id")))
    size = pc.binary_length(texts).cast(pa.int64())
    for place, length in (
        (items.column("payload"), pc.struct_field(items.column("payload"), "length")),
        (captured.column("payload"), captured.column("payload_bytes")),
    ):
        size = pc.if_else(pc.equal(digests, pc.struct_field(place, "sha256")).fill_null(False), length, size)
    size = size.fill_null(0)
    columns = {name: items.column(name) for name in items.schema.names}
    columns |= {"lane": pa.array([lane.name] * len(items), pa.string()), "language": language}
    columns |= {"content_sha256": digests, "bytes": size.cast(pa.int64())}
    return pa.Table.from_arrays([columns[field.name] for field in LEDGER_ITEM], schema=LEDGER_ITEM)


def _sign(lane: Lane, site: Site, edited: Receipt, evidence: Evidence) -> tuple[Tables, dict[str, int]]:
    items = rooms.one_batch(site.store.read_part(edited.part("items")))
    order = ranks(items, evidence)
    tables: Tables = [("signature", pa.Table.from_batches([lane.dedup.sign(items, order)]))]
    if lane.cuts_spans:
        tables.append(("print", pa.Table.from_batches([span_prints(lane.cuts_spans, items, order)])))
    return tables, {"signed": len(items)}


# The freest rights first: what stands for a cluster should be what may be used most freely.
RIGHTS_RANK = {"public_domain": 0, "permissive": 1, "sharealike": 2, "unknown": 3, "restricted": 4}


def ranks(items: pa.RecordBatch, evidence: Evidence) -> pa.RecordBatch:
    """The declared order in which items stand for their duplicates: rights class, quality, earliest capture (then id)."""
    licences = items.column("licence").to_pylist()
    classes = {
        licence: RIGHTS_RANK[licence_class(licence).value if licence else "unknown"] for licence in set(licences)
    }
    at = pc.index_in(items.column("capture_id"), value_set=evidence.captures.column("capture_id").combine_chunks())
    fetched = evidence.captures.column("fetched_at").combine_chunks().take(at)
    # Longer is better: of two versions of a text, the fuller one stands for both. Chosen: no quality score exists yet.
    length = pc.coalesce(pc.utf8_length(items.column("text")), pa.scalar(0, pa.int32())).cast(pa.float64())
    return pa.RecordBatch.from_pydict(
        {
            "item_id": items.column("item_id"),
            "rights_rank": pa.array([classes[licence] for licence in licences], pa.int8()),
            "quality": length,
            "fetched_at": fetched,
        },
        schema=RANKS,
    )
