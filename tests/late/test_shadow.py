"""A rule in shadow is measured and counted and drops nothing."""

import pytest

from pipelines.audit.drops import drops
from pipelines.audit.why import why
from pipelines.late.samples import drop_samples
from pipelines.recipe import dump, loads
from schemas.errors import InputError, RecipeError
from tests.conftest import recipe_over

MORE = '[stage."quality.gopher"]\nshadow = ["min_words", "max_words"]\nmax_words = 230\n'


@pytest.fixture(scope="module")
def shadowed(ran, again):
    return again(recipe_over(ran[0], MORE))


def test_it_drops_nothing_and_is_counted_beside_the_account(shadowed, ledger):
    rows = drops(shadowed).to_pylist()
    found = {(row["stage"], row["reason"]): row["items"] for row in rows if row["state"] == "shadow"}
    long = ledger.db.rows(
        "SELECT count(*) AS n FROM signal_web WHERE word_count > 230 AND item_id NOT IN (SELECT item_id FROM decision"
        " WHERE stage = 'quality.gopher')"
    )
    was = next(row["items"] for row in drops(ledger).to_pylist() if row["reason"] == "too_few_words")
    assert found["quality.gopher", "too_many_words"] == long[0]["n"] > 0
    assert found["quality.gopher", "too_few_words"] <= was
    assert not [
        row for row in rows if row["reason"] in ("too_few_words", "too_many_words") and row["state"] == "dropped"
    ]
    account = [row for row in rows if row["state"] != "shadow"]
    (everything,) = shadowed.db.rows("SELECT count(*) AS n FROM disposition")
    assert sum(row["items"] for row in account) == everything["n"]
    assert sum(row["share"] for row in account) == pytest.approx(1)


def test_why_tells_what_the_shadow_said_of_a_kept_item(shadowed):
    (row,) = shadowed.db.rows(
        "SELECT d.item_id FROM decision d JOIN disposition USING (item_id) WHERE verdict = 'shadow' AND state = 'kept'"
        " AND d.reason = 'too_many_words' ORDER BY 1 LIMIT 1"
    )
    (capture,) = why(shadowed, row["item_id"].hex())["captures"]
    (item,) = capture["items"][0]["children"]
    (said,) = [one for one in item["decisions"] if one["verdict"] == "shadow"]
    assert (item["disposition"]["state"], said["stage"], said["reason"]) == ("kept", "quality.gopher", "too_many_words")


def test_samples_of_a_reason_come_with_value_bound_and_the_start_of_the_text(shadowed, ledger):
    (one,) = [s for s in drop_samples(ledger, reason="lorem_ipsum", stage="quality.c4", n=9) if "longest" in s.uri]
    assert (one.signal, one.value, one.threshold) == ("lorem_ipsum_count", 1.0, 0.0)
    assert one.snippet.startswith("A page ")
    found = drop_samples(shadowed, reason="too_many_words", stage=None, n=2)
    assert [(s.stage, s.threshold, s.value > 230) for s in found] == [("quality.gopher", 230.0, True)] * 2
    roots = drop_samples(ledger, reason="no_text", stage=None, n=9)
    assert [(s.snippet, s.value) for s in roots] == [(None, None)]


def test_a_reason_that_nothing_ended_for_is_refused_with_those_there_are(ledger):
    with pytest.raises(InputError, match=r"there are: .*lorem_ipsum \(quality\.c4\)"):
        drop_samples(ledger, reason="too_few_wrods", stage=None, n=3)
    with pytest.raises(InputError, match="1 or more"):
        drop_samples(ledger, reason="lorem_ipsum", stage=None, n=0)


def test_a_recipe_keeps_its_shadows_and_their_digest(tmp_path):
    recipe, plain = recipe_over(tmp_path, MORE), recipe_over(tmp_path, MORE.replace('"min_words", ', ""))
    assert loads(dump(recipe), base=tmp_path) == recipe
    assert loads(dump(recipe), base=tmp_path).digest == recipe.digest != plain.digest


def test_a_shadow_of_no_rule_is_refused(tmp_path):
    with pytest.raises(RecipeError, match="shadow names 'min_wrods', which is no rule of it; they are: min_words"):
        recipe_over(tmp_path, MORE.replace("min_words", "min_wrods"))
