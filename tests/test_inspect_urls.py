"""`headwater inspect URL`: a polite visit to a server on loopback, and what is said of the pages."""

import json
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

import pytest

from pipelines.cli import main
from pipelines.rights.site_file import ASKED_PATHS
from tests.capture.server import http, page, serving
from tests.corpus.prose import paragraphs
from tests.test_recipe import RECIPE

STORY = page(text="".join(f"<p>{part}</p>" for part in paragraphs("visit")))
CRAWL = "[source.crawl]\ndelay_s = 0.01\n"


@pytest.fixture
def visit(tmp_path):
    """`visit(answers, *urls)`: the lines that inspect prints for these URLs, and what the server was asked."""

    def do(answers, *urls, hosts=("a.example", "b.example")):
        (tmp_path / "corpus.toml").write_text(RECIPE + CRAWL, "utf-8")
        with serving(answers) as (port, log):
            known = "".join(f'"{host}" = "127.0.0.1:{port}"\n' for host in hosts)
            (tmp_path / "site.toml").write_text(f"[hosts]\n{known}", "utf-8")
            command = ["inspect", *urls, "--recipe", tmp_path / "corpus.toml", "--site", tmp_path]
            out, err = StringIO(), StringIO()
            with redirect_stdout(out), redirect_stderr(err):
                code = main([str(argument) for argument in command])
        assert (code, err.getvalue()) == (0, "")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus.toml", "site.toml"], "something was stored"
        return [json.loads(line) for line in out.getvalue().splitlines()], log

    return do


def rights(found):
    (said,) = [row for row in found["decisions"] if row["stage"] == "rights"]
    return said["verdict"], said["reason"], said["detail"]


def test_robots_txt_is_asked_first_and_a_page_it_allows_is_judged(visit):
    answers = {"/robots.txt": http(b"User-agent: *\nDisallow: /no/\n", type="text/plain"), "/story": STORY}
    (found,), log = visit(answers, "http://a.example/story")
    assert log.paths() == ["/robots.txt", *ASKED_PATHS, "/story"]
    assert b"User-Agent: HeadwaterBot/1.0 (+you@example.org)" in log.asked[0].raw
    assert found.keys() == {
        "id", "lane", "text", "language", "licence", "signals", "decisions", "rights", "robots", "licences",
    }  # fmt: skip
    said = [(row["subject"], row["mechanism"], row["verdict"], row["excerpt"]) for row in found["rights"]]
    assert said == [
        ("http://a.example", "ai_txt", "unknown", "answered 404"),
        ("http://a.example", "wellknown_tdmrep", "unknown", "answered 404"),
    ]
    assert [(row["origin"], row["status"]) for row in found["robots"]] == [("http://a.example", 200)]
    assert (found["id"], found["language"]) == ("http://a.example/story", "en")
    assert paragraphs("visit")[0] in found["text"]
    assert {row["verdict"] for row in found["decisions"]} == {"keep"}


def test_an_agent_that_the_recipe_counts_and_robots_txt_bars_is_named_by_the_judge_of_rights(visit):
    answers = {"/robots.txt": http(b"User-agent: GPTBot\nDisallow: /\n", type="text/plain"), "/story": STORY}
    (found,), _ = visit(answers, "http://a.example/story")
    assert rights(found) == ("drop", "robots_disallowed", 'GPTBot: line 2 "Disallow: /"')


def test_headers_of_the_answer_are_evidence(visit):
    reserved = STORY.replace(b"\r\n\r\n", b"\r\nTDM-Reservation: 1\r\n\r\n", 1)
    (found,), _ = visit({"/story": reserved}, "http://a.example/story")
    assert rights(found)[:2] == ("drop", "header_opt_out")


def test_a_page_that_our_robot_may_not_ask_for_is_not_asked_for(visit):
    answers = {"/robots.txt": http(b"User-agent: *\nDisallow: /no/\n", type="text/plain"), "/no/story": STORY}
    (found,), log = visit(answers, "http://a.example/no/story")
    assert found == {
        "id": "http://a.example/no/story", "error": "refused: robots.txt line 2 bars HeadwaterBot: Disallow: /no/",
    }  # fmt: skip
    assert log.paths() == ["/robots.txt"]


