"""Statements about use, read from headers, HTML and tdmrep.json: what was said, by which mechanism, where.

Nothing is decided here. Where a mechanism was used and its value cannot be read, the verdict is `error`, and a judge
counts it as a reservation: evidence fails closed. What no mechanism says is no statement.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipelines.rights import markup
from schemas.rights import Mechanism, RightsVerdict, Usage

EXCERPT_CHARS = 200  # schemas.rights.RIGHTS

Reading = tuple[Usage, RightsVerdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement found. `agent`: lower-case token it names, null for everyone.

    `path`: for site-wide files, the RFC 9309 pattern of the paths it is about; null for the whole site. Such a
    statement is stored with the subject `origin + (path or "")`.
    """

    mechanism: Mechanism
    usage: Usage
    verdict: RightsVerdict
    agent: str | None = None
    locator: str
    excerpt: str
    path: str | None = None


def excerpt(text: str) -> str:
    """The first 200 characters of a text, white space collapsed: what an evidence row quotes."""
    return " ".join(text[: 4 * EXCERPT_CHARS].split())[:EXCERPT_CHARS]


def about_file(locator: str, said: str) -> Statement:
    """What a file says of who made or holds it: kept, and decides nothing."""
    return Statement(
        mechanism=Mechanism.FILE_METADATA,
        usage=Usage.ALL,
        verdict=RightsVerdict.UNKNOWN,
        locator=locator,
        excerpt=excerpt(said),
    )


def header_statements(headers: Sequence[tuple[str, str]]) -> list[Statement]:
    """What X-Robots-Tag, TDM-Reservation, Content-Usage, Content-Signal and Link (to RSL terms) say, in the order received.

    Give repeated headers apart: an agent prefix (`GPTBot: noai`) holds to the end of its own header line only.
    """
    found: list[Statement] = []
    said: Sequence[tuple[str | None, Sequence[Reading]]]
    for name, value in headers:
        key = name.strip().lower()
        match key:
            case "x-robots-tag":
                mechanism, said = Mechanism.HTTP_X_ROBOTS, _robots_tag(value)
            case "tdm-reservation":
                mechanism, said = Mechanism.HTTP_TDM, [(None, [reservation(part) for part in value.split(",")])]
            case "content-usage":
                mechanism, said = Mechanism.HTTP_CONTENT_USAGE, [(None, preferences(value))]
            case "content-signal":
                mechanism, said = Mechanism.HTTP_CONTENT_SIGNAL, [(None, preferences(value))]
            case "link":
                mechanism, said = Mechanism.HTTP_LINK_RSL, [(None, _UNREAD_TERMS if _RSL_TYPE in value.lower() else ())]
            case _:
                continue
        for agent, readings in said:
            found += _statements(mechanism, readings, agent, f"header {key}", f"{name.strip()}: {value.strip()}")
    return found


def html_statements(html: bytes) -> list[Statement]:
    """What the meta tags of a page say: robots (or one crawler's name), tdm-reservation, http-equiv headers; and links to RSL terms.

    Comments, scripts and styles are not read; a meta tag in the body counts. Locators are byte offsets.
    """
    html = markup.as_utf8(html)
    page = markup.shown(html)
    found: list[Statement] = []
    for tag in markup.tags(page, "meta"):
        said = page[tag.start : tag.end].decode("utf-8", "replace")
        for mechanism, agent, readings in _meta(tag.attributes):
            found += _statements(mechanism, readings, agent, f"byte {tag.start}", said)
    for start, said in _rsl(html, page):
        found += _statements(Mechanism.HTML_LINK_RSL, _UNREAD_TERMS, None, f"byte {start}", said)
    return found


# Terms that stand elsewhere, or in a language that is not read here, are a reservation. Source: RSL 1.0 (rslstandard.org).
_RSL_TYPE = "application/rsl+xml"
_UNREAD_TERMS: Sequence[Reading] = ((Usage.TRAIN_AI, RightsVerdict.ERROR),)


def _rsl(html: bytes, page: bytes) -> Iterator[tuple[int, str]]:
    """(offset, what is said) of links to RSL terms, and of terms that stand in the page."""
    for tag in markup.tags(page, "link", about=("rsl",)):
        if _RSL_TYPE in tag.attributes.get("type", "").lower():
            yield tag.start, page[tag.start : tag.end].decode("utf-8", "replace")
    for start, terms in markup.scripts(html, _RSL_TYPE):
        yield start, terms.decode("utf-8", "replace")


