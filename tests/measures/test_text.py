import pickle

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.kernels.text import Count
from pipelines.measures.text import ADVERTISING, COUNTS, RATIOS, TEXT_STATISTICS
from tests.kernels.test_text import reference
from tests.kernels.test_text import texts as any_text
from tests.measures.items import items_of

DERIVED = {
    "mean_word_length_chars",
    "symbol_word_ratio",
    "lorem_ipsum_count",
    "advertising_phrases_per_100_words",
}


def measure(texts):
    return TEXT_STATISTICS.fn(TEXT_STATISTICS, items_of(texts))


def one(text):
    return measure([text]).to_pylist()[0]


@settings(deadline=None)
@given(any_text)
def test_signals_are_the_plain_definitions(text):
    counts, found = reference(text), one(text)
    words = counts[Count.WORDS]
    assert {name: found[name] for name in COUNTS} == {name: counts[column] for name, column in COUNTS.items()}
    for name, (part, whole) in RATIOS.items():
        assert found[name] == (min(1.0, counts[part] / counts[whole]) if counts[whole] else 0.0), name
    assert found["mean_word_length_chars"] == (counts[Count.WORD_CHARACTERS] / words if words else 0.0)
    assert found["symbol_word_ratio"] == max(found["hash_sign_word_ratio"], found["ellipsis_word_ratio"])


@settings(deadline=None)
@given(st.lists(st.none() | any_text, max_size=6), st.integers(0, 6))
def test_each_item_is_measured_alone_and_in_order(texts, cut):
    whole = measure(texts)
    assert len(whole) == len(texts)
    assert whole.to_pylist() == measure(texts[:cut]).to_pylist() + measure(texts[cut:]).to_pylist()


def test_ratios_are_float64_and_counts_int64():
    kinds = {field.name: field.type for field in measure([]).type}
    assert set(kinds) == {*COUNTS, *RATIOS, *DERIVED}
    assert {name for name, kind in kinds.items() if kind == pa.int64()} == {*COUNTS, "lorem_ipsum_count"}
    assert {kind for name, kind in kinds.items() if name not in {*COUNTS, "lorem_ipsum_count"}} == {pa.float64()}


def test_a_null_text_has_null_signals_and_an_empty_one_zeros():
    null, empty = measure([None, ""]).to_pylist()
    assert set(null.values()) == {None}
    assert set(empty.values()) == {0}


def test_the_empty_batch_has_the_same_type():
    assert measure([]).type == measure(["a"]).type


def test_the_stage_pickles():
    assert pickle.loads(pickle.dumps(TEXT_STATISTICS)) == TEXT_STATISTICS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Lorem ipsum dolor, LOREM \n IPSUM", 2),
        ("lo\u00adrem ip\u200bsum", 1),
        ("ｌｏｒｅｍ\u3000ｉｐｓｕｍ", 1),
        ("lorem\u00a0ipsum", 1),
        ("lorem-ipsum, lorem ipsums", 0),
    ],
)
def test_placeholder_latin_is_found_whatever_hides_it(text, expected):
    assert one(text)["lorem_ipsum_count"] == expected


def test_advertising_is_counted_per_hundred_words():
    assert one("Buy now! " + "word " * 98)["advertising_phrases_per_100_words"] == 1.0
    assert one("𝐁𝐮𝐲 𝐧𝐨𝐰 and CLICK\nHERE")["advertising_phrases_per_100_words"] == 40.0
    assert one("they buy nowadays")["advertising_phrases_per_100_words"] == 0.0


def test_every_phrase_is_found_as_it_is_written():
    assert [
        phrase for phrase in ADVERTISING if one(f"so {phrase}, yes")["advertising_phrases_per_100_words"] == 0
    ] == []
    assert list(ADVERTISING) == sorted(set(ADVERTISING))
