"""Deriving single items again from their raw captures: the spine's own rooms, over a few captures, in a store of their own.

The store is a temporary folder in which the captured files and the evidence of the run are linked; nothing is written to the site.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.capture.subject import names
from pipelines.dedup.cut import cut_again
from pipelines.late.stored import Stored
from pipelines.ledger.captures import captures
from pipelines.orders import LaneOrder, Sayers
from pipelines.payload import payload_bytes
from pipelines.receipt import Receipt
from pipelines.rooms import one_batch
from pipelines.shard.tar import read_shard
from pipelines.shard.work import Place, ShardOrder, write_shard_order
from pipelines.site import Site
from pipelines.spans import recounted
from pipelines.spine import run_part
from pipelines.store import Part, Store
from schemas.annotation import ANNOTATION
from schemas.decision import DECISION
from schemas.errors import HeadwaterError
from schemas.item import ID, LEDGER_ITEM
from schemas.rights import LICENCE, RIGHTS
from schemas.shard import Split

LOCAL = ("split", "measured", "judged", "edited")  # the rooms whose decisions follow from one capture and the evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Items of one lane and source as they come out now. items: LEDGER_ITEM; decisions: DECISION of the local rooms.

    samples: by item id, the parts of its sample in a tar.
    """

    items: pa.Table
    decisions: pa.Table
    samples: Mapping[bytes, Mapping[str, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """A stored run whose items are derived again in the folder `scratch`. `site`: what the run's site is now."""

    there: Stored
    site: Site
    scratch: Path

    @property
    def here(self) -> Site:
        """The site of the second derivation: the same models, a store of its own."""
        return replace(self.site, store=Store(root=str(self.scratch)), scratch=self.scratch / ".scratch", workers=1)

    def captures(self, ids: Sequence[bytes]) -> pa.Table:
        """The CAPTURE rows of these, one each."""
        found = captures(self.there.store, self.there.ledger.db, pa.array(ids, ID))
        first: dict[bytes, int] = {}
        for row, capture in enumerate(found.column("capture_id").to_pylist()):
            first.setdefault(capture, row)
        return found.take(pa.array(list(first.values()), pa.int64()))

    def missing(self, captures: pa.Table) -> dict[bytes, str]:
        """capture_id -> why its bytes cannot be read as they were captured; empty where all can."""
        found = {}
        for row in captures.select(["capture_id", "payload"]).to_pylist():
            if row["payload"] is None:
                continue
            try:
                payload_bytes(self.there.store, row["payload"])
            except FileNotFoundError:
                found[row["capture_id"]] = f"the captured bytes are gone: {row['payload']['uri']}"
            except (HeadwaterError, ValueError, EOFError) as error:
                found[row["capture_id"]] = f"the captured bytes are not those of then: {error}"
        return found

    def make(self, lane: str, source: str, captures: pa.Table, published: Sequence[bytes]) -> Made:
        """The items of these captures, derived anew, with the samples of those of `published` that come out.

        Raises:
            HeadwaterError: a model file is missing, or a room cannot run.
        """
        order = self._order(lane, source, captures)
        rooms = {receipt.room: receipt for receipt in run_part(self.there.recipe, self.here, order)}
        store = self.here.store
        decisions = store.table([rooms[name].part("decision") for name in LOCAL], DECISION)
        items = rooms["edited"].part("items")
        rows = store.read_part(rooms["edited"].part("item")).cast(LEDGER_ITEM)
        if lane in self.there.spans:  # what others hold is not known here; what was cut is
            receipts = self.there.store.read_part(self.there.spans[lane].part("decision"))
            cut = cut_again(one_batch(store.read_part(items)), receipts)
            items, rows = store.publish("items", pa.Table.from_batches([cut])), recounted(rows, cut)
        return Made(items=rows, decisions=decisions, samples=self._samples(order, rooms, items, published))

    def _order(self, lane: str, source: str, captures: pa.Table) -> LaneOrder:
        ids = captures.column("capture_id").to_pylist()
        for place in captures.column("payload").to_pylist():
            if place is not None:
                self._link(place["uri"])
        store = self.here.store
        return LaneOrder(
            lane=lane,
            source=source,
            capture=store.publish("capture", captures),
            rights=store.publish("rights", self._rows("rights", RIGHTS, ids)),
            licence=store.publish("licence", self._own_licences(ids)),
            robots=self._linked("robots"),
            sites=self._linked("rights"),
            licences=(store.publish("licence", self._of_others()),),
            sayers=self._sayers(captures),
            until="edited",
        )

    def _sayers(self, captures: pa.Table) -> tuple[Sayers, ...]:
        """What is said of these captures, with the captures that say it and their rights; no part where nothing is said."""
        subjects = {name for uri in captures.column("uri").to_pylist() if uri for name in names(uri)}
        wanted = pa.array(sorted(subjects), pa.string())
        said = self._where("annotation", ANNOTATION, "subject", wanted)
        if not said.num_rows:
            return ()
        ids = said.column("capture_id").unique().to_pylist()
        store = self.here.store
        return (
            Sayers(
                annotation=store.publish("annotation", said),
                capture=store.publish("capture", self.captures(ids)),
                rights=store.publish("rights", self._rows("rights", RIGHTS, ids)),
                licence=store.publish("licence", self._own_licences(ids)),
            ),
        )

    def _own_licences(self, ids: Sequence[bytes]) -> pa.Table:
        """What these captures say of their own licence."""
        found = self._rows("licence", LICENCE, ids)
        return found.filter(pc.is_null(found.column("subject")))

    def _of_others(self) -> pa.Table:
        """The licence evidence that speaks of other captures, each statement once, whichever captures it was found to be about."""
        tables = [LICENCE.empty_table()]
        for part in self._parts("licence"):
            table = self.there.store.read_part(part)
            tables.append(table.filter(pc.is_valid(table.column("subject"))).cast(LICENCE))
        once: dict[tuple[Any, ...], dict[str, Any]] = {}
        for row in pa.concat_tables(tables).to_pylist():
            once.setdefault(tuple(value for name, value in row.items() if name != "capture_id"), row)
        return pa.Table.from_pylist(list(once.values()), schema=LICENCE)

    def _samples(
        self, order: LaneOrder, rooms: Mapping[str, Receipt], part: Part, published: Sequence[bytes]
    ) -> dict[bytes, Mapping[str, bytes]]:
        """One shard of what was published of these and comes out again, read back."""
        items = self.here.store.read_part(part, ["item_id"]).column("item_id").to_pylist()
        rows = [(0, row) for row, item in enumerate(items) if item in set(published)]
        if not rows:
            return {}
        place = Place(
            items=part,
            capture=order.capture,
            rights=order.rights,
            licence=rooms["split"].part("licence"),
            page=rooms["split"].part("page"),
            card_licence=self.there.recipe.source(order.source).card.licence,
        )
        shard = ShardOrder(lane=order.lane, split=Split.TRAIN.value, index=0, places=(place,), rows=tuple(rows))
        write_shard_order(self.there.recipe, self.here, shard)
        (tar,) = self.scratch.glob(f"shards/{shard.key.hex()}/data/*.tar")
        return {items[row]: sample.parts for (_, row), sample in zip(rows, read_shard(tar), strict=True)}

    def _link(self, path: str) -> None:
        """Have a file of the site's store in ours: linked where both are local, else copied."""
        target = self.scratch / path
        if target.exists():
            return
        if self.there.store.is_local:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(self.there.store.local(path))
        else:
            self.here.store.put(path, self.there.store.read(path))

    def _linked(self, table: str) -> tuple[Part, ...]:
        parts = self._parts(table)
        for part in parts:
            self._link(part.path)
        return parts

    def _parts(self, table: str) -> tuple[Part, ...]:
        return tuple(part for part in self.there.ledger.db.parts(table) if part.rows)

    def _rows(self, table: str, schema: pa.Schema, ids: Sequence[bytes]) -> pa.Table:
        return self._where(table, schema, "capture_id", pa.array(ids, ID))

    def _where(self, table: str, schema: pa.Schema, column: str, wanted: pa.Array) -> pa.Table:
        """The rows of a table whose column is one of these, each once, in order of the parts."""
        found = pa.concat_tables([schema.empty_table(), *self._matching(table, schema, column, wanted)])
        seen: set[str] = set()
        fresh = [not (text in seen or seen.add(text)) for text in map(repr, found.to_pylist())]  # type: ignore[func-returns-value]
        return found.filter(pa.array(fresh, pa.bool_()))

    def _matching(self, table: str, schema: pa.Schema, column: str, wanted: pa.Array) -> Iterator[pa.Table]:
        for part in self._parts(table):
            mask = pc.is_in(self.there.store.read_part(part, [column]).column(column), value_set=wanted)
            if pc.any(mask).as_py():
                yield self.there.store.read_part(part).filter(mask).cast(schema)


def decisions_of(store: Store, rooms: Mapping[str, Receipt], ids: pa.Array) -> pa.Table:
    """What the local rooms of a work order said of these items when it was done."""
    tables = [store.read_part(rooms[name].part("decision")) for name in LOCAL]
    found = one_batch(pa.concat_tables(tables))
    return pa.Table.from_batches([found.filter(pc.is_in(found.column("item_id"), value_set=ids))])
