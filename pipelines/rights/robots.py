"""robots.txt by RFC 9309, on bytes: who may fetch which path, what it says about use, and what a status means.

Agrees with the reference matcher of google/robotstxt, typing errors it forgives included; the differences are ours, all
to the stricter side, and named where they are made.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from pipelines.rights.evidence import Statement, excerpt, preferences
from schemas.rights import Mechanism, RightsVerdict, Usage

PARSED_BYTES = 500 * 1024  # Source: RFC 9309, section 2.5: at least 500 KiB must be parsed
LINE_BYTES = 2083 * 8 - 1  # Source: google/robotstxt, kMaxLineLen: longer lines are cut there
EVERYONE = "*"


class StatusRule(StrEnum):
    """What the answer to a request for robots.txt means for the whole origin."""

    PARSE = "parse", "the body decides"
    ALLOW = "allow", "there is no file: everything is allowed"
    DISALLOW = "disallow", "the site is unreachable or forbids: nothing is allowed"
    UNKNOWN = "unknown", "a redirect whose target was not captured"

    explanation: str

    def __new__(cls, value: str, explanation: str) -> "StatusRule":
        """A member carries the sentence that documents it."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.explanation = explanation
        return member


def status_rule(status: int | None) -> StatusRule:
    """What an HTTP status of robots.txt means; null stands for no answer at all.

    Source: RFC 9309, section 2.3.1. Ours: 401 and 403 (a site that locks its robots.txt does not invite crawlers) and
    429 (come back later) disallow, where the RFC lets any 4xx allow; a status below 200 or above 599 disallows.
    """
    match status:
        case int() if 200 <= status < 300:
            return StatusRule.PARSE
        case int() if 300 <= status < 400:
            return StatusRule.UNKNOWN
        case int() if 400 <= status < 500 and status not in (401, 403, 429):
            return StatusRule.ALLOW
    return StatusRule.DISALLOW


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotsVerdict:
    """Whether an agent may fetch a path, and the line that decided; both null where no rule matched."""

    allowed: bool
    line: int | None
    rule: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PathPattern:
    """An RFC 9309 path pattern: `*` stands for any bytes, `$` at the end for the end of the path."""

    pieces: tuple[bytes, ...]
    anchored: bool
    octets: int  # of the whole pattern: the longest match decides

    @classmethod
    def parse(cls, raw: bytes) -> "PathPattern":
        """The pattern with percent-escapes in upper case and bytes outside ASCII escaped, as paths have them."""
        value = _normal(raw)
        anchored = value.endswith(b"$")
        pieces = (value[:-1] if anchored else value).split(b"*")
        return cls(pieces=tuple(pieces), anchored=anchored, octets=len(value))

    def matches(self, path: bytes) -> bool:
        """Whether the pattern matches from the start of the path; in time linear in both.

        Pieces are taken at their leftmost place, which leaves the most for the rest; only the last, if anchored, must
        stand at the very end.
        """
        first, *rest = self.pieces
        if not path.startswith(first):
            return False
        at = len(first)
        if not rest:
            return at == len(path) or not self.anchored
        *middle, last = rest
        for piece in middle:
            found = path.find(piece, at)
            if found < 0:
                return False
            at = found + len(piece)
        return path.endswith(last) and len(path) - len(last) >= at if self.anchored else path.find(last, at) >= 0


