"""The robots.txt matcher: the reference's cases and verdicts, our own cases for every rule, and laws."""

import gzip
import json
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protego import Protego

from pipelines.rights.robots import PathPattern, RobotsFile, RobotsVerdict, StatusRule, status_rule
from schemas.rights import Mechanism, RightsVerdict, Usage
from tests.rights.shared import WEB, needs_shared


def allowed(body: str | bytes, agent: str, path: str) -> bool:
    raw = body.encode() if isinstance(body, str) else body
    return RobotsFile.parse(raw).verdict(agent, path).allowed


def path_of(url: str) -> str:
    rest = url.partition("://")[2].partition("#")[0]
    return "/" + rest.partition("/")[2]


@needs_shared
def test_every_case_of_the_reference_agrees() -> None:
    cases = [json.loads(line) for line in (WEB / "robots" / "google_cases.jsonl").read_text("utf-8").splitlines()]
    wrong = [c for c in cases if allowed(c["robots"], c["agent"], path_of(c["url"])) != c["expected_allowed"]]
    assert (len(cases), wrong) == (39, [])


@needs_shared
def test_every_verdict_on_real_files_agrees_with_the_reference() -> None:
    with tarfile.open(WEB / "robots" / "real_robots.tar.gz") as archive:
        bodies = {member.name: file.read() for member in archive if (file := archive.extractfile(member))}
    checked, wrong = 0, []
    with gzip.open(WEB / "robots" / "real_verdicts.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            robots = RobotsFile.parse(bodies[entry["robots"]])
            for agent, url, expected in entry["verdicts"]:
                checked += 1
                if robots.verdict(agent, path_of(url)).allowed != expected:
                    wrong.append((entry["robots"], agent, url))
    assert (checked, wrong) == (31_703, [])


NO_FOO = "user-agent: FooBot\ndisallow: /\n"


@pytest.mark.parametrize(
    ("body", "agent", "path", "expected"),
    [
        # keys: case, white space, typing errors, prefixes
        ("USER-AGENT : FooBot\nDISALLOW : /\n", "FooBot", "/x", False),
        ("  user-agent:\tFooBot  \n\tdisallow:\t/  \n", "FooBot", "/x", False),
        ("user-agent FooBot\ndisallow /\n", "FooBot", "/x", False),
        ("user-agent: FooBot\ndisallow / x\n", "FooBot", "/x", True),
        *[(f"user-agent: FooBot\n{key}: /\n", "FooBot", "/x", False)
          for key in ("disalow", "dissallow", "dissalow", "diasllow", "disallaw", "disallowed")],
        *[(f"{key}: FooBot\ndisallow: /\n", "FooBot", "/x", False)
          for key in ("useragent", "user agent", "User-Agents")],
        ("user-agent: FooBot\nnoindex: /\n", "FooBot", "/x", True),
        # comments, line ends, byte order mark, NUL, bytes that are no text
        ("user-agent: FooBot # me\ndisallow: /#all\n", "FooBot", "/x", False),
        ("user-agent: FooBot\rdisallow: /\r", "FooBot", "/x", False),
        ("user-agent: FooBot\r\n\r\ndisallow: /\r\n", "FooBot", "/x", False),
        ("user-agent: FooBot\ndisallow: /", "FooBot", "/x", False),
        (b"\xef\xbb\xbfuser-agent: FooBot\ndisallow: /\n", "FooBot", "/x", False),
        (b"\xef\xbbuser-agent: FooBot\ndisallow: /\n", "FooBot", "/x", False),
        (b"user-agent: FooBot\ndisallow: /a\0b\n", "FooBot", "/ac", False),
        (b"user-agent: FooBot\ndisallow: /\xff\n", "FooBot", "/%FF", False),
        ("<html><body>user-agent: FooBot<br>disallow: /</body>", "FooBot", "/x", True),
        ("", "FooBot", "/x", True),
        # agents
        (NO_FOO, "foobot", "/x", False),
        (NO_FOO, "FooBotX", "/x", True),
        (NO_FOO, "Foo", "/x", True),
        ("user-agent: FooBot/2.1\ndisallow: /\n", "FooBot", "/x", False),
        ("user-agent: FooBot (news)\ndisallow: /\n", "FooBot", "/x", False),
        ("user-agent: img2dataset\ndisallow: /\n", "img2dataset", "/x", False),
        ("user-agent: * (all)\ndisallow: /\n", "FooBot", "/x", False),
        ("user-agent: *\ndisallow: /\nuser-agent: FooBot\nallow: /\n", "FooBot", "/x", True),
        ("user-agent: *\ndisallow: /\nuser-agent: FooBot\ndisallow:\n", "FooBot", "/x", True),
        ("user-agent: *\ndisallow: /\nuser-agent: FooBot\n", "FooBot", "/x", True),
        ("user-agent: *\ndisallow: /\nuser-agent: FooBot\nallow: /\n", "*", "/x", False),
        ("disallow: /\nuser-agent: FooBot\n", "FooBot", "/x", True),
        # groups: several agents share rules; the same agent twice is one group; other lines do not end a group
        ("user-agent: A\nuser-agent: FooBot\ndisallow: /\n", "A", "/x", False),
        ("user-agent: FooBot\ndisallow: /a\nuser-agent: B\ndisallow: /b\nuser-agent: FooBot\ndisallow: /c\n", "FooBot", "/c", False),
        ("user-agent: FooBot\ndisallow: /a\nuser-agent: B\ndisallow: /b\nuser-agent: FooBot\ndisallow: /c\n", "FooBot", "/b", True),
        ("user-agent: FooBot\nsitemap: https://x/s\nuser-agent: B\ndisallow: /\n", "FooBot", "/x", False),
        ("user-agent: FooBot\nwhat-is-this: y\nuser-agent: *\ndisallow: /\n", "FooBot", "/x", False),
        # the longest match wins, allow wins a tie, order does not matter
        ("user-agent: *\nallow: /x/page\ndisallow: /x/\n", "A", "/x/page", True),
        ("user-agent: *\ndisallow: /x/page\nallow: /x/\n", "A", "/x/page", False),
        ("user-agent: *\ndisallow: /x\nallow: /x\n", "A", "/x", True),
        ("user-agent: *\ndisallow: /X\n", "A", "/x", True),
        # index.htm(l) stands for its folder
        ("user-agent: *\nallow: /a/index.html\ndisallow: /\n", "A", "/a/", True),
        ("user-agent: *\nallow: /a/index.html\ndisallow: /\n", "A", "/a/b", False),
        ("user-agent: *\nallow: /a/index.html\ndisallow: /\n", "A", "/a/index.html", True),
        # wildcards and anchors
        ("user-agent: *\ndisallow: /*.php\n", "A", "/a/b.php?c", False),
        ("user-agent: *\ndisallow: /*.php$\n", "A", "/a/b.php?c", True),
        ("user-agent: *\ndisallow: /*.php$\n", "A", "/a.php.php", False),
        ("user-agent: *\ndisallow: /a$b\n", "A", "/a$bc", False),
        ("user-agent: *\ndisallow: /$\n", "A", "/", False),
        ("user-agent: *\ndisallow: /$\n", "A", "/x", True),
        ("user-agent: *\ndisallow: *\n", "A", "/x", False),
        ("user-agent: *\ndisallow: /a**b\n", "A", "/axxb", False),
        ("user-agent: *\ndisallow: /ab*ab$\n", "A", "/ab", True),
        # percent-encoding: hex in any case, raw bytes; encoded ASCII is not decoded
        ("user-agent: *\ndisallow: /%e3%83%84\n", "A", "/%E3%83%84", False),
        ("user-agent: *\ndisallow: /%E3%83%84\n", "A", "/%e3%83%84", False),
        ("user-agent: *\ndisallow: /ツ\n", "A", "/%E3%83%84", False),
        ("user-agent: *\ndisallow: /\nallow: /ツ\n", "A", "/ツ", False),
        ("user-agent: *\ndisallow: /\nallow: /%62%61\n", "A", "/ba", False),
        ("user-agent: *\ndisallow: /?a=b\n", "A", "/?a=b&c", False),
        ("user-agent: *\ndisallow: /\n", "A", "", False),
    ],
)  # fmt: skip
def test_own_cases(body: str | bytes, agent: str, path: str, expected: bool) -> None:
    assert allowed(body, agent, path) is expected


def test_the_verdict_names_the_line_that_decided() -> None:
    robots = RobotsFile.parse(
        b"# hello\r\nUser-agent: CCBot\r\nDisallow: /private # keep out\r\nAllow: /private/ok\r\n"
    )
    assert robots.verdict("CCBot", "/private/x") == RobotsVerdict(allowed=False, line=3, rule="Disallow: /private")
    assert robots.verdict("CCBot", "/private/ok") == RobotsVerdict(allowed=True, line=4, rule="Allow: /private/ok")
    assert robots.verdict("CCBot", "/x") == RobotsVerdict(allowed=True, line=None, rule=None)
    assert robots.verdict("GPTBot", "/private") == RobotsVerdict(allowed=True, line=None, rule=None)


def test_a_rule_just_inside_500_kib_is_obeyed_and_one_cut_by_the_limit_is_not_read() -> None:
    head, rule = b"user-agent: *\n", b"disallow: /end\n"
    inside = head + b"#" * (500 * 1024 - len(head) - len(rule) - 1) + b"\n" + rule
    assert len(inside) == 500 * 1024
    assert not allowed(inside + b"allow: /end/x\n", "A", "/end/x")
    assert allowed(inside[:30] + b"#" + inside[30:], "A", "/end")
    # "allow: /" would be another rule than "allow: /open".
    cut = head + b"disallow: /\n" + b"#" * (500 * 1024 - len(head) - 21) + b"\nallow: /open\n"
    assert cut[: 500 * 1024].endswith(b"\nallow: /")
    assert not allowed(cut, "A", "/x")
    assert not allowed(cut[: 500 * 1024], "A", "/x")


def test_a_very_long_line_is_cut_where_the_reference_cuts_it() -> None:
    long = "/x/" + "a" * (2083 * 8 - 1 - len("disallow: /x/"))
    body = f"user-agent: FooBot\ndisallow: {long}/qux\n"
    assert not allowed(body, "FooBot", long + "/fux")
    assert allowed(body, "FooBot", long[:-1] + "/fux")


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ((200, 204, 299), StatusRule.PARSE),
        ((301, 302, 304, 308), StatusRule.UNKNOWN),
        ((400, 404, 410, 451), StatusRule.ALLOW),
        ((401, 403, 429, 500, 503, 599, None, 0, 199, 600), StatusRule.DISALLOW),
    ],
)
def test_what_a_status_means(statuses: tuple[int | None, ...], expected: StatusRule) -> None:
    assert [status_rule(status) for status in statuses] == [expected] * len(statuses)


