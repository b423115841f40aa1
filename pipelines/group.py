"""The group room: dedup of one lane over all its items, through the local driver or the site's Beam runner."""

from collections.abc import Sequence
from functools import lru_cache
from typing import overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.dedup.breaker import check_losses, losses
from pipelines.dedup.duplicates import Duplicates, decide, find_duplicates
from pipelines.dedup.known import Earlier
from pipelines.lanes.lane import Lane
from pipelines.receipt import Receipt, Tables, read_receipt, room
from pipelines.rooms import one_batch
from pipelines.site import Site
from pipelines.store import Part
from schemas.digest import digest
from schemas.item import ID


def group(
    site: Site, lane: Lane, signatures: Sequence[Part], items: Sequence[Part], captures: Sequence[Part]
) -> tuple[Duplicates, Receipt]:
    """The duplicates of a lane (merged items with their witnesses, clusters of similar items) and the room's receipt.

    `items` are the parts the signatures were made of, and `captures` those of their captures, in the same order.

    Raises:
        TooManyRemoved: a source loses a larger share of its items than `max_removed_share` allows.
    """
    key = digest("room", "unique", 3, lane.name, [part.sha256 for part in signatures], lane.dedup.stage.op_id)

    def build() -> tuple[Tables, dict[str, int]]:
        tables, counts = _tables(_find(site, lane, signatures, items))
        signed = [{"op_id": lane.dedup.stage.op_id, "sha256": bytes.fromhex(part.sha256)} for part in signatures]
        return [*tables, ("signed", pa.Table.from_pylist(signed, schema=SIGNED))], counts

    receipt = room(site.store, lane.name, "unique", key, build)
    found = {name: one_batch(site.store.read_part(receipt.part(name))) for name in TABLES}
    check_losses(lane.dedup.stage, losses(sources(site, items, captures), found["duplicate"]))
    return Duplicates(
        decisions=found["decision"],
        duplicates=found["duplicate"],
        components=found["component"],
        edges=found["edge"],
        hot=found["hot"],
    ), receipt


def sources(site: Site, items: Sequence[Part], captures: Sequence[Part]) -> pa.Table:
    """Of all items: item_id, source, and the uri of their capture. Arguments as in `group`."""
    tables = []
    for part, of in zip(items, captures, strict=True):
        mine = site.store.read_part(part, ["item_id", "source", "capture_id"])
        there = site.store.read_part(of, ["capture_id", "uri"])
        at = pc.index_in(mine.column("capture_id"), value_set=there.column("capture_id").combine_chunks())
        tables.append(mine.drop_columns(["capture_id"]).append_column("uri", there.column("uri").take(at)))
    return pa.concat_tables(tables) if tables else _SOURCES.empty_table()


_SOURCES = pa.schema([("item_id", ID), ("source", pa.string()), ("uri", pa.string())])
ROWS_A_PARTITION = 250_000  # Chosen: of each band 6 MB of places, 24 MB while a worker sorts them
SIGNED = pa.schema([pa.field("op_id", ID), pa.field("sha256", ID)])  # the stage, and the signature parts it compared
TABLES = ("decision", "duplicate", "component", "edge", "hot")


def _tables(found: Duplicates) -> tuple[Tables, dict[str, int]]:
    batches = (found.decisions, found.duplicates, found.components, found.edges, found.hot)
    tables = [(name, pa.Table.from_batches([batch])) for name, batch in zip(TABLES, batches, strict=True)]
    return [*tables], {"items": len(found.components), "merged": len(found.decisions), "hot": len(found.hot)}


