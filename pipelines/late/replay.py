"""A run under another recipe, replayed: the same functions over what is stored, as far as they can say another thing.

Judges that differ judge anew, from stored signals; items that would come back are edited and signed; and where the items of
a lane's dedup are other ones, its election is held again, over stored edges and signatures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from pipelines import mix, rooms
from pipelines.accounts import check_quarantine, concat, dispositions
from pipelines.dedup.breaker import check_losses, losses
from pipelines.dedup.cut import drops
from pipelines.dedup.duplicates import Duplicates, find_duplicates
from pipelines.dedup.prints import prints_key, span_prints
from pipelines.dedup.signatures import RANKS
from pipelines.dedup.spans import DEDUP_SPANS, find_repeats
from pipelines.lanes.lane import Lane
from pipelines.late.compared import EditedTexts, Known
from pipelines.late.stored import Done, Stored, ids_of, lane_of, minus, without
from pipelines.mix import balance
from pipelines.recipe import Recipe
from pipelines.rights.weighed import Evidence
from pipelines.spine import align_signals, candidates, ranks
from pipelines.stage import Stage, judge_by_rules
from schemas.decision import DECISION, DISPOSITION, State, Verdict
from schemas.item import ID
from schemas.reasons import Reason
from schemas.rights import LICENCE, RIGHTS, ROBOTS

LIGHT = ("item_id", "parent_id", "capture_id", "text_capture_id", "source", "media_type", "language", "licence")
ENDED = pa.array([Verdict.DROP.value, Verdict.QUARANTINE.value])


@dataclass(frozen=True, slots=True, kw_only=True)
class Fates:
    """The items of one lane before and after. Tables are DISPOSITION, ascending by item_id, of the same items.

    decisions: DECISION of all rooms after. unmeasured: "stage.rule" -> items whose signal is null, of the rules that differ.
    """

    before: pa.Table
    after: pa.Table
    decisions: pa.Table
    unmeasured: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One work order under the other recipe. lost: ids that no longer reach dedup. gained: edited items that now do."""

    decisions: pa.Table
    lost: pa.Array
    gained: pa.RecordBatch | None
    unmeasured: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settled:
    """One lane before the mix: dispositions, decisions, what was not measured, and the edited items that came back."""

    after: pa.Table
    decisions: pa.Table
    unmeasured: Mapping[str, int]
    back: Sequence[pa.RecordBatch]


