"""Dagster at a site whose store is a bucket: a small corpus materialized, a request taken out by its job, and what the checks say of both."""

import warnings

import dagster as dg
import pytest

from dagster_project.assets import RELEASE, ROUNDS, release_assets
from dagster_project.takedown import requests_due, takedown_inbox, takedown_job
from dagster_project.workplace import Workplace
from pipelines.audit.open import Ledger
from pipelines.suppression import suppression
from pipelines.takedown.gate import barred
from pipelines.takedown.register import decide, file_request, utc
from schemas.request import Scope, Status

LONG_AGO = utc(1_500_000_000)
PHOTO = "upload://photos/a.jpg"


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as found, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # pipes that Dagster leaves to the garbage collector
        found.add_dynamic_partitions(ROUNDS.name, ["1"])
        yield found


def test_a_release_is_made_checked_and_taken_out_of_in_a_bucket(corpus, copied, instance):
    _, site = copied()  # what the run left: every room is found, so that each step only looks
    place = Workplace(recipe=str(corpus[0]), site=str(site.home))
    recipe, _ = place.load()
    pipes = {"pipes": dg.PipesSubprocessClient()}
    made = dg.materialize(release_assets(place, recipe), selection=[RELEASE], instance=instance, resources=pipes)
    assert {check.check_name: check.passed for check in made.get_asset_check_evaluations()} == {
        "balance_holds": True, "nothing_withdrawn": True, "shards_verify": True,
    }  # fmt: skip
    file_request(site.store, "R-1", Scope.URL, PHOTO, at=LONG_AGO, channel="email")
    assert not requests_due(place)().passed
    decide(site.store, "R-1", Status.ACCEPTED, at=LONG_AGO)
    job = takedown_job(place)
    (asked,) = takedown_inbox(place, job).evaluate_tick(dg.build_sensor_context(instance)).run_requests
    assert job.execute_in_process(run_config=asked.run_config, instance=instance).success
    assert requests_due(place)().passed
    with Ledger.open(site.store) as ledger:
        assert ledger.db.rows("SELECT 1 FROM disposition WHERE state = 'withdrawn'")
        assert barred(ledger, suppression(site)) == []
