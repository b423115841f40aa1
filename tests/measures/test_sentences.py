"""Questionable sentences, kind by kind, at the bounds of the paper."""

import pytest

from pipelines.measures.sentences import SENTENCE_STATISTICS
from pipelines.models.files import LID_176, model_path
from schemas.errors import ModelMissing
from tests.measures.items import items_of

PROSE = "The river had risen over the meadow before the miller woke."


def measured(texts, **settings):
    stage = SENTENCE_STATISTICS.override(settings, where="test")
    return stage.fn(stage, items_of(texts)).to_pylist()


@pytest.mark.parametrize(
    ("sentence", "kinds"),
    [
        (PROSE, set()),
        ("The Old Man And The Sea And The Boy saw it then.", {"list_case"}),
        ("The Old Man And The sea and the Boy saw it then.", set()),  # half of them is not more than half
        ("The Old Man And The Sea And The Boy saw.", set()),  # ten words
        ("x" * 19, {"odd_length"}),
        ("x" * 20, set()),
        ("word " * 100, set()),  # 499 characters
        ("word " * 100 + "ab", {"odd_length"}),
        ("abcdefgh (1/2) + {3}", {"technical"}),
        ("abcdefghijklmnop 1234", set()),
        ("Please enable JavaScript to go on from here.", {"cursed"}),
        ("Diese Seite wurde nicht gefunden, sagte sie.", {"cursed"}),
    ],
)
def test_what_a_sentence_is(sentence, kinds):
    (found,) = measured([sentence])
    assert {name.removesuffix("_sentence_ratio") for name, share in found.items() if share} - {"questionable"} == kinds
    assert found["questionable_sentence_ratio"] == float(bool(kinds))


def test_a_sentence_of_two_kinds_counts_once_and_a_line_ends_one():
    (found,) = measured([f"{PROSE} {PROSE}\nlorem ipsum\n{PROSE}"])
    assert (
        found["questionable_sentence_ratio"]
        == found["cursed_sentence_ratio"]
        == found["odd_length_sentence_ratio"]
        == 0.25
    )
    assert found["other_language_sentence_ratio"] is None


def test_null_has_null_shares_and_empty_zeros():
    null, empty = measured([None, ""])
    assert set(null.values()) == {None}
    assert set(empty.values()) - {None} == {0.0}


def test_a_sentence_in_another_language_is_questionable_where_it_is_asked_for():
    try:
        model_path(LID_176.name)
    except ModelMissing as error:
        pytest.skip(str(error))
    german = "Der Fluss trat in der Nacht über die Ufer, und niemand im Dorf hat es gehört."
    found, null = measured([f"{PROSE} {PROSE} {PROSE} {german}", None], languages=True)
    assert found["other_language_sentence_ratio"] == found["questionable_sentence_ratio"] == 0.25
    assert null["other_language_sentence_ratio"] is None
