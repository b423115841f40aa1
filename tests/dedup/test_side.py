import pytest

from pipelines.dedup.side import WORDS_COMPARED, differences

LONG = " ".join(f"w{i}" for i in range(200))


@pytest.mark.parametrize(
    ("a", "b", "shown"),
    [
        ("same  words", "same\nwords", []),
        ("one two three", "one 2 three", [("one two three", "one 2 three")]),
        ("", "all new", [("", "all new")]),
        ("a b c d e f g", "a b c d e f", [("c d e f g", "c d e f")]),
        (f"x {LONG}", f"y {LONG}", [("x w0 w1 w2 w3", "y w0 w1 w2 w3")]),
        ("1 a b c 2", "3 a b c 4", [("1 a b c 2", "3 a b c 4")]),
        (LONG, "other", [(f"{' '.join(LONG.split()[:20])} … {' '.join(LONG.split()[-20:])}", "other")]),
    ],
)
def test_only_what_differs_is_shown_with_the_words_around_it(a, b, shown):
    assert differences(a, b) == shown


def test_the_first_places_are_shown_and_what_lies_far_behind_is_not_looked_at():
    other = " ".join(f"w{i}" if i % 20 else "new" for i in range(200))
    assert len(differences(LONG, other)) == 5
    many = "w " * WORDS_COMPARED
    assert differences(many, many + "end") == []