class RobotsRule(NamedTuple):
    """One allow or disallow line. `path`: as `PathPattern` has it; `pattern`: null where the path is a mere prefix.

    A tuple, and most without a pattern: of the time to read a file, half went into making these.
    """

    allow: bool
    path: bytes
    pattern: PathPattern | None
    line: int
    text: bytes

    def matches(self, target: bytes) -> bool:
        """Whether the rule is about this path."""
        return target.startswith(self.path) if self.pattern is None else self.pattern.matches(target)


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotsFile:
    """A parsed robots.txt. Rules and delays are by lower-case agent token, `*` for everyone without a group."""

    rules: Mapping[str, Sequence[RobotsRule]]
    delays: Mapping[str, float]  # seconds
    sitemaps: tuple[str, ...]
    statements: tuple[Statement, ...]

    @classmethod
    def parse(cls, body: bytes) -> "RobotsFile":
        """The file in these bytes; whatever they are, there is an answer (an error page has no rules).

        UTF-16 that says so (a byte order mark) is read: to a parser of UTF-8 it would bar nothing.
        """
        return _parse(body.decode("utf-16", "replace").encode() if body[:2] in _UTF_16 else body)

    def verdict(self, agent: str, path: str) -> RobotsVerdict:
        """Whether `agent` (a product token such as CCBot, or `*`) may fetch `path`.

        `path`: with its query and without its fragment, percent-encoded, as a URL parser gives it. The longest pattern
        wins; allow wins a tie. Groups for the same agent are one; `*` counts only for agents without a group.
        """
        target = _HEX.sub(lambda m: m.group().upper(), path.encode()) or b"/"
        best: dict[bool, RobotsRule] = {}
        for rule in self.rules.get(agent.lower(), self.rules.get(EVERYONE, ())):
            now = best.get(rule.allow)
            if (now is None or len(rule.path) > len(now.path)) and rule.matches(target):
                best[rule.allow] = rule
        allow, disallow = best.get(True), best.get(False)
        barred = disallow is not None and (allow is None or len(disallow.path) > len(allow.path))
        decided = disallow if barred else allow
        return RobotsVerdict(
            allowed=not barred, line=decided.line if decided else None, rule=_text(decided.text) if decided else None
        )

    def crawl_delay(self, agent: str) -> float | None:
        """The seconds between requests this agent is asked for; null where nothing readable is said."""
        key = agent.lower()
        return self.delays.get(key if key in self.rules else EVERYONE)


def target_of(url: str) -> str:
    """Path and query of a URL as written, for `RobotsFile.verdict`: nothing is encoded or resolved.

    `http://a.example?x=1#y` -> `/?x=1`; `/a/b` -> `/a/b`. Agrees with the reference (google/robotstxt, GetPathParamsQuery).
    """
    page = url.partition("#")[0].removeprefix("//")
    start = _PATH.search(page)
    scheme = page.find("://")
    if start is not None and scheme >= 0 and start.start() > scheme:
        start = _PATH.search(page, scheme + 3)
    if start is None:
        return "/"
    found = page[start.start() :]
    return found if found.startswith("/") else "/" + found


_PATH = re.compile("[/?;]")
_HEX = re.compile(rb"%[0-9a-fA-F]{2}")
_ESCAPED = re.compile(rb"%[0-9a-fA-F]{2}|[\x80-\xff]")
_TOKEN = re.compile(rb"[a-zA-Z_-]*")

# Keys match by their beginning and in any case. Source: google/robotstxt, kAllowFrequentTypos.
_USER_AGENT = (b"user-agent", b"useragent", b"user agent")
_ALLOW = (b"allow",)
_DISALLOW = (b"disallow", b"dissallow", b"dissalow", b"disalow", b"diasllow", b"disallaw")
_SITEMAP = (b"sitemap", b"site-map")


def _normal(raw: bytes) -> bytes:
    """The path with percent-escapes in upper case and bytes outside ASCII escaped."""
    return raw if raw.isascii() and b"%" not in raw else _ESCAPED.sub(_escape, raw)


def _escape(match: re.Match[bytes]) -> bytes:
    found = match.group()
    return found.upper() if len(found) == 3 else b"%%%02X" % found[0]


def _parse(body: bytes) -> RobotsFile:
    rules: dict[str, list[RobotsRule]] = {}
    delays: dict[str, float] = {}
    sitemaps: list[str] = []
    statements: list[Statement] = []
    group: list[str] = []
    closed = False  # whether the group has a rule, so that the next user-agent line opens another
    for number, key, value, text in _lines(body):
        if key.startswith(_USER_AGENT):
            group = [*([] if closed else group), *_agents(value)]
            closed = False
            for agent in group:
                rules.setdefault(agent, [])
        elif key.startswith((*_ALLOW, *_DISALLOW)):
            closed = closed or bool(group)
            found = list(_rules(key.startswith(_ALLOW), value, number, text))
            for agent in dict.fromkeys(group):
                rules[agent] += found
        elif key.startswith(_SITEMAP):
            sitemaps.append(value.decode("utf-8", "replace"))
        elif key == b"crawl-delay":
            for agent in group if _DELAY.fullmatch(value) else ():
                delays.setdefault(agent, float(value))
        elif key in (b"content-usage", b"content-signal"):
            statements += _use(key, value, group or [EVERYONE], number, text)
        elif key == b"license":
            statements.append(_licence(number, text))
    return RobotsFile(
        rules=MappingProxyType(rules), delays=MappingProxyType(delays), sitemaps=tuple(sitemaps),
        statements=tuple(statements),
    )  # fmt: skip


