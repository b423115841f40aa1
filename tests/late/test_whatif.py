"""What `whatif` answers is what a run would have done."""

import dataclasses

import pytest

from pipelines.audit.open import Ledger
from pipelines.late.change import changed
from pipelines.late.replay import Replay
from pipelines.late.stored import stored
from pipelines.late.whatif import whatif
from pipelines.recipe import dump, loads
from schemas.errors import InputError, LedgerError


def replayed(ledger, recipe):
    """(item, state, stage, reason, witness) of every item, as the replay has it."""
    return sorted(
        tuple(row.values()) for one in Replay(stored(ledger), recipe).fates().values() for row in one.after.to_pylist()
    )


def ended(ledger):
    return sorted(tuple(row.values()) for row in stored(ledger).table("disposition").to_pylist())


CHANGES = (
    ("quality.gopher.min_words=230",),
    ("quality.c4.max_lorem_ipsum=1",),
    ("min_words=off", "quality.gopher.min_stop_words=off", "spam.phrases.max_phrases_per_100_words=100"),
    ("dedup.text.threshold=0.95",),
    ("dedup.text.threshold=0.5", "quality.c4.max_lorem_ipsum=off"),
    ("policy=permissive", "max_lorem_ipsum=3", "language.languages=en", "min_sentences=1"),
)


@pytest.mark.parametrize("asked", CHANGES, ids=" ".join)
def test_it_equals_a_run_with_these_thresholds(ledger, there, again, asked):
    recipe = changed(there.recipe, asked)
    after = again(recipe)
    assert replayed(ledger, recipe) == ended(after)
    assert replayed(after, there.recipe) == ended(ledger)  # and back
    found, kept = whatif(ledger, asked), after.db.rows("SELECT count(*) AS n FROM disposition WHERE state = 'kept'")
    assert found.kept_after == kept[0]["n"]
    assert found.kept_before + found.gained.items - found.lost.items == found.kept_after


def names(there, samples):
    return {one.uri.rpartition("/")[2].partition(".")[0] for one in samples}


def test_a_page_that_comes_back_stands_for_the_others_again(ledger, there):
    found = whatif(ledger, ["quality.c4.max_lorem_ipsum=1"])
    assert names(there, found.gained.samples) == {"longest", "latin"}
    assert names(there, found.lost.samples) <= {"second", "copy"}  # the better of two equal texts
    assert (found.gained.items, found.lost.items, found.other_witness) == (2, 1, 2)
    (longest,) = [one for one in found.gained.samples if "longest" in one.uri]
    assert (longest.stage, longest.reason, longest.value, longest.threshold) == ("quality.c4", "lorem_ipsum", 1.0, 0.0)
    assert [(one.rule, one.items) for one in found.unmeasured] == [("quality.c4.max_lorem_ipsum", 0)]
    assert {(one.stage, one.reason, one.before, one.after) for one in found.shifts} == {
        (None, None, found.kept_before, found.kept_after), ("quality.c4", "lorem_ipsum", 2, 0),
        ("dedup.text", "near_duplicate", 2, 4), ("dedup.text", "exact_duplicate", 2, 1),
    }  # fmt: skip


def test_what_is_counted_of_each_side_is_what_the_ledger_has(ledger, again, there):
    asked = ["policy=permissive"]
    found = whatif(ledger, asked, samples=2)
    after = again(changed(there.recipe, asked))
    rows = ledger.db.rows(
        "SELECT DISTINCT i.item_id, i.bytes, i.language, i.licence, c.host, s.word_count FROM item i JOIN capture c USING (capture_id)"
        " JOIN signal_web s USING (item_id) JOIN disposition d USING (item_id) WHERE d.state = 'kept'"
    )
    kept = {row["item_id"] for row in after.db.rows("SELECT item_id FROM disposition WHERE state = 'kept'")}
    lost = [row for row in rows if row["item_id"] not in kept]
    side = found.lost
    assert (side.items, side.bytes, side.words) == (
        len(lost),
        sum(r["bytes"] for r in lost),
        sum(r["word_count"] for r in lost),
    )
    for tallies, column in ((side.domains, "host"), (side.languages, "language"), (side.licences, "licence")):
        counted = {one.name: one.items for one in tallies}
        assert counted == {
            name: sum((row[column] or "unknown") == name for row in lost)
            for name in {r[column] or "unknown" for r in lost}
        }
    assert len(side.samples) == 2


