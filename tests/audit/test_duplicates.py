"""The cluster of a name, told from the ledger of the demo."""

import json

import pytest

from pipelines.audit.duplicates import duplicates
from pipelines.audit.open import Ledger
from pipelines.cli import main
from schemas.errors import NotFound

NEAR, ITS_ORIGINAL = "http://river.example/mirror/2.html", "http://river.example/stories/2.html"


@pytest.fixture(scope="module")
def ledger(demo):
    return Ledger.open(demo[1].store)


def test_a_near_copy_shows_what_it_was_merged_into_and_where_they_differ(ledger):
    found = duplicates(ledger, NEAR)
    assert json.loads(json.dumps(found)) == found
    (cluster,) = found["clusters"]
    kept, merged = cluster["members"]
    assert (kept["uri"], kept["state"], merged["uri"], merged["state"]) == (ITS_ORIGINAL, "kept", NEAR, "merged")
    assert (merged["witness_id"], merged["method"], cluster["pairs"]) == (kept["item_id"], "minhash", 1)
    (pair,) = cluster["closest"]
    assert pair["similarity"] == merged["similarity"] >= 0.8
    assert any("was written anew" in one["item"] + one["other"] for one in pair["differences"])
    assert (
        duplicates(ledger, ITS_ORIGINAL)["clusters"] == duplicates(ledger, merged["item_id"])["clusters"] == [cluster]
    )


def test_an_exact_copy_has_no_closest_pair_and_an_item_of_its_own_no_cluster(ledger):
    (cluster,) = duplicates(ledger, "http://river.example/stories/1.html")["clusters"]
    assert [row["state"] for row in cluster["members"]] == ["kept", "merged"]
    assert cluster["closest"] == []
    assert duplicates(ledger, "http://river.example/stories/4.html")["clusters"] == []


def test_every_merged_item_of_the_ledger_lies_in_the_component_of_its_witness(ledger):
    rows = ledger.db.rows("SELECT item_id, witness_id, cluster_id FROM duplicate")
    assert len(rows) >= 10
    for row in rows:
        (cluster,) = duplicates(ledger, row["item_id"].hex())["clusters"]
        assert cluster["cluster_id"] == row["cluster_id"].hex()
        assert row["witness_id"].hex() in {one["item_id"] for one in cluster["members"]}


def test_a_name_that_nobody_knows_is_told_as_such(ledger):
    with pytest.raises(NotFound, match=r"nothing in the ledger answers to 'http://nowhere\.example/'"):
        duplicates(ledger, "http://nowhere.example/")


def test_the_command_shows_the_cluster_to_people_and_to_machines(demo, capsys):
    site = demo[1].store.root
    assert main(["duplicates", NEAR, "--site", site, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["clusters"][0]["lane"] == "web"
    assert main(["duplicates", NEAR, "--site", site]) == 0
    said = capsys.readouterr().out
    assert "2 items, 1 verified pairs" in said
    assert "merged" in said
    assert main(["duplicates", "http://river.example/stories/4.html", "--site", site]) == 0
    assert capsys.readouterr().out == "http://river.example/stories/4.html: nothing was found to be like it\n"