@dataclass(frozen=True)
class Replay:
    """A stored run, and the recipe it is replayed under: `change.check` must have found nothing against it."""

    stored: Stored
    recipe: Recipe

    def fates(self) -> dict[str, Fates]:
        """What becomes of every item, by lane.

        Raises:
            QuarantineExceeded, TooManyRemoved: a run with this recipe would fail.
        """
        old = self.stored.table("disposition")
        before = {lane.name: _of_lane(old, lane.name) for lane in self.recipe.lanes}
        settled = {lane.name: self._lane(lane, before[lane.name]) for lane in self.recipe.lanes}
        kept = {name: _kept(one.after) for name, one in settled.items()}
        balanced = {name: self._balanced(name, ids, settled[name].back) for name, ids in kept.items()}
        kept = {name: minus(ids, ids_of([balanced[name]])) for name, ids in kept.items()}
        quotas = mix.quotas({name: len(ids) for name, ids in kept.items()}, dict(self.recipe.mix))
        found = {}
        for name, one in settled.items():
            too_many = quotas[name] < len(kept[name])
            over = mix.decide(kept[name], quotas[name], self.recipe.shards.seed) if too_many else DECISION.empty_table()
            extra = pa.concat_tables([balanced[name], over])
            extra = pa.concat_tables(
                [extra, self._cut(self.recipe.lane(name), minus(kept[name], ids_of([over])), one, before[name])]
            )
            final = _left_out(one.after, extra)
            check_quarantine(name, final, self.recipe.max_quarantined)
            found[name] = Fates(
                before=before[name],
                after=final,
                decisions=pa.concat_tables([one.decisions, extra]),
                unmeasured=one.unmeasured,
            )
        return found

    def _balanced(self, lane: str, ids: pa.Array, back: Sequence[pa.RecordBatch]) -> pa.Table:
        """What the balance of captions leaves out of these; no rows where the lane is not balanced."""
        wanted = self.recipe.balance
        if not wanted.entries or lane not in wanted.lanes:
            return DECISION.empty_table()
        return balance.decide(wanted, ids, EditedTexts(self.stored, lane, back).load(ids), self.recipe.shards.seed)

    def _lane(self, lane: Lane, before: pa.Table) -> _Settled:
        orders = self.stored.orders[lane.name]
        if not self._differs(lane, orders):
            return _Settled(after=_taken_in(before), decisions=DECISION.empty_table(), unmeasured={}, back=())
        parts = [self._order(lane, done) for done in orders]
        cluster = self._unique(lane, orders, parts)
        decisions = concat([part.decisions for part in parts], DECISION)
        said = concat([decisions, pa.Table.from_batches([cluster.decisions])], DECISION)
        counts: dict[str, int] = {}
        for part in parts:
            for rule, n in part.unmeasured.items():
                counts[rule] = counts.get(rule, 0) + n
        is_withdrawn = pc.equal(before.column("state"), State.WITHDRAWN.value)  # nothing is left of these to be judged
        ids = before.filter(pc.invert(is_withdrawn)).column("item_id").combine_chunks()
        found = dispositions(lane, ids, said, pa.Table.from_batches([cluster.duplicates]))
        return _Settled(
            after=pa.concat_tables([found, before.filter(is_withdrawn)]).sort_by("item_id").combine_chunks(),
            decisions=said,
            unmeasured=counts,
            back=tuple(part.gained for part in parts if part.gained is not None),
        )

    def _cut(self, lane: Lane, kept: pa.Array, settled: _Settled, before: pa.Table) -> pa.Table:
        """The decisions that end items of which too little is left where the spans that others hold are cut.

        Those of then, where the same items are kept under the same stage; else prints are taken from what was stored, or made of the texts.
        """
        stage, then = lane.cuts_spans, self.stored.recipe.lane(lane.name).cuts_spans
        if stage is None:
            return DECISION.empty_table()
        was = before.filter(pc.or_(pc.equal(before.column("state"), State.KEPT.value), _ended_at(before, stage.name)))
        if (
            then is not None
            and then.op_id == stage.op_id
            and not len(minus(kept, ids_of([was])))
            and len(kept) == len(was)
        ):
            said = self.stored.store.read_part(self.stored.spans[lane.name].part("decision"))
            return said.filter(pc.equal(said.column("verdict"), Verdict.DROP.value))
        texts = EditedTexts(self.stored, lane.name, settled.back)
        prints = [
            self._prints(stage, done, prints_key(then) == prints_key(stage)) for done in self.stored.orders[lane.name]
        ]
        for batch in settled.back:
            # What is to come back was signed by no run, or by one under whose rules it was lost again.
            prints.append(pa.Table.from_batches([span_prints(stage, batch, ranks(batch, self._fetched))]))
        once = [without(table, ids_of(settled.back)) for table in prints[: len(prints) - len(settled.back)]]
        found = find_repeats(stage, [*once, *prints[len(once) :]], kept, texts.load)
        return pa.Table.from_batches([drops(stage, found.left)])

    def _prints(self, stage: Stage, done: Done, is_stored: bool) -> pa.Table:
        """The prints of one work order's items."""
        store, signed = self.stored.store, done.rooms["signed"]
        if is_stored:
            return store.read_part(signed.part("print"))
        items = rooms.one_batch(store.read_part(done.rooms["edited"].part("items")))
        order = rooms.one_batch(store.read_part(signed.part("signature"), RANKS.names)).cast(RANKS)
        return pa.Table.from_batches([span_prints(stage, items, order)])

    def _differs(self, lane: Lane, orders: Sequence[Done]) -> bool:
        """Whether anything that decides in this lane is another stage."""
        ways = [
            [lane_of(recipe, lane.name, source) for source in sorted({done.source for done in orders})]
            for recipe in (self.stored.recipe, self.recipe)
        ]
        old, new = ([[stage.op_id for stage in (*way.judges, way.dedup.stage)] for way in side] for side in ways)
        return old != new or self.recipe.rights.op_id != self.stored.recipe.rights.op_id

    def _order(self, lane: Lane, done: Done) -> _Part:
        """The judges of one work order, as far as they differ, and the edits of what comes back."""
        store = self.stored.store
        split, measured, judged, edited = (
            store.read_part(done.rooms[room].part("decision")) for room in ("split", "measured", "judged", "edited")
        )
        old, new = (lane_of(recipe, lane.name, done.source) for recipe in (self.stored.recipe, self.recipe))
        differ = [stage for stage, then in zip(new.judges, old.judges, strict=True) if stage.op_id != then.op_id]
        rights = self.recipe.rights if self.recipe.rights.op_id != self.stored.recipe.rights.op_id else None
        if not differ and rights is None:
            return _Part(
                decisions=concat([split, measured, judged, edited], DECISION), lost=_NONE, gained=None, unmeasured={}
            )
        light = all(stage.fn is judge_by_rules for stage in differ)
        items = self._candidates(done, split, light=light)
        needed = {"item_id", "language", *(rule.signal for stage in differ for rule in stage.rules)}
        signals = self._signals(lane, done, items, needed if light else None)
        spoken = rooms.with_language(items, signals)
        found = [rooms.judge_by(stage, spoken, signals) for stage in differ]
        if rights is not None:
            found.append(rooms.judge_rights(rights, items, self._evidence(done)))
        again = [stage.name for stage in differ] + ([rights.name] if rights else [])
        # What a request took out stays out under any policy.
        is_again = pc.is_in(judged.column("stage"), value_set=pa.array(again))
        is_gone = pc.equal(judged.column("reason"), Reason.TAKEN_DOWN.value).fill_null(False)
        rest = judged.filter(pc.or_(pc.invert(is_again), is_gone))
        now = concat([rest, *(_said(one) for one in found)], DECISION)
        others = ids_of([_ended(split), _ended(measured)])
        alive_then, alive_now = (_alive(items, others, _ended(table)) for table in (judged, now))
        lost, back = minus(alive_then, alive_now), minus(alive_now, alive_then)
        gained, receipts = self._edited(new, done, back) if len(back) else (None, DECISION.empty_table())
        return _Part(
            decisions=concat([split, measured, now, without(edited, lost), receipts], DECISION),
            lost=lost,
            gained=gained,
            unmeasured=_unmeasured(old, differ, spoken, signals, ids_of([_ended(split), _ended(measured)])),
        )

    def _candidates(self, done: Done, split: pa.Table, *, light: bool) -> pa.RecordBatch:
        """What judges see; `light`: without texts and facts, which no rule and no judge of rights looks at."""
        part = done.rooms["split"].part("items")
        return candidates(rooms.one_batch(self.stored.store.read_part(part, LIGHT if light else None)), split)

    def _signals(self, lane: Lane, done: Done, items: pa.RecordBatch, only: set[str] | None = None) -> pa.RecordBatch:
        """The signals of these items, row by row, as far as `only` names them."""
        part = done.rooms["measured"].part(f"signal_{lane.name}")
        given = {"item_id", *(name for stage in lane.measures for name in stage.signals)}
        return align_signals(items, self.stored.store.read_part(part, sorted(only & given) if only else None))

    def _evidence(self, done: Done) -> Evidence:
        return Evidence(
            captures=self._captures,
            rights=self._rights,
            licences=self.stored.store.table([done.rooms["split"].part("licence")], LICENCE),
            robots=self._robots,
            card_licences={source.card.name: source.card.licence for source in self.recipe.sources},
        )

    @cached_property
    def _captures(self) -> pa.Table:
        return self.stored.table("capture")

    @cached_property
    def _rights(self) -> pa.Table:
        return self.stored.table("rights")

    @cached_property
    def _robots(self) -> pa.Table:
        return self.stored.table("robots")

    def _edited(self, lane: Lane, done: Done, ids: pa.Array) -> tuple[pa.RecordBatch, pa.Table]:
        """These items after every edit, without those that an edit quarantined; and the receipts."""
        items = self.stored.store.read_part(done.rooms["split"].part("items"))
        items = rooms.one_batch(items.filter(pc.is_in(items.column("item_id"), value_set=ids)))
        edited, receipts = rooms.edit(lane, rooms.with_language(items, self._signals(lane, done, items)))
        return rooms.survivors(edited, [receipts]), pa.Table.from_batches([receipts])

    def _unique(self, lane: Lane, orders: Sequence[Done], parts: Sequence[_Part]) -> Duplicates:
        """The duplicates among what reaches dedup now: those stored where these are the same items under the same stage."""
        receipt = self.stored.unique[lane.name]
        store = self.stored.store
        names = {
            "decisions": "decision",
            "duplicates": "duplicate",
            "components": "component",
            "edges": "edge",
            "hot": "hot",
        }
        then = Duplicates(**{key: rooms.one_batch(store.read_part(receipt.part(name))) for key, name in names.items()})
        old = self.stored.recipe.lane(lane.name).dedup
        same_items = all(not len(part.lost) and part.gained is None for part in parts)
        if same_items and old.stage.op_id == lane.dedup.stage.op_id:
            return then
        signed = [done.rooms["signed"].part("signature") for done in orders]
        tables = [without(store.read_part(part), those.lost) for part, those in zip(signed, parts, strict=True)]
        back = [part.gained for part in parts if part.gained is not None]
        if back:
            gained = rooms.one_batch(pa.Table.from_batches(back))
            tables.append(pa.Table.from_batches([lane.dedup.sign(gained, ranks(gained, self._fetched))]))
        texts = EditedTexts(self.stored, lane.name, back)
        known = Known(then, same_candidates=old.stage.number("threshold") == lane.dedup.stage.number("threshold"))
        found = find_duplicates(known.within(lane.dedup), tables, texts.load)
        check_losses(lane.dedup.stage, losses(self._uris(tables), found.duplicates))
        return found

    @cached_property
    def _fetched(self) -> Evidence:
        """As far as ranks look at it."""
        return Evidence(
            captures=self._captures, rights=RIGHTS.empty_table(), licences=LICENCE.empty_table(), robots=ROBOTS.empty_table(),
            card_licences={},
        )  # fmt: skip

    def _uris(self, signatures: Sequence[pa.Table]) -> pa.Table:
        """item_id, source and uri of the signed items, for the breaker."""
        signed = pa.concat_tables([table.select(["item_id", "source"]) for table in signatures])
        items = self.stored.table("item").select(["item_id", "capture_id"])
        captures = items.column("capture_id").combine_chunks()
        mine = captures.take(pc.index_in(signed.column("item_id"), value_set=items.column("item_id").combine_chunks()))
        at = pc.index_in(mine, value_set=self._captures.column("capture_id").combine_chunks())
        return signed.append_column("uri", self._captures.column("uri").combine_chunks().take(at))


