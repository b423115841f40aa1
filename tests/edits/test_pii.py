"""Personal data and secrets go, what only looks like them stays, and the receipt says where and never what."""

import unicodedata
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.edits.personal import personal
from pipelines.edits.pii import PII_REDACT, hints, redact, redact_items, redact_links
from pipelines.edits.secrets import secrets
from pipelines.edits.spans import May, Span, joined, redacted, replaced
from pipelines.lanes.audio import AUDIO
from pipelines.lanes.books import BOOKS
from pipelines.lanes.web import WEB
from schemas.item import text_sha256
from tests.corpus.private import EVERY, LEFT
from tests.laws.batches import items_of

PIECES = (
    *(sentence.replace("{}", value) for value, sentence, _ in EVERY.values()),
    *LEFT,
    "\u0338",
    "\u0301",
    "é",
    "\n",
    " ",
    "<",
    ">",
    "@",
    ":",
)
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=12), max_size=6).map(
    lambda parts: unicodedata.normalize("NFC", "".join(parts))
)
languages = st.sampled_from([None, "en", "de", "fr", "zh"])
quick = settings(max_examples=150, deadline=None, derandomize=True, database=None)


@pytest.mark.parametrize("kind", EVERY)
def test_each_kind_is_found_whole_and_nothing_else(kind):
    value, sentence, language = EVERY[kind]
    start = sentence.index("{}")
    before, after = sentence[:start], sentence[start + 2 :]
    text, spans = redact(before + value + after, language)
    assert [(span.kind, span.start, span.end) for span in spans] == [(kind, start, start + len(value))]
    assert text == before + spans[0].placeholder + after


@pytest.mark.parametrize("text", LEFT)
@pytest.mark.parametrize("language", [None, "en", "de"])
def test_what_only_looks_like_it_stays(text, language):
    assert redact(text, language) == (text, [])


@pytest.mark.parametrize(
    "kind",
    [
        kind
        for kind, (value, _, _) in EVERY.items()
        if value[-1].isdigit() and kind not in ("phone", "ip", "us_ssn", "aws_secret_key")
    ],
)
def test_another_last_digit_is_nobodys_number(kind):
    value, sentence, language = EVERY[kind]
    if any(c.islower() for c in value):
        pytest.skip("a key has no check digit")
    wrong = value[:-1] + str((int(value[-1]) + 1) % 10)
    assert redact(sentence.replace("{}", wrong), language)[1] == []


@pytest.mark.parametrize(
    ("text", "language", "left"),
    [
        ("Tel. 030 23125-014", "de", "Tel. <phone>"),
        ("Tel. 030 23125-014", "ja", "Tel. 030 23125-014"),
        ("so (202) 555-0143 it is", "en", "so <phone> it is"),
        ("so (202) 555-0143 it is", "de", "so (202) 555-0143 it is"),
        ("ask 020 7946 0958 2026", "en", "ask <phone> 2026"),
        ("au 01 42 68 53 00 ou", "fr", "au <phone> ou"),
        ("call 020 7946 0958", None, "call <phone>"),
    ],
)
def test_a_national_number_is_read_as_the_language_has_it(text, language, left):
    assert redact(text, language)[0] == left


@quick
@given(text=texts, language=languages)
def test_spans_are_apart_in_order_and_what_lies_outside_them_is_unchanged(text, language):
    new, spans = redact(text, language)
    assert all(a.end <= b.start for a, b in pairwise(spans))
    assert all(span.start < span.end for span in spans)
    assert replaced(text, spans) == new
    assert unicodedata.is_normalized("NFC", new)


@quick
@given(text=texts, language=languages)
def test_what_is_redacted_has_nothing_to_redact(text, language):
    new, _ = redact(text, language)
    assert redact(new, language) == (new, [])


@quick
@given(text=texts, kind=st.sampled_from(sorted(EVERY)))
def test_a_planted_value_is_gone_whatever_stands_around_it(text, kind):
    value, sentence, language = EVERY[kind]
    new, _ = redact(f"{text}\n\n{sentence.replace('{}', value)}\n\n{text}", language)
    assert value not in new


def test_a_text_that_comes_together_around_a_placeholder_is_looked_at_again():
    """Each x goes; two placeholders in a row are one thing more, which takes all that they stand for."""

    def find(text):
        yield from (Span(i, i + 1, "x", "<1>") for i, c in enumerate(text) if c == "x")
        if (at := text.find("><")) >= 0:
            yield Span(at, at + 2, "pair", "<2>")

    assert redacted("a xx b", find) == ("a <1> b", [Span(2, 4, "x", "<1>")])


