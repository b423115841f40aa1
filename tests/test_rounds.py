"""A corpus that grows: a release over the captures of several rounds is what one over all of them at once would be."""

import dataclasses

import pytest

from pipelines.audit.open import Ledger
from pipelines.run import run
from tests.conftest import recipe_over, site_at
from tests.corpus import archive
from tests.corpus.pages import Page, html
from tests.corpus.prose import paragraphs

NEAR = 10  # stories that a later round captures again elsewhere, with another end


def page(path, text):
    return Page(host="river.example", path=path, body=html("A story", text), fate="kept")


def story(number):
    return paragraphs(f"round {number}")


FIRST = [page(f"/{n}.html", story(n)) for n in range(NEAR + 2)]
SECOND = [page(f"/again/{n}.html", [*story(n), "This line alone is new."]) for n in range(NEAR)]


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """(site, its two results, a site that saw all at once, its result)."""
    folder = tmp_path_factory.mktemp("rounds")
    recipe = recipe_over(folder)
    recipe = dataclasses.replace(recipe, shards=dataclasses.replace(recipe.shards, validation=0.4, test=0.2))
    site, whole = site_at(folder / "site"), site_at(folder / "whole")
    archive.write(folder / "1.warc.gz", FIRST)
    first = run(recipe, site)
    before = (site.store.local(first.release_path) / "SHA256SUMS").read_bytes()
    archive.write(folder / "2.warc.gz", SECOND)
    second = run(recipe, site)
    assert (site.store.local(first.release_path) / "SHA256SUMS").read_bytes() == before
    return site, first, second, whole, run(recipe, whole)


def rows(site, result, sql):
    return Ledger.open(site.store, run=result.run).db.rows(sql)


def test_a_new_round_is_compared_with_all_earlier_ones_as_if_they_had_come_at_once(grown):
    site, _, second, whole, all_at_once = grown
    for table in ("disposition", "duplicate", "edge"):
        sql = f"SELECT * FROM {table} ORDER BY ALL"
        assert rows(site, second, sql) == rows(whole, all_at_once, sql)
    assert second.balance == all_at_once.balance
    assert second.balance.merged == NEAR


def test_an_item_keeps_the_split_of_its_first_release_and_what_is_like_it_follows(grown):
    site, first, second, whole, all_at_once = grown
    sql = "SELECT p.item_id, s.split FROM placement p JOIN shard s USING (shard_id, release)"
    early, late, rebuilt = (
        {row["item_id"]: row["split"] for row in rows(*one, sql)}
        for one in ((site, first), (site, second), (whole, all_at_once))
    )
    stayed = early.keys() & late.keys()
    assert set(early.values()) > {"train"}
    assert len(stayed) == 2
    assert {item: late[item] for item in stayed} == {item: early[item] for item in stayed}
    # A longer copy stands for its original now: it is published where that was.
    came = {
        row["item_id"]: row["witness_id"] for row in rows(site, second, "SELECT item_id, witness_id FROM duplicate")
    }
    replaced = {merged: witness for merged, witness in came.items() if merged in early and witness not in early}
    assert {merged: late[witness] for merged, witness in replaced.items()} == {
        merged: early[merged] for merged in replaced
    }
    assert len(replaced) == NEAR
    # Drawn anew, some would have gone elsewhere: the test can fail.
    assert any(rebuilt[witness] != early[merged] for merged, witness in replaced.items())


def test_the_same_run_again_makes_the_same_release(grown):
    site, _, second, _, _ = grown
    folder = site.store.local(".").resolve().parent
    recipe = recipe_over(folder)
    recipe = dataclasses.replace(recipe, shards=dataclasses.replace(recipe.shards, validation=0.4, test=0.2))
    again = run(recipe, site)
    assert (again.run, again.release, again.reused) == (second.run, second.release, again.rooms)
