"""Verbs that ask the ledger: why, where, drops, ask, verify, sql."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.verbs import show
from schemas.errors import NotFound


def as_of_argument(parser: argparse.ArgumentParser) -> None:
    """The commit that answers."""
    parser.add_argument("--as-of", type=int, metavar="N", help="answer as of commit N; else of the last one")


def name_arguments(parser: argparse.ArgumentParser) -> None:
    """What `why` and `where` take."""
    as_of_argument(parser)
    parser.add_argument(
        "name", help="a URI, an item or capture id (hex), a sample key (32 hex), a file, a member of a shard"
    )


def _ledger(asked: argparse.Namespace):  # type: ignore[no-untyped-def]
    from pipelines.audit.open import Ledger
    from pipelines.site import load_site

    return Ledger.open(load_site(asked.site).store, commit=asked.as_of)


def why(asked: argparse.Namespace) -> None:
    """Print the life of one name."""
    from pipelines.audit.why import why as life

    found = life(_ledger(asked), asked.name)
    show.as_json(found) if asked.json else show.lines(found)


def where(asked: argparse.Namespace) -> None:
    """Print the placements of one name."""
    from pipelines.audit.where import where as places

    found = places(_ledger(asked), asked.name)
    show.as_json(found) if asked.json else show.lines(found)


def drops_arguments(parser: argparse.ArgumentParser) -> None:
    """What `drops` takes."""
    as_of_argument(parser)
    parser.add_argument("--by", choices=("reason", "stage", "source", "language"), default="reason")
    parser.add_argument("--reason", help="show items that ended for this reason, or that a rule in shadow names so")
    parser.add_argument("--stage", help="only those that this stage ended")
    parser.add_argument("--samples", type=int, default=10, metavar="N", help="how many (default 10)")


def drops(asked: argparse.Namespace) -> None:
    """Print what was not kept."""
    from pipelines.audit.drops import drops as count

    if asked.reason or asked.stage:
        _drop_samples(asked)
        return
    found = count(_ledger(asked), asked.by)
    if asked.json:
        show.as_json(found.to_pylist())
    else:
        show.table("not kept", found.column_names, [list(row.values()) for row in found.to_pylist()])


def _drop_samples(asked: argparse.Namespace) -> None:
    """Items that one stage or reason ended, with what decided."""
    from dataclasses import asdict

    from pipelines.late.samples import drop_samples
    from pipelines.verbs.late import print_samples

    found = drop_samples(_ledger(asked), reason=asked.reason, stage=asked.stage, n=asked.samples)
    if asked.json:
        show.as_json([asdict(one) for one in found])
    else:
        print_samples(f"{asked.reason or 'any reason'}, by {asked.stage or 'any stage'}", found)


def ask_arguments(parser: argparse.ArgumentParser) -> None:
    """What `ask` takes."""
    parser.add_argument("question", nargs="?", help="the name of a question; without it, all of them are listed")
    parser.add_argument(
        "values", nargs="*", metavar="VALUE", help="what the question is about, where it takes something"
    )
    as_of_argument(parser)
    parser.add_argument("--csv", action="store_true", help="print CSV; digests are hex")


def ask(asked: argparse.Namespace) -> None:
    """Print the answer to a named question, or the questions."""
    from pipelines.audit.questions import PARAMETERS, QUESTIONS
    from pipelines.audit.questions import ask as answer

    if asked.question is None:
        rows = [(one.name, " ".join(one.takes).upper(), one.asks) for one in QUESTIONS]
        if asked.json:
            show.as_json([{"name": one.name, "takes": one.takes, "asks": one.asks} for one in QUESTIONS])
        else:
            show.table("headwater ask QUESTION [VALUE]", ("question", "takes", "asks"), rows)
            print("\n".join(f"{name.upper()}: {what}" for name, what in PARAMETERS.items()))
        return
    found = answer(_ledger(asked), asked.question, asked.values)
    if asked.json:
        show.as_json(found.to_pylist())
    elif asked.csv:
        show.as_csv(found)
    else:
        show.table(asked.question, found.column_names, [list(row.values()) for row in found.to_pylist()])


def verify_arguments(parser: argparse.ArgumentParser) -> None:
    """What `verify` takes."""
    parser.add_argument(
        "release", nargs="?", help="a release by name or folder; without it the whole ledger and all its releases"
    )


def verify(asked: argparse.Namespace) -> None:
    """Re-read the bytes and print every problem; exit 1 where there is one."""
    from pipelines.audit.verify import verify_ledger
    from pipelines.shard.verify import verify_release
    from pipelines.site import load_site

    if asked.release:
        with _release_folder(asked) as folder:
            report = verify_release(folder)
        result: dict[str, object] = {"release": asked.release, "files": report.files, "samples": report.samples}
        problems = list(report.problems)
    else:
        found = verify_ledger(load_site(asked.site).store)
        result = dict(found.counts)
        problems = [(problem["path"], problem["what"]) for problem in found.problems]
    if asked.json:
        named = [{"path": path, "what": what} for path, what in problems]
        show.as_json({**result, "problems": named, "ok": not problems})
    else:
        print(", ".join(f"{key}: {value}" for key, value in result.items()))
        for path, what in problems:
            print(f"PROBLEM {path}: {what}")
        print("verified: every byte is as it was committed" if not problems else f"{len(problems)} problems")
    if problems:
        sys.exit(1)


@contextmanager
def _release_folder(asked: argparse.Namespace) -> Iterator[Path]:
    """The folder that was named, or that of a release of the site, as it is in the store now. Raises NotFound."""
    from pipelines.site import load_site

    if Path(asked.release).exists():
        yield Path(asked.release)
        return
    with load_site(asked.site).store.lent_folder(f"releases/{asked.release}") as folder:
        if not folder.exists():
            raise NotFound(
                f"release {asked.release} is no folder and none of the site's releases; see `headwater sql 'select release from release'`"
            )
        yield folder


def compact_arguments(parser: argparse.ArgumentParser) -> None:
    """What `compact` takes: nothing of its own."""


def compact(asked: argparse.Namespace) -> None:
    """Commit the ledger's tables as sorted files."""
    from pipelines.ledger.compact import compact as merge
    from pipelines.site import load_site

    commit = merge(load_site(asked.site).store)
    said = {"commit": commit.seq, "hash": commit.hash, "files": len(commit.files), "changed": not commit.reused}
    if asked.json:
        show.as_json(said)
    else:
        print(f"commit {commit.seq}: {len(commit.files)} files" + ("" if said["changed"] else ", as it was already"))


