"""Kinds of lines: what C4 and RefinedWeb would remove, how much of a text it is, and the edit that removes it."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.edits.lines import REMOVE_LINES
from pipelines.kernels.pieces import lines
from pipelines.measures.lines import C4_KINDS, KINDS, LINE_STATISTICS, REFINEDWEB_KINDS, line_kinds
from schemas.decision import Verdict
from schemas.errors import RecipeError
from schemas.item import text_sha256
from schemas.reasons import Reason
from tests.measures.items import items_of

PROSE = "The river had risen over the meadow before the miller woke."


def kinds_of(line):
    return {kind for kind, mask in line_kinds(lines(pa.array([line]))).items() if mask[0]}


@pytest.mark.parametrize(
    ("line", "kinds"),
    [
        (PROSE, set()),
        ("Please enable JavaScript to see the comments on this page.", {"javascript"}),
        ("By going on you agree to our Privacy  Policy.".replace("  ", " "), {"policy"}),
        ("Diese Seite verwendet Cookies und Dienste Dritter.", {"policy"}),
        ("Nobody uses cookiess here at all, ever.", set()),
        ("Too few words here.", {"few_words"}),
        ("A heading of six words stands here", {"no_end_mark"}),
        ("And so it went on and on...", {"no_end_mark"}),
        ("He said to her: “I shall.”", set()),
        ("THE WHOLE LINE IS LOUD Here.", {"uppercase"}),
        ("12 345,67 89 / 90 12", {"numeric", "no_end_mark"}),
        ("3 likes", {"counter", "few_words", "no_end_mark"}),
        ("1.2k Views", {"counter", "few_words", "no_end_mark"}),
        ("(17 Kommentare)", {"counter", "few_words", "no_end_mark"}),
        ("25 me gusta", {"counter", "few_words", "no_end_mark"}),
        ("The 3 comments were kind ones.", set()),
        ("Home", {"one_word", "few_words", "no_end_mark"}),
        ("• Home", {"one_word", "few_words", "no_end_mark"}),
        ("Sign in to see what your friends like.", {"navigation"}),
        ("Signs in the snow told of a fox.", set()),
        ("An hour later they were home. Read more >>", {"navigation", "no_end_mark"}),
        ("You have 3 items in your cart now.", {"navigation"}),
        ("In den Warenkorb", {"navigation", "few_words", "no_end_mark"}),
        ("We read more in a winter than in all of our other years.", set()),
        ("Read more of her letters in the old book that my own grandmother once gave to me.", set()),
    ],
)
def test_what_a_line_is(line, kinds):
    assert kinds_of(line) == kinds


def statistics(texts):
    return LINE_STATISTICS.fn(LINE_STATISTICS, items_of(texts)).to_pylist()


def test_shares_are_of_the_words_and_the_two_totals_count_a_line_once():
    text = f"{PROSE}\n3 likes\nHOME\n"  # 11 + 2 + 1 words
    (found,) = statistics([text])
    assert found["counter_line_word_ratio"] == 2 / 14
    assert found["uppercase_line_word_ratio"] == found["one_word_line_word_ratio"] == 1 / 14
    assert found["c4_line_word_ratio"] == found["refinedweb_line_word_ratio"] == 3 / 14
    assert (found["end_mark_line_ratio"], found["short_line_ratio"]) == (1 / 3, 2 / 3)


def test_a_null_text_has_null_shares_and_an_empty_one_zeros():
    null, empty = statistics([None, ""])
    assert set(null.values()) == {None}
    assert set(empty.values()) == {0.0}


def test_a_line_of_thirty_characters_is_short_and_one_of_thirty_one_is_not():
    assert [row["short_line_ratio"] for row in statistics(["x" * 30, "x" * 31])] == [1.0, 0.0]


def test_every_kind_is_of_one_of_the_two_families():
    assert (*C4_KINDS, *REFINEDWEB_KINDS) == KINDS
    assert set(KINDS) == set(line_kinds(lines(pa.array(["a"]))))


def edited(text, kinds=KINDS, language="en"):
    items = items_of([text])
    items = items.set_column(items.schema.get_field_index("language"), "language", pa.array([language]))
    stage = REMOVE_LINES.override({"kinds": kinds}, where="test")
    after, found = stage.fn(stage, items)
    return after.to_pylist()[0]["text"], found.to_pylist()[0]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"3 likes\n{PROSE}", PROSE),
        (f"{PROSE}\n3 likes", PROSE),
        (f"{PROSE}\n\n3 likes\n\n{PROSE}\n", f"{PROSE}\n\n{PROSE}\n"),
        (f"{PROSE}\n3 likes\n4 shares\n{PROSE}", f"{PROSE}\n{PROSE}"),
        (f"\n\n3 likes\n\n{PROSE}", f"\n\n{PROSE}"),
        (f"{PROSE}\n\n\n{PROSE}", f"{PROSE}\n\n\n{PROSE}"),
        ("3 likes\n4 shares", "3 likes\n4 shares"),
    ],
)
def test_a_line_goes_with_its_newline_and_a_text_is_never_emptied(text, left):
    assert edited(text)[0] == left


@pytest.mark.parametrize(
    "notice", ["© 2019 Ann Example. All rights reserved.", "Alle Rechte vorbehalten", "Tous droits réservés."]
)
def test_a_notice_of_rights_is_no_navigation_and_stays(notice):
    text = f"{PROSE}\n{notice}"
    assert edited(text, kinds=("navigation",))[0] == text
    assert edited(f"{text}\nlog in", kinds=("navigation",))[0] == text


def test_the_receipt_counts_the_lines_by_kind():
    text = f"3 likes\n{PROSE}\nSign in\n4 likes"
    after, receipt = edited(text, ("counter", "navigation"))
    assert after == PROSE
    assert (receipt["verdict"], receipt["reason"]) == (Verdict.EDIT, Reason.BOILERPLATE_LINES)
    assert receipt["detail"] == "counter: 2, navigation: 1"
    assert (receipt["before_sha256"], receipt["after_sha256"]) == (text_sha256(text), text_sha256(after))


def test_lines_without_spaces_or_marks_stay_in_languages_that_have_none():
    text = "河水漲過了堤岸\n3 likes"
    assert edited(text, language="zh")[0] == "河水漲過了堤岸"
    assert edited(f"Ein Wort\n{PROSE}", language="de")[0] == PROSE


def test_as_shipped_no_line_is_removed():
    assert REMOVE_LINES.settings["kinds"] == ()


def test_an_unknown_kind_is_an_error_that_names_those_there_are():
    with pytest.raises(RecipeError, match="no kind of line is called 'menus'; there are: javascript, "):
        edited(PROSE, ("menus",))


@given(st.lists(st.sampled_from(["", " ", PROSE, "3 likes", "• ", "HOME", "a \u2028b", "é\u0301x."]), max_size=9))
def test_what_is_left_are_the_lines_of_no_kind_in_their_order(found):
    text = "\n".join(found)
    before, after = lines(pa.array([text])), lines(pa.array([edited(text)[0]]))
    kinds = line_kinds(before)
    left = [line for i, line in enumerate(before.texts.to_pylist()) if not any(kinds[kind][i] for kind in KINDS)]
    assert after.texts.to_pylist() == (left or before.texts.to_pylist())