def test_snippets_hold_no_personal_data(ledger):
    found = whatif(ledger, ["quality.c4.max_lorem_ipsum=1", "min_words=10"], samples=50)
    assert found.gained.samples
    assert [one for one in found.gained.samples if one.snippet is None or "@mail.example" in one.snippet] == []


def test_another_recipe_is_asked_for_with_all_that_differs_in_it(ledger, there):
    text = dump(there.recipe).replace("min_words = 50.0", "min_words = 10.0").replace("opt_out_respected", "permissive")
    text = text.replace('"CCBot", ', "")
    found = whatif(ledger, [], loads(text, base=there.recipe.base))
    assert {one.name for one in found.changes} == {"policy", "agents", "quality.gopher.min_words"}
    text = text.replace('"GPTBot"', '"CCBot", "GPTBot"')
    found = whatif(ledger, [], loads(text, base=there.recipe.base))
    asked = whatif(ledger, ["policy=permissive", "quality.gopher.min_words=10"])
    assert dataclasses.replace(found, seconds=0) == dataclasses.replace(asked, seconds=0)


def test_settings_of_one_source_stay_its_own(ledger, there):
    text = dump(there.recipe) + '[[source]]\nlane = "web"\nfrom = "x"\n'
    with pytest.raises(InputError, match="same sources"):
        whatif(ledger, [], loads(text + OTHER_CARD, base=there.recipe.base))
    own = dump(there.recipe).replace(
        "[source.crawl]", '[source.stage."quality.gopher"]\nmin_words = 10\n[source.crawl]'
    )
    found = whatif(ledger, [], loads(own, base=there.recipe.base))
    assert [one.name for one in found.changes] == ["quality.gopher.min_words of source corpus"]
    assert ("quality.gopher", "too_few_words") in {(one.stage, one.reason) for one in found.shifts}


OTHER_CARD = '[source.card]\nname = "b"\nkind = "synthetic"\ntitle = "b"\nprovider = "b"\ncontact = "b"\n'


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("min_wrods=3", "did you mean min_words"),
        ("min_words=many", "expected a number, or `off`, as in quality.gopher.min_words=50"),
        ("min_words=nan", "expected a number"),
        ("min_words", "is no RULE=VALUE"),
        ("policy=yolo", "policy 'yolo' is unknown"),
        ("quality.gopher.shadow=min_wrods", "which is no rule of it"),
        ("dedup.text.shingle_words=3", "stored signatures were made and compared with 5"),
        ("dedup.text.threshold=7", "must lie between"),
        ("split.html.max_bytes=5", "stage split.html is not the same"),
        ("dedup.text.permutations=1.5", "expected a whole number"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_the_cure(ledger, asked, told):
    with pytest.raises(InputError) as refused:
        whatif(ledger, [asked])
    assert told in str(refused.value)


def test_a_short_name_that_several_stages_have_must_be_told_apart(there):
    with pytest.raises(InputError, match=r"quality\.gopher\.shadow, quality\.gopher_repetition\.shadow"):
        changed(there.recipe, ["shadow=min_words"])


def test_a_run_of_other_stages_is_not_answered_for(ledger, ran):
    store = ran[1].store
    (row,) = ledger.db.table("SELECT * FROM run").to_pylist()
    row["recipe_digest"] = bytes(32)
    files = [part for part in ledger.commit.files if part.table != "run"]
    other = store.publish(
        "run", stored(ledger).table("run").from_pylist([row], schema=stored(ledger).table("run").schema)
    )
    commit = dataclasses.replace(ledger.commit, files=(*files, other))
    opened = Ledger(store=store, commit=commit, db=type(ledger.db)(store, commit.files))
    with pytest.raises(LedgerError, match="run the recipe again"):
        whatif(opened, ["min_words=3"])
