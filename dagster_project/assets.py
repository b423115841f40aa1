"""One factory: a recipe in, its assets out. The work is in `step`; here is only what depends on what.

    capture/<source>  ->  <lane>/split .. signed, unique  ->  release/mixed  ->  release/shards  ->  model/...

A capture has a partition a round; everything after it stands on all rounds that were captured, or on those its run names.
"""

import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from dagster_project.workplace import Workplace
from pipelines.lanes.lane import Lane
from pipelines.orders import ROOMS
from pipelines.recipe import Recipe

ROUNDS = dg.DynamicPartitionsDefinition(name="rounds")
RELEASE = dg.AssetKey(["release", "shards"])
LANE_ROOMS = (*ROOMS, "unique")


class Rounds(dg.Config):
    """Which crawl rounds a release stands on, by source; those left out stand on all rounds captured so far."""

    rounds: dict[str, list[str]] = {}  # noqa: RUF012 - Dagster's own way to give a default


def release_assets(place: Workplace, recipe: Recipe) -> list[dg.AssetsDefinition]:
    """Every asset from the sources of the recipe to its shards."""
    captures = [_capture(place, source.card.name, source.card.title) for source in recipe.sources]
    lanes = [_lane(place, recipe, lane) for lane in recipe.lanes]
    return [*captures, *lanes, _mixed(place, recipe), _shards(place, recipe)]


def capture_key(source: str) -> dg.AssetKey:
    """The asset of a source's captures."""
    return dg.AssetKey(["capture", source.replace("-", "_")])


# The functions that Dagster calls have no return annotation: it would take that for the type of an only output.


def _capture(place: Workplace, source: str, title: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=capture_key(source), partitions_def=ROUNDS, group_name="capture", kinds={"warc"}, description=title,
        retry_policy=dg.RetryPolicy(max_retries=2, delay=30),
    )  # fmt: skip
    def captured(context: dg.AssetExecutionContext, pipes: dg.PipesSubprocessClient):
        extras = {"source": source, "rounds": {source: [context.partition_key]}}
        return run_step(context, pipes, place, "capture", extras).get_materialize_result()

    return captured


def _lane(place: Workplace, recipe: Recipe, lane: Lane) -> dg.AssetsDefinition:
    rooms = {
        room: dg.AssetSpec(
            dg.AssetKey([lane.name, room]),
            # Evidence counts from every source, whichever lane it feeds.
            deps=[capture_key(s.card.name) for s in recipe.sources]
            if not number
            else [[lane.name, LANE_ROOMS[number - 1]]],
            group_name=lane.name,
            kinds={"parquet"},
            skippable=True,
        )
        for number, room in enumerate(LANE_ROOMS)
    }

    @dg.multi_asset(name=f"{lane.name}_rooms", specs=list(rooms.values()), can_subset=True)
    def in_rooms(context: dg.AssetExecutionContext, pipes: dg.PipesSubprocessClient, config: Rounds):
        wanted = [key.path[-1] for key in context.selected_asset_keys]
        extras = {"lane": lane.name, "rooms": wanted, "rounds": _rounds(context, recipe, config)}
        return run_step(context, pipes, place, "lane", extras).get_results()

    return in_rooms


def _mixed(place: Workplace, recipe: Recipe) -> dg.AssetsDefinition:
    @dg.asset(
        key=["release", "mixed"], deps=[[lane.name, "unique"] for lane in recipe.lanes], group_name="release",
        description="Every item's fate settled; quotas leave out what is over.",
    )  # fmt: skip
    def mixed(context: dg.AssetExecutionContext, pipes: dg.PipesSubprocessClient, config: Rounds):
        extras = {"rounds": _rounds(context, recipe, config)}
        return run_step(context, pipes, place, "mixed", extras).get_materialize_result()

    return mixed


def _shards(place: Workplace, recipe: Recipe) -> dg.AssetsDefinition:
    @dg.asset(
        key=RELEASE, deps=[["release", "mixed"]], group_name="release", kinds={"webdataset"},
        description="WebDataset shards, published and committed to the ledger.",
        check_specs=[
            dg.AssetCheckSpec("balance_holds", asset=RELEASE, blocking=True),
            dg.AssetCheckSpec("shards_verify", asset=RELEASE, blocking=True),
            dg.AssetCheckSpec("nothing_withdrawn", asset=RELEASE, blocking=True),
        ],
    )  # fmt: skip
    def shards(context: dg.AssetExecutionContext, pipes: dg.PipesSubprocessClient, config: Rounds):
        extras = {"rounds": _rounds(context, recipe, config)}
        return run_step(context, pipes, place, "shards", extras).get_materialize_result()

    return shards


def run_step(
    context: dg.AssetExecutionContext,
    pipes: dg.PipesSubprocessClient,
    place: Workplace,
    step: str,
    extras: Mapping[str, Any],
) -> dg.PipesClientCompletedInvocation:
    """One step in a process of its own; what it reports comes back through Pipes."""
    command = [sys.executable, "-m", "dagster_project.step"]
    return piped(context, pipes, command, {"step": step, "recipe": place.recipe, "site": place.site, **extras})


def piped(
    context: dg.OpExecutionContext | dg.AssetExecutionContext,
    pipes: dg.PipesSubprocessClient,
    command: Sequence[str],
    extras: Mapping[str, Any] | None = None,
) -> dg.PipesClientCompletedInvocation:
    """A command in a process of its own, once it has ended well; what it prints goes to the log of the run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)  # of Dagster about its own PipesMessageReader
        return pipes.run(command=list(command), context=context, extras=dict(extras or {}))


def _rounds(context: dg.AssetExecutionContext, recipe: Recipe, config: Rounds) -> dict[str, Sequence[str]]:
    """The rounds of each source: as configured, else all that were captured, else as the recipe has them."""
    found: dict[str, Sequence[str]] = {}
    for source in recipe.sources:
        name = source.card.name
        captured = context.instance.get_materialized_partitions(capture_key(name))
        found[name] = config.rounds.get(name) or sorted(captured) or source.crawl.rounds
    return found
