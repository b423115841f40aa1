"""The recipe: what a corpus is. A frozen value that holds stages; people write it as TOML.

`loads(dump(recipe)) == recipe`, with the same digest. An unknown key is an error, so that a typing mistake never becomes
a default in silence. A new stage is Python: `dataclasses.replace(load("corpus.toml"), lanes=...)`.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from pipelines import toml
from pipelines.capture.block import BlockList, block_list
from pipelines.capture.layout import Layout
from pipelines.lanes import LANES
from pipelines.lanes.lane import Lane
from pipelines.mix.balance import Balance, read_entries
from pipelines.policies.owners import CODE_OWNERS, read_owners
from pipelines.rights.judge import rights_stage
from pipelines.rights.policy import policy as load_policy
from pipelines.rights.policy import policy_name
from pipelines.stage import Scalar, Shape, Stage
from schemas.digest import digest
from schemas.errors import RecipeError, SiteError
from schemas.source import AGREEMENTS, Agreement, SourceCard, card_from, load_card

FORMAT = 1
DEFAULT_AGENTS = ("HeadwaterBot", "CCBot", "GPTBot", "*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Crawl:
    """How a live crawl of a source behaves. Delays in seconds, sizes in bytes.

    `rounds`: labels, a capture of the same site each; a round that was fetched is never fetched again. `max_media`: requests
    for pictures and recordings, which are only made where a lane of the source takes them. `max_variants`: pages whose URLs differ
    in numbers and query alone. `max_parked`: rounds in a row in which a host that never answered is left alone; 0: none.
    """

    rounds: tuple[str, ...] = ("1",)
    max_pages: int = 100
    max_media: int = 1000
    max_depth: int = 5
    max_variants: int = 500
    delay_s: float = 1.0
    round_s: float = 3600.0
    max_parked: int = 30
    max_bytes: int = 10 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One source of a recipe. `inputs` are as the recipe has them: paths relative to it, or http(s) URLs to crawl.

    `languages`: empty means all. `sample`: share of the captures that become items, chosen by capture_id; above 0, at
    most 1. `stages`: (stage, settings) that hold for this source alone, over those of the recipe.
    """

    card: SourceCard
    lanes: tuple[str, ...]
    inputs: tuple[str, ...]
    languages: tuple[str, ...] = ()
    sample: float = 1.0
    stages: tuple[tuple[str, tuple[tuple[str, Scalar], ...]], ...] = ()
    crawl: Crawl = Crawl()
    layout: Layout = field(default_factory=Layout)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shards:
    """How a release is cut. `validation` and `test` are shares of the clusters of similar items, 0..1."""

    target_bytes: int = 512 * 2**20
    max_samples: int = 10_000
    validation: float = 0.01
    test: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What a corpus is. `base` is the folder that relative inputs start from: no part of the recipe's identity.

    `max_quarantined`: share of a lane's items that may be quarantined for one reason before the run fails; fewer than 20
    such items never fail it. `block_lists`: of bytes that are never written.
    """

    name: str
    policy: str
    agents: tuple[str, ...]
    sources: tuple[Source, ...]
    lanes: tuple[Lane, ...]
    mix: tuple[tuple[str, float], ...] = ()
    shards: Shards = Shards()
    max_quarantined: float = 0.01
    block_lists: tuple[BlockList, ...] = ()
    balance: Balance = field(default_factory=Balance)
    base: Path = field(default=Path(), compare=False)

    @property
    def rights(self) -> Stage:
        """The judge that the policy and the agents make; it comes before every other."""
        return rights_stage(load_policy(self.policy), self.agents)

    def lane(self, name: str) -> Lane:
        """The lane of this name, which the recipe must have."""
        return next(lane for lane in self.lanes if lane.name == name)

    def source(self, name: str) -> Source:
        """The source whose card has this name, which the recipe must have."""
        return next(source for source in self.sources if source.card.name == name)

    @property
    def off(self) -> tuple[str, ...]:
        """What stages of these lanes leave out for want of a model file, a sentence each; a source may have it on."""
        return tuple(sorted({line for lane in self.lanes for stage in lane.stages for line in stage.off}))

    @property
    def digest(self) -> bytes:
        """The recipe's identity: names, versions, parameters and model digests; no path of a machine."""
        lanes = {lane.name: [stage.op_id for stage in lane.stages] for lane in self.lanes}
        return digest(
            "recipe",
            FORMAT,
            self.name,
            self.rights.op_id,
            self.sources,
            lanes,
            self.mix,
            self.shards,
            self.max_quarantined,
            *self.blocked,
            *self.balance.identity,
        )

    @property
    def blocked(self) -> tuple[str, ...]:
        """What the block lists hold, as their digests: part of the recipe's identity, and of the keys of captures."""
        return tuple(sorted(one.sha256 for one in self.block_lists))


