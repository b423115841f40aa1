"""What another policy would keep: the difference between a run and its replay, counted and with samples."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.audit.open import Ledger
from pipelines.audit.words import Row
from pipelines.late.change import Change, changed, changes, check
from pipelines.late.replay import Fates, Replay
from pipelines.late.samples import Sample, sampled
from pipelines.late.stored import Stored, minus, stored
from pipelines.recipe import Recipe
from schemas.decision import State
from schemas.item import ID


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many items have this name. `name`: a host, language, licence or source; `unknown` where none was recorded."""

    name: str
    items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Items that are kept on one side only. `words`, `characters`: of their texts as measured, before edits, over their lanes that
    measure them; null where none does. `bytes`: of their contents. `domains`: hosts, the most frequent first, at most so many as
    `headwater whatif --top` says. `licences`: those of the items, else of their source cards.
    """

    items: int
    words: int | None
    characters: int | None
    bytes: int
    lanes: tuple[Tally, ...]
    domains: tuple[Tally, ...]
    languages: tuple[Tally, ...]
    licences: tuple[Tally, ...]
    sources: tuple[Tally, ...]
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Items that end for one reason, before and after. `state`: as in the table `disposition`."""

    lane: str
    state: str
    stage: str | None
    reason: str | None
    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmeasured:
    """A rule that was changed, and for how many items it says nothing. `items`: reached the judges without a value of its signal."""

    lane: str
    rule: str
    items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """What would be kept. `commit`, `run`: what it is compared with. `kept_before`, `kept_after`: items. `other_witness`: items
    merged before and after, but into another one. `shifts`: only reasons whose count changes. `seconds`: it took to answer.
    """

    commit: int
    run: str
    changes: tuple[Change, ...]
    kept_before: int
    kept_after: int
    gained: Side
    lost: Side
    other_witness: int
    shifts: tuple[Shift, ...]
    unmeasured: tuple[Unmeasured, ...]
    seconds: float


Kept = Mapping[str, pa.Array]  # lane -> ids


def whatif(
    ledger: Ledger, asked: Sequence[str], recipe: Recipe | None = None, *, samples: int = 5, top: int = 20
) -> WhatIf:
    """What the ledger's last run would have kept, with every RULE=VALUE of `asked`, or under another recipe and these.

    Equals that run: a test holds it to it. `samples`: items shown on each side; `top`: hosts named.

    Raises:
        InputError: a rule or value that is none, or a change that what is stored has no answer to.
        LedgerError: the last run was made by other stages, or parts of it are gone.
        QuarantineExceeded, TooManyRemoved: such a run would fail.
    """
    began = time.perf_counter()
    there = stored(ledger, recipe.base if recipe else Path())
    wanted = changed(recipe or there.recipe, asked)
    check(there.recipe, wanted)
    fates = Replay(there, wanted).fates()
    before, after = ({lane: _kept(getattr(one, when)) for lane, one in fates.items()} for when in ("before", "after"))
    gained, lost = _minus(after, before), _minus(before, after)
    (run,) = ledger.db.rows("SELECT DISTINCT run FROM run")

    def first(ids: Kept) -> list[tuple[str, pa.Array]]:
        return [(lane, some) for lane, found in ids.items() if len(some := found.slice(0, samples))]

    return WhatIf(
        commit=ledger.commit.seq,
        run=run["run"],
        changes=tuple(changes(there.recipe, wanted)),
        kept_before=sum(map(len, before.values())),
        kept_after=sum(map(len, after.values())),
        gained=_side(there, gained, {lane: _ends_stored(there, lane, ids) for lane, ids in first(gained)}, top),
        lost=_side(there, lost, {lane: _ends(fates[lane], ids) for lane, ids in first(lost)}, top),
        other_witness=sum(_other_witness(one) for one in fates.values()),
        shifts=tuple(shift for lane, one in fates.items() for shift in _shifts(lane, one)),
        unmeasured=tuple(
            Unmeasured(lane=lane, rule=rule, items=n)
            for lane, one in fates.items()
            for rule, n in one.unmeasured.items()
        ),
        seconds=round(time.perf_counter() - began, 3),
    )


def _kept(table: pa.Table) -> pa.Array:
    return table.filter(pc.equal(table.column("state"), State.KEPT.value)).column("item_id").combine_chunks()


def _minus(kept: Kept, others: Kept) -> Kept:
    return {lane: minus(ids, others[lane]) for lane, ids in kept.items()}