def _meta(attributes: Mapping[str, str]) -> Iterator[tuple[Mechanism, str | None, list[Reading]]]:
    content = attributes.get("content", "")
    name = (attributes.get("name") or attributes.get("property") or "").strip().lower()
    header = attributes.get("http-equiv", "").strip().lower()
    if name == "robots":
        yield Mechanism.HTML_META_ROBOTS, None, _directives(content)
    elif _is_crawler(name):
        yield Mechanism.HTML_META_ROBOTS, name, _directives(content)
    if "tdm-reservation" in (name, header):
        yield Mechanism.HTML_META_TDM, None, [reservation(content)]
    if "content-usage" in (name, header):
        yield Mechanism.HTML_META_ROBOTS, None, preferences(content)
    if header == "x-robots-tag":
        for agent, readings in _robots_tag(content):
            yield Mechanism.HTML_META_ROBOTS, agent, readings


def tdmrep_statements(body: bytes) -> list[Statement]:
    """What a `/.well-known/tdmrep.json` says, one statement a rule; `path` holds the rule's location pattern.

    A page of markup in its place (a soft 404) says nothing; anything else that is no list of rules is an error about
    the whole site. Source: W3C TDMRep Community Group final report, 10 May 2024, TDM file on the origin server.
    """
    text = body.decode("utf-8-sig", "replace").strip()
    if not text or text.startswith("<"):
        return []
    mechanism = Mechanism.WELLKNOWN_TDMREP
    try:
        rules = json.loads(text)
    except (ValueError, RecursionError):
        return _statements(mechanism, [(Usage.TDM, RightsVerdict.ERROR)], None, "file", text)
    found: list[Statement] = []
    for number, rule in enumerate(rules if isinstance(rules, list) else [rules], 1):
        fields = rule if isinstance(rule, dict) else {}
        value, location = fields.get("tdm-reservation"), fields.get("location")
        reading = reservation(str(value)) if isinstance(value, str | int) else (Usage.TDM, RightsVerdict.ERROR)
        path = _path(location) if isinstance(location, str) else None
        said = json.dumps(rule, ensure_ascii=False)
        found += _statements(mechanism, [reading], None, f"rule {number}", said, path)
    return found


def _path(location: str) -> str | None:
    """The pattern of the paths that a location is about; null for the whole site. A URL is read as its path."""
    place = location.strip()
    if "://" in place:
        place = "/" + place.partition("://")[2].partition("/")[2]
    if not place.strip("/*$"):
        return None
    return place if place.startswith(("/", "*")) else f"/{place}"


# What a robots meta tag or X-Robots-Tag may hold that is about use. `none` is noindex and nofollow at once: we read it
# as a wish to be left alone. `noimageai` is about the pictures of a page, and counts for the page (the strictest wins).
_DIRECTIVES: Mapping[str, Reading] = {
    "noai": (Usage.TRAIN_AI, RightsVerdict.DISALLOW),
    "noimageai": (Usage.TRAIN_AI, RightsVerdict.DISALLOW),
    "noml": (Usage.TRAIN_AI, RightsVerdict.DISALLOW),  # Source: noml.info
    "none": (Usage.ALL, RightsVerdict.DISALLOW),
    "noindex": (Usage.SEARCH, RightsVerdict.DISALLOW),
    "index": (Usage.SEARCH, RightsVerdict.ALLOW),
    "all": (Usage.SEARCH, RightsVerdict.ALLOW),
}
_WITH_VALUES = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")

# Source: draft-ietf-aipref-vocab (bots, train-ai, train-genai, search) and contentsignals.org (ai-train, search). Uses
# at inference (ai-input, ai-use) are not what a corpus does.
_PREFERENCES: Mapping[str, Usage] = {
    "all": Usage.ALL,
    "bots": Usage.ALL,
    "tdm": Usage.TDM,
    "search": Usage.SEARCH,
    "ai": Usage.TRAIN_AI,
    "trainai": Usage.TRAIN_AI,
    "aitrain": Usage.TRAIN_AI,
    "traingenai": Usage.TRAIN_AI,
    "genai": Usage.TRAIN_AI,
}
_KEY = re.compile(r"[a-z*][a-z0-9_.*-]*")  # Source: RFC 8941, section 3.1.2, in lower case
_WORDS = {
    "y": RightsVerdict.ALLOW,
    "yes": RightsVerdict.ALLOW,
    "n": RightsVerdict.DISALLOW,
    "no": RightsVerdict.DISALLOW,
}