def load(name: str | Path) -> Recipe:
    """The recipe in a TOML file, or the shipped one of that name (`demo`, `web`, `code`).

    Raises:
        RecipeError: the file is missing or no TOML; a key is unknown, missing or of another type.
        CardError: a source card is wrong.
    """
    path = Path(name)
    if not path.exists() and (shipped := SHIPPED / f"{name}.toml").is_file():
        path = shipped
    try:
        text = path.read_text("utf-8")
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        known = ", ".join(sorted(file.stem for file in SHIPPED.glob("*.toml")))
        raise RecipeError(
            f"recipe {name} cannot be read ({error.strerror}), and is none of the shipped ones ({known}); `headwater init DIR` writes one"
        ) from None
    except UnicodeDecodeError as error:
        raise RecipeError(f"recipe {path} is not UTF-8: {error}") from error
    return loads(text, base=path.parent, where=f"recipe {path}")


def of_lane(lane: str) -> Recipe:
    """The shipped recipe of this lane alone: the lane with its defaults."""
    recipes = (load(file.stem) for file in sorted(SHIPPED.glob("*.toml")) if file.stem != "demo")
    return next(recipe for recipe in recipes if [one.name for one in recipe.lanes] == [lane])


SHIPPED = Path(str(resources.files("pipelines"))) / "recipes"


def loads(text: str, *, base: Path, where: str = "recipe") -> Recipe:
    """The recipe in a TOML text; relative paths start from `base`. Raises like `load`."""
    keys = toml.parse(text, where, RecipeError)
    if keys.value("format", 0) != FORMAT:
        raise keys.fail(f"format must be {FORMAT}, the only one this version reads")
    name = keys.text("name")
    if not name or not all(c.isascii() and (c.isalnum() or c in "-_") for c in name):
        raise keys.fail(f"name {name!r} must be ASCII letters, digits, '-' or '_': it names the release")
    sources = tuple(
        _source(toml.Table(entry, f"{where}, source {i}", RecipeError), base)
        for i, entry in enumerate(keys.tables("source"), 1)
    )
    if not sources:
        raise keys.fail("at least one [[source]] is needed")
    cards = {source.card for source in sources}
    if len({card.name for card in cards}) < len(cards) or len(cards) < len(sources):
        raise keys.fail("two sources have cards of the same name; names are how the ledger tells sources apart")
    wanted = {lane for source in sources for lane in source.lanes}
    lanes = _left_out(_override(tuple(lane for lane in LANES if lane.name in wanted), keys, base), keys, base)
    for source in sources:
        for lane in (lane for lane in lanes if lane.name in source.lanes):
            for_source(lane, source)
        _known_stages(source, lanes, keys)
    recipe = Recipe(
        name=name,
        policy=load_policy(policy_name(keys.text("policy"), keys.value("unknown", ""))).name,
        agents=keys.strings("agents", DEFAULT_AGENTS),
        sources=sources,
        lanes=lanes,
        mix=_mix(keys, wanted),
        shards=keys.sub("shards").fill(Shards()),
        max_quarantined=keys.value("max_quarantined", 0.01),
        balance=_balance(keys.sub("balance"), base, wanted),
        block_lists=tuple(block_list(entry, base) for entry in keys.strings("block_lists", ())),
        base=base,
    )
    keys.finish()
    return recipe


def _source(keys: toml.Table, base: Path) -> Source:
    card = keys.take("card")
    source = Source(
        card=card_from(card, where=f"{keys.where}, card", base=base)
        if isinstance(card, dict)
        else load_card(base / str(card)),
        lanes=keys.strings("lane"),
        inputs=keys.strings("from"),
        languages=keys.strings("languages", ()),
        sample=keys.value("sample", 1.0),
        stages=_stage_settings(keys),
        crawl=keys.sub("crawl").fill(Crawl()),
        layout=keys.fields(Layout()),
    )
    known = [lane.name for lane in LANES]
    for lane in source.lanes:
        if lane not in known:
            raise keys.fail(f"lane {lane!r} is not one of {', '.join(known)}")
    if not 0 < source.sample <= 1:
        raise keys.fail(f"sample must be above 0 and at most 1, is {source.sample}")
    keys.finish()
    return source


