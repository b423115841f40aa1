"""Asking a site for tdmrep.json and ai.txt: what every kind of answer means, and that a live crawl asks once."""

import pytest

from pipelines.capture.archive import capture_archive
from pipelines.capture.live import unanswered
from pipelines.rights.site_file import ASKED_PATHS, site_file_statements
from tests.capture.server import http, page
from tests.capture.test_crawl import Crawled

TDMREP, AI_TXT = ("http://river.example" + path for path in ASKED_PATHS)
UNKNOWN, ERROR = "unknown", "error"


@pytest.mark.parametrize("uri", [TDMREP, AI_TXT])
@pytest.mark.parametrize(
    ("status", "location", "body", "expected"),
    [
        (404, None, b"", UNKNOWN), (410, None, b"", UNKNOWN), (200, None, b"", UNKNOWN), (200, None, b"<html>", UNKNOWN),
        (401, None, b"", ERROR), (403, None, b"", ERROR), (429, None, b"", ERROR), (500, None, b"", ERROR),
        (503, None, b"", ERROR), (None, None, b"", ERROR), (200, None, None, ERROR), (200, None, b"leave us alone", ERROR),
        (301, "http://river.example/", b"", UNKNOWN), (302, None, b"", UNKNOWN),
        (301, "http://sea.example" + ASKED_PATHS[0], b"", ERROR), (301, "https://river.example" + ASKED_PATHS[1], b"", None),
    ],
)  # fmt: skip
def test_every_answer_has_a_meaning_and_what_nobody_can_read_reserves(uri, status, location, body, expected):
    said = site_file_statements(uri, status, location, body)
    assert [one.verdict for one in said] == ([expected] if expected else [])
    assert [one.path for one in said] == [None] * len(said)


def test_that_there_is_no_second_ai_txt_hides_nothing_of_the_first():
    assert site_file_statements("http://river.example/.well-known/ai.txt", 404, None, b"") == []


def test_other_files_say_nothing():
    assert site_file_statements("http://river.example/a.json", 200, None, b"[") == []


SITE = {
    "/robots.txt": http(b"User-agent: *\nDisallow: /cellar\n", type="text/plain"),
    "/": page("/1"),
    "/1": page("/"),
    "/ai.txt": http(b"User-agent: *\nDisallow: /\n", type="text/plain"),
    "river.example/.well-known/tdmrep.json": http(
        status=301, more="Location: http://mill.example/.well-known/tdmrep.json\r\n"
    ),
    "mill.example/.well-known/tdmrep.json": http(b'[{"location": "/", "tdm-reservation": 1}]', type="application/json"),
}


def test_a_crawl_asks_every_origin_once_and_the_answers_are_evidence(tmp_path):
    done = Crawled(SITE, site_files=ASKED_PATHS)
    assert done.log.paths("river.example") == ["/robots.txt", *ASKED_PATHS, "/", "/1"]
    assert done.log.paths("mill.example") == [ASKED_PATHS[0]]
    path = tmp_path / "crawl.warc.gz"
    path.write_bytes(done.warc)
    (found,) = capture_archive(path, source="rivers", stored_uri="crawl.warc.gz")
    said = {
        (row["subject"], row["mechanism"], row["verdict"])
        for row in found.rights.to_pylist()
        if row["subject_kind"] == "origin"
    }
    assert said == {
        ("http://river.example", "wellknown_tdmrep", "error"),  # it stands elsewhere, and is not the site's own
        ("http://mill.example", "wellknown_tdmrep", "disallow"),
        ("http://river.example", "ai_txt", "disallow"),
    }


def test_a_file_that_does_not_answer_is_a_reservation_too():
    done = Crawled(SITE | {"/ai.txt": lambda connection: None}, site_files=ASKED_PATHS)
    assert [(row["subject"], row["mechanism"], row["verdict"]) for row in unanswered(done.outcomes).to_pylist()] == [
        ("http://river.example", "ai_txt", "error")
    ]


@pytest.mark.parametrize("bar", ["/", "/ai.txt"])
def test_robots_txt_bars_these_files_too(bar):
    robots = http(f"User-agent: *\nDisallow: {bar}\n".encode(), type="text/plain")
    assert "/ai.txt" not in Crawled(SITE | {"/robots.txt": robots}, site_files=ASKED_PATHS).log.paths("river.example")


def test_a_page_that_is_linked_is_not_asked_for_again():
    done = Crawled(SITE | {"/1": page("/ai.txt")}, site_files=ASKED_PATHS)
    assert done.log.paths("river.example").count("/ai.txt") == 1
