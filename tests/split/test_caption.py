"""Which of the things said of a picture becomes its caption."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.split.caption import BOILERPLATE, FILE_NAME, SOURCES, Caption, choose, flaw, primary, tidy
from schemas.annotation import Role
from tests.split.pictures import SAYER, said


def text_of(*annotations, languages=()):
    found = choose(annotations, languages)
    return found and found.text


def test_a_caption_has_its_words_its_place_its_language_and_who_says_it():
    assert choose([said(" A\nfrog. ", location="alt", language="en-GB")], ()) == Caption(
        text="A frog.", source="alt", language="en", flaw=None, capture_id=SAYER
    )


def test_nothing_said_is_no_caption():
    assert choose([], ()) is None
    assert choose([said(" \t\x00\n")], ()) is None
    assert choose([said("words of a recording", location="transcript")], ()) is None


def test_places_are_trusted_in_their_declared_order():
    places = [said(f"by {place}", location=place) for place in reversed(SOURCES)]
    found = []
    while places:
        best = choose(places, ())
        found.append(best.text)
        places = [one for one in places if one["text"] != best.text]
    assert found[3:] == ["by figcaption", "by alt", "by title", "by json_ld", "by og"]
    assert set(found[:3]) == {"by table", "by file", "by member"}


def test_the_words_that_may_be_used_most_freely_come_before_a_better_place_and_language():
    strict = said("A frog.", location="figcaption", language="en") | {"rights_rank": 3}
    free = said("Ein Frosch.", location="og", language="de") | {"rights_rank": 1}
    assert text_of(strict, free) == "Ein Frosch."
    assert text_of(strict, free | {"text": "IMG_3.jpg"}) == "A frog."
    assert text_of(strict | {"rights_rank": None}, free) == "A frog."


def test_uploads_are_equal_wherever_they_are_said_and_the_first_counts():
    assert text_of(said("a", location="member"), said("b", location="table")) == "a"


def test_a_caption_comes_before_a_title_of_the_same_place():
    assert text_of(said("the name", role="title"), said("what is seen")) == "what is seen"


def test_what_is_no_caption_comes_last_but_still_before_nothing():
    assert text_of(said("IMG_1234.jpg"), said("A frog.", location="og")) == "A frog."
    assert choose([said("IMG_1234.jpg"), said("logo", location="og")], ()).flaw == FILE_NAME


def test_the_languages_of_the_source_decide_between_what_one_place_says():
    words = [
        said("Ein Frosch.", language="de"), said("frog", language=None), said("A frog.", language="en-US"), said("蛙", language="zh_CN"),
    ]  # fmt: skip
    assert text_of(*words) == "A frog."
    assert text_of(*words, languages=["zh", "de"]) == "蛙"
    assert text_of(*words, languages=["fr"]) == "frog"
    assert text_of(said("蛙", location="table", language="zh"), said("A frog.", location="alt", language="en")) == "蛙"


@pytest.mark.parametrize(
    ("language", "expected"),
    [("en", "en"), ("zh_CN", "zh"), ("PT-br", "pt"), (" de ", "de"), ("nds", "nds"), (None, None), ("", None), ("und", None),
     ("English", None), ("x-klingon", None), ("日本", None)],
)  # fmt: skip
def test_a_language_is_its_primary_subtag(language, expected):
    assert primary(language) == expected


@pytest.mark.parametrize(
    "text",
    ["frog.png", "A frog.JPEG", "IMG_1234", "IMG1234", "20190704", "DSC-00012(1)", "red_frog", "http://a.example/b", "www.a.example",
     "photo-1518791841217-8f162f1e1131"],
)  # fmt: skip
def test_names_of_files_are_known(text):
    assert flaw(text) == FILE_NAME


@pytest.mark.parametrize(
    "text", ["Image", "image 3:", "LOGO", "Click to enlarge!", "Bild 12", "图片", "фото", "Imágenes"]
)
def test_words_for_any_picture_are_known(text):
    assert flaw(text) == BOILERPLATE


@pytest.mark.parametrize(
    "text",
    ["A frog.", "Zero.", "R2D2", "COVID-19", "A Boeing 747-8000 over Rome", "The logo of Acme", "Picture of a frog", "“Arrow”.",
     "青蛙。", "Frogs, 1923–1987", "a_b on a sign", "3.5", "!"],
)  # fmt: skip
def test_captions_have_no_flaw(text):
    assert flaw(text) is None


@given(
    st.text(
        st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from(" \t\r\n\v\x85\u2028\xa0\ufeffe\u0301"))
    )
)
def test_a_tidy_caption_is_stable_nfc_and_one_line(text):
    found = tidy(text)
    assert tidy(found) == found == unicodedata.normalize("NFC", found)
    assert len(found.splitlines()) <= 1
    assert found == " ".join(found.split())


annotations = st.builds(
    said, st.text("ab \n_.", max_size=6), location=st.sampled_from([*SOURCES, "transcript"]),
    role=st.sampled_from([Role.CAPTION.value, Role.TITLE.value]), language=st.sampled_from([None, "en", "de", "und"]),
)  # fmt: skip


@given(st.lists(annotations, max_size=5), st.lists(st.sampled_from(["de", "fr"]), max_size=2))
def test_something_usable_is_always_chosen_and_nothing_else(words, languages):
    usable = [one for one in words if tidy(one["text"]) and one["location"] in SOURCES]
    found = choose(words, languages)
    assert (found is None) == (not usable)
    assert found is None or found.text in {tidy(one["text"]) for one in usable}
    assert found is None or found.flaw is None or all(flaw(tidy(one["text"])) for one in usable)
