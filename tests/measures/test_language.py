import gzip
import json
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.measures.language import (
    CLAIMED_EXAMPLES,
    FEW_LETTERS,
    HEAD_CHARACTERS,
    LANGUAGE,
    SCRIPTS,
    examples,
    script_languages,
)
from pipelines.models.files import LID_176, model_path
from schemas.errors import ModelMissing
from tests.measures.items import SHARED, items_of
from tests.measures.udhr import accuracy, right

UDHR = SHARED / "text" / "udhr_langid.jsonl.gz"
# UDHR file code -> the label it must get.
LARGE = {
    "arb": "ar", "bul": "bg", "cat": "ca", "ces": "cs", "cmn_hans": "zh", "cmn_hant": "zh", "dan": "da", "deu": "de",
    "ell_monotonic": "el", "eng": "en", "est": "et", "fin": "fi", "fra": "fr", "heb": "he", "hin": "hi", "hun": "hu",
    "ind": "id", "ita": "it", "jpn": "ja", "kor": "ko", "lav": "lv", "lit": "lt", "nld": "nl", "nob": "no", "pol": "pl",
    "por_BR": "pt", "por_PT": "pt", "ron": "ro", "rus": "ru", "slk": "sk", "slv": "sl", "spa": "es", "srp_cyrl": "sr",
    "swe": "sv", "tha": "th", "tur": "tr", "ukr": "uk", "vie": "vi",
}  # fmt: skip
OWN_SCRIPT = {
    "amh": "am", "bod": "bo", "div": "dv", "ell_monotonic": "el", "guj": "gu", "heb": "he", "hye": "hy", "jpn": "ja", "kan": "kn",
    "kat": "ka", "khm": "km", "kor": "ko", "lao": "lo", "mal": "ml", "mya": "my", "pan": "pa", "sin": "si", "tam": "ta",
    "tel": "te", "tha": "th",
}  # fmt: skip
ENGLISH = "The water had risen over the meadow, and the miller watched it from the old stone bridge before sunrise."
SAMPLES = ["", "12 345 % !", ENGLISH, "Übermorgen beginnt das Hochwasser.", "東京へ行く", "한국어", "a", "x\ny", None]


@pytest.fixture(autouse=True, scope="module")
def model():
    try:
        model_path(LID_176.name)
    except ModelMissing as error:
        pytest.skip(str(error))


def measure(texts):
    return LANGUAGE.fn(LANGUAGE, items_of(texts))


def languages(texts):
    return [row["language"] for row in measure(texts).to_pylist()]


def udhr(codes, characters=None):
    if not UDHR.exists():
        pytest.skip(f"no {UDHR.name} under shared/data")
    with gzip.open(UDHR, "rt", encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row["lang"] in codes]
    found = languages([row["text"][:characters] for row in rows])
    return sum(codes[row["lang"]] == language for row, language in zip(rows, found, strict=True)) / len(rows)


def test_sentences_of_large_languages_are_known():
    assert udhr(LARGE) >= 0.98


def test_the_languages_that_the_model_claims_are_known():
    if not UDHR.exists():
        pytest.skip(f"no {UDHR.name} under shared/data")
    found = accuracy(right())
    assert found.languages == 54
    assert found.micro >= 0.95
    assert found.macro >= 0.95


def test_the_model_says_how_many_examples_it_saw_of_each_of_its_languages():
    found = examples()
    assert len(found) == 176
    assert found["en"] > found["de"] > CLAIMED_EXAMPLES > found["gsw"] > 0
    assert "als" not in found


def test_four_characters_of_a_script_of_its_own_are_enough():
    assert udhr(OWN_SCRIPT, characters=4) >= 0.98


def test_a_text_has_a_language_and_a_confidence_rounded_to_a_thousandth():
    (row,) = measure([ENGLISH]).to_pylist()
    assert row["language"] == "en"
    assert 0.5 < row["language_confidence"] == round(row["language_confidence"], 3) <= 1.0


@pytest.mark.parametrize("text", [None, "", " \n", "12 345 % !", "https://www.example.com/page a@b.example", "😀"])
def test_without_letters_the_language_is_undecided(text):
    assert measure([text]).to_pylist() == [{"language": None, "language_confidence": None}]


def test_addresses_and_newlines_do_not_count():
    noisy = "https://le-site.example/une-page-de-la-maison\n\n" + ENGLISH.replace(" ", "\n") + "\nwww.maison.example"
    assert measure([noisy]).to_pylist() == measure([ENGLISH]).to_pylist()


def test_only_the_first_characters_are_read():
    head = (ENGLISH + " ") * (HEAD_CHARACTERS // len(ENGLISH) + 1)
    assert measure([head + "Das ist alles. " * 1000]).to_pylist() == measure([head]).to_pylist()


def test_alemannic_is_not_called_tosk_albanian():
    assert languages(["Das isch e chliini Gschicht us em Bärner Oberland, wo d Lüüt no Schwyzerdütsch rede."]) == [
        "gsw"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("東京へ行く", ("ja",)),
        ("東京", ()),
        ("한국", ("ko",)),
        ("שלום", ("he", "yi")),
        ("Привет", ()),
        ("abc", ()),
        ("αβγ x", ("el",)),
        ("α xyz", ()),
    ],
)
def test_script_says_what_it_can(text, expected):
    assert script_languages([c for c in text if c.isalpha()]) == expected


def test_a_short_text_in_a_script_of_its_own_is_certain_and_a_long_one_is_measured():
    short, long = measure(["ภาษา", "ภาษาไทยเป็นภาษาที่มีระดับเสียงของคำแน่นอน " * 5]).to_pylist()
    assert short == {"language": "th", "language_confidence": 1.0}
    assert long["language"] == "th"
    assert len([c for c in "ภาษาไทยเป็นภาษาที่มีระดับเสียงของคำแน่นอน " * 5 if c.isalpha()]) > FEW_LETTERS


def test_the_table_of_scripts_is_sorted_and_does_not_overlap():
    edges = [edge for first, last, _ in SCRIPTS for edge in (first, last)]
    assert edges == sorted(edges)


@settings(deadline=None)
@given(st.lists(st.sampled_from(SAMPLES) | st.text(max_size=20), max_size=6), st.integers(0, 6))
def test_each_item_is_measured_alone_and_in_order(texts, cut):
    whole = measure(texts)
    assert len(whole) == len(texts)
    assert whole.to_pylist() == measure(texts[:cut]).to_pylist() + measure(texts[cut:]).to_pylist()
    assert whole.type == measure([]).type


def test_the_stage_pickles_and_names_its_model():
    assert pickle.loads(pickle.dumps(LANGUAGE)) == LANGUAGE
    assert LANGUAGE.models == ((LID_176.name, LID_176.sha256),)
