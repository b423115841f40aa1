"""Progress: a bar for a person, lines of JSON for a parent process, nothing for anybody else.

A line is `{"stage": "train", "step": 40, "steps": 120, "loss": 3.2, ...}`; numbers only beside the stage.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

EVERY_S = 0.5  # Chosen: twice a second is live to the eye and small in an event log
Number = int | float


class Tell(Protocol):
    """How work says where it is. `steps`: 0 where nobody knows how many there will be."""

    def __call__(self, stage: str, step: int, steps: int, **numbers: Number) -> None:
        """Say it."""


def silent(stage: str, step: int, steps: int, **numbers: Number) -> None:
    """Say nothing."""


@contextmanager
def progress(file: Path | None, *, is_first: bool = True) -> Iterator[Tell]:
    """Lines into a file where one is named; else a bar on a terminal, or lines on standard error. Only the first process."""
    if not is_first:
        yield silent
    elif file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as out:
            yield _Lines(out)
    elif sys.stderr.isatty():
        with _bars() as tell:
            yield tell
    else:
        yield _Lines(sys.stderr)


class _Lines:
    """At most two lines a second a stage, and always its first and its last."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._stage, self._last = "", 0.0

    def __call__(self, stage: str, step: int, steps: int, **numbers: Number) -> None:
        now = time.monotonic()
        if stage == self._stage and step != steps and now - self._last < EVERY_S:
            return
        self._stage, self._last = stage, now
        print(json.dumps({"stage": stage, "step": step, "steps": steps} | numbers), file=self._out, flush=True)


@contextmanager
def _bars() -> Iterator[Tell]:
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TextColumn("{task.fields[said]}"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as bars:
        tasks = {}

        def tell(stage: str, step: int, steps: int, **numbers: Number) -> None:
            said = "  ".join(f"{name} {value:.4g}" for name, value in numbers.items())
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=steps or None, said=said)
            bars.update(tasks[stage], completed=step, said=said)

        yield tell
