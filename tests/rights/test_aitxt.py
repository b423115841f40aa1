"""ai.txt: what its lines say, which pages they bar, and what cannot be read."""

import pytest

from pipelines.rights.aitxt import ai_txt_statements
from pipelines.rights.judge import rights_stage
from pipelines.rights.policy import policy
from schemas.rights import Mechanism, Usage
from tests.rights.evidence_tables import capture, evidence, item, items, site_statement

HOST = "https://example.org"
# As Spawning's generator writes it where everything is barred, shortened.
ALL_BARRED = """# Spawning AI
# Prevent datasets from using the following file types

User-Agent: *
Disallow: *.txt
Disallow: *.html
Disallow: *.jpg
Disallow: *.c
Disallow: /
Disallow: *
"""
PICTURES = "User-Agent: *\nAllow: *.txt\nAllow: *.html\nDisallow: *.jpg\nDisallow: *.h\nAllow: /\n"


def said(text):
    return [(s.locator, s.verdict.value, s.agent, s.path) for s in ai_txt_statements(text.encode())]


def bars(text, path, agents=("CCBot", "*")):
    """What the decision on a page of this path says; null where it is kept."""
    rows = [
        site_statement(
            HOST + (one.path or ""), one.mechanism.value, usage=one.usage.value, verdict=one.verdict.value, agent=one.agent,
            locator=one.locator, excerpt=one.excerpt,
        )
        for one in ai_txt_statements(text.encode())
    ]  # fmt: skip
    stage = rights_stage(policy("opt_out_respected"), agents)
    row = stage.fn(stage, items(item("page")), evidence([capture("page", HOST + path)], rows)).to_pylist()[0]
    assert row["reason"] in (None, "site_opt_out")
    return row["detail"]


def test_every_line_is_a_statement_about_training_in_its_words():
    found = ai_txt_statements(ALL_BARRED.encode())
    assert {(one.mechanism, one.usage) for one in found} == {(Mechanism.AI_TXT, Usage.TRAIN_AI)}
    assert said(ALL_BARRED) == [
        ("line 5", "disallow", None, None),
        ("line 6", "disallow", None, None),
        ("line 7", "disallow", None, "*.jpg$"),
        ("line 7", "disallow", None, "*.jpg?*"),
        ("line 8", "disallow", None, "*.c$"),
        ("line 8", "disallow", None, "*.c?*"),
        ("line 9", "disallow", None, None),
        ("line 10", "disallow", None, None),
    ]
    assert found[0].excerpt == "Disallow: *.txt"


@pytest.mark.parametrize(
    ("text", "path", "barred"),
    [
        (ALL_BARRED, "/story", True),
        (ALL_BARRED, "/", True),
        (PICTURES, "/story", False),
        (PICTURES, "/story.html", False),
        (PICTURES, "/a.jpg", True),
        (PICTURES, "/a.jpg?w=100", True),
        (PICTURES, "/a.jpgs", False),
        ("User-agent: *\nDisallow: *.txt\nAllow: /\n", "/story", True),  # a page is a text, whatever its URL ends in
        ("User-agent: *\nDisallow: *.TXT\n", "/story", True),
        ("User-agent: *\nDisallow: .pdf\n", "/story", True),
        ("User-agent: *\nDisallow: text/html\n", "/story", True),
        ("User-agent: *\nDisallow: *.txt\nAllow: *.html\n", "/story.html", False),
        ("User-agent: *\nDisallow: *.txt\nAllow: *.html\n", "/story", True),
        ("User-agent: *\nDisallow: *.jpg\n", "/story", False),
        ("User-agent: *\nDisallow: /drafts/\n", "/drafts/1", True),
        ("User-agent: *\nDisallow: drafts/\n", "/drafts/1", True),
        ("User-agent: *\nDisallow: /drafts/\n", "/story", False),
        ("User-agent: *\nDisallow:\n", "/story", False),
        ("User-agent: CCBot\nDisallow: /\n", "/story", True),
        ("User-agent: OtherBot\nDisallow: /\n", "/story", False),
        ("USER-AGENT : *\r\nDISALLOW : /\r\n", "/story", True),
        ("Disallow: /\n", "/story", True),  # before any User-agent: about everyone
        ("\ufeffDisallow: /\n", "/story", True),
    ],
)
def test_which_pages_a_file_bars(text, path, barred):
    assert (bars(text, path) is not None) == barred


def test_the_decision_names_the_line():
    assert bars("# hello\nUser-agent: *\nDisallow: *.txt\n", "/story") == f'{HOST}: line 3 "Disallow: *.txt"'
    assert bars("# hello\nDisallow: *.txt\n", "/story") == f'{HOST}: line 2 "Disallow: *.txt"'


@pytest.mark.parametrize(
    "text", ["", "  \n", "# nothing\n", "<!DOCTYPE html><title>Not found</title>", "User-agent: *\n"]
)
def test_nothing_said_is_no_statement(text):
    assert said(text) == []


@pytest.mark.parametrize("text", ["No training, please.", '{"train": false}', "AI-Training = never\n"])
def test_another_grammar_is_an_error_about_the_whole_site(text):
    assert said(text) == [("file", "error", None, None)]
    assert "(cannot be read)" in bars(text, "/story")