def _side(there: Stored, ids: Kept, ends: Mapping[str, Sequence[Row]], top: int) -> Side:
    db = there.ledger.db
    lanes = pa.array([lane for lane, some in ids.items() for _ in range(len(some))], pa.string())
    chosen = pa.table({"item_id": pa.concat_arrays([_NO_IDS, *ids.values()]), "lane": lanes})
    db.prepare("item capture source")
    db.connection.register("chosen", chosen)
    db.connection.execute(
        "CREATE OR REPLACE TEMP TABLE side AS SELECT DISTINCT ON (item_id) i.item_id, i.lane, i.source, i.bytes, i.language,"
        " coalesce(i.licence, s.licence) AS licence, c.host FROM chosen JOIN item i USING (item_id)"
        " LEFT JOIN capture c USING (capture_id) LEFT JOIN source s ON s.name = i.source"
    )
    db.connection.unregister("chosen")
    words, characters = (_measured(there, ids, name) for name in ("word_count", "character_count"))
    (size,) = db.rows("SELECT coalesce(sum(bytes), 0)::BIGINT AS bytes FROM side")
    return Side(
        items=len(chosen),
        words=words,
        characters=characters,
        bytes=size["bytes"],
        lanes=_tallies(there, "lane"),
        domains=_tallies(there, "host", top),
        languages=_tallies(there, "language"),
        licences=_tallies(there, "licence"),
        sources=_tallies(there, "source"),
        samples=tuple(one for lane, rows in ends.items() for one in sampled(there, lane, rows)),
    )


_NO_IDS = pa.array([], ID)


def _tallies(there: Stored, column: str, top: int | None = None) -> tuple[Tally, ...]:
    rows = there.ledger.db.rows(
        f"SELECT coalesce({column}, 'unknown') AS name, count(*) AS items FROM side GROUP BY 1 ORDER BY 2 DESC, 1"
        f" LIMIT {'ALL' if top is None else top}"
    )
    return tuple(Tally(**row) for row in rows)


def _measured(there: Stored, ids: Kept, signal: str) -> int | None:
    """The sum of a signal over these items, of the lanes that measure it; null where none does."""
    measuring = [
        lane
        for lane, some in ids.items()
        if len(some) and signal in {name for stage in there.recipe.lane(lane).measures for name in stage.signals}
    ]
    if not measuring and any(map(len, ids.values())):
        return None
    total = 0
    for lane in measuring:
        for done in there.orders[lane]:
            table = there.store.read_part(done.rooms["measured"].part(f"signal_{lane}"), ["item_id", signal])
            mine = table.filter(pc.is_in(table.column("item_id"), value_set=ids[lane]))
            total += pc.sum(mine.column(signal)).as_py() or 0
    return total


def _ends_stored(there: Stored, lane: str, ids: pa.Array) -> list[Row]:
    """The decisions that ended these items in the run."""
    return there.ledger.db.rows(
        "SELECT DISTINCT ON (d.item_id) d.* FROM decision d JOIN disposition e ON e.item_id = d.item_id AND e.stage = d.stage"
        " AND e.reason IS NOT DISTINCT FROM d.reason WHERE d.item_id IN (SELECT unnest(?::BLOB[])) ORDER BY d.item_id",
        [ids.to_pylist()],
    )


def _ends(fates: Fates, ids: pa.Array) -> list[Row]:
    """The decisions that would end these items."""
    ended = fates.after.filter(pc.is_in(fates.after.column("item_id"), value_set=ids)).to_pylist()
    said = fates.decisions.filter(pc.is_in(fates.decisions.column("item_id"), value_set=ids)).to_pylist()
    by_stage = {(row["item_id"], row["stage"]): row for row in reversed(said)}
    return [by_stage[row["item_id"], row["stage"]] for row in ended]


def _other_witness(fates: Fates) -> int:
    """Items merged before and after, but into another witness."""
    then, now = (table.column("successor_id") for table in (fates.before, fates.after))
    return pc.sum(pc.not_equal(then, now)).as_py() or 0  # null where either is not merged


def _shifts(lane: str, fates: Fates) -> Iterator[Shift]:
    then, now = (_counts(table) for table in (fates.before, fates.after))
    for end in sorted(then.keys() | now.keys(), key=lambda end: tuple(part or "" for part in end)):
        if then.get(end, 0) != now.get(end, 0):
            state, stage, reason = end
            yield Shift(
                lane=lane, state=state, stage=stage, reason=reason, before=then.get(end, 0), after=now.get(end, 0)
            )


def _counts(table: pa.Table) -> dict[tuple[str, str | None, str | None], int]:
    rows = table.group_by(["state", "stage", "reason"]).aggregate([("item_id", "count")]).to_pylist()
    return {(row["state"], row["stage"], row["reason"]): row["item_id_count"] for row in rows}
