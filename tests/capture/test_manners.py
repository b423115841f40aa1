import gzip
from datetime import UTC, datetime

import pytest

from pipelines.capture.fetch import Fetched
from pipelines.capture.manners import Manners, manners, pause_s, retry_after_s
from pipelines.rights.robots import RobotsFile
from schemas.capture import Outcome

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOW = NOON.timestamp()
ROBOTS = b"User-agent: ourbot\nDisallow: /private\nCrawl-delay: 2.5\n\nUser-agent: *\nDisallow: /\n"


def answer(status=200, body=b"", headers="", **more):
    return Fetched(
        url="http://a.example/robots.txt", outcome=Outcome.FETCHED, fetched_at=NOON, status=status, body=body,
        header_block=f"HTTP/1.1 {status} X\r\n{headers}\r\n".encode(), **more,
    )  # fmt: skip


def refusal(found, target="/page", agents=("OurBot",)):
    return manners(found, agents, 1 << 20).refusal(target)


def test_the_line_that_bars_a_path_is_named():
    assert refusal(answer(body=ROBOTS), "/private/a") == (
        Outcome.REFUSED, "robots.txt line 2 bars OurBot: Disallow: /private",
    )  # fmt: skip
    assert refusal(answer(body=ROBOTS), "/public") is None


def test_any_agent_that_is_barred_bars_and_the_longest_delay_counts():
    assert refusal(answer(body=ROBOTS), "/public", ("OurBot", "*")) == (
        Outcome.REFUSED, "robots.txt line 6 bars *: Disallow: /",
    )  # fmt: skip
    assert manners(answer(body=ROBOTS), ("*", "OurBot"), 1 << 20).delay_s == 2.5
    assert manners(answer(body=ROBOTS), ("*",), 1 << 20).delay_s == 0.0


def test_a_delay_of_years_is_a_day_and_a_file_in_utf_16_is_read():
    said = Manners(agents=("x",), file=RobotsFile.parse(b"user-agent: *\ncrawl-delay: 99999999999999\n"))
    assert said.delay_s == 86_400.0
    for coding in ("utf-16", "utf-16-be"):
        mark = "\ufeff" if coding.endswith("be") else ""
        file = RobotsFile.parse(f"{mark}user-agent: *\ndisallow: /\n".encode(coding))
        assert Manners(agents=("x",), file=file).refusal("/")[1] == "robots.txt line 2 bars x: disallow: /"


def test_a_coded_robots_txt_is_read():
    packed = answer(body=gzip.compress(ROBOTS), headers="Content-Encoding: gzip\r\n")
    assert refusal(packed, "/private") is not None
    assert refusal(packed, "/public") is None


def test_a_rule_at_the_end_of_500_kib_counts():
    body = b"User-agent: *\n" + b"#" * 79 + b"\n"
    body += (b"#" * 79 + b"\n") * ((500 * 1024 - len(body)) // 80 - 1) + b"Disallow: /end\n"
    assert refusal(answer(body=body), "/end") is not None


@pytest.mark.parametrize(
    ("found", "outcome", "why"),
    [
        (answer(500), Outcome.DEFERRED, "robots.txt answered 500: read as disallow"),
        (answer(503), Outcome.DEFERRED, "robots.txt answered 503: read as disallow"),
        (answer(429), Outcome.DEFERRED, "robots.txt answered 429: read as disallow"),
        (answer(302), Outcome.DEFERRED, "robots.txt answered 302: read as disallow"),
        (answer(401), Outcome.REFUSED, "robots.txt answered 401: read as disallow"),
        (answer(403), Outcome.REFUSED, "robots.txt answered 403: read as disallow"),
        (answer(None, detail="no connection: x"), Outcome.DEFERRED, "robots.txt gave no answer (no connection: x): read as disallow"),
        ("the round ended", Outcome.DEFERRED, "the round ended: read as disallow"),
        (answer(body=b"User-ag", truncated="time"), Outcome.DEFERRED, "robots.txt was cut (time): read as disallow"),
        (answer(body=b"", truncated="disconnect"), Outcome.DEFERRED, "robots.txt was cut (disconnect): read as disallow"),
        (answer(body=b"\x1f\x8bno", headers="Content-Encoding: gzip\r\n"), Outcome.DEFERRED, None),
        (answer(body=gzip.compress(bytes(2 << 20)), headers="Content-Encoding: gzip\r\n"), Outcome.DEFERRED, None),
    ],
)  # fmt: skip
def test_where_nobody_knows_what_it_says_nothing_is_asked_for(found, outcome, why):
    said = refusal(found)
    assert said[0] is outcome
    assert why in (said[1], None)


@pytest.mark.parametrize("status", [404, 410, 400])
def test_without_a_file_everything_is_allowed(status):
    assert refusal(answer(status, b"User-agent: *\nDisallow: /\n")) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0), (" 120 ", 120.0), ("0", 0.0), ("999999999", 86400.0), ("9" * 400, 86400.0), ("00007", 7.0),
        ("-1", None), ("+5", None), ("1.5", None), ("1e3", None), ("0x10", None), ("٣", None), ("", None), (None, None),
        ("soon", None), ("1_000", None), ("120, 60", None),
        ("Mon, 23 Nov 2026 12:00:30 GMT", 30.0), ("Monday, 23-Nov-26 12:00:30 GMT", 30.0), ("Mon Nov 23 12:00:30 2026", 30.0),
        ("Mon, 23 Nov 2026 14:00:30 +0200", 30.0), ("Sun, 22 Nov 2026 12:00:00 GMT", 0.0), ("Mon, 23 Nov 2099 12:00:00 GMT", 86400.0),
        ("Mon, 99 Nov 2026 12:00:00 GMT", None), ("Mon, 23 Nov 99999999 12:00:00 GMT", None),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(value, seconds):
    assert retry_after_s(value, NOW) == seconds


@pytest.mark.parametrize(
    ("found", "seconds"),
    [
        (answer(200), 2.0),
        (answer(404), 2.0),
        (answer(503), 20.0),
        (answer(429), 20.0),
        (answer(503, headers="Retry-After: 7\r\n"), 7.0),
        (answer(200, headers="Retry-After: 7\r\n"), 7.0),
        (answer(503, headers="Retry-After: 1\r\n"), 2.0),
        (answer(503, headers="Retry-After: never\r\n"), 20.0),
    ],
)
def test_a_host_is_left_alone_as_long_as_it_asks(found, seconds):
    assert pause_s(found, 2.0, NOW) == seconds
