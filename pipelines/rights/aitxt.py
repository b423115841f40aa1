"""ai.txt: what a site says of training on its files, by kind of file, in the grammar of robots.txt.

In: the bytes of `/ai.txt`. Out: statements about `train-ai`, the pattern of the paths each is about in `path`.
Source: Spawning, "ai.txt: A new way for websites to set permissions for AI", 30 May 2023, and the files its generator
(site.spawning.ai/spawning-ai-txt) writes: one group, `Disallow: *.txt` and so on for every extension of a kind, then
`Disallow: /` and `Disallow: *`. There is no standard.
"""

import re
from collections.abc import Iterator

from pipelines.rights.evidence import Statement, excerpt
from pipelines.rights.robots import EVERYONE, RobotsFile, RobotsRule
from schemas.rights import Mechanism, RightsVerdict, Usage

# Extensions of texts. Source: the text group of Spawning's generator. Ours: htm, xhtml, md, and `text/...` as a media type.
_TEXT = "txt|pdf|docx?|odt|rtf|tex|wks|wpd|wps|x?html?|md"
_TEXTS = re.compile(rf"(?:/?\*)?\.(?:{_TEXT})[*$]?|text(?:/\S*)?|application/xhtml\+xml", re.IGNORECASE)
_EXTENSION = re.compile(r"(?:/?\*)?\.(\w+)[*$]?")
_GROUP = b"User-agent: *\n"


def ai_txt_statements(body: bytes) -> list[Statement]:
    """What an ai.txt says, in the order of its lines.

    It fails closed: a page seldom has an extension in its URL, so a bar on any kind of text is about the whole site, and
    only a longer pattern that the page's URL does match (`Allow: *.html`) lifts it; lines before any User-agent are about
    everyone; and text of another grammar is an error about the whole site. A page of markup in its place (a soft 404)
    says nothing.
    """
    text = body.decode("utf-8-sig", "replace").strip()
    if not text or text.startswith("<"):
        return []
    read, added = RobotsFile.parse(body), 0
    if not read.rules:
        read, added = RobotsFile.parse(_GROUP + body.removeprefix(b"\xef\xbb\xbf")), 1
    rules = [(rule.line - added, agent, rule) for agent, found in read.rules.items() for rule in found]
    if not rules and added and any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines()):
        return [_statement(RightsVerdict.ERROR, None, "file", text, None)]
    return [
        _statement(
            RightsVerdict.ALLOW if rule.allow else RightsVerdict.DISALLOW,
            None if agent == EVERYONE else agent, f"line {line}", rule.text.decode("utf-8", "replace"), path,
        )
        for line, agent, rule in sorted(rules, key=lambda entry: entry[:2])
        for path in _paths(rule)
    ]  # fmt: skip


def _paths(rule: RobotsRule) -> Iterator[str | None]:
    """The RFC 9309 patterns of the paths that a line is about; null for the whole site."""
    value = rule.path.decode()
    extension = _EXTENSION.fullmatch(value)
    if not value.strip("/*$") or (not rule.allow and _TEXTS.fullmatch(value)):
        yield None
    elif extension:  # `*.h` is about files in C, not about everything with ".h" in its path: end or query must follow
        yield from (f"*.{extension[1]}$", f"*.{extension[1]}?*")
    else:
        yield value if value.startswith(("/", "*")) else f"/{value}"


def _statement(verdict: RightsVerdict, agent: str | None, locator: str, said: str, path: str | None) -> Statement:
    return Statement(
        mechanism=Mechanism.AI_TXT, usage=Usage.TRAIN_AI, verdict=verdict, agent=agent, locator=locator,
        excerpt=excerpt(said), path=path,
    )  # fmt: skip
