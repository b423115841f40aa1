"""What the last run of a ledger stands on: its recipe as a value, and the receipts of its rooms."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.audit.open import Ledger
from pipelines.lanes.lane import Lane
from pipelines.ledger.captures import captures
from pipelines.receipt import Receipt, read_receipt
from pipelines.recipe import Recipe, Source, for_source, loads
from pipelines.rooms import one_batch, with_language
from pipelines.spine import align_signals
from pipelines.store import Part, Store
from schemas.errors import LedgerError, RecipeError
from schemas.item import ID
from schemas.tables import TABLES


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One work order as it was done: the source it is of, and its receipts by room."""

    source: str
    rooms: Mapping[str, Receipt]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A run as it lies in the store. `orders`: by lane. `unique`: the receipt of each lane's group room; `spans`: of the room
    that cuts, where a lane has it."""

    ledger: Ledger
    recipe: Recipe
    orders: Mapping[str, tuple[Done, ...]]
    unique: Mapping[str, Receipt]
    spans: Mapping[str, Receipt]

    @property
    def store(self) -> Store:
        """Where the parts lie."""
        return self.ledger.store

    def table(self, name: str) -> pa.Table:
        """A table of the ledger in its own schema, every row of every part."""
        if name == "capture":
            return captures(self.store, self.ledger.db)
        return self.store.table(self.ledger.db.parts(name), TABLES[name])

    def texts(self, lane: str, ids: pa.Array) -> Iterator[tuple[Lane, pa.RecordBatch]]:
        """The items of these ids as the split made them, in the language measured, part by part; and the lane for their source."""
        for done in self.orders[lane]:
            part = done.rooms["split"].part("items")
            rows = self.store.read_part(part, ["item_id"]).column("item_id")
            if pc.any(wanted := pc.is_in(rows, value_set=ids)).as_py():
                way = for_source(self.recipe.lane(lane), self.recipe.source(done.source))
                items = one_batch(self.store.read_part(part).filter(wanted))
                signals = self.store.read_part(done.rooms["measured"].part(f"signal_{lane}"))
                yield way, with_language(items, align_signals(items, signals))


def stored(ledger: Ledger, base: Path = Path()) -> Stored:
    """The last run of the ledger, ready to be looked at under other rules. `base`: where files that its recipe names lie.

    Raises:
        LedgerError: the run was made by a version whose stages are not these, or whose rooms are not in the ledger, or a part
            is gone from the store.
    """
    rows = ledger.db.rows("SELECT DISTINCT recipe_toml, recipe_digest FROM run")
    paths = ledger.db.rows("SELECT DISTINCT lane, source, ordinal, room, path FROM room ORDER BY lane, ordinal")
    if len(rows) != 1 or not paths:
        raise LedgerError(
            f"commit {ledger.commit.seq} does not say which rooms its run stands on: run the recipe again"
        )
    recipe = _recipe(ledger, rows[0]["recipe_toml"], rows[0]["recipe_digest"], base)
    between: dict[str, dict[str, Receipt]] = {"unique": {}, "spans": {}}
    orders: dict[str, dict[int, Done]] = {lane.name: {} for lane in recipe.lanes}
    for row in paths:
        try:
            receipt = read_receipt(ledger.store, row["path"])
        except FileNotFoundError:
            raise LedgerError(f"{row['path']} is gone from the store: run the recipe again") from None
        if row["source"] is None:
            between[row["room"]][row["lane"]] = receipt
            continue
        done = orders[row["lane"]].setdefault(row["ordinal"], Done(source=row["source"], rooms={}))
        done.rooms[row["room"]] = receipt  # type: ignore[index]
    return Stored(
        ledger=ledger,
        recipe=recipe,
        orders={lane: tuple(found[n] for n in sorted(found)) for lane, found in orders.items()},
        unique=between["unique"],
        spans=between["spans"],
    )


def _recipe(ledger: Ledger, text: str, digest: bytes, base: Path) -> Recipe:
    try:
        recipe = loads(text, base=base, where=f"the recipe of commit {ledger.commit.seq}")
    except RecipeError as error:
        raise LedgerError(
            f"the recipe of the last run cannot be read ({error}): ask with --recipe CORPUS.toml, or run it again"
        ) from error
    if recipe.digest != digest:
        known = {row["op_id"] for row in ledger.db.rows("SELECT DISTINCT op_id FROM op")}
        others = sorted({s.name for lane in recipe.lanes for s in lane.stages if s.op_id not in known})
        raise LedgerError(
            "the last run was made by other stages than those of this version"
            f"{': ' + ', '.join(others) if others else ''}; run the recipe again, then ask"
        )
    return recipe


def lane_of(recipe: Recipe, lane: str, source: Source | str) -> Lane:
    """The lane as a source of the recipe wants it."""
    return for_source(recipe.lane(lane), recipe.source(source) if isinstance(source, str) else source)


def ids_of(tables: Iterable[pa.Table | pa.RecordBatch]) -> pa.Array:
    """The item ids of some tables, end to end."""
    found = [column for table in tables for column in _chunks(table.column("item_id"))]
    return pa.concat_arrays(found) if found else pa.array([], ID)


def _chunks(column: pa.Array | pa.ChunkedArray) -> Sequence[pa.Array]:
    return column.chunks if isinstance(column, pa.ChunkedArray) else [column]


def without(table: pa.Table, ids: pa.Array) -> pa.Table:
    """The rows of a table that are not of these items."""
    return table.filter(pc.invert(pc.is_in(table.column("item_id"), value_set=ids))) if len(ids) else table


def minus(ids: pa.Array, others: pa.Array) -> pa.Array:
    """The ids that are none of the others."""
    return ids.filter(pc.invert(pc.is_in(ids, value_set=others)))


def part_ids(store: Store, part: Part) -> pa.Array:
    """The item ids of a part."""
    return ids_of([store.read_part(part, ["item_id"])])
