"""What Dagster loads: the assets of one recipe at one site, its nightly schedule, and the sensor that knows its rounds."""

import dagster as dg

from dagster_project.assets import release_assets
from dagster_project.models import model_assets
from dagster_project.schedules import nightly, recipe_rounds
from dagster_project.takedown import requests_due, takedown_inbox, takedown_job
from dagster_project.workplace import workplace


@dg.definitions
def defs() -> dg.Definitions:
    """The graph of the recipe that HEADWATER_RECIPE names, at the site that HEADWATER_SITE names."""
    place = workplace()
    recipe, _ = place.load()
    job = takedown_job(place)
    return dg.Definitions(
        assets=[*release_assets(place, recipe), *model_assets(place, recipe)],
        asset_checks=[requests_due(place)],
        jobs=[job],
        schedules=[nightly()],
        sensors=[recipe_rounds(recipe), takedown_inbox(place, job)],
        resources={"pipes": dg.PipesSubprocessClient()},
    )
