import copy

from pipelines.audit.open import Ledger
from pipelines.recipe import SHIPPED
from tests.golden.table import COMMAND, complaints, pinned, table

THEN = {
    "corpus": "aa",
    "lanes": {
        "web": {
            "stages": {"capture": 1, "rights": 1, "split.html": 3, "quality.gopher": 2, "dedup.text": 1},
            "counts": {"kept": 5, "quality.gopher dropped too_few_words": 2, "split.html split": 7},
        }
    },
}


def changed(counts=(), stages=(), corpus="aa"):
    now = copy.deepcopy(THEN)
    now["corpus"] = corpus
    now["lanes"]["web"]["counts"] |= dict(counts)
    now["lanes"]["web"]["stages"] |= dict(stages)
    return now


def unversioned(now):
    return [text for text in complaints(THEN, now) if text.startswith("NOT VERSIONED")]


def test_the_demo_ends_as_the_golden_table_says(demo):
    recipe = (SHIPPED / "demo.toml").read_text("utf-8")
    assert list(complaints(pinned("demo"), table(Ledger.open(demo[1].store), recipe))) == []


def test_the_same_table_has_no_complaint():
    assert list(complaints(THEN, changed())) == []


def test_a_changed_count_needs_a_version_of_a_stage_up_to_it():
    counts = {"quality.gopher dropped too_few_words": 3}
    (told,) = unversioned(changed(counts))
    assert "2 items became 3" in told
    assert COMMAND in told
    assert unversioned(changed(counts, {"dedup.text": 2})) == [told]
    for stage in ("quality.gopher", "split.html", "capture"):
        assert unversioned(changed(counts, {stage: 9})) == []
    assert unversioned(changed(counts, corpus="bb")) == []


def test_any_stage_may_change_what_is_kept():
    assert unversioned(changed({"kept": 4}, {"dedup.text": 2})) == []
    assert len(unversioned(changed({"kept": 4}))) == 1


def test_a_new_stage_or_a_raised_version_alone_is_told_too():
    for stages in ({"quality.new": 1}, {"dedup.text": 2}):
        told = list(complaints(THEN, changed(stages=stages)))
        assert len(told) == 1
        assert COMMAND in told[0]