def test_every_url_has_its_line_in_the_order_given(visit):
    answers = {
        "a.example/story": STORY, "a.example/moved": http(b"", 301, more="Location: /story\r\n"),
        "a.example/away": http(b"", 302, more="Location: http://c.example/\r\n"), "a.example/broken": http(b"x", 500),
        "a.example/paper": http(b"%PDF-1.7 ...", type="application/pdf"), "b.example/robots.txt": http(b"", 503),
    }  # fmt: skip
    paths = ("moved", "story", "none", "away", "broken", "paper")
    urls = [
        *(f"http://a.example/{path}" for path in paths),
        "http://b.example/story",
        "http://[",
        "http://a.example:99/",
    ]
    found, log = visit(answers, *urls)
    assert [line["id"] for line in found] == urls
    assert found[0]["text"] == found[1]["text"] != ""
    assert [line["error"].partition(":")[0] for line in found[2:]] == [
        "not_found", "refused", "http_error", "fetched", "deferred", "refused", "refused",
    ]  # fmt: skip
    assert "redirects to a host outside this crawl" in found[3]["error"]
    assert found[4]["error"] == "http_error: the server answered 500"
    assert "application/pdf, which lane web does not read" in found[5]["error"]
    assert log.paths("a.example").count("/story") == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://10.0.0.1/", "http://[::1]/", "http://0x7f.1/"])
def test_a_special_purpose_address_is_refused_unless_the_site_names_the_host(visit, url):
    (found,), log = visit({"/": STORY}, url)
    assert found["id"] == url
    assert found["error"].startswith("refused: address in ")
    assert log.connections == 0


def test_what_headers_page_and_site_say_is_shown_with_its_place(visit):
    link = "Link: <https://creativecommons.org/licenses/by/4.0/>; rel=license\r\nTDM-Reservation: 0\r\n"
    body = (
        STORY.partition(b"\r\n\r\n")[2] + b"<a rel=license href='https://creativecommons.org/licenses/by-sa/4.0/'>x</a>"
    )
    answers = {
        "/story": http(body, more=link),
        "/.well-known/tdmrep.json": http(b'[{"location": "/x", "tdm-reservation": 1}]'),
    }
    (found,), _ = visit(answers, "http://a.example/story")
    said = [(row["subject"], row["mechanism"], row["verdict"], row["locator"]) for row in found["rights"]]
    assert said == [
        (None, "http_tdm", "allow", "header tdm-reservation"),
        ("http://a.example", "ai_txt", "unknown", "file"),
        ("http://a.example/x", "wellknown_tdmrep", "disallow", "rule 1"),
    ]
    assert [(row["location"], row["expression"]) for row in found["licences"]] == [
        ("http_link", "CC-BY-4.0"), ("rel_license", "CC-BY-SA-4.0"),
    ]  # fmt: skip
    assert found["licence"] == "CC-BY-4.0"


def inspected(capsys, *words):
    """(exit code, the lines printed, what was said on stderr)."""
    code = main(["inspect", *map(str, words)])
    out, err = capsys.readouterr()
    return code, [json.loads(line) for line in out.splitlines()], err


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("none.html", "none.html cannot be read: No such file or directory"),
        ("folder", "folder cannot be read: Is a directory"),
        ("none.warc.gz", "none.warc.gz does not exist"),
        ("huge.html", "huge.html has 67,108,865 bytes; inspect reads files of at most 67,108,864"),
    ],
)
def test_a_file_that_cannot_be_inspected_is_named(tmp_path, capsys, name, says):
    (tmp_path / "folder").mkdir()
    with open(tmp_path / "huge.html", "wb") as file:
        file.truncate((64 << 20) + 1)
    code, lines, err = inspected(capsys, tmp_path / name)
    assert (code, lines) == (2, [])
    assert says in err


def test_a_url_of_another_scheme_is_no_path(capsys):
    code, lines, err = inspected(capsys, "ftp://a.example/b")
    assert (code, lines) == (2, [])
    assert "ftp://a.example/b is a URL that is not read" in err


def test_an_archive_that_gives_no_item_says_so_and_names_what_is_damaged(tmp_path, capsys):
    (tmp_path / "empty.warc").write_bytes(b"")
    (tmp_path / "noise.warc").write_bytes(b"no archive at all" * 100)
    code, (empty, noise), _ = inspected(capsys, tmp_path / "empty.warc", tmp_path / "noise.warc")
    assert code == 0
    assert empty["error"].startswith("0 captures, none of which lane web reads")
    assert noise["error"].startswith("damaged: ")
