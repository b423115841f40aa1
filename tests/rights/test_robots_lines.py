"""`headwater robots`: verdicts on the terminal and by the line."""

import base64
import json
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

import pytest

from pipelines.cli import main
from pipelines.rights.robots import target_of
from pipelines.rights.robots_lines import answers
from schemas.errors import SourceError
from tests.rights.shared import WEB, needs_shared

BODY = "User-agent: *\nDisallow: /p # private\n\nUser-agent: GPTBot\nDisallow: /\n"


def line(**changes):
    return json.dumps({"id": 1, "robots": BODY, "agent": "X", "url": "https://a.example/p/1", **changes}).encode()


def said(*arguments):
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(["robots", *map(str, arguments)])
    return code, out.getvalue(), err.getvalue()


@needs_shared
def test_every_case_of_the_reference_is_answered_right_by_the_line():
    cases = [json.loads(raw) for raw in (WEB / "robots" / "google_cases.jsonl").read_bytes().splitlines()]
    found = answers([json.dumps(case).encode() for case in cases], "cases")
    assert [(one["id"], one["allowed"]) for one in found] == [(case["id"], case["expected_allowed"]) for case in cases]


def test_an_answer_names_the_rule_and_its_line():
    found = list(
        answers([line(), b"\n", line(id="b", url="https://a.example/"), line(id=None, agent="gptbot")], "lines")
    )
    assert found == [
        {"id": 1, "allowed": False, "rule": "Disallow: /p", "line": 2},
        {"id": "b", "allowed": True, "rule": None, "line": None},
        {"id": None, "allowed": False, "rule": "Disallow: /", "line": 5},
    ]


def test_the_bytes_of_a_file_may_be_given_as_base64_or_with_surrogates():
    raw = b"User-agent: *\nDisallow: /\xff\n"
    ask = {"id": 1, "agent": "X", "url": "/%FF"}
    lines = [
        json.dumps({**ask, "robots_base64": base64.b64encode(raw).decode()}).encode(),
        json.dumps({**ask, "robots": raw.decode("utf-8", "surrogateescape")}).encode(),
    ]
    assert [one["allowed"] for one in answers(lines, "lines")] == [False, False]


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (b"{", "not JSON"),
        (b'"\xff"', "not UTF-8"),
        (b"[]", "no JSON object"),
        (b"[" * 100_000, "recursion"),
        (json.dumps({"id": 1, "robots": "", "agent": "X"}).encode(), 'no "url"'),
        (line(agent=3), '"agent" must be a string'),
        (line(robots_base64="?"), "no base64"),
    ],
    ids=range(7),
)
def test_a_line_that_cannot_be_read_is_named(bad, why):
    with pytest.raises(SourceError, match=rf"^lines, line 2: .*{why}.*; give "):
        list(answers([line(), bad], "lines"))


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://a.example", "/"), ("http://a.example?x=/1#y", "/?x=/1"), ("http://a.example/b;c?d=http://e/#f", "/b;c?d=http://e/"),
        ("//a.example/b", "/b"), ("/b#c/d", "/b"), ("a.example/b", "/b"), ("#/b", "/"), ("/r?to=http://b.example/", "/r?to=http://b.example/"),
    ],
)  # fmt: skip
def test_path_and_query_are_taken_as_written(url, target):
    assert target_of(url) == target


def test_the_verb_prints_a_verdict_and_its_line_wherever_the_agent_stands(tmp_path):
    path = tmp_path / "robots.txt"
    path.write_text(BODY, "utf-8")
    p, top = "https://a.example/p", "https://a.example/"
    told = f"disallowed  X  {p}  (line 2: Disallow: /p)\nallowed  X  {top}  (no rule matches)\n"
    assert said(path, "--agent", "X", p, top) == (0, told, "")
    assert said(path, p, top, "--agent", "X") == (0, told, "")
    both = said(path, p, "--agent", "X", "--agent", "GPTBot", "--json")[1].splitlines()
    assert [json.loads(one) for one in both] == [
        {"agent": "X", "url": p, "allowed": False, "rule": "Disallow: /p", "line": 2},
        {"agent": "GPTBot", "url": p, "allowed": False, "rule": "Disallow: /", "line": 5},
    ]


def test_the_verb_answers_lines_of_a_file(tmp_path):
    (tmp_path / "lines").write_bytes(line() + b"\n")
    code, out, err = said("--jsonl", tmp_path / "lines")
    assert (code, json.loads(out), err) == (0, {"id": 1, "allowed": False, "rule": "Disallow: /p", "line": 2}, "")


@pytest.mark.parametrize(
    "words", [(), ("robots.txt",), ("robots.txt", "--agent", "X"), ("--jsonl", "none"), ("no", "/", "--agent", "X")]
)
def test_what_the_verb_cannot_use_is_said(words):
    code, out, err = said(*words)
    assert (code, out) == (2, "")
    assert err.startswith("headwater robots: ")
