import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.models.view import lines, window_lines


def line(text, name="hate", **more):
    return " ".join(lines(pa.array([text], pa.string()), name=name, **more)[0].as_py().split())


def test_marks_stand_apart_and_a_row_of_them_is_one():
    assert line("Win!!!! now... (yes)", "quality") == "win ‼ now … ( yes )"


def test_for_spam_all_digits_are_alike():
    assert line("Txt WIN to 87121, £1,000!", "spam") == "txt win to 00000 , £ 0 , 000 !"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Women are vermin", "GA are VA"),
        ("those black people", "those GA"),
        ("a black cat", "a black cat"),
        ("Women are not vermin", "GN are NO VN"),
        ("I do not hate women, they are vermin", "i do NO hate GA , they are VA"),
        ("wasps are vermin", "wasps are VL"),
        ('Saying "women are vermin" is racist', "SY QU is WR"),
        ("Saying that women are vermin is racist", "SY that GQ are VQ is WR"),
        ("“Women are vermin” is a racist thing to say", "QU is a WR thing to SY"),
        ('these "people" are vermin, women too', 'these " people " are VA , GA too'),
        ('"Women are vermin"', '" GA are VA "'),
    ],
)
def test_for_hate_words_are_classes_of_words(text, expected):
    assert line(text) == expected


def test_words_of_other_parts_stay_words():
    assert line("Muslims are rats") == "GA are VA"
    assert line("Muslims are rats", known=("test",)) == "muslims are rats"


def test_hidden_and_similar_characters_change_no_line():
    assert line("W\u200bomen \u0430re v3rmin") == line("women are vermin")


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.none() | st.text(max_size=40) | st.sampled_from(["women are rats " * 90, '"a b c" women say', "\n"]),
        max_size=4,
    )
)
def test_each_text_has_lines_of_its_own_and_none_is_broken(texts):
    views, rows = window_lines(pa.array(texts, pa.string()), name="hate")
    assert all("\n" not in view and "\0" not in view for view in views.to_pylist())
    alone = [window_lines(pa.array([text], pa.string()), name="hate")[0].to_pylist() for text in texts]
    assert views.to_pylist() == [view for found in alone for view in found]
    assert set(rows.tolist()) == {n for n, text in enumerate(texts) if text}
