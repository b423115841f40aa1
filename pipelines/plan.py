"""The estimate of a plan: what a sample of the inputs says of a whole run, made in a store that is gone afterwards.

A small copy of the inputs goes through the rooms of a run, up to the judges, under every policy. Nothing is fetched, and
nothing of the site is read or written.
"""

import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from pipelines import phases
from pipelines.accounts import dispositions
from pipelines.capture.sample import Input, sample_captions, sample_input
from pipelines.child import kept_children
from pipelines.lanes.lane import wanted_by
from pipelines.phases import Captured, LaneRun
from pipelines.recipe import Recipe
from pipelines.rights.policy import PRESETS
from pipelines.rights.weighed import Evidence
from pipelines.rooms import judge_rights, one_batch
from pipelines.site import Site
from pipelines.spine import candidates
from pipelines.store import Store
from schemas.capture import CAPTURE
from schemas.decision import DECISION, DUPLICATE, State
from schemas.item import item_schema
from schemas.rights import LICENCE, RIGHTS, ROBOTS

BASIS = (
    "estimates from a sample: the heads of archives and the first files of uploads stand for the rest; copies of other items, "
    "the mix, what would be crawled, and robots.txt outside the sample are not in them; seconds are those of one process here, "
    "without dedup and shards"
)


# Of an item: what a judge of rights looks at.
NEEDED = ("item_id", "parent_id", "capture_id", "text_capture_id", "source", "content_sha256", "licence")

