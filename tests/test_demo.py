"""The demo: a real crawl of the planted sites on loopback, to a release in which every page met its fate."""

import warnings

import pytest

from pipelines.audit.open import Ledger
from pipelines.demo import demo_site
from pipelines.recipe import load
from pipelines.run import run
from pipelines.shard.verify import verify_release
from tests.conftest import site_at
from tests.corpus.pages import pages
from tests.test_run import fates


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    recipe, site = load("demo"), site_at(tmp_path_factory.mktemp("demo"))
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ResourceWarning
        )  # the server process of the demo ends after its pipes are closed
        with demo_site(recipe, site) as ready:
            return recipe, ready, run(recipe, ready)


def test_every_page_that_is_linked_meets_its_fate(demo):
    found = fates(demo[1])
    wrong = {}
    for page in pages():
        if page.group or page.url not in found:
            continue
        state, reason = found[page.url]
        if state not in (page.fate, "merged") or (page.fate == "dropped" and page.reason and reason != page.reason):
            wrong[page.url] = (state, reason)
    assert wrong == {}
    unseen = {page.path for page in pages() if page.url not in found}
    assert unseen <= {"/robots.txt"}


def test_what_robots_forbids_was_not_fetched_and_is_in_the_ledger(demo):
    rows = Ledger.open(demo[1].store).db.rows("SELECT detail, payload FROM capture WHERE uri LIKE '%/cellar/wine.html'")
    assert [row["payload"] for row in rows] == [None]
    assert "Disallow: /cellar/" in rows[0]["detail"]


def test_the_release_verifies_and_a_second_run_fetches_nothing(demo):
    recipe, site, first = demo
    assert verify_release(site.store.local(first.release_path)).problems == ()
    again = run(recipe, site)  # the server is gone: whatever asked it would fail
    assert (again.run, again.reused) == (first.run, again.rooms)
