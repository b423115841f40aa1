"""Verbs about what sites say of use: robots."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from pipelines.verbs import show
from schemas.errors import SourceError


def robots_arguments(parser: argparse.ArgumentParser) -> None:
    """What `robots` takes."""
    parser.add_argument("words", nargs="*", metavar="FILE URL", help="a robots.txt (- for standard input), and URLs")
    # One option takes the URLs after it too: argparse gives words behind an option to nobody.
    parser.add_argument(
        "--agent", nargs="+", action="append", default=[], metavar=("A", "URL"),
        help="product token, such as GPTBot; may be repeated; URLs may follow it",
    )  # fmt: skip
    parser.add_argument(
        "--jsonl",
        metavar="LINES",
        help='lines {"id", "robots", "agent", "url"}; one answer a line; - for standard input',
    )


def robots(asked: argparse.Namespace) -> None:
    """Print whether agents may fetch URLs, and the line of robots.txt that says so."""
    agents = [first for first, *_ in asked.agent]
    file, *urls = [*asked.words, *(url for _, *more in asked.agent for url in more)] or [""]
    if asked.jsonl:
        if file or agents:
            raise SourceError("--jsonl says file, agent and URL of every line; leave them out, or leave out --jsonl")
        _answer_lines(asked.jsonl)
        return
    if not (file and urls and agents):
        raise SourceError("give a robots.txt, --agent and at least one URL, or --jsonl LINES")
    from pipelines.rights.robots import RobotsFile, target_of

    with _opened(file) as lines:
        parsed = RobotsFile.parse(b"".join(lines))
    for agent in agents:
        for url in urls:
            found = parsed.verdict(agent, target_of(url))
            if asked.json:
                show.as_json(
                    {"agent": agent, "url": url, "allowed": found.allowed, "rule": found.rule, "line": found.line}
                )
            else:
                why = f"line {found.line}: {found.rule}" if found.line else "no rule matches"
                print(f"{'allowed' if found.allowed else 'disallowed'}  {agent}  {url}  ({why})")


def _answer_lines(name: str) -> None:
    from pipelines.rights.robots_lines import answers

    with _opened(name) as lines:
        for answer in answers(lines, name):
            print(json.dumps(answer))


@contextmanager
def _opened(name: str) -> Iterator[Iterable[bytes]]:
    """The lines of a file, or of standard input. Raises SourceError."""
    try:
        if name == "-":
            yield sys.stdin.buffer
        else:
            with open(name, "rb") as file:
                yield file
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise SourceError(f"{name} cannot be read: {error.strerror}") from error
