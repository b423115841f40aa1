"""A rule as a picture: how a signal is spread over the items, and where the rule cuts."""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.kernels.minhash import F64
from pipelines.lanes.lane import Lane
from pipelines.late.stored import Done, Stored, lane_of
from pipelines.recipe import Recipe
from pipelines.stage import Rule, Stage
from pipelines.store import Store
from schemas.decision import Verdict

BINS = 60
MOST = 12  # panels of one picture; Chosen: a page, about 200 kB
# Chosen: signals such as words spread over so many powers of ten that a linear axis shows one bar.
LOGARITHMIC = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """One rule over its signal. values: float64[n], of the items the rule is for, without nulls. is_least: the rule asks for
    `at_least`. bounds: (what it is called, where it cuts), the rule's own first. unmeasured: items without a value.
    """

    title: str
    signal: str
    values: F64
    is_least: bool
    bounds: tuple[tuple[str, float], ...]
    unmeasured: int


def picture(cuts: Sequence[Cut]) -> bytes:
    """PNG: a panel each of at most MOST rules: the histogram of the signal, and a line at each bound."""
    from matplotlib.figure import Figure

    shown = list(cuts)[:MOST]
    figure = Figure(figsize=(7, 2.4 * max(len(shown), 1)))
    for axes, cut in zip(figure.subplots(max(len(shown), 1), squeeze=False)[:, 0], shown, strict=False):
        edges = _edges(cut)
        counts, _ = np.histogram(cut.values, edges)
        axes.stairs(counts, edges, fill=True, color="#9db8d2")
        if edges[0] > 0 and edges[-1] / edges[0] > LOGARITHMIC:
            axes.set_xscale("log")
        for (name, at), colour in zip(cut.bounds, ("#b03a2e", "#1e8449"), strict=False):
            beyond = cut.values < at if cut.is_least else cut.values > at
            axes.axvline(at, color=colour, linewidth=1.5, label=f"{name} {at:g}: {int(beyond.sum())} beyond it")
        axes.set_title(f"{cut.title} ({len(cut.values)} items, {cut.unmeasured} not measured)", fontsize=9, loc="left")
        axes.set_xlabel(cut.signal, fontsize=8)
        axes.tick_params(labelsize=7)
        axes.legend(fontsize=8, frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=100)
    return out.getvalue()


def _edges(cut: Cut) -> F64:
    """float64[BINS + 1], ascending: even steps, or even ratios for positive values far apart; the bounds lie within."""
    everything = np.concatenate([cut.values[np.isfinite(cut.values)], [at for _, at in cut.bounds]])
    low, high = float(everything.min()), float(everything.max())
    if low > 0 and high / low > LOGARITHMIC:
        return np.geomspace(low, high, BINS + 1)
    return np.linspace(low, high if high > low else low + 1.0, BINS + 1)


def dropping(store: Store, lane: Lane, ways: Sequence[tuple[Lane, Done]]) -> Iterator[Cut]:
    """A cut for every rule of the lane that ended something, or would have in shadow, the most frequent first.

    `ways`: each work order of the lane, with the lane as its source wants it.
    """
    counts: dict[tuple[str, str], int] = {}
    for _, done in ways:
        table = store.read_part(done.rooms["judged"].part("decision"))
        said = pa.array([Verdict.DROP.value, Verdict.SHADOW.value])
        table = table.filter(pc.is_in(table.column("verdict"), value_set=said))
        for row in table.group_by(["stage", "signal", "reason"]).aggregate([("item_id", "count")]).to_pylist():
            for rule in _rules(lane, row):
                counts[row["stage"], rule.name] = counts.get((row["stage"], rule.name), 0) + row["item_id_count"]
    stages = {stage.name: stage for stage in lane.judges}
    for (stage, name), _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        yield cut(store, ways, stages[stage], next(rule for rule in stages[stage].rules if rule.name == name))


def _rules(lane: Lane, row: Mapping[str, object]) -> Iterator[Rule]:
    for stage in lane.judges:
        if stage.name == row["stage"]:
            yield from (
                rule for rule in stage.rules if (rule.signal, rule.reason.value) == (row["signal"], row["reason"])
            )


def cut(
    store: Store, ways: Sequence[tuple[Lane, Done]], stage: Stage, rule: Rule, other: tuple[str, float] | None = None
) -> Cut:
    """The signal of a rule over the items of a lane that the rule is for. `other`: a second bound, with its name."""
    values, unmeasured = [np.array([], np.float64)], 0
    for lane, done in ways:
        part = done.rooms["measured"].part(f"signal_{lane.name}")
        spoken = "language" in {name for measure in lane.measures for name in measure.signals}
        table = store.read_part(part, [rule.signal, "language"] if spoken and rule.languages else [rule.signal])
        if spoken and rule.languages:
            table = table.filter(pc.is_in(table.column("language"), value_set=pa.array(rule.languages, pa.string())))
        column = table.column(rule.signal).cast(pa.float64())
        unmeasured += column.null_count
        values.append(column.drop_null().to_numpy())
    return Cut(
        title=f"{ways[0][0].name if ways else ''}: {stage.name}.{rule.name}{' (in shadow)' if rule.name in stage.shadow else ''}",
        signal=rule.signal,
        values=np.concatenate(values),
        is_least=rule.at_least is not None,
        bounds=(("at least" if rule.at_least is not None else "at most", rule.threshold), *([other] if other else [])),
        unmeasured=unmeasured,
    )


def compared(there: Stored, after: Recipe) -> Iterator[Cut]:
    """A cut with both bounds for every rule whose bound differs, lane by lane."""
    for lane in there.recipe.lanes:
        ways = [(lane_of(there.recipe, lane.name, done.source), done) for done in there.orders[lane.name]]
        for old, new in zip(lane.judges, after.lane(lane.name).judges, strict=True):
            for a, b in zip(old.rules, new.rules, strict=True):
                is_off = b.name in new.shadow
                if a.threshold != b.threshold or (a.name in old.shadow) != is_off:
                    found = cut(there.store, ways, old, a, None if is_off else ("what if", b.threshold))
                    yield replace(found, title=f"{found.title}, what if off") if is_off else found
