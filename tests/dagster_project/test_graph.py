"""The asset graph of the demo recipe as it stands in `graph.json`, and one run of it in this process.

After a change that is meant: `python -m tests.dagster_project.test_graph`.
"""

import json
import shutil
import warnings
from datetime import datetime
from pathlib import Path

import dagster as dg
import pytest

from dagster_project.assets import ROUNDS, release_assets
from dagster_project.definitions import defs
from dagster_project.models import Model, Task, model_assets
from dagster_project.workplace import Workplace
from pipelines.demo import demo_site
from pipelines.recipe import load
from pipelines.run import run
from tests.conftest import site_at

# A small model, hardly trained: that its loss falls at all is what is asked here.
QUICK = [
    "model.layers=2", "model.width=64", "model.embed=16", "image.steps=4", "image.width=32", "image.blocks=1",
    "audio.steps=4", "audio.width=32", "audio.blocks=1", "train.steps=12", "train.every=6",
]  # fmt: skip
SNAPSHOT = Path(__file__).with_name("graph.json")


def graph():
    """Every asset with what it depends on, its checks and whether it has partitions; schedules and sensors."""
    found = defs()
    nodes = found.resolve_asset_graph()
    return {
        "assets": {
            key.to_user_string(): {
                "after": sorted(parent.to_user_string() for parent in nodes.get(key).parent_keys),
                "checks": sorted(check.name for check in nodes.get(key).check_keys),
                "group": nodes.get(key).group_name,
                "partitioned": nodes.get(key).partitions_def is not None,
            }
            for key in sorted(nodes.get_all_asset_keys())
        },
        "schedules": {one.name: one.cron_schedule for one in found.schedules},
        "sensors": [one.name for one in found.sensors],
    }


def test_the_graph_is_as_it_was_pinned():
    assert graph() == json.loads(SNAPSHOT.read_text("utf-8"))


def test_a_schedule_names_the_round_by_its_date_and_offers_it_as_a_partition(tmp_path):
    (schedule,) = defs().schedules
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        context = dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=datetime(2026, 11, 26, 2),
            repository_def=defs().get_repository_def(),
        )
        (request,) = schedule.evaluate_tick(context).run_requests
        assert (request.partition_key, request.run_key) == ("2026-11-26", "2026-11-26")
        assert instance.get_dynamic_partitions(ROUNDS.name) == ["2026-11-26"]


@pytest.fixture(scope="module")
def materialized(tmp_path_factory):
    """(the demo's site folder, the result of materialising everything up to the shards)."""
    folder = tmp_path_factory.mktemp("dagster")
    (folder / "site.toml").write_text("[run]\nworkers = 1\n", "utf-8")  # a step has little to do: more cost their start
    place = Workplace(recipe="demo", site=str(folder))
    with dg.DagsterInstance.ephemeral() as instance, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # pipes that Dagster leaves to the garbage collector
        instance.add_dynamic_partitions(ROUNDS.name, ["1"])
        recipe = place.load()[0]
        yield (
            folder,
            dg.materialize(
                [*release_assets(place, recipe), *model_assets(place, recipe)],
                instance=instance,
                partition_key="1",
                run_config=dg.RunConfig(
                    ops={name: Model(set=QUICK) for name in ("model__tokenizers", "model__pretrained")}
                    | {"model__finetuned": Task(set=["tune.steps=6", "tune.every=3"])}
                ),
                resources={"pipes": dg.PipesSubprocessClient()},
            ),
        )


def test_every_asset_is_materialized_and_every_check_passes(materialized):
    _, result = materialized
    assert result.success
    assert {check.check_name: check.passed for check in result.get_asset_check_evaluations()} == {
        "balance_holds": True,
        "held_out_loss_falls": True,
        "hold_out_loss_falls": True,
        "nothing_withdrawn": True,
        "shards_verify": True,
    }
    made = {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}
    assert made == set(graph()["assets"])


def test_people_see_pictures_and_tables(materialized):
    found = {
        event.asset_key.to_user_string(): event.materialization.metadata
        for event in materialized[1].get_asset_materialization_events()
    }
    assert found["release/mixed"]["funnel"].value.startswith("![picture](data:image/png;base64,iVBOR")
    assert found["web/judged"]["thresholds"].value.startswith("![picture](data:image/png;base64,iVBOR")
    assert found["model/pretrained"]["curve"].value.startswith("![picture](data:image/png;base64,iVBOR")
    assert "contact sheet image_caption" in found["release/shards"]
    assert found["release/shards"]["reasons"].value.startswith("| lane | state | stage | reason |")


def test_the_shards_are_those_of_the_command_line(materialized, tmp_path):
    """Of the same captures: a crawl at another time is another capture, and says so in `retrieved_at`."""
    folder, result = materialized
    shutil.copytree(folder / "captures", tmp_path / "captures")
    recipe, site = load("demo"), site_at(tmp_path)
    for source in recipe.sources:
        shutil.copytree(folder / "rooms" / source.card.name, tmp_path / "rooms" / source.card.name)
    shutil.copytree(folder / "parts", tmp_path / "parts")
    with demo_site(recipe, site) as (there, ready):
        made = run(there, ready)
    assert made.reused < made.rooms
    metadata = next(
        event.materialization.metadata
        for event in result.get_asset_materialization_events()
        if event.asset_key.to_user_string() == "release/shards"
    )
    assert metadata["SHA256SUMS"].value == site.store.local(f"{made.release_path}/SHA256SUMS").read_text("utf-8")


if __name__ == "__main__":
    SNAPSHOT.write_text(json.dumps(graph(), indent=2) + "\n", "utf-8")
