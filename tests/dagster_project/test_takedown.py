"""Accepted requests start the job; a request past its date fails its check; the gate names what must not be in a release."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from dagster_project.takedown import requests_due, takedown_inbox, takedown_job
from dagster_project.workplace import Workplace
from pipelines.audit.open import Ledger
from pipelines.ledger.ledger import commit_run
from pipelines.site import load_site
from pipelines.suppression import Suppression, keyed
from pipelines.takedown.gate import barred
from pipelines.takedown.register import decide, file_request
from schemas.request import Scope, Status
from tests.ledger import made

LONG_AGO = datetime(2020, 3, 2, tzinfo=UTC)


@pytest.fixture
def place(tmp_path):
    store = load_site(tmp_path).store
    commit_run(store, made.run_row("made-0"), made.publish(store, made.tables()), made.expected())
    return Workplace(recipe="demo", site=str(tmp_path))


def file(place, due=timedelta(days=30)):
    store = load_site(place.site).store
    file_request(store, "R-1", Scope.DOMAIN, made.HOST, at=LONG_AGO, channel="email", due=due)
    return store


def ticked(place):
    sensor = takedown_inbox(place, takedown_job(place))
    return sensor.evaluate_tick(dg.build_sensor_context()).run_requests


def test_only_accepted_requests_start_the_job(place):
    store = file(place)
    assert ticked(place) == []
    decide(store, "R-1", Status.ACCEPTED, at=LONG_AGO)
    (found,) = ticked(place)
    assert found.run_key == "R-1-1"
    assert found.run_config["ops"]["forget"]["config"] == {"request": "R-1"}


def test_a_site_without_a_ledger_has_nothing_waiting(tmp_path):
    assert ticked(Workplace(recipe="demo", site=str(tmp_path))) == []


@pytest.mark.parametrize(("due", "passed"), [(timedelta(days=30), False), (timedelta(days=300_000), True)])
def test_a_request_past_its_date_fails_the_check(place, due, passed):
    file(place, due)
    assert requests_due(place)().passed is passed


def test_the_gate_names_what_is_suppressed(place):
    ledger = Ledger.open(load_site(place.site).store)
    assert barred(ledger, None) == []
    key = b"k" * 32
    gone = Suppression(key, frozenset([("domain", keyed(key, "domain", made.HOST.encode()))]), frozenset())
    kept = ledger.db.rows("SELECT DISTINCT item_id FROM placement ORDER BY item_id")
    assert [(row["item_id"], row["why"]) for row in barred(ledger, gone)] == [
        (row["item_id"], "suppressed") for row in kept
    ]
