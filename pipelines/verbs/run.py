"""Verbs that run stages: run and inspect."""

import argparse
import dataclasses
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipelines.verbs import show

if TYPE_CHECKING:
    from pipelines.runner import Progress


def run_arguments(parser: argparse.ArgumentParser) -> None:
    """What `run` takes."""
    parser.add_argument("recipe", help="a corpus.toml, or a shipped recipe by name (demo)")
    parser.add_argument("--runner", help="local, or a Beam runner by name; overrides the site")
    parser.add_argument("--workers", type=int, help="processes of a local run; overrides the site")
    parser.add_argument("--part-rows", type=int, help="captures in one unit of work; overrides the site")
    parser.add_argument(
        "--memory", metavar="SIZE", help='what finding duplicates may hold, as "2 GiB"; overrides the site'
    )


def run_verb(asked: argparse.Namespace) -> None:
    """Run a recipe and print the balance and the release."""
    from pipelines import recipe as recipes
    from pipelines.audit.open import Ledger
    from pipelines.balance import per_stage
    from pipelines.demo import demo_site
    from pipelines.run import run
    from pipelines.shadow import check_packages
    from pipelines.site import load_site, size

    check_packages()

    site = load_site(asked.site)
    changes = {"runner": asked.runner, "workers": asked.workers, "part_rows": asked.part_rows}
    if asked.memory is not None:
        changes["memory"] = size(asked.memory, where="--memory")
    site = dataclasses.replace(site, **{key: value for key, value in changes.items() if value is not None})
    with demo_site(recipes.load(asked.recipe), site) as (recipe, ready), shown_progress(asked.json) as progress:
        result = run(recipe, ready, progress=progress)
    fields = dataclasses.asdict(result)
    if asked.json:
        show.as_json(fields)
        return
    funnel = per_stage(Ledger.open(ready.store, run=result.run).db).to_pylist()
    ended = ("dropped", "merged", "quarantined", "withdrawn")
    columns = ("lane", "stage", "entered", "born", *ended, "split", "passed")
    rows = [[row[name] for name in columns] for row in funnel if row["born"] or any(row[name] for name in ended)]
    show.table("funnel: stages at which something ended or was born", columns, rows)
    balance = fields.pop("balance")
    show.table(f"balance of {result.run}", ("", "items"), list(balance.items()))
    show.table("captures", ("outcome", "captures"), list(fields.pop("captures").items()))
    for name, title in (("answers", "answers of the web"), ("listed", "rows of lists of URLs")):
        if counted := fields.pop(name):
            show.table(title, tuple(counted[0]), [tuple(row.values()) for row in counted])
    for line in fields.pop("ignored"):
        print(f"ignored: {line}")
    for line in fields.pop("silent"):
        print(line)
    for line in fields.pop("off"):
        print(line)
    show.lines(fields)


@contextmanager
def shown_progress(is_json: bool) -> "Iterator[Progress]":
    """A bar a room on a terminal; nothing where nobody looks."""
    if is_json or not sys.stderr.isatty():
        yield lambda room, done, total: None
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

    with Progress(
        *Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeElapsedColumn(), console=Console(stderr=True)
    ) as bars:
        tasks = {}

        def show_room(room: str, done: int, total: int) -> None:
            if room not in tasks:
                tasks[room] = bars.add_task(room, total=total)
            bars.update(tasks[room], completed=done, total=total)

        yield show_room


def inspect_arguments(parser: argparse.ArgumentParser) -> None:
    """What `inspect` takes."""
    parser.add_argument(
        "inputs", nargs="*", metavar="PATH|URL", help="an HTML or text file, an archive, or a page to ask for now"
    )
    parser.add_argument(
        "--jsonl", metavar="FILE", help='lines {"id", "text" | "html" | "path", ...}; - for standard input'
    )
    parser.add_argument("--lane", default="web")
    parser.add_argument(
        "--recipe",
        help="judge as this recipe does, and ask in the name of its contact; default: the shipped one of the lane",
    )


def inspect_verb(asked: argparse.Namespace) -> None:
    """Print one JSON line an item: what it is, what was measured, what every judge says."""
    from pipelines.inspect import inspect
    from pipelines.site import named_site

    site = named_site(asked.site)
    hosts = site.host_overrides if site else {}
    for found in inspect(asked.inputs, jsonl=asked.jsonl, lane=asked.lane, recipe=asked.recipe, hosts=hosts):
        show.as_json(found)


def fetch_arguments(parser: argparse.ArgumentParser) -> None:
    """What `fetch` takes."""
    parser.add_argument("list", metavar="LIST", help="a table of URLs: .csv, .tsv, .jsonl (also .gz, .zst) or .parquet")
    parser.add_argument("--contact", required=True, help="whom a site may ask: it goes into the User-Agent")
    parser.add_argument("--url-col", default="url", metavar="COLUMN")
    parser.add_argument("--caption-col", default="", metavar="COLUMN")
    parser.add_argument(
        "--sha256-col", default="", metavar="COLUMN", help="what the bytes must have; others are refused"
    )
    parser.add_argument("--keep-cols", nargs="+", default=[], metavar="COLUMN", help="go into the results as they are")
    parser.add_argument("--round", default="1", metavar="LABEL", help="a new one asks again; the same never asks twice")
    parser.add_argument("--delay-s", type=float, default=1.0, help="between requests to a host (default 1)")
    parser.add_argument("--round-s", type=float, default=3600.0, help="after it no request is begun (default 3600)")


def fetch_verb(asked: argparse.Namespace) -> None:
    """Print one JSON line a row of the list; what came lies in the site's store as WARC."""
    from pathlib import Path

    from pipelines.capture.inputs import adopt
    from pipelines.capture.layout import TABLES, Form, Layout
    from pipelines.capture.url_list import list_source
    from pipelines.recipe import Crawl, Source, of_lane
    from pipelines.site import load_site
    from schemas.errors import SourceError
    from schemas.source import SourceCard, SourceKind

    path = Path(asked.list)
    if not path.name.lower().endswith(TABLES):
        raise SourceError(f"{path} is no table that is read: {', '.join(TABLES)}")
    if "@" not in asked.contact and not asked.contact.startswith(("http://", "https://")):
        raise SourceError(
            f"--contact {asked.contact!r} is neither an e-mail address nor a URL: a site must be able to ask"
        )
    site = load_site(asked.site)
    layout = Layout(
        url_column=asked.url_col, caption_column=asked.caption_col, sha256_column=asked.sha256_col, keep_columns=tuple(asked.keep_cols),
    )  # fmt: skip
    card = SourceCard(name="list", kind=SourceKind.OTHER, title=path.name, provider="unknown", contact=asked.contact)
    crawl = Crawl(rounds=(asked.round,), delay_s=asked.delay_s, round_s=asked.round_s)
    source = Source(card=card, lanes=("image_caption",), inputs=(str(path),), crawl=crawl, layout=layout)
    recipe = dataclasses.replace(of_lane("image_caption"), sources=(source,))
    with shown_progress(asked.json) as progress:
        found = list_source(
            recipe, site, source, [adopt(site, path.name, path, Form.TABLE)], asked.round, progress=progress
        )
    for receipt in found.results:
        for row in site.store.read_part(receipt.part("listed")).to_pylist():
            show.as_json(row | {"kept": dict(row["kept"])})