def test_spans_that_overlap_are_one_of_the_kind_found_first():
    spans = [Span(4, 9, "b", "<b>"), Span(0, 5, "a", "<a>"), Span(9, 12, "c", "<c>")]
    assert joined(spans) == [Span(0, 9, "b", "<b>"), Span(9, 12, "c", "<c>")]


def test_a_receipt_says_where_and_what_kind_and_not_what():
    text = "Ask anna@mail.example or +44 20 7946 0958."
    edited, found = redact_items(PII_REDACT, items_of(WEB, [text, "Nobody."]))
    row, nothing = found.to_pylist()
    assert edited.column("text").to_pylist() == ["Ask <email> or <phone>.", "Nobody."]
    assert row["spans"] == [
        {"field": "text", "kind": "email", "start": 4, "length": 17},
        {"field": "text", "kind": "phone", "start": 25, "length": 16},
    ]
    assert (row["detail"], row["before_sha256"]) == ("email: 1, phone: 1", text_sha256(text))
    assert row["after_sha256"] == text_sha256("Ask <email> or <phone>.")
    assert (nothing["verdict"], nothing["spans"]) == ("keep", None)


def test_titles_authors_and_tags_are_redacted_too():
    def with_facts(lane, **facts):
        items = items_of(lane, ["Words."])
        rows = [{**dict.fromkeys(field.name for field in lane.facts), **facts}]
        return items.set_column(
            items.schema.get_field_index("facts"), items.schema.field("facts"), pa.array(rows, lane.facts)
        )

    edited, found = redact_items(
        PII_REDACT, with_facts(BOOKS, title="By anna@mail.example", author="B. Penn, 203.0.113.77")
    )
    assert (edited.column("facts")[0]["title"].as_py(), edited.column("facts")[0]["author"].as_py()) == (
        "By <email>",
        "B. Penn, <ip>",
    )
    (row,) = found.to_pylist()
    assert [(one["field"], one["kind"], one["start"]) for one in row["spans"]] == [
        ("title", "email", 3),
        ("author", "ip", 9),
    ]
    assert edited.column("content_sha256") == with_facts(BOOKS).column("content_sha256")  # the words are as they were
    assert row["before_sha256"] == row["after_sha256"]

    edited, found = redact_items(PII_REDACT, with_facts(AUDIO, tags=["rain", "by anna@mail.example"]))
    assert edited.column("facts")[0]["tags"].as_py() == ["rain", "by <email>"]
    assert [one["field"] for one in found.to_pylist()[0]["spans"]] == ["tags[1]"]


def test_links_lose_addresses_and_keys_and_keep_their_numbers():
    key = EVERY["github_token"][0]
    links = [
        "https://mill.example/4539148803436467/203.0.113.77/+442079460958.jpg",
        "https://mill.example/by/anna%40mail.example/1.jpg",
        f"https://mill.example/?k={key}",
        "https://anna:q7Wm-x2Lk@mill.example/",
        None,
    ]
    assert redact_links(pa.array(links)).to_pylist() == [
        links[0], "https://mill.example/by/<email>/1.jpg", "https://mill.example/?k=<secret>", "https://anna:<secret>@mill.example/", None,
    ]  # fmt: skip


FRAGMENTS = (
    "a@b.de", "8.8.8.8", "1.2.3.4.5", "v1.2", "2a00:1450:4001::1", "::", "from:", "4532015112830366", "DE89370400440532013000", "SSN 078-05-1120",
    "ssn", "tel. 030 901820", "+49 30 901820", "AKIAQWERTYUIOPASDFGH", 'password = "x9Kq2!mZ7v"', "api_key: 'a8f5f167f44f4964e6c998dee827110c'",
    "://user:hunter2xyz9@host", "aws wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzzKEY1", "BSN 123456782", "@", ":", ".", "/", " ", "\n", "x", "1", "é", "-",
)  # fmt: skip


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=7).map("".join), st.sampled_from(["en", "de", None]))
def test_hints_leave_out_nothing_that_is_there(text, language):
    may = May(int(hints(pa.array([text]))[0]))
    found = [[*secrets(text, bits), *personal(text, language, bits)] for bits in (may, ~May(0))]
    assert found[0] == found[1]