def _stage_settings(keys: toml.Table) -> tuple[tuple[str, tuple[tuple[str, Scalar], ...]], ...]:
    found = []
    for name, values in sorted(keys.table("stage").items()):
        if not isinstance(values, dict):
            raise keys.fail(f'stage.{name} must be a table: [source.stage."{name}"]')
        settings = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        found.append((name, tuple(sorted(settings.items()))))
    return tuple(found)


def _known_stages(source: Source, lanes: tuple[Lane, ...], keys: toml.Table) -> None:
    # Dedup is between sources, so no single one can set it.
    known = {s.name for lane in lanes if lane.name in source.lanes for s in lane.stages if s.shape != Shape.GROUP}
    for name, _ in source.stages:
        if name not in known:
            raise keys.fail(
                f'source {source.card.name}: [source.stage."{name}"] is no stage of its lanes; they have: '
                f"{', '.join(sorted(known))}"
            )


def for_source(lane: Lane, source: Source) -> Lane:
    """The lane as this source wants it: its own stage settings, and its languages as a setting of the language judge.

    Raises:
        RecipeError: a setting that the stage does not have, or of another type.
    """
    own = {name: dict(values) for name, values in source.stages}

    def change(stage: Stage) -> Stage:
        wanted: dict[str, object] = dict(own.get(stage.name, {}))
        if source.languages and "languages" in stage.settings:
            wanted["languages"] = source.languages
        return with_files(stage.override(wanted, where=f"source {source.card.name}"), stage.base) if wanted else stage

    return map_stages(lane, change) if own or source.languages else lane


def with_files(stage: Stage, base: Path) -> Stage:
    """The stage with the digests of the files that its settings name; relative paths start from `base`.

    Raises:
        RecipeError: one of them cannot be read, or is not what the stage reads.
    """
    return dataclasses.replace(stage, files=stage.find_files(stage, base), base=base) if stage.find_files else stage


def _override(lanes: tuple[Lane, ...], keys: toml.Table, base: Path) -> tuple[Lane, ...]:
    stages = keys.table("stage")
    known = {stage.name for lane in lanes for stage in lane.stages}
    for name, values in stages.items():
        if name not in known:
            raise keys.fail(f'[stage."{name}"] is no stage of its lanes; they have: {", ".join(sorted(known))}')
        if not isinstance(values, dict):
            raise keys.fail(f'stage.{name} must be a table: [stage."{name}"]')

    def change(stage: Stage) -> Stage:
        return with_files(stage.override(stages.get(stage.name, {}), where=keys.where), base)

    return tuple(map_stages(lane, change) for lane in lanes)


def map_stages(lane: Lane, change: Callable[[Stage], Stage]) -> Lane:
    """The lane with every stage replaced by what `change` makes of it."""
    return dataclasses.replace(
        lane,
        split=change(lane.split),
        measures=tuple(map(change, lane.measures)),
        judges=tuple(map(change, lane.judges)),
        edits=tuple(map(change, lane.edits)),
        dedup=lane.dedup.with_stage(change(lane.dedup.stage)),
        spans=change(lane.spans) if lane.spans else None,
    )


def with_models(lane: Lane, paths: tuple[tuple[str, str], ...]) -> Lane:
    """The lane with every stage told where the site has model files: (name, local path)."""
    return map_stages(lane, lambda stage: dataclasses.replace(stage, paths=paths)) if paths else lane


def check_models(recipe: Recipe, paths: tuple[tuple[str, str], ...]) -> None:
    """Refuse a site that names a path of a model which no stage of any lane asks for: a misspelt one would be passed over.

    Raises:
        SiteError: there is one.
    """
    stages = [stage for lane in (*LANES, *recipe.lanes) for stage in lane.stages]
    known = {name for stage in stages for name, _ in stage.models}
    known |= {name for stage in stages for _, name in (*stage.switches, *stage.companions)}
    if unknown := sorted(dict(paths).keys() - known):
        raise SiteError(
            f"[models] in site.toml names {unknown[0]!r}, which no stage asks for; they ask for: {', '.join(sorted(known))}"
        )