_NONE = pa.array([], ID)


def _of_lane(table: pa.Table, lane: str) -> pa.Table:
    return table.filter(pc.equal(table.column("lane"), lane)).sort_by("item_id").combine_chunks()


def _kept(table: pa.Table) -> pa.Array:
    return table.filter(pc.equal(table.column("state"), State.KEPT.value)).column("item_id").combine_chunks()


def _taken_in(table: pa.Table) -> pa.Table:
    """The dispositions before balance, mix and cuts left anything out."""
    out = pc.is_in(table.column("stage"), value_set=pa.array(["mix", balance.STAGE, DEDUP_SPANS.name]))
    return _ending(table, out, {"state": State.KEPT.value, "stage": None, "reason": None})


def _ended_at(table: pa.Table, stage: str) -> pa.ChunkedArray:
    return pc.equal(table.column("stage"), stage).fill_null(False)


def _left_out(table: pa.Table, extra: pa.Table) -> pa.Table:
    """The dispositions with what balance, mix and cuts leave out."""
    at = pc.index_in(table.column("item_id"), value_set=ids_of([extra]))
    ends = {name: pc.take(extra.column(name).combine_chunks(), at) for name in ("stage", "reason")}
    return _ending(table, pc.is_valid(at), {"state": State.DROPPED.value, **ends})


