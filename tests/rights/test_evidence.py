"""Statements in headers, meta tags and tdmrep.json: every mechanism said, not said, garbled, in capitals, per agent."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.rights.evidence import Statement, header_statements, html_statements, preferences, tdmrep_statements
from schemas.rights import Mechanism, RightsVerdict, Usage

ALLOW, DISALLOW, ERROR = RightsVerdict.ALLOW, RightsVerdict.DISALLOW, RightsVerdict.ERROR
TRAIN, TDM, SEARCH, ALL = Usage.TRAIN_AI, Usage.TDM, Usage.SEARCH, Usage.ALL

Said = tuple[Usage, RightsVerdict, str | None]


def said(statements: list[Statement]) -> list[Said]:
    return [(s.usage, s.verdict, s.agent) for s in statements]


ROBOTS_VALUES: list[tuple[str, list[Said]]] = [
    ("noai", [(TRAIN, DISALLOW, None)]),
    ("NOAI", [(TRAIN, DISALLOW, None)]),
    ("NoAI, NoImageAI", [(TRAIN, DISALLOW, None)]),
    ("index,follow,noimageai", [(SEARCH, ALLOW, None), (TRAIN, DISALLOW, None)]),
    ("no-ai", [(TRAIN, DISALLOW, None)]),
    ("noai=maybe", [(TRAIN, ERROR, None)]),
    ("none", [(ALL, DISALLOW, None)]),
    ("noindex, nofollow", [(SEARCH, DISALLOW, None)]),
    ("all", [(SEARCH, ALLOW, None)]),
    ("nofollow, max-snippet: -1, max-image-preview: large", []),
    ("", []),
]


@pytest.mark.parametrize(("value", "expected"), ROBOTS_VALUES)
def test_robots_directives_read_the_same_in_header_and_meta(value: str, expected: list[Said]) -> None:
    assert said(header_statements([("X-Robots-Tag", value)])) == expected
    assert said(html_statements(f'<meta name="robots" content="{value}">'.encode())) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("GPTBot: noai", [(TRAIN, DISALLOW, "gptbot")]),
        ("googlebot: noindex", [(SEARCH, DISALLOW, "googlebot")]),
        ("GPTBot: NOAI, noimageai", [(TRAIN, DISALLOW, "gptbot")]),
        ("googlebot: noindex, CCBot: noai", [(SEARCH, DISALLOW, "googlebot"), (TRAIN, DISALLOW, "ccbot")]),
        ("*: noai", [(TRAIN, DISALLOW, None)]),
        ("unavailable_after: 25 Jun 2030 15:00:00 PST, noai", [(TRAIN, DISALLOW, None)]),
        ("noai: yes", [(TRAIN, ERROR, None)]),
    ],
)
def test_x_robots_tag_may_name_an_agent(value: str, expected: list[Said]) -> None:
    assert said(header_statements([("x-robots-tag", value)])) == expected


@pytest.mark.parametrize(
    ("value", "verdict"),
    [("1", DISALLOW), (" 1 ", DISALLOW), ("0", ALLOW), ("", ERROR), ("2", ERROR), ("true", ERROR), ("1;x", ERROR)],
)
def test_tdm_reservation_reads_the_same_in_header_and_meta(value: str, verdict: RightsVerdict) -> None:
    assert said(header_statements([("TDM-Reservation", value)])) == [(TDM, verdict, None)]
    meta = f"<META CONTENT='{value}' NAME='TDM-Reservation'>".encode()
    assert [(s.mechanism, s.verdict) for s in html_statements(meta)] == [(Mechanism.HTML_META_TDM, verdict)]


def test_repeated_tdm_reservations_each_count() -> None:
    expected = [(TDM, ALLOW, None), (TDM, DISALLOW, None)]
    assert said(header_statements([("tdm-reservation", "0, 1")])) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("train-ai=n", [(TRAIN, DISALLOW)]),
        ("train-ai=y", [(TRAIN, ALLOW)]),
        ("TRAIN-AI=N", [(TRAIN, DISALLOW)]),
        ("train-genai=n, search=y", [(TRAIN, DISALLOW), (SEARCH, ALLOW)]),
        ("bots=n", [(ALL, DISALLOW)]),
        ("tdm=n", [(TDM, DISALLOW)]),
        ("train-ai=n;exempt=x", [(TRAIN, DISALLOW)]),
        ("train-ai=?0", [(TRAIN, ERROR)]),
        ('train-ai="n"', [(TRAIN, ERROR)]),
        ("train-ai", [(TRAIN, ERROR)]),
        ("train-ai=", [(TRAIN, ERROR)]),
        ("leave us alone", [(ALL, ERROR)]),
        ("colour=blue", []),
        ("ai-input=no", []),
        ("", []),
    ],
)
def test_content_usage_reads_the_same_in_header_and_http_equiv(
    value: str, expected: list[tuple[Usage, RightsVerdict]]
) -> None:
    assert preferences(value) == expected
    assert [(s.usage, s.verdict) for s in header_statements([("Content-Usage", value)])] == expected
    meta = f"<meta http-equiv=Content-Usage content='{value}'>".encode()
    assert [(s.usage, s.verdict) for s in html_statements(meta)] == expected


def test_other_headers_say_nothing() -> None:
    assert header_statements([("robots", "noai"), ("content-type", "text/html"), ("server", "noai")]) == []


def test_a_statement_says_where_it_stands() -> None:
    header = header_statements([("X-Robots-Tag", "GPTBot: noai")])
    assert header == [
        Statement(
            mechanism=Mechanism.HTTP_X_ROBOTS,
            usage=TRAIN,
            verdict=DISALLOW,
            agent="gptbot",
            locator="header x-robots-tag",
            excerpt="X-Robots-Tag: GPTBot: noai",
        )
    ]
    page = b"<p>\xff</p>\n<meta  name=robots\ncontent=noai>"
    assert html_statements(page) == [
        Statement(
            mechanism=Mechanism.HTML_META_ROBOTS,
            usage=TRAIN,
            verdict=DISALLOW,
            locator="byte 9",
            excerpt="<meta name=robots content=noai>",
        )
    ]
    assert len(html_statements(b'<meta name=robots content="noai,' + b"x" * 9999 + b'">')[0].excerpt) == 200


@pytest.mark.parametrize(
    "page",
    [
        b"<meta name=robots content=noai>",
        b"<META NAME='robots' CONTENT='noai'/>",
        b'<meta content="noai" data-x=">" name="robots">',
        b'<meta property="robots" content="no&#97;i">',
        b'<meta name=" robots " content=" noai ">',
        b'<meta\nname\n=\n"robots"\ncontent\n=\n"noai"\n>',
        b"<body><p>text</p><meta name=robots content=noai></body>",
        b"\xe4\xff<meta name=robots data-x='\xff\xfe' content=noai>",
        b"<!--><meta name=robots content=noai>",
        b"<!-- a --!><meta name=robots content=noai>",
        b"<script>x</script><meta name=robots content=noai>",
        b"<scripted><meta name=robots content=noai></scripted>",
        b"<meta http-equiv='X-Robots-Tag' content='noai'>",
        "<meta name=robots content=noai>".encode("utf-16"),
    ],
)
def test_a_meta_tag_is_found_however_it_is_written(page: bytes) -> None:
    assert said(html_statements(page)) == [(TRAIN, DISALLOW, None)]


@pytest.mark.parametrize(
    "page",
    [
        b"<!-- <meta name=robots content=noai> -->",
        b"<script>'<meta name=robots content=noai>'</script>",
        b"<style><meta name=robots content=noai></style>",
        b"<meta name=keywords content='noai, art'>",
        b"<meta name=description content='noai'>",
        b"<metadata name=robots content=noai>",
        b"<meta name=robots>",
        b"robots noai",
        b"",
    ],
)
def test_what_is_no_meta_tag_about_use_says_nothing(page: bytes) -> None:
    assert html_statements(page) == []


@pytest.mark.parametrize("name", ["GPTBot", "ccbot", "Bytespider", "anthropic-ai", "Google-Extended"])
def test_a_meta_tag_may_name_a_crawler(name: str) -> None:
    page = f'<meta name="{name}" content="noai">'.encode()
    assert said(html_statements(page)) == [(TRAIN, DISALLOW, name.lower())]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'[{"location": "/", "tdm-reservation": 1}]', [(DISALLOW, None)]),
        (b'[{"location": "/*", "tdm-reservation": 0}]', [(ALLOW, None)]),
        (b'[{"location": "/a/*", "tdm-reservation": 1}, {"location": "/b", "tdm-reservation": 0}]',
         [(DISALLOW, "/a/*"), (ALLOW, "/b")]),
        (b'\xef\xbb\xbf[{"location": "/", "tdm-reservation": "1"}]', [(DISALLOW, None)]),
        (b'{"location": "/", "tdm-reservation": 1}', [(DISALLOW, None)]),
        (b'[{"tdm-reservation": 1}]', [(DISALLOW, None)]),
        (b'[{"location": "/", "tdm-reservation": true}]', [(ERROR, None)]),
        (b'[{"location": "/"}]', [(ERROR, None)]),
        (b"[7]", [(ERROR, None)]),
        (b"[", [(ERROR, None)]),
        (b"[" * 100_000, [(ERROR, None)]),
        (b"[]", []),
        (b" <!doctype html><title>Not found</title>", []),
        (b"", []),
    ],
)  # fmt: skip
def test_tdmrep_gives_one_statement_a_rule(body: bytes, expected: list[tuple[RightsVerdict, str | None]]) -> None:
    found = tdmrep_statements(body)
    assert [(s.verdict, s.path) for s in found] == expected
    assert {(s.mechanism, s.usage) for s in found} <= {(Mechanism.WELLKNOWN_TDMREP, TDM)}


MARKUP = st.lists(st.sampled_from(
    [b"<meta ", b"name=robots ", b"content=noai ", b"content='", b'"', b"'", b">", b"<!--", b"-->", b"<script>", b"</script>",
     b"<style", b"x", b"\xff", b"\0", b"&#", b"/"]
), max_size=30).map(b"".join)  # fmt: skip


@given(MARKUP)
def test_any_markup_is_read_without_an_error(page: bytes) -> None:
    for statement in html_statements(page):
        place = int(re.fullmatch(r"byte (\d+)", statement.locator)[1])  # type: ignore[index]
        assert page[place : place + 5].lower() == b"<meta"


@given(st.text(max_size=60))
def test_any_header_value_is_read_without_an_error(value: str) -> None:
    names = {"x-robots-tag", "tdm-reservation", "content-usage"}
    found = header_statements([(name, value) for name in names])
    assert all(any(name in statement.locator for name in names) for statement in found)


@pytest.mark.parametrize("piece", [b"<!-- <style></style>", b"<meta ", b'<meta "', b"<script ", b"<a '\">", b"<"])
def test_hostile_markup_says_nothing(piece: bytes) -> None:
    assert (
        html_statements(piece * (500_000 // len(piece))) == []
    )  # 0.5 s measured for the worst; quadratic would be minutes
