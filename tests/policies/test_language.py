"""Languages wanted, and how sure the detector must be of each."""

import pyarrow as pa
import pytest

from pipelines.policies.language import LANGUAGE_WANTED
from schemas.errors import RecipeError
from schemas.reasons import Reason
from tests.measures.items import items_of


def judged(rows, **settings):
    stage = LANGUAGE_WANTED.override(settings, where="test")
    signals = pa.RecordBatch.from_pydict(
        {
            "language": pa.array([language for language, _ in rows], pa.string()),
            "language_confidence": pa.array([confidence for _, confidence in rows], pa.float64()),
        }
    )
    found = stage.fn(stage, items_of(["a"] * len(rows)), signals).to_pylist()
    return [(row["reason"], row["threshold"]) for row in found]


def test_a_language_with_a_number_of_its_own_is_held_to_it_and_the_others_to_the_one_for_all():
    rows = [("de", 0.6), ("de", 0.65), ("en", 0.6), ("en", 0.4), ("no", 0.1), (None, None)]
    found = judged(rows, min_confidence=0.5, min_confidence_of=("de=0.65", "no=0"))
    uncertain = Reason.LANGUAGE_UNCERTAIN.value
    assert found == [(uncertain, 0.65), (None, None), (None, None), (uncertain, 0.5), (None, None), (None, None)]


def test_a_language_that_is_not_wanted_is_dropped_however_sure():
    assert judged([("fr", 1.0), (None, None), ("de", 1.0)], languages=("de",)) == [
        (Reason.LANGUAGE_NOT_WANTED.value, None), (None, None), (None, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "entries", [("de",), ("de=high",), ("de=1.1",), ("de=-0.1",), ("de=0.5", "de=0.6"), ("de=nan",)]
)
def test_what_is_no_confidence_of_a_language_is_an_error(entries):
    with pytest.raises(RecipeError, match=r'min_confidence_of must be like \["de=0.65"\]'):
        LANGUAGE_WANTED.override({"min_confidence_of": entries}, where="test")