Weights = Mapping[str, float]  # by source


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Items of the sample that one stage ended for one reason; `share` of the lane's items, 0..1."""

    stage: str
    reason: str
    items: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Yield:
    """What a lane would keep under a policy; `share` of its items, 0..1, null where the sample gave none."""

    policy: str
    kept: int
    share: float | None
    expected_kept: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneEstimate:
    """One lane: counts of the sample, and what they mean for everything.

    `captures`: of its sources, of any outcome. An item is a child, or a capture of the lane's kinds that gave none.
    """

    lane: str
    captures: int
    items: int
    items_per_capture: float | None
    expected_items: int
    kept_share: float | None
    expected_kept: int
    drops: tuple[Drop, ...]
    policies: tuple[Yield, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """`captures`: of any outcome, in the sample. Null where nothing could be sampled. `basis`: what the figures leave out."""

    inputs: tuple[Input, ...]
    captures: int
    expected_captures: int | None
    expected_seconds: float | None
    lanes: tuple[LaneEstimate, ...]
    basis: str = BASIS


def estimate(recipe: Recipe, captures: int, models: tuple[tuple[str, str], ...] = ()) -> Estimate:
    """What about so many captures of the recipe's local inputs say of a run. `models`: as the site has them.

    Raises:
        ModelMissing: a measure needs a model file that is not there.
    """
    with tempfile.TemporaryDirectory(prefix="headwater-plan-") as name, kept_children():
        folder = Path(name)
        sampled, inputs = _sampled(recipe, captures, folder)
        if not sampled.sources:
            return Estimate(inputs=inputs, captures=0, expected_captures=None, expected_seconds=None, lanes=())
        heads, _ = _sampled(sampled, 1, folder / "heads")
        _timed(heads, _site(folder / "warm", models))  # kernels and models are loaded by now
        head_s, few = _timed(heads, _site(folder / "few", models))
        site = _site(folder / "site", models)
        seconds, found = _timed(sampled, site)
        weights = {one.source.card.name: _weight(inputs, one.source.card.name) for one in found}
        counts = {one.source.card.name: _rows(one) for one in found}
        total = sum(counts.values())
        expected = sum(counts[source] * weights[source] for source in counts)
        start_s, capture_s = _costs((_orders(few), sum(map(_rows, few)), head_s), (_orders(found), total, seconds))
        return Estimate(
            inputs=inputs,
            captures=total,
            expected_captures=round(expected),
            expected_seconds=round(start_s + capture_s * expected, 1),
            lanes=tuple(_lane(sampled, site, lane.name, found, counts, weights) for lane in sampled.lanes),
        )


def _costs(few: tuple[int, int, float], many: tuple[int, int, float]) -> tuple[float, float]:
    """(seconds of the sample's work orders with nothing in them, seconds a capture), of two runs: work orders, captures, seconds."""
    orders, captures, seconds = many
    more = orders / few[0]  # as many times the work orders of the few
    beyond = captures - more * few[1]
    a_capture = min(max(seconds - more * few[2], 0.0) / beyond if beyond > 0 else seconds, seconds / max(captures, 1))
    return seconds - a_capture * captures, a_capture


def _sampled(recipe: Recipe, captures: int, folder: Path) -> tuple[Recipe, tuple[Input, ...]]:
    """The recipe over small copies of its local inputs, without the sources that have none; and all its inputs."""
    each = -(-captures // max(1, sum(len(source.inputs) for source in recipe.sources)))
    inputs, sources = [], []
    for number, source in enumerate(recipe.sources):
        wanted = wanted_by([recipe.lane(name) for name in source.lanes])
        copies: list[str] = []
        for place, entry in enumerate(source.inputs):
            below = folder / "in" / f"{number}-{place}"
            below.mkdir(parents=True)
            found, made = sample_input(
                source.card.name, entry, recipe.base, each, below, layout=source.layout, wanted=wanted
            )
            inputs.append(found)
            copies += [str(below)] if made else []
        below = folder / "in" / f"{number}-captions"
        if copies and sample_captions(source.inputs, recipe.base, below, layout=source.layout, wanted=wanted):
            copies.append(str(below))
        sources += [replace(source, inputs=tuple(copies))] if copies else []
    lanes = tuple(lane for lane in recipe.lanes if any(lane.name in source.lanes for source in sources))
    return replace(recipe, sources=tuple(sources), lanes=lanes, base=folder), tuple(inputs)


def _site(folder: Path, models: tuple[tuple[str, str], ...]) -> Site:
    return Site(store=Store(root=str(folder / "store")), scratch=folder / "scratch", workers=1, models=models)


def _timed(recipe: Recipe, site: Site) -> tuple[float, list[Captured]]:
    """(seconds, captures) of the recipe's own run, up to the judges."""
    began = time.perf_counter()
    captured = [phases.capture(recipe, site, source) for source in recipe.sources]
    for lane in recipe.lanes:
        phases.lane_rooms(recipe, site, lane, captured, until="judged")
    return time.perf_counter() - began, captured


def _rows(captured: Captured) -> int:
    return sum(part.rows for receipt in captured.receipts for part in receipt.all("capture"))


def _orders(captured: Sequence[Captured]) -> int:
    return sum(len(one.receipts) for one in captured)


def _weight(inputs: Sequence[Input], source: str) -> float:
    """How many times the sample of a source goes into the whole, by bytes."""
    mine = [one for one in inputs if one.source == source and one.sampled_bytes]
    return sum(one.bytes or 0 for one in mine) / sum(one.sampled_bytes for one in mine)


class End(NamedTuple):
    """How one item of the sample ended: by which stage, for which reason; both null for one that is kept."""

    source: str
    stage: str | None
    reason: str | None


def _lane(
    recipe: Recipe, site: Site, name: str, captured: Sequence[Captured], counts: Weights, weights: Weights
) -> LaneEstimate:
    ends = _ends(recipe, site, name, captured)
    own = ends[recipe.policy]
    yields = {policy: _yield(policy, found, weights) for policy, found in ends.items()}
    drops = Counter((end.stage, end.reason) for end in own if end.stage and end.reason)
    captures = int(sum(counts[source.card.name] for source in recipe.sources if name in source.lanes))
    return LaneEstimate(
        lane=name,
        captures=captures,
        items=len(own),
        items_per_capture=round(len(own) / captures, 4) if captures else None,
        expected_items=round(sum(weights[end.source] for end in own)),
        kept_share=yields[recipe.policy].share,
        expected_kept=yields[recipe.policy].expected_kept,
        drops=tuple(
            Drop(stage=stage, reason=reason, items=n, share=round(n / len(own), 4))
            for (stage, reason), n in sorted(drops.items(), key=lambda pair: (-pair[1], pair[0]))
        ),
        policies=tuple(yields.values()),
    )


def _yield(policy: str, found: Sequence[End], weights: Weights) -> Yield:
    kept = [end for end in found if end.stage is None]
    return Yield(
        policy=policy,
        kept=len(kept),
        share=round(len(kept) / len(found), 4) if found else None,
        expected_kept=round(sum(weights[end.source] for end in kept)),
    )


def _ends(recipe: Recipe, site: Site, name: str, captured: Sequence[Captured]) -> dict[str, list[End]]:
    """How every item of a lane ends, by policy: the presets and the recipe's own. Of the judges, rights alone looks at it."""
    lane = recipe.lane(name)
    run = phases.lane_rooms(recipe, site, lane, captured, until="judged")
    store = site.store
    items = store.table(run.parts("split", "items"), item_schema(lane.facts), NEEDED)
    split = store.table(run.parts("split", "decision"), DECISION)
    others = [split, *(store.table(run.parts(room, "decision"), DECISION) for room in ("measured", "judged"))]
    judged = pa.concat_tables(others)
    judged = judged.filter(pc.not_equal(judged.column("stage"), recipe.rights.name))
    evidence = _evidence(recipe, site, run, captured)
    asked = candidates(one_batch(items), split)
    ids = items.column("item_id").combine_chunks()
    found = {}
    for policy in dict.fromkeys([*(preset.name for preset in PRESETS), recipe.policy]):
        said = pa.Table.from_batches([judge_rights(replace(recipe, policy=policy).rights, asked, evidence)])
        ended = dispositions(lane, ids, pa.concat_tables([judged, said]), DUPLICATE.empty_table())
        sources = items.column("source").take(pc.index_in(ended.column("item_id"), value_set=ids)).to_pylist()
        found[policy] = [
            End(source=source, stage=end["stage"], reason=end["reason"])
            for source, end in zip(sources, ended.to_pylist(), strict=True)
            if end["state"] != State.SPLIT
        ]
    return found


def _evidence(recipe: Recipe, site: Site, run: LaneRun, captured: Sequence[Captured]) -> Evidence:
    """All that was captured, for the items of one lane."""

    def table(name: str, schema: pa.Schema) -> pa.Table:
        return site.store.table([p for one in captured for r in one.receipts for p in r.all(name) if p.rows], schema)

    return Evidence(
        captures=table("capture", CAPTURE),
        rights=table("rights", RIGHTS),
        licences=site.store.table(run.parts("split", "licence"), LICENCE),
        robots=table("robots", ROBOTS),
        card_licences={source.card.name: source.card.licence for source in recipe.sources},
    )