def test_crawl_delay_is_of_the_agents_group() -> None:
    robots = RobotsFile.parse(b"user-agent: *\ncrawl-delay: 10\ndisallow: /a\nuser-agent: slow\nCrawl-Delay: 2.5\n"
                              b"user-agent: odd\ncrawl-delay: soon\ndisallow:\n")  # fmt: skip
    delays = [robots.crawl_delay(agent) for agent in ("FooBot", "SLOW", "odd", "*")]
    assert delays == [10.0, 2.5, None, 10.0]
    assert RobotsFile.parse(b"user-agent: x\ncrawl-delay: 1e400\ncrawl-delay: nan\n").crawl_delay("x") is None


def test_sitemaps_are_listed_wherever_they_stand() -> None:
    robots = RobotsFile.parse(b"sitemap: https://a/1.xml\nuser-agent: x\nSite-Map: /2.xml\ndisallow: /\n")
    assert robots.sitemaps == ("https://a/1.xml", "/2.xml")


def test_lines_about_use_are_statements_of_their_group() -> None:
    body = b"""Content-Signal: search=yes, ai-train=no
User-agent: *
Content-Usage: train-ai=n
Content-Usage: /open/* train-ai=y
User-agent: GPTBot
Allow: /
Content-Usage: train-ai=perhaps
License: https://a.example/terms.xml
"""
    said = [(s.mechanism, s.usage, s.verdict, s.agent, s.locator, s.path) for s in RobotsFile.parse(body).statements]
    usage, signal = Mechanism.ROBOTS_CONTENT_USAGE, Mechanism.ROBOTS_CONTENT_SIGNAL
    assert said == [
        (signal, Usage.SEARCH, RightsVerdict.ALLOW, None, "line 1", None),
        (signal, Usage.TRAIN_AI, RightsVerdict.DISALLOW, None, "line 1", None),
        (usage, Usage.TRAIN_AI, RightsVerdict.DISALLOW, None, "line 3", None),
        (usage, Usage.TRAIN_AI, RightsVerdict.ALLOW, None, "line 4", "/open/*"),
        # GPTBot joins the group of `*`, because no rule has ended it.
        (usage, Usage.TRAIN_AI, RightsVerdict.ERROR, None, "line 7", None),
        (usage, Usage.TRAIN_AI, RightsVerdict.ERROR, "gptbot", "line 7", None),
        (Mechanism.ROBOTS_LICENSE_RSL, Usage.TRAIN_AI, RightsVerdict.ERROR, None, "line 8", None),
    ]


