"""Verbs of training: train, tune, generate, evaluate. Each starts `python -m training` in a process of its own, so that
nothing here imports torch; `training/__main__.py` takes the same arguments from here.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from pipelines.verbs import show
from schemas.errors import HeadwaterError, NotFound, TrainingError

_RECORDED = ("train", "tune")
_NOT_PASSED = {"call", "json", "release", "site", "verb"}


def tokenize_arguments(parser: argparse.ArgumentParser) -> None:
    """What `python -m training tokenize` takes."""
    _release(parser)
    _made(parser)
    parser.add_argument("--preset", default="nano", help="nano, mini, or a TOML file (default nano)")


def train_arguments(parser: argparse.ArgumentParser) -> None:
    """What `train` takes."""
    tokenize_arguments(parser)
    parser.add_argument(
        "--tokens", metavar="DIR", help="what `python -m training tokenize` made; else it is made in --out"
    )


def tune_arguments(parser: argparse.ArgumentParser) -> None:
    """What `tune` takes."""
    parser.add_argument("model", help="a run folder, or the folder of one checkpoint, to go on from")
    _release(parser)
    parser.add_argument("--lane", required=True, help="the lane that holds the task")
    parser.add_argument("--source", action="append", help="only items of this source card; may be repeated")
    _made(parser)


def generate_arguments(parser: argparse.ArgumentParser) -> None:
    """What `generate` takes."""
    parser.add_argument("model", help="a run folder, or the folder of one checkpoint")
    parser.add_argument(
        "--text", help="a text to go on with; behind a question, an image or a sound the beginning of the answer"
    )
    given = parser.add_mutually_exclusive_group()
    given.add_argument("--question", help="a question to answer")
    given.add_argument("--image", metavar="FILE", help="an image to say what it shows")
    given.add_argument("--sound", metavar="FILE", help="a sound to write down")
    parser.add_argument("--max-tokens", type=int, default=64, help="a hard end (default 64)")
    parser.add_argument("--temperature", type=float, default=0.0, help="0 takes the likeliest (default)")
    parser.add_argument(
        "--top-p", type=float, default=1.0, help="draw from the likeliest that have this share together"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the draws (default 0)")
    parser.add_argument("--stop", action="append", help="a text that ends the answer; may be repeated")


def evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    """What `evaluate` takes."""
    parser.add_argument("model", help="a run folder, or the folder of one checkpoint")
    _release(parser)
    parser.add_argument("--split", choices=("train", "validation", "test"), default="validation")
    parser.add_argument("--lane", help="one lane only")


def _release(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("release", nargs="?", help="a release by folder, or by name at the site; else the site's last")


def _made(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", required=True, metavar="DIR", help="the run folder; one that is there is gone on with")
    parser.add_argument("--set", action="append", metavar="KEY=VALUE", help="change the preset, such as train.steps=50")
    parser.add_argument("--progress-file", metavar="FILE", help="write progress there, a line of JSON at a time")


def start(asked: argparse.Namespace) -> None:
    """Run one verb in a process of its own and pass on what it prints; ends with its exit code where that is not 0.

    What `train` and `tune` recorded is then committed to the site's ledger, where there is a site.
    """
    command = [sys.executable, "-m", "training", asked.verb, *_words(asked)]
    last = ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            print(last, end="", flush=True)
            last = line
    if child.returncode < 0:
        raise TrainingError(f"training ended by signal {-child.returncode}; the same command goes on where it was")
    if child.returncode or asked.verb not in _RECORDED:
        print(last, end="", flush=True)
        sys.exit(child.returncode) if child.returncode else None
        return
    seq, failed = None, None
    try:
        seq = _committed(asked)
    except HeadwaterError as error:
        failed = error  # said after the result, which took hours
    if asked.json:
        show.as_json({**json.loads(last), "commit": seq})
    else:
        print(last, end="")
        show.lines({"commit": "none: name the site with --site" if seq is None else seq})
    if failed:
        raise failed


def commit_arguments(parser: argparse.ArgumentParser) -> None:
    """What `commit` takes."""
    parser.add_argument("out", metavar="RUN", help="the folder of a training run")


def commit(asked: argparse.Namespace) -> None:
    """Commit what a training run recorded, where it was started without a site (by torchrun, on a cluster)."""
    from pipelines.ledger.training import commit_training
    from pipelines.site import load_site

    done = commit_training(load_site(asked.site).store, Path(asked.out))
    found = {"training_run": done.run, "commit": done.seq, "reused": done.reused}
    show.as_json(found) if asked.json else show.lines(found)


def _committed(asked: argparse.Namespace) -> int | None:
    """The commit that now holds the run's record; null where no site was named."""
    from pipelines.ledger.training import commit_training
    from pipelines.site import load_site

    if not (asked.site or os.environ.get("HEADWATER_SITE") or Path("site.toml").is_file()):
        return None
    return commit_training(load_site(asked.site).store, Path(asked.out)).seq


def _words(asked: argparse.Namespace) -> Iterator[str]:
    """The arguments of the process, from those of the verb."""
    for name, value in vars(asked).items():
        if name not in _NOT_PASSED | {"model"}:
            for one in value if isinstance(value, list) else [] if value is None else [value]:
                yield f"--{name.replace('_', '-')}={one}"
    if asked.json:
        yield "--json"
    yield "--"
    if "model" in asked:
        yield asked.model
    if "release" in asked:
        yield str(_folder(asked))


def _folder(asked: argparse.Namespace) -> Path:
    """The folder of the release that was named, or of the site's last one.

    Raises:
        NotFound: none was named, and the site has none.
    """
    from pipelines.audit.open import Ledger
    from pipelines.site import load_site

    if asked.release and Path(asked.release).exists():
        return Path(asked.release)
    store = load_site(asked.site).store
    if asked.release:
        return store.near_folder(f"releases/{asked.release}")
    (row,) = Ledger.open(store).db.rows("SELECT DISTINCT release FROM run")
    if row["release"] is None:
        raise NotFound(f"the last run at {store.root} kept nothing, so there is no release to train on")
    return store.near_folder(f"releases/{row['release']}")