def _ending(table: pa.Table, mask: pa.ChunkedArray, end: Mapping[str, str | pa.ChunkedArray | None]) -> pa.Table:
    """The dispositions with this state, stage and reason in the rows of a mask."""
    columns = {name: table.column(name) for name in DISPOSITION.names}
    for name, value in end.items():
        there = pa.scalar(value, pa.string()) if value is None or isinstance(value, str) else value
        columns[name] = pc.if_else(mask, there, columns[name])
    return pa.Table.from_arrays([columns[name] for name in DISPOSITION.names], schema=DISPOSITION)


def _said(found: pa.RecordBatch) -> pa.Table:
    return pa.Table.from_batches([found.filter(pc.not_equal(found.column("verdict"), Verdict.KEEP.value))])


def _ended(decisions: pa.Table) -> pa.Table:
    return decisions.filter(pc.is_in(decisions.column("verdict"), value_set=ENDED))


def _alive(items: pa.RecordBatch, others: pa.Array, ended: pa.Table) -> pa.Array:
    """Ids of the items that neither these others nor these decisions end."""
    ids = items.column("item_id")
    return ids.filter(pc.invert(pc.is_in(ids, value_set=pa.concat_arrays([others, ids_of([ended])]))))


def _unmeasured(
    old: Lane, differ: Sequence[Stage], items: pa.RecordBatch, signals: pa.RecordBatch, ended: pa.Array
) -> dict[str, int]:
    """ "stage.rule" -> items that the rule is for and that have no value of its signal, of the rules that differ."""
    then = {(stage.name, rule.name): (rule, rule.name in stage.shadow) for stage in old.judges for rule in stage.rules}
    there = pc.invert(pc.is_in(items.column("item_id"), value_set=ended))
    found = {}
    for stage in differ:
        for rule in stage.rules:
            if then.get((stage.name, rule.name)) != (rule, rule.name in stage.shadow):
                mask = pc.and_(there, pc.is_null(signals.column(rule.signal)))
                if rule.languages:
                    is_for = pc.is_in(items.column("language"), value_set=pa.array(rule.languages, pa.string()))
                    mask = pc.and_(mask, is_for)
                found[f"{stage.name}.{rule.name}"] = pc.sum(mask).as_py() or 0
    return found