def clean_arguments(parser: argparse.ArgumentParser) -> None:
    """What `clean` takes."""
    parser.add_argument("--apply", action="store_true", help="delete them; without it they are only listed")


def clean(asked: argparse.Namespace) -> None:
    """List, or delete, the parts and archives of crawls that no commit and no receipt names, and what killed processes of this machine were writing."""
    from pipelines.ledger.log import Log
    from pipelines.site import load_site
    from pipelines.takedown.elsewhere import clear_left, left
    from pipelines.takedown.finish import finish

    site = load_site(asked.site)
    store, log = site.store, Log(site.store)
    if store.is_local and not Path(store.root).is_dir():
        raise NotFound(f"{store.root} is no folder, so there is nothing to clean; name the site with --site DIR")
    unfinished = [str(path) for path in left(site)]
    if asked.apply:
        finish(store)  # what a killed takedown is to put in place is named by nothing yet
        clear_left(site)
    orphans = log.clean() if asked.apply else log.orphans()
    if asked.json:
        show.as_json({"orphans": orphans, "unfinished": unfinished, "deleted": asked.apply})
        return
    for path in [*orphans, *unfinished]:
        print(path)
    done = "deleted" if asked.apply else "to delete with --apply, while no run is under way"
    print(f"{len(orphans)} files that nothing names and {len(unfinished)} that killed runs were writing, {done}")


def sql_arguments(parser: argparse.ArgumentParser) -> None:
    """What `sql` takes."""
    as_of_argument(parser)
    parser.add_argument("statement", help="one SELECT over the ledger's tables")
    parser.add_argument("--limit", type=int, default=1000, help="rows at most (default 1000)")


def sql(asked: argparse.Namespace) -> None:
    """Print the answer to one SELECT."""
    from pipelines.audit.console import query

    found = query(_ledger(asked), asked.statement, limit=asked.limit)
    if asked.json:
        show.as_json(found.to_pylist())
    else:
        show.table("", found.column_names, [list(row.values()) for row in found.to_pylist()])
