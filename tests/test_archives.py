"""The worked run of docs/archives.md on the shared real archives, against their hand-made dispositions."""

import json
from pathlib import Path

import pytest

from pipelines.audit.open import Ledger
from pipelines.recipe import loads
from pipelines.run import run
from tests.conftest import site_at

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
DOC = Path(__file__).resolve().parents[1] / "docs" / "archives.md"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the shared real data is not beside this checkout")

# disposition in the gold file -> what the ledger may say: outcomes, states or reasons
MEANS = {
    "robots": {"robots_file"},
    "keep": {"kept", "merged"},
    "drop:status": {"http_error", "not_found"},
    "drop:robots_ccbot": {"robots_disallowed"},
    "drop:optout_header": {"header_opt_out"},
    "drop:exact_dup": {"exact_duplicate", "kept"},
    "drop:near_dup": {"near_duplicate", "exact_duplicate", "kept"},
    "route:image": {"fetched"},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    text = DOC.read_text("utf-8").split("```toml\n")[1].split("```")[0]
    site = site_at(tmp_path_factory.mktemp("archives"))
    return site, run(loads(text, base=DATA.parent), site)


def test_the_run_balances_and_makes_a_release(made):
    assert made[1].balance.holds
    assert made[1].release


def against_gold(ledger):
    """URL -> what the ledger says of it, of the records of the crawl whose disposition is not the hand-made one."""
    rows = ledger.db.rows(
        "SELECT c.uri, c.outcome, d.state, d.reason FROM capture c LEFT JOIN item i USING (capture_id)"
        " LEFT JOIN disposition d USING (item_id) WHERE d.state IS DISTINCT FROM 'split'"
    )
    said = {row["uri"]: {row["reason"] or row["state"] or row["outcome"]} for row in rows}
    said = {
        uri: {"merged", *found} if found & {"exact_duplicate", "near_duplicate"} else found
        for uri, found in said.items()
    }
    gold = [json.loads(line) for line in (DATA / "web/cc_crawl/gold.jsonl").read_text("utf-8").splitlines()]
    return {g["url"]: said.get(g["url"]) for g in gold if not MEANS[g["disposition"]] & said.get(g["url"], set())}


def test_the_hand_made_dispositions_come_out(made):
    assert against_gold(Ledger.open(made[0].store)) == {}


def test_of_each_page_and_its_copy_exactly_one_is_kept(made):
    rows = Ledger.open(made[0].store).db.rows(
        "SELECT c.uri FROM disposition d JOIN item i USING (item_id) JOIN capture c USING (capture_id) WHERE d.state = 'kept'"
    )
    kept = {row["uri"] for row in rows}
    gold = [json.loads(line) for line in (DATA / "web/cc_crawl/gold.jsonl").read_text("utf-8").splitlines()]
    assert [g["url"] for g in gold if "_dup" in g["disposition"] and (g["url"] in kept) == (g["ref"] in kept)] == []
