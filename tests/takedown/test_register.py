"""Requests are filed, decided and listed; steps that do not follow are refused."""

from datetime import UTC, datetime, timedelta

import pytest

from pipelines.audit.open import Ledger
from pipelines.audit.questions import ask
from pipelines.ledger.ledger import head_run
from pipelines.ledger.log import Log
from pipelines.takedown.closure import seeds
from pipelines.takedown.register import decide, file_request, is_overdue, requests
from schemas.errors import InputError, NotFound
from schemas.request import Scope, Status
from tests.ledger import made

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def file(store, name="R-1", value=made.HOST, **more):
    return file_request(store, name, Scope.DOMAIN, value, at=MONDAY, channel="email", **more)


def test_a_request_is_due_in_thirty_days_and_stands_where_its_last_step_left_it(store):
    file(store, requester="A. Ferryman")
    decide(store, "R-1", Status.ACCEPTED, at=MONDAY + DAY, by="legal")
    (row,) = requests(Ledger.open(store).db)
    assert (row["status"], row["due_at"], row["by"]) == ("accepted", MONDAY + 30 * DAY, "legal")
    assert not is_overdue(row, MONDAY + 30 * DAY)
    assert is_overdue(row, MONDAY + 31 * DAY)


def test_a_name_is_given_once(store):
    file(store)
    with pytest.raises(InputError, match="already"):
        file(store)


@pytest.mark.parametrize("name", ["", "../R-1", "R 1", "r" * 65])
def test_a_name_can_name_a_file(store, name):
    with pytest.raises(InputError, match="no name of a request"):
        file(store, name)


@pytest.mark.parametrize(
    ("scope", "value"), [(Scope.HASH, "abc"), (Scope.ITEM, "g" * 64), (Scope.KEY, "0" * 64), (Scope.DOMAIN, " ")]
)
def test_what_a_request_names_is_of_its_kind(store, scope, value):
    with pytest.raises(InputError, match=r"hex digits|empty"):
        file_request(store, "R-1", scope, value, at=MONDAY, channel="email")


@pytest.mark.parametrize(
    ("scope", "value"), [(Scope.DOMAIN, "RIVER.example."), (Scope.URL, "HTTP://river.example:80/kept#x")]
)
def test_a_name_may_be_written_in_another_way(store, scope, value):
    assert seeds(Ledger.open(store).db, scope, value).captures


@pytest.mark.parametrize(("first", "then"), [(Status.REFUSED, Status.DONE), (Status.ACCEPTED, Status.RECEIVED)])
def test_a_step_must_follow_from_the_last(store, first, then):
    file(store)
    decide(store, "R-1", first, at=MONDAY, reason="because")
    with pytest.raises(InputError, match="cannot be"):
        decide(store, "R-1", then, at=MONDAY)


def test_a_refusal_says_why(store):
    file(store)
    with pytest.raises(InputError, match="reason"):
        decide(store, "R-1", Status.REFUSED, at=MONDAY)


def test_who_is_not_in_the_register_cannot_be_accepted(store):
    with pytest.raises(NotFound, match="R-9"):
        decide(store, "R-9", Status.ACCEPTED, at=MONDAY)


def test_the_register_changes_neither_the_run_nor_the_chain(store):
    file(store)
    assert head_run(store, "made-0") is not None
    assert Log(store).head().run == "request-R-1"
    assert [one["what"] for one in Log(store).verify() if "missing" not in one["what"]] == []


def test_the_question_names_nobody_who_asked(store):
    file(store, requester="A. Ferryman", contact="ferry@mail.example")
    (row,) = ask(Ledger.open(store), "requests").to_pylist()
    assert (row["request"], row["status"], row["matched"]) == ("R-1", "received", 0)
    assert "Ferryman" not in str(row)
    assert "mail" not in str(row)


def test_work_is_the_shards_of_accepted_requests(store):
    file(store)
    assert ask(Ledger.open(store), "takedown-work").num_rows == 0
    decide(store, "R-1", Status.ACCEPTED, at=MONDAY)
    (row,) = ask(Ledger.open(store), "takedown-work").to_pylist()
    assert row["request"] == "R-1"
    assert row["due_at"] == MONDAY + 30 * DAY
    assert row["shard"].startswith(f"releases/{made.RELEASE}/web/")
    assert row["items"] >= 1
