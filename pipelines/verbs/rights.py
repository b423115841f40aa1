"""Verbs about what sites say of use: robots, recheck."""

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


NEWLY_RESERVED = 3  # exit code of `recheck`


def recheck_arguments(parser: argparse.ArgumentParser) -> None:
    """What `recheck` takes."""
    parser.add_argument("release", nargs="?", help="a release by name; without it the last one")
    parser.add_argument(
        "--pages", type=int, default=5, metavar="N",
        help="pages of each origin that are asked for beside its robots.txt, tdmrep.json and ai.txt (default 5; 0: all)",
    )  # fmt: skip
    parser.add_argument(
        "--delay-s", type=float, metavar="S", help="least pause between requests to a host; else as the recipe crawls"
    )


def recheck(asked: argparse.Namespace) -> None:
    """Print what may not be used any more; exit 3 where something is newly reserved."""
    from dataclasses import asdict

    from pipelines.recheck import recheck as visit
    from pipelines.site import load_site
    from pipelines.verbs.run import shown_progress

    if asked.pages < 0 or (asked.delay_s is not None and asked.delay_s < 0):
        raise SourceError("--pages and --delay-s must be at least 0")
    with shown_progress(asked.json) as progress:
        found = visit(
            load_site(asked.site), release=asked.release, pages=asked.pages, delay_s=asked.delay_s, progress=progress
        )
    if asked.json:
        show.as_json(asdict(found) | {"findings": [one._asdict() for one in found.findings], "ok": not found.reserved})
    else:
        if found.findings:
            rows = [(one.state, one.uri, one.items, one.mechanism, one.detail) for one in found.findings]
            show.table("what may not be used today", ("state", "uri", "items", "mechanism", "what says so"), rows)
        print(
            f"release {found.release}: {found.visited} of {found.pages} pages of {found.origins} origins visited; {len(found.reserved)} newly "
            f"reserved, {len(found.findings) - len(found.reserved)} cannot be read today, {len(found.gone)} gone"
        )
        if found.reserved:
            print(
                f"commit {found.commit} holds what is reserved, and `headwater why` shows it; the next run drops it; what was published stays "
                "until it is taken out"
            )
    if found.reserved:
        sys.exit(NEWLY_RESERVED)