# Crawlers that take a meta tag of their own but do not call themselves bot, spider or crawler.
_OTHER_CRAWLERS = frozenset(
    ("anthropic-ai", "claude-web", "google-extended", "applebot-extended", "ia_archiver", "slurp", "img2dataset",
     "cohere-ai", "facebookexternalhit", "meta-externalagent", "omgili", "teoma")
)  # fmt: skip


def _is_crawler(name: str) -> bool:
    """Whether a meta name is an agent's: `gptbot` is, `keywords` is not (its content may well hold the word noai)."""
    return name in _OTHER_CRAWLERS or (
        name != "robots" and any(part in name for part in ("bot", "spider", "crawl")) and " " not in name
    )


def _robots_tag(value: str) -> list[tuple[str | None, list[Reading]]]:
    """What an X-Robots-Tag value says, by the agent it names (null: everyone).

    An agent prefix holds until the next one, so that lines a proxy joined (`a: noindex, b: noai`) read as they were.
    """
    found: list[tuple[str | None, list[Reading]]] = [(None, [])]
    for part in value.replace(";", ",").split(","):
        head, colon, rest = part.partition(":")
        agent = head.strip().lower()
        if colon and agent and " " not in agent and agent not in _WITH_VALUES and _directive(agent) is None:
            found.append((None if agent in ("*", "robots") else agent, []))
            part = rest
        reading = _directive(part)
        if reading is not None:
            found[-1][1].append(reading)
    return found


def _directives(value: str) -> list[Reading]:
    readings = (_directive(part) for part in value.replace(";", ",").split(","))
    return [reading for reading in readings if reading is not None]


def _directive(text: str) -> Reading | None:
    """What one directive says; null for those that are not about use (nofollow, max-snippet: 3)."""
    word = text.strip().lower().replace("-", "").replace("_", "").replace(" ", "")
    if word in _DIRECTIVES:
        return _DIRECTIVES[word]
    garbled = any(part in word for part in ("noai", "noimageai", "noml"))
    return (Usage.TRAIN_AI, RightsVerdict.ERROR) if garbled else None


def reservation(value: str) -> Reading:
    """What a tdm-reservation says: 1 reserves, 0 does not, anything else cannot be read."""
    verdicts = {"1": RightsVerdict.DISALLOW, "0": RightsVerdict.ALLOW}
    return Usage.TDM, verdicts.get(value.strip(), RightsVerdict.ERROR)


def preferences(value: str) -> list[Reading]:
    """What a list of preferences (`train-ai=n, search=y`: AIPREF or Content-Signal) says, member by member.

    Keys are read in any case, hyphens or not. Keys we do not know are left out; a known key without y or n is an error, and so
    are a member without a value and what is no key: `preferences("train-ai")` is `[(train-ai, error)]`, `preferences("hello")`
    and `preferences('"train-ai=n"')` are `[(all, error)]`.
    """
    readings: list[Reading] = []
    for member in filter(None, (part.strip() for part in value.split(","))):
        key, equals, rest = member.partition("=")
        name = key.strip().lower()
        usage = _PREFERENCES.get(name.replace("-", "").replace("_", ""))
        word = rest.partition(";")[0].strip().lower()
        if usage is not None:
            readings.append((usage, _WORDS.get(word, RightsVerdict.ERROR)))
        elif not (equals and _KEY.fullmatch(name)):
            readings.append((Usage.ALL, RightsVerdict.ERROR))
    return readings


def _statements(
    mechanism: Mechanism,
    readings: Sequence[Reading],
    agent: str | None,
    locator: str,
    said: str,
    path: str | None = None,
) -> list[Statement]:
    return [
        Statement(
            mechanism=mechanism,
            usage=usage,
            verdict=verdict,
            agent=agent,
            locator=locator,
            excerpt=excerpt(said),
            path=path,
        )
        for usage, verdict in dict.fromkeys(readings)
    ]
