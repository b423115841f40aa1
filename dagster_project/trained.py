"""Starting `python -m training` from a step, and where its run folders lie: `models/<release>/` of the site."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Thread
from typing import IO, Any

from pipelines.audit.open import Ledger
from pipelines.site import Site
from schemas.errors import TrainingError


def release(site: Site) -> Path:
    """The folder of the last release at the site.

    Raises:
        TrainingError: nothing was kept, so there is nothing to train on.
    """
    return site.store.near_folder(f"releases/{_release_name(site)}")


def folder(site: Site) -> Path:
    """Where the models of the last release lie: in the store, or beside the scratch folder where the store is remote."""
    home = site.store.local("") if site.store.is_local else site.scratch.parent
    return home / "models" / _release_name(site)


def _release_name(site: Site) -> str:
    (row,) = Ledger.open(site.store).db.rows("SELECT DISTINCT release FROM run")
    if row["release"] is None:
        raise TrainingError(f"the last run at {site.store.root} kept nothing: there is no release to train on")
    return str(row["release"])


def preset(asked: Mapping[str, Any]) -> list[str]:
    """The words that choose a preset and change it."""
    return [f"--preset={asked['preset']}", *changes(asked)]


def changes(asked: Mapping[str, Any]) -> list[str]:
    """The words that change a preset."""
    return [f"--set={change}" for change in asked["set"]]


def training(words: Sequence[object], asked: Mapping[str, Any], say: Callable[[str], None]) -> dict[str, Any]:
    """What `python -m training` says at its end; its progress is passed on, a line at a time.

    Raises:
        TrainingError: it failed; the text is what it said last.
    """
    command = [*(asked["launch"] or [sys.executable]), "-m", "training", *map(str, words), "--json"]
    said: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        reader = Thread(target=_pass_on, args=(child.stderr, say, said))
        reader.start()
        lines = child.stdout.read().splitlines()
        reader.join()
    if child.returncode:
        raise TrainingError(
            f"python -m training {words[0]} ended with status {child.returncode}: {' '.join(said[-3:])}"
        )
    return dict(json.loads(lines[-1]))


def _pass_on(lines: IO[str], say: Callable[[str], None], said: list[str]) -> None:
    for line in lines:
        said.append(line.strip())
        say(_readable(line.strip()))


def _readable(line: str) -> str:
    """Progress in words: `train: 40 of 120, loss 3.2`; any other line as it is."""
    try:
        told = json.loads(line)
        rest = "".join(
            f", {name} {value:.4g}" for name, value in told.items() if name not in ("stage", "step", "steps")
        )
        return f"{told['stage']}: {told['step']} of {told['steps'] or '?'}{rest}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return line