def _find(site: Site, lane: Lane, signatures: Sequence[Part], items: Sequence[Part]) -> Duplicates:
    tables, texts = Stored(site, signatures), Texts(site, items)
    if site.runner == "local":
        return find_duplicates(
            lane.dedup, tables, texts.load, memory=site.memory, scratch=site.scratch, earlier=_earlier(site, lane, signatures)
        )  # fmt: skip
    from pipelines.beam.build import pairs_on_beam

    key = digest("room", "pairs", lane.name, [part.sha256 for part in signatures], lane.dedup.stage.op_id)
    partitions = max(16, sum(part.rows for part in signatures) // ROWS_A_PARTITION)
    pairs = pairs_on_beam(lane.dedup, site, lane.name, key.hex(), signatures, partitions)
    return decide(
        lane.dedup, tables, pairs, texts.load, memory=site.memory, scratch=site.scratch, earlier=_earlier(site, lane, signatures)
    )  # fmt: skip


def _earlier(site: Site, lane: Lane, signatures: Sequence[Part]) -> Earlier | None:
    """What the largest earlier room of the same stage verified, of those that compared nothing that is gone.

    It only spares work: which room it is, and whether there is one, changes nothing of what is found.
    """
    given = [bytes.fromhex(part.sha256) for part in signatures]
    best: tuple[int, Receipt, set[bytes]] | None = None
    for path in site.store.list(f"rooms/{lane.name}/unique"):
        receipt = read_receipt(site.store, path)
        for part in receipt.all("signed"):
            signed = site.store.read_part(part)
            parts, ops = set(signed.column("sha256").to_pylist()), set(signed.column("op_id").to_pylist())
            size = receipt.counts["items"]
            if ops == {lane.dedup.stage.op_id} and parts <= set(given) and (best is None or size > best[0]):
                best = size, receipt, parts
    if best is None:
        return None
    edges, duplicates = (site.store.read_part(best[1].part(name)) for name in ("edge", "duplicate"))
    return Earlier(parts=np.array([one in best[2] for one in given]), edges=edges, duplicates=duplicates)


class Stored(Sequence[pa.Table]):
    """The parts of a table, each read from the store whenever it is asked for."""

    def __init__(self, site: Site, parts: Sequence[Part]) -> None:
        self._site, self._parts = site, parts

    def __len__(self) -> int:
        return len(self._parts)

    @overload
    def __getitem__(self, index: int) -> pa.Table: ...
    @overload
    def __getitem__(self, index: slice) -> "Stored": ...
    def __getitem__(self, index: int | slice) -> "pa.Table | Stored":
        if isinstance(index, slice):
            return Stored(self._site, self._parts[index])
        return self._site.store.read_part(self._parts[index])


class Texts:
    """Texts by item id, read part by part; the ids of a lane are held in memory (32 bytes an item), texts are not."""

    def __init__(self, site: Site, parts: Sequence[Part]) -> None:
        self._site, self._parts = site, parts
        ids = [site.store.read_part(part, ["item_id"]).column("item_id").combine_chunks() for part in parts]
        counts = [len(found) for found in ids]
        self._part = np.repeat(np.arange(len(parts)), counts)
        self._row = np.concatenate([np.arange(n) for n in counts]) if counts else np.array([], dtype=np.int64)
        # One column of bytes, sorted: a look-up is a binary search.
        flat = np.frombuffer(b"".join(b"".join(found.to_pylist()) for found in ids), dtype="S32")
        self._order = np.argsort(flat, kind="stable")
        self._sorted = flat[self._order]
        self._column = lru_cache(maxsize=2)(self._read)

    def _read(self, part: int) -> pa.Array:
        column = self._site.store.read_part(self._parts[part], ["text"]).column("text")
        return column.cast(pa.large_string()).combine_chunks()

    def load(self, ids: pa.Array) -> pa.Array:
        """The texts of these items, in the same order."""
        wanted = np.frombuffer(b"".join(ids.cast(ID).to_pylist()), dtype="S32")
        at = self._order[np.searchsorted(self._sorted, wanted)]
        order = np.argsort(self._part[at], kind="stable")
        at = at[order]
        texts = [pa.array([], pa.large_string())]
        for part, row in zip(*_runs(self._part[at], self._row[at]), strict=True):
            texts.append(self._column(part).take(pa.array(row)))
        return pa.concat_arrays(texts).take(pa.array(np.argsort(order)))


def _runs(parts: np.ndarray, rows: np.ndarray) -> tuple[list[int], list[np.ndarray]]:
    """Each part that there are rows of, ascending, and these rows."""
    found, starts = np.unique(parts, return_index=True)
    return found.tolist(), np.split(rows, starts[1:])
