import pickle

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.measures.harm import HATE_MEASURE, HATE_SIGNALS, SPAM_MEASURE
from pipelines.policies.harm import HATE_CLASSIFIER, SPAM_CLASSIFIER
from schemas.reasons import Reason
from tests.corpus.prose import paragraphs
from tests.measures.items import items_of

SPAM = "Buy cheap viagra online without prescription, best price, click here! www.rx-online.example"
HATE = "Muslims are vermin"
PLAIN = "\n\n".join(paragraphs("harm", 6))
PIECES = (SPAM, HATE, PLAIN, "", "\n", "Die Brücke wurde am Dienstag gesperrt. ")


def measured(texts, stage):
    return stage.fn(stage, items_of(texts)).to_pylist()


def reasons(texts):
    """The reason that each judge gives each text; None where it stays."""
    items = items_of(texts)
    found = []
    for measure, judge in ((SPAM_MEASURE, SPAM_CLASSIFIER), (HATE_MEASURE, HATE_CLASSIFIER)):
        signals = pa.RecordBatch.from_struct_array(measure.fn(measure, items))
        found.append(judge.fn(judge, items, signals).column("reason").to_pylist())
    return [spam or hate for spam, hate in zip(*found, strict=True)]


@pytest.mark.parametrize(
    "text",
    [
        SPAM,
        "Bu\u200by ch\u0435ap vi\u00adagra on\u2060line with\u202eout pr\u0435scription, b\u0435st pric\u0435, cl\u0456ck h\u0435re! www.rx-online.example",
        "B\u0336u\u0336y cheap v1agra 0nline without prescr1ption, best pr1ce, cl1ck here! www.rx-online.example",
        "Ｂｕｙ 𝐜𝐡𝐞𝐚𝐩 𝓿𝓲𝓪𝓰𝓻𝓪 online without prescription, best price, c l i c k here! www.rx-online.example",
        "URGENT! You have won a £900 prize. Call 09061701461 now to claim, code KL341, valid 12 hours only.",
        "Online Casino Bonus ohne Einzahlung, 100 Freispiele gratis, jetzt klicken und gewinnen!",
    ],
)
def test_spam_is_spam_whatever_hides_it(text):
    assert reasons([text]) == [Reason.SPAM_LIKELY]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (HATE, Reason.HATE_DEHUMANISATION),
        ("Mu\u200bslims \u0430re v3rm\u0456n", Reason.HATE_DEHUMANISATION),
        ("I am going to kill all immigrants I meet", Reason.HATE_THREAT),
        ("Refugees should be shot", Reason.HATE_INCITEMENT),
        ("Gay people should not be allowed to teach our kids", Reason.HATE_EXCLUSION),
        ("I hate disabled people", Reason.HATE_DEROGATION),
    ],
)
def test_hate_is_told_by_its_kind(text, reason):
    assert reasons([text]) == [reason]


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        "Muslims are not vermin, and whoever says so is wrong.",
        'Saying "Muslims are vermin" is disgusting.',
        'A man was fined for shouting "refugees should be shot" at the town hall.',
        "As a proud dyke I love this parade!",
        "I hate wasps, they are vermin.",
        "This is fucking great!",
        "Gay people and Muslims live in our street, and I like all of them.",
        "Kill the process and start the server again.",
        "Der Stadtrat hat am Dienstag über die neue Brücke beraten.",
        "A frog.",
        "Please enter your password followed by the pound key.",
    ],
)
def test_counter_speech_quotes_reclaimed_words_and_plain_talk_stay(text):
    assert reasons([text]) == [None]


def test_one_line_does_not_condemn_a_book_and_its_peak_is_told():
    (row,) = measured([f"{PLAIN}\n\n{HATE}\n\n{PLAIN}"], HATE_MEASURE)
    assert row["hate_dehumanisation_probability"] < 0.3
    assert measured([HATE], HATE_MEASURE)[0]["hate_peak_probability"] > 0.9


def test_a_null_or_empty_text_is_not_measured():
    for stage in (SPAM_MEASURE, HATE_MEASURE):
        assert [set(row.values()) for row in measured([None, ""], stage)] == [{None}, {None}]
        assert set(measured([], stage)) == set()


def test_signals_are_rounded_shares():
    (row,) = measured([PLAIN], HATE_MEASURE)
    assert list(row) == [*HATE_SIGNALS, "hate_peak_probability"]
    assert all(0 <= value <= 1 and value == round(value, 3) for value in row.values())


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.none() | st.lists(st.sampled_from(PIECES), max_size=4).map(" ".join) | st.text(max_size=30), max_size=5
    ),
    st.integers(0, 5),
)
def test_each_item_is_measured_alone_and_its_text_stays(texts, cut):
    items = items_of(texts)
    for stage in (SPAM_MEASURE, HATE_MEASURE):
        whole = stage.fn(stage, items)
        assert whole.to_pylist() == [
            *stage.fn(stage, items.slice(0, cut)).to_pylist(),
            *stage.fn(stage, items.slice(cut)).to_pylist(),
        ]
    assert items.column("text").to_pylist() == texts


def test_the_stages_pickle():
    for stage in (SPAM_MEASURE, HATE_MEASURE, SPAM_CLASSIFIER, HATE_CLASSIFIER):
        assert pickle.loads(pickle.dumps(stage)) == stage