_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_DELAY = re.compile(rb"[0-9]+(?:\.[0-9]*)?")


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace")


def _lines(body: bytes) -> Iterator[tuple[int, bytes, bytes, bytes]]:
    """(line number, lower-case key, value, line as written) of every line that has a key."""
    if len(body) >= PARSED_BYTES:
        body = body[:PARSED_BYTES]
        # A rule cut in the middle would be another rule; stored bodies (schemas.rights.ROBOTS) come cut already.
        body = body[: max(body.rfind(b"\n"), body.rfind(b"\r")) + 1]
    for part in (b"\xef\xbb\xbf", b"\xef\xbb", b"\xef"):
        if body.startswith(part):
            body = body[len(part) :]
            break
    for number, raw in enumerate(body.splitlines(), 1):
        line = raw[:LINE_BYTES].partition(b"\0")[0].partition(b"#")[0].strip()
        key, colon, value = line.partition(b":")
        if not colon:
            words = line.split(b"\t") if b" " not in line else line.split()
            # Forgiven by the reference: `disallow /x`, but only where there are exactly two words.
            key, value = (words[0], words[-1]) if len(line.split()) == 2 else (b"", b"")
        if key.strip():
            yield number, key.strip().lower(), value.strip(), line


def _agents(value: bytes) -> list[str]:
    """The keys of a user-agent line: its token up to the first odd character, and the whole word where that is more.

    Ours: the reference reads `img2dataset` as `img`, so that nobody called img2dataset is ever barred by name.
    """
    if value[:1] == b"*" and (len(value) == 1 or value[1:2].isspace()):
        return [EVERYONE]
    token = _TOKEN.match(value)
    words = value.split()
    names = [token.group() if token else b"", words[0] if words else b""]
    return list(dict.fromkeys(name.decode("utf-8", "replace").lower() for name in names if name))


def _rules(allow: bool, value: bytes, number: int, text: bytes) -> Iterator[RobotsRule]:
    """The rules of one line: none for an empty pattern; for `allow: /x/index.html` also `/x/$`, as in the reference."""
    if value:
        is_plain = b"*" not in value and not value.endswith(b"$")
        yield RobotsRule(allow, _normal(value), None if is_plain else PathPattern.parse(value), number, text)
    slash = value.rfind(b"/")
    if allow and slash >= 0 and value.startswith(b"/index.htm", slash):
        pattern = value[: slash + 1] + b"$"
        yield RobotsRule(True, _normal(pattern), PathPattern.parse(pattern), number, text)


def _licence(number: int, text: bytes) -> Statement:
    """What a `License: URL` line says: that use is under terms, which stand elsewhere and are not read here.

    Terms that nobody read are a reservation, as all that was said and cannot be read. Source: RSL 1.0 (rslstandard.org),
    robots.txt: the line belongs to no group.
    """
    return Statement(
        mechanism=Mechanism.ROBOTS_LICENSE_RSL, usage=Usage.TRAIN_AI, verdict=RightsVerdict.ERROR,
        locator=f"line {number}", excerpt=excerpt(_text(text)),
    )  # fmt: skip


def _use(key: bytes, value: bytes, agents: Sequence[str], number: int, text: bytes) -> Iterator[Statement]:
    """What a Content-Usage or Content-Signal line says, for each agent of its group (without a group: everyone).

    Source: draft-ietf-aipref-attach (`Content-Usage: /path train-ai=n`) and contentsignals.org.
    """
    usage = key == b"content-usage"
    said = value.decode("utf-8", "replace")
    path = None
    if said.startswith(("/", "*")):
        path, _, said = said.partition(" ")
    for agent in dict.fromkeys(agents):
        for about, verdict in dict.fromkeys(preferences(said)):
            yield Statement(
                mechanism=Mechanism.ROBOTS_CONTENT_USAGE if usage else Mechanism.ROBOTS_CONTENT_SIGNAL,
                usage=about,
                verdict=verdict,
                agent=None if agent == EVERYONE else agent,
                locator=f"line {number}",
                excerpt=excerpt(_text(text)),
                path=path if path and path.strip("/*") else None,
            )
