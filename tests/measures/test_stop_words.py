"""Stop words by language: the lists hold on real texts, and the count is the plain one."""

import gzip
import json
import unicodedata
from collections import defaultdict

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import rooms
from pipelines.lanes.web import WEB
from pipelines.measures.stop_words import STOP_WORD_COUNT, STOP_WORDS
from pipelines.policies.gopher import GOPHER_QUALITY
from tests.measures.items import SHARED, items_of
from tests.measures.test_language import LARGE

UDHR = SHARED / "text" / "udhr_langid.jsonl.gz"
FILES = {**LARGE, "bos_latn": "bs", "hrv": "hr", "pes_1": "fa", "srp_latn": "sr"}


def counted(texts, languages):
    items = items_of(texts)
    items = items.set_column(items.schema.get_field_index("language"), "language", pa.array(languages, pa.string()))
    return STOP_WORD_COUNT.fn(STOP_WORD_COUNT, items).field("stop_word_count").to_pylist()


@pytest.mark.parametrize(
    ("text", "language", "count"),
    [
        ("The cat, to (with) \u201cthat\u201d AND th\u00e9", "en", 5),
        ("the THE The", "en", 1),
        ("Der Fluß und die Brücke", "de", 3),
        ("c'est l'été", "fr", 1),
        ("Вода и не на", "ru", 3),
        ("आगरा भारत का एक नगर है", "hi", 2),
        ("the and of", "de", 0),
        ("", "en", 0),
        ("the", "zh", None),
        ("the", None, None),
        (None, "en", None),
    ],
)
def test_worked_examples(text, language, count):
    assert counted([text], [language]) == [count]


@given(
    st.lists(
        st.tuples(st.sampled_from(["the of\nand", "der die. DAS", "x", ""]), st.sampled_from(["en", "de", None])),
        max_size=5,
    )
)
def test_a_text_is_counted_alone_and_by_its_own_list(rows):
    texts, languages = [text for text, _ in rows], [language for _, language in rows]
    expected = [
        None
        if language is None
        else len(set(STOP_WORDS[language].split()) & set(text.lower().replace(".", "").split()))
        for text, language in rows
    ]
    assert counted(texts, languages) == expected


def test_no_list_says_a_word_twice():
    assert {language for language, words in STOP_WORDS.items() if len(set(words.split())) < len(words.split())} == set()


def test_fifty_words_of_every_language_with_a_list_hold_two_stop_words():
    if not UDHR.exists():
        pytest.skip(f"no {UDHR.name} under shared/data")
    with gzip.open(UDHR, "rt", encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if FILES.get(row["lang"]) in STOP_WORDS]
    words = defaultdict(list)
    for row in rows:
        words[row["lang"]] += unicodedata.normalize("NFC", row["text"]).split()  # as items are
    texts = [
        (" ".join(found[i : i + 50]), FILES[code])
        for code, found in words.items()
        for i in range(0, len(found) - 49, 50)
    ]
    counts = counted(*map(list, zip(*texts, strict=True)))
    assert {language for _, language in texts} == STOP_WORDS.keys() - {"ms"}  # the set has no Malay
    assert [(texts[i], count) for i, count in enumerate(counts) if count < 2] == []


def test_a_page_is_judged_by_the_words_of_its_own_language():
    german = (
        "Der Fluss trat über die Ufer, und das Wasser stand in den Kellern der alten Stadt, von der Mühle bis zu dem Markt. "
        * 4
    )
    nouns = "Fluss Ufer Wasser Keller Stadt Mühle Markt Brücke Wiese Sonne Hügel Garten Schule Straße Kirche " * 4
    items = items_of([german, nouns, german])
    languages = pa.array(["de", "de", "en"])
    spoken = rooms.set_column(items, "language", languages)
    signals, _ = rooms.measure(WEB, items)
    signals = rooms.set_column(signals, "stop_word_count", STOP_WORD_COUNT.fn(STOP_WORD_COUNT, spoken).field(0))
    found = GOPHER_QUALITY.fn(GOPHER_QUALITY, spoken, signals).column("reason").to_pylist()
    assert found == [None, "too_few_stop_words", "too_few_stop_words"]
