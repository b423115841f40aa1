"""When: a new round every night, from the sites to the model; and the rounds a recipe names, offered as partitions."""

from collections.abc import Iterator

import dagster as dg

from dagster_project.assets import ROUNDS
from pipelines.recipe import Recipe

NIGHTLY = "0 2 * * *"  # Chosen: in UTC; sites are quiet, and the release is there in the morning


def nightly() -> dg.ScheduleDefinition:
    """Captures every source in a round named by the date, then everything that stands on it. Off until somebody starts it."""
    job = dg.define_asset_job("everything", selection=dg.AssetSelection.all())

    @dg.schedule(job=job, cron_schedule=NIGHTLY, execution_timezone="UTC", name="nightly")
    def every_night(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        label = context.scheduled_execution_time.date().isoformat()
        context.instance.add_dynamic_partitions(str(ROUNDS.name), [label])
        return dg.RunRequest(run_key=label, partition_key=label)

    return every_night


def recipe_rounds(recipe: Recipe) -> dg.SensorDefinition:
    """Offers the rounds that the recipe names as partitions, so that a first capture can be started from the page."""
    wanted = sorted({label for source in recipe.sources for label in source.crawl.rounds})

    @dg.sensor(name="recipe_rounds", default_status=dg.DefaultSensorStatus.RUNNING, minimum_interval_seconds=30)
    def offer(context: dg.SensorEvaluationContext) -> Iterator[dg.SensorResult | dg.SkipReason]:
        new = [label for label in wanted if not context.instance.has_dynamic_partition(str(ROUNDS.name), label)]
        if new:
            yield dg.SensorResult(dynamic_partitions_requests=[ROUNDS.build_add_request(new)])
        else:
            yield dg.SkipReason("every round of the recipe is there")

    return offer
