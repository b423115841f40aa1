"""The balance of captions: laws that hold whatever the captions are."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.mix.balance import decide, held, kept, read_entries
from pipelines.recipe import dump, loads
from schemas.digest import sha256
from schemas.errors import RecipeError
from schemas.item import ID
from tests.split.pictures import recipe as corpus

WORDS = ["cat", "dog", "red", "fox", "the", "axolotl", "Zürich"]
ENTRIES = pa.array(["cat", "dog", "red fox", "axolotl", "zürich", "the red fox"])
captions = st.lists(st.none() | st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join), max_size=40)


def ids_of(texts):
    return pa.array([sha256(str(number).encode()) for number in range(len(texts))], ID)


def run(ids, texts, at_most, seed=0, *, keep_unmatched=True):
    return kept(ids, pa.array(texts, pa.string()), ENTRIES, at_most=at_most, keep_unmatched=keep_unmatched, seed=seed)


def test_entries_are_held_as_whole_words_whatever_their_case_and_marks():
    texts = pa.array(
        ["Two RED foxes; a red, fox.", "concatenate", None, "", "zürich! The red fox and a Cat", "fox", "cat cat"]
    )
    rows, entries = held(texts, ENTRIES)
    found = [(row, ENTRIES[entry].as_py()) for row, entry in zip(rows.tolist(), entries.tolist(), strict=True)]
    assert found == [(0, "red fox"), (4, "cat"), (4, "red fox"), (4, "zürich"), (4, "the red fox"), (6, "cat")]


@settings(deadline=None)
@given(captions)
def test_held_is_what_a_search_for_whole_words_finds(texts):
    rows, entries = held(pa.array(texts, pa.string()), ENTRIES)
    expected = [
        (row, number)
        for row, text in enumerate(texts)
        for number, entry in enumerate(ENTRIES.to_pylist())
        if f" {entry} " in f" {(text or '').lower()} "
    ]
    assert list(zip(rows.tolist(), entries.tolist(), strict=True)) == expected


@settings(deadline=None)
@given(captions, st.integers(1, 20), st.randoms())
def test_who_stays_does_not_depend_on_the_order_of_rows(texts, at_most, chance):
    ids = ids_of(texts)
    order = list(range(len(texts)))
    chance.shuffle(order)
    stays, _ = run(ids, texts, at_most)
    again, _ = run(ids.take(pa.array(order, pa.int64())), [texts[at] for at in order], at_most)
    assert again.tolist() == [stays[at] for at in order]


@settings(deadline=None)
@given(captions, st.integers(1, 20), st.booleans())
def test_the_tail_stays_whole_and_what_holds_no_entry_as_asked(texts, at_most, keep_unmatched):
    stays, rarest = run(ids_of(texts), texts, at_most, keep_unmatched=keep_unmatched)
    for stay, count in zip(stays, rarest, strict=True):
        if count == 0:
            assert stay == keep_unmatched
        elif count <= at_most:
            assert stay


@settings(deadline=None)
@given(captions, st.integers(1, 10))
def test_a_higher_bound_keeps_all_that_a_lower_one_does(texts, at_most):
    low, _ = run(ids_of(texts), texts, at_most)
    high, _ = run(ids_of(texts), texts, at_most + 5)
    assert not (low & ~high).any()


def test_of_a_common_entry_about_the_bound_stays_and_a_seed_chooses():
    texts = ["a cat"] * 3000 + ["a cat with an axolotl"] * 20
    stays, _ = run(ids_of(texts), texts, 300)
    assert stays[3000:].all()
    assert abs(stays[:3000].sum() - 298) < 60  # 4 standard deviations
    other, _ = run(ids_of(texts), texts, 300, seed=1)
    assert 0 < np.sum(stays & other) < stays.sum()


RECIPE = corpus(more='[balance]\nentries = "entries.txt"\nat_most = 2')


@pytest.fixture
def recipe(tmp_path):
    (tmp_path / "entries.txt").write_text("cat\n\nRed  fox\ncat\n")
    return loads(RECIPE, base=tmp_path)


def test_the_list_is_part_of_the_recipe_and_its_decisions_say_why(recipe, tmp_path):
    assert loads(dump(recipe), base=tmp_path) == recipe
    assert recipe.digest != loads(RECIPE.partition("[balance]")[0], base=tmp_path).digest
    texts = ["cat"] * 40 + ["a red fox", "a house"]
    found = decide(recipe.balance, ids_of(texts), pa.array(texts), 0).to_pylist()
    assert {(row["stage"], row["verdict"], row["reason"], row["value"], row["threshold"]) for row in found} == {
        ("mix.balance", "drop", "over_represented", 40.0, 2.0)
    }
    assert 30 < len(found) < 40
    (tmp_path / "entries.txt").write_text("dog\n")
    assert loads(RECIPE, base=tmp_path).digest != recipe.digest
    with pytest.raises(RecipeError, match="changed while it was used"):
        decide(recipe.balance, ids_of(texts), pa.array(texts), 0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("entries.txt", "gone.txt"), "cannot be read"),
        (("at_most = 2", "at_most = 0"), "at_most must be at least 1"),
        (("at_most = 2", 'lanes = ["audio"]'), "lane 'audio' is of no source"),
        (("at_most = 2", "most = 2"), "unknown key 'most'"),
        (('entries = "entries.txt"', ""), "`entries` is needed"),
    ],
)
def test_a_wrong_setting_is_named(recipe, tmp_path, change, said):
    with pytest.raises(RecipeError, match=said):
        loads(RECIPE.replace(*change), base=tmp_path)


def test_a_list_without_entries_is_refused(tmp_path):
    (tmp_path / "none.txt").write_text("\n -- \n")
    with pytest.raises(RecipeError, match="holds no entry"):
        read_entries(tmp_path / "none.txt")