def _balance(keys: toml.Table, base: Path, lanes: set[str]) -> Balance:
    entries = keys.value("entries", "")
    if not entries:
        if list(keys.names()):
            raise keys.fail("`entries` is needed: a file of entries, one a line")
        return Balance()
    path = (base / entries).absolute()
    found = Balance(
        entries=entries,
        lanes=keys.strings("lanes", Balance().lanes),
        at_most=keys.value("at_most", Balance().at_most),
        keep_unmatched=keys.value("keep_unmatched", Balance().keep_unmatched),
        sha256=read_entries(path)[0],
        path=path,
    )
    if unknown := sorted(set(found.lanes) - lanes):
        raise keys.fail(f"lane {unknown[0]!r} is of no source")
    if found.at_most < 1:
        raise keys.fail(f"at_most must be at least 1, is {found.at_most}")
    keys.finish()
    return found


def _left_out(lanes: tuple[Lane, ...], keys: toml.Table, base: Path) -> tuple[Lane, ...]:
    """The lanes with the owners of the list that the recipe names, if any, as a setting of the judge that asks for them."""
    name = keys.value("owner_opt_outs", "")
    if not name:
        return lanes
    if all(stage.name != CODE_OWNERS.name for lane in lanes for stage in lane.stages):
        raise keys.fail("owner_opt_outs lists owners of code, but no source has the lane code")
    owners = read_owners(base / name)

    def change(stage: Stage) -> Stage:
        if stage.name != CODE_OWNERS.name:
            return stage
        inline = stage.settings["owners"]
        assert isinstance(inline, tuple)
        return stage.override({"owners": sorted({*inline, *owners})}, where=keys.where)

    return tuple(map_stages(lane, change) for lane in lanes)


def _mix(keys: toml.Table, lanes: set[str]) -> tuple[tuple[str, float], ...]:
    table = keys.table("mix")
    if unknown := sorted(table.keys() - lanes):
        raise keys.fail(f"[mix] names {unknown[0]!r}, but no source has that lane")
    if table and lanes - table.keys():
        raise keys.fail(
            f"[mix] leaves out {', '.join(sorted(lanes - table.keys()))}; give every lane a weight, or none"
        )
    for lane, weight in table.items():
        if isinstance(weight, bool) or not isinstance(weight, int | float) or weight <= 0:
            raise keys.fail(f"[mix] {lane} must be a number above 0, is {weight!r}")
    return tuple(sorted((lane, float(weight)) for lane, weight in table.items()))


def dump(recipe: Recipe) -> str:
    """The recipe as TOML with every default written out and the cards inline, so that it stands alone in the ledger."""
    lines = [
        f"format = {FORMAT}",
        f"name = {toml.inline(recipe.name)}",
        f"policy = {toml.inline(recipe.policy)}",
        f"agents = {toml.inline(recipe.agents)}",
        f"max_quarantined = {toml.inline(recipe.max_quarantined)}",
        f"block_lists = {toml.inline(tuple(one.name for one in recipe.block_lists))}",
    ]
    for source in recipe.sources:
        settings = {"lane": source.lanes, "from": source.inputs, "languages": source.languages, "sample": source.sample}
        settings |= _fields(source.layout)
        lines += toml.section("[[source]]", settings)
        lines += _card(source.card)
        lines += toml.section("[source.crawl]", _fields(source.crawl))
        for name, values in source.stages:
            lines += toml.section(f'[source.stage."{name}"]', dict(values))
    for stage in sorted({s.name: s for lane in recipe.lanes for s in lane.stages}.values(), key=lambda s: s.name):
        lines += toml.section(f'[stage."{stage.name}"]', stage.settings) if stage.settings else []
    if recipe.balance.entries:
        names = ("entries", "lanes", "at_most", "keep_unmatched")
        lines += toml.section("[balance]", {name: getattr(recipe.balance, name) for name in names})
    lines += toml.section("[mix]", dict(recipe.mix)) if recipe.mix else []
    lines += toml.section("[shards]", _fields(recipe.shards))
    return "\n".join(lines) + "\n"


def _card(card: SourceCard) -> list[str]:
    tables = {
        key: one for key, mechanism in AGREEMENTS.items() for one in card.agreements if one.mechanism == mechanism
    }
    lines = toml.section("[source.card]", {k: v for k, v in _fields(card).items() if k not in (*tables, "agreements")})
    for key, one in tables.items():
        lines += toml.section(f"[source.card.{key}]", {k: v for k, v in _fields(one).items() if k != "mechanism"})
    return lines


def _fields(value: SourceCard | Agreement | Crawl | Layout | Shards) -> Mapping[str, object]:
    return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
