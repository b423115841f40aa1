"""RULE=VALUE: which recipe a person means, and whether stored numbers can answer for it."""

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pipelines.recipe import Recipe, for_source, map_stages
from pipelines.rights.policy import policy as load_policy
from pipelines.stage import Scalar, Stage
from schemas.errors import InputError

OFF, ON = "off", "on"
# Settings of a group stage that change neither what is signed nor how two signatures are compared.
ELECTION = ("threshold", "hot_bucket_cap", "max_removed_share")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One setting that is asked about. `name`: stage and setting, `policy`, `agents`, `balance` or `mix`. `before`, `after`: its value as text."""

    name: str
    before: str
    after: str


def changed(recipe: Recipe, asked: Sequence[str]) -> Recipe:
    """The recipe with every RULE=VALUE of `asked` in it; `off` puts a rule in shadow, `on` takes it out.

    Raises:
        InputError: a rule that is none, or more than one; a value of another type; a setting that needs another run.
    """
    for one in asked:
        name, mark, value = one.partition("=")
        if not mark or not name or not value:
            raise InputError(f"{one!r} is no RULE=VALUE; for example quality.gopher.min_words=40")
        if name.strip() == "policy":
            recipe = replace(recipe, policy=load_policy(value.strip()).name)
        else:
            recipe = _set(recipe, name.strip(), value.strip())
    return recipe


def changes(before: Recipe, after: Recipe) -> Iterator[Change]:
    """What differs between two recipes in what a stored run can answer for, recipe-wide and by source."""
    if before.policy != after.policy:
        yield Change(name="policy", before=before.policy, after=after.policy)
    if before.agents != after.agents:
        yield Change(name="agents", before=_text(before.agents), after=_text(after.agents))
    seen: dict[str, Change] = {}
    for lane in before.lanes:
        ways = [("", lane, after.lane(lane.name))]
        for source in before.sources:
            if lane.name in source.lanes:
                there = after.source(source.card.name)
                label = f" of source {source.card.name}"
                ways.append((label, for_source(lane, source), for_source(after.lane(lane.name), there)))
        for label, old, new in ways:
            for a, b in zip(old.stages, new.stages, strict=True):
                for key, value in b.settings.items():
                    if (then := a.settings[key]) != value:
                        one = Change(name=f"{b.name}.{key}", before=_text(then), after=_text(value))
                        if seen.get(one.name) != one:
                            seen.setdefault(one.name, one)
                            yield replace(one, name=one.name + label)
    if before.balance != after.balance:
        yield Change(name="balance", before=_text(before.balance.identity), after=_text(after.balance.identity))
    if before.mix != after.mix:
        yield Change(name="mix", before=_text(before.mix), after=_text(after.mix))


def check(before: Recipe, after: Recipe) -> None:
    """Nothing, where what is stored answers for both recipes.

    Raises:
        InputError: names the first thing that needs another run.
    """
    cure = "that changes what is captured, cut, measured, edited or signed: `headwater run` tells"
    if [lane.name for lane in before.lanes] != [lane.name for lane in after.lanes]:
        raise InputError(f"the recipes do not have the same lanes; {cure}")
    if _inputs(before) != _inputs(after):
        raise InputError(f"the recipes do not have the same sources with the same inputs; {cure}")
    for source in before.sources:
        for name in source.lanes:
            old, new = (for_source(one.lane(name), one.source(source.card.name)) for one in (before, after))
            for a, b in zip(
                (old.split, *old.measures, *old.edits), (new.split, *new.measures, *new.edits), strict=True
            ):
                if a.op_id != b.op_id:
                    raise InputError(f"stage {b.name} is not the same in both recipes; {cure}")
            _check_group(old.dedup.stage, new.dedup.stage, cure)


def _check_group(old: Stage, new: Stage, cure: str) -> None:
    for key, value in new.settings.items():
        if old.settings[key] != value and key not in ELECTION:
            raise InputError(
                f"{new.name}.{key}: stored signatures were made and compared with {_text(old.settings[key])}; {cure}"
            )


def _inputs(recipe: Recipe) -> list[object]:
    return [replace(source, stages=(), languages=()) for source in recipe.sources]


def _set(recipe: Recipe, name: str, value: str) -> Recipe:
    stage, key = _found(recipe, name)
    where = f"{stage.name}.{key}={value}"
    if key in {rule.name for rule in stage.rules} and value in (OFF, ON):
        shadow = [one for one in stage.shadow if one != key]
        wanted: Mapping[str, object] = {"shadow": [*shadow, *([key] if value == OFF else [])]}
    else:
        wanted = {key: _value(where, value, stage.settings[key])}
    change = lambda one: one.override(wanted, where=where) if one.name == stage.name else one  # noqa: E731
    return replace(recipe, lanes=tuple(map_stages(lane, change) for lane in recipe.lanes))


def _found(recipe: Recipe, name: str) -> tuple[Stage, str]:
    """The stage and its setting that a name means: `stage.setting`, or a setting that only one stage has."""
    stages = {stage.name: stage for lane in recipe.lanes for stage in lane.stages}
    known = {f"{stage.name}.{key}": (stage, key) for stage in stages.values() for key in stage.settings}
    if name in known:
        return known[name]
    named = sorted(full for full, (_, key) in known.items() if key == name)
    if len(named) == 1:
        return known[named[0]]
    if named:
        raise InputError(f"{name} is a setting of several stages; say which: {', '.join(named)}")
    answers = [*known, *{key for _, key in known.values()}, "policy"]
    near = difflib.get_close_matches(name, answers, n=4, cutoff=0.5)
    cure = f"did you mean {', '.join(near)}?" if near else "`headwater plan RECIPE` lists all settings"
    raise InputError(f"no stage of the recipe has a rule or setting {name!r}: {cure}")


def _value(where: str, text: str, now: Scalar) -> Scalar:
    if isinstance(now, tuple):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if isinstance(now, bool):
        if text not in ("true", "false"):
            raise InputError(f"{where}: expected true or false")
        return text == "true"
    if isinstance(now, str):
        return text
    try:
        value = type(now)(text)
        if math.isfinite(value):
            return value
    except ValueError:
        pass
    kind = "a whole number" if isinstance(now, int) else "a number, or `off`"
    raise InputError(f"{where}: expected {kind}, as in {where.partition('=')[0]}={_text(now)}")


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_text, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
