"""Evaluation sets and protected works of a recipe: off without them, each hit told, their digests part of the stage."""

import json

import pyarrow as pa
import pytest

from pipelines.measures.overlap import OVERLAP_MEASURE
from pipelines.policies.overlap import OVERLAP
from pipelines.recipe import dump, loads, with_files
from schemas.errors import RecipeError
from tests.conftest import recipe_over

PROBLEM = (
    "Tomas rows a ferry across the river nine times a day and carries at most seven goats on every trip to the mill."
)
WORK = " ".join(f"{name} {verb} the {thing}" for name in ("Ada", "Ben", "Cleo", "Dov") for verb in ("mends", "sells", "paints") for thing in ("lantern", "anchor", "rudder", "sail", "oar"))  # fmt: skip


def stage_of(folder, **settings):
    return with_files(OVERLAP_MEASURE.override(settings, where="test"), folder)


def items_of(texts):
    ids = [bytes([row]) * 32 for row in range(len(texts))]
    return pa.RecordBatch.from_pydict({"item_id": pa.array(ids, pa.binary(32)), "language": pa.nulls(len(texts), pa.string()),
                                       "text": pa.array(texts, pa.string())})  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "quiz.jsonl").write_text(json.dumps({"id": "q1", "question": PROBLEM}) + "\n")
    (tmp_path / "works").mkdir()
    (tmp_path / "works" / "log.txt").write_text(WORK)
    return tmp_path


def test_without_sets_nothing_is_measured_and_nothing_dropped():
    items = items_of([PROBLEM, None, ""])
    signals = OVERLAP_MEASURE.fn(OVERLAP_MEASURE, items)
    assert signals.to_pylist() == [dict.fromkeys(OVERLAP_MEASURE.signals)] * 3
    decided = OVERLAP.fn(OVERLAP, items, pa.RecordBatch.from_struct_array(signals))
    assert decided.column("verdict").to_pylist() == ["keep"] * 3


def test_each_hit_is_told_and_dropped_for_its_reason(folder):
    stage = stage_of(folder, evaluation_sets=["quiz.jsonl"], protected_works=["works"])
    quoted = " ".join(WORK.split()[:14])
    prose = (
        "The harbour lay still that evening while gulls argued over what the nets had left behind on the stones. " * 5
    )
    texts = ["Ask: " + PROBLEM.upper(), f"{prose}{WORK}", f"{prose}{quoted}", prose, None, WORK[:100]]
    signals = stage.fn(stage, items_of(texts))
    told = signals.to_pylist()
    assert told[0] == {
        "evaluation_entries": 1, "evaluation_overlap": f"quiz.jsonl q1: {len(PROBLEM.split())} words at 5-{4 + len(PROBLEM)}",
        "protected_words": 0, "protected_share": 0.0, "protected_overlap": None,
    }  # fmt: skip
    assert told[1]["protected_words"] == len(WORK.split())
    assert told[1]["protected_share"] == pytest.approx(len(WORK) / len(texts[1]))
    assert told[2]["protected_words"] == 14
    assert told[3]["evaluation_entries"] == told[3]["protected_words"] == 0
    assert told[4] == dict.fromkeys(stage.signals)
    decided = OVERLAP.fn(OVERLAP, items_of(texts), pa.RecordBatch.from_struct_array(signals)).to_pylist()
    assert [(row["verdict"], row["reason"], row["signal"]) for row in decided] == [
        ("drop", "evaluation_overlap", "evaluation_entries"), ("drop", "protected_overlap", "protected_words"),
        ("keep", None, None), ("keep", None, None), ("keep", None, None), ("drop", "protected_overlap", "protected_share"),
    ]  # fmt: skip
    assert decided[0]["detail"] == told[0]["evaluation_overlap"]
    assert decided[1]["detail"].startswith("works log.txt: ")


def test_what_the_sets_hold_is_part_of_the_stage(folder):
    stage = stage_of(folder, evaluation_sets=["quiz.jsonl"])
    same = stage_of(folder, evaluation_sets=["quiz.jsonl"])
    (folder / "quiz.jsonl").write_text(json.dumps({"id": "q1", "question": PROBLEM + " Why?"}) + "\n")
    other = stage_of(folder, evaluation_sets=["quiz.jsonl"])
    assert stage.op_id == same.op_id != other.op_id
    with pytest.raises(RecipeError, match="evaluation_sets have changed since the recipe was read"):
        stage.fn(stage, items_of(["x"]))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"evaluation_sets": ["none.jsonl"]}, "evaluation_sets: set none.jsonl is not there"),
        ({"protected_works": ["bad"]}, "protected_works: set bad holds no file"),
        ({"ngram": 2}, "ngram must be from 5 to 1000"),
    ],
)
def test_sets_and_runs_that_cannot_be_used_are_refused(folder, settings, says):
    (folder / "bad").mkdir()
    with pytest.raises(RecipeError, match=says):
        stage_of(folder, **settings)


MORE = """
[stage."measure.overlap"]
evaluation_sets = ["quiz.jsonl"]
"""


def test_a_recipe_names_sets_beside_it(folder):
    recipe = recipe_over(folder, MORE)
    assert loads(dump(recipe), base=folder).digest == recipe.digest
    (stage,) = [one for one in recipe.lane("web").measures if one.name == "measure.overlap"]
    assert [name for name, _ in stage.files] == ["evaluation_sets quiz.jsonl"]
    with pytest.raises(RecipeError, match=r"quiz\.jsonl is not there"):
        recipe_over(folder / "works", MORE)