def test_matching_does_not_go_back() -> None:
    pattern, path = PathPattern.parse(b"/" + b"a*" * 5000 + b"b"), b"/" + b"a" * 20_000
    assert not pattern.matches(path)  # a backtracking matcher would never end


def slow_match(pattern: str, path: str) -> bool:
    """The definition: `*` is any run of characters, a final `$` the end."""
    if not pattern:
        return True
    if pattern == "$":
        return not path
    if pattern[0] == "*":
        return any(slow_match(pattern[1:], path[i:]) for i in range(len(path) + 1))
    return path[:1] == pattern[0] and slow_match(pattern[1:], path[1:])


@given(st.text("ab/*$", max_size=7), st.text("ab/$", max_size=8))
def test_a_pattern_matches_as_the_definition_says(pattern: str, path: str) -> None:
    # A `$` before the end is an ordinary character.
    body, dollar = (pattern[:-1], "$") if pattern.endswith("$") else (pattern, "")
    expected = slow_match(body.replace("$", "\1") + dollar, path.replace("$", "\1"))
    assert PathPattern.parse(pattern.encode()).matches(path.encode()) is expected


LINES = st.lists(st.sampled_from(
    ["user-agent: a", "user-agent: b", "user-agent: *", "disallow: /", "disallow: /x", "allow: /x/y", "allow: /", "sitemap: s", ""]
), max_size=9)  # fmt: skip


@given(LINES, st.sampled_from(["\n", "\r\n", "\r"]))
def test_line_ends_do_not_matter(lines: list[str], end: str) -> None:
    for agent in ("a", "b", "c"):
        for path in ("/", "/x", "/x/y"):
            assert allowed(end.join(lines), agent, path) == allowed("\n".join(lines), agent, path)


@given(LINES)
def test_we_never_crawl_what_protego_would_not(lines: list[str]) -> None:
    body = "\n".join(lines)
    peer = Protego.parse(body)
    for path in ("/", "/x", "/x/y"):
        if not peer.can_fetch("https://h" + path, "c"):
            assert not allowed(body, "c", path)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_robots_file(body: bytes) -> None:
    found = RobotsFile.parse(body).verdict("a", "/")
    assert found == RobotsFile.parse(body + b"\n").verdict("a", "/")
