"""Processes that end by SIGKILL when they are about to do something to the store for the n-th time: `python -m tests.faults.dying`.

A line of JSON asks for a job: `{"job": "forget", "site": FOLDER, "args": [...], "at": ["parts"], "left": 3}`; the answer is a line: the exit code of the child
that was forked for it, -9 where it was killed. Everything is imported once, and nothing that has threads is touched before the fork, so
that a death costs some 0.1 s.
"""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import obstore

from pipelines.ledger.compact import compact
from pipelines.ledger.log import Log
from pipelines.run import run
from pipelines.site import Site, load_site
from pipelines.takedown.apply import apply
from pipelines.takedown.elsewhere import clear_left
from pipelines.takedown.finish import finish
from pipelines.takedown.plan import plan
from schemas.request import Scope
from tests.conftest import recipe_over

TIME = 1_800_000_000.0
NOW = datetime.fromtimestamp(TIME, UTC)
KILLED = -signal.SIGKILL  # as an exit code
# What gives a file its name, or takes it away.
STEPS = ((os, "link"), (os, "replace"), (os, "rename"), (obstore, "put"), (obstore, "copy"), (obstore, "delete"))


def curate(site: Site, corpus: str) -> None:
    run(recipe_over(Path(corpus)), site, clock=lambda: TIME)


def forget(site: Site, url: str) -> None:
    if "R-1" not in finish(site.store):  # as `headwater forget` begins
        apply(site, plan(site, "R-1", Scope.URL, url), at=NOW)


def expire(site: Site) -> None:
    short = dataclasses.replace(site, retention=(("*", 1),))
    if "expired" not in finish(site.store):
        apply(short, plan(short, "expired", expired_at=NOW + timedelta(days=3650)), at=NOW)


def cleaned(site: Site) -> None:
    clear_left(site)
    Log(site.store).clean()


def compacted(site: Site) -> None:
    compact(site.store)


JOBS: dict[str, Callable[..., None]] = {job.__name__: job for job in (curate, forget, expire, compacted, cleaned)}


def mortal(site: str, at: Sequence[str], left: int) -> None:
    """Have this process end in place of a step whose target begins with one of these, once it took `left` of them; `SITE.died` names it.

    A step that changes nothing is none.
    """

    def before(name: str, call: Callable[..., object]) -> Callable[..., object]:
        def called(*args: object, **more: object) -> object:
            nonlocal left
            target = str(args[-1]).removeprefix(f"{site}/")  # obstore is told paths in the store, the system whole ones
            if target.startswith(tuple(at)) and not is_vain(name, args[0], Path(site, target)):
                if not left:
                    Path(f"{site}.died").write_text(target, "utf-8")
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1
            return call(*args, **more)

        return called

    for module, name in STEPS:
        setattr(module, name, before(name, getattr(module, name)))


def is_vain(name: str, source: object, target: Path) -> bool:
    """Whether a step leaves all as it is: its target's name is taken, or holds the same bytes."""
    if name == "replace":
        return target.is_file() and target.read_bytes() == Path(str(source)).read_bytes()
    return name in ("link", "rename") and target.exists()


def child(job: str, site: str, args: list[str], at: list[str] | None, left: int) -> None:
    """Do the job and end with 0, or die at it."""
    try:
        found = dataclasses.replace(load_site(site), workers=1)
        if at is not None:
            mortal(site, at, left)
        JOBS[job](found, *args)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def main() -> None:
    """Answer until nobody asks any more."""
    for line in sys.stdin:
        if not (number := os.fork()):
            child(**json.loads(line))
        _, status = os.waitpid(number, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


Do = Callable[..., str | None]


@contextmanager
def parent() -> Iterator[Do]:
    """`do(job, site, *args, at=None, left=0)`: the step that a child died at, the one after `left` below these paths; null: it did its job."""
    command = [sys.executable, "-m", "tests.faults.dying"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        asks, answers = process.stdin, process.stdout

        def do(job: str, site: Path, *args: object, at: Sequence[str] | None = None, left: int = 0) -> str | None:
            said = {"job": job, "site": str(site), "args": [str(one) for one in args], "at": at, "left": left}
            asks.write(json.dumps(said) + "\n")
            asks.flush()
            ended = int(answers.readline())
            assert ended in (0, KILLED)
            return site.with_name(f"{site.name}.died").read_text("utf-8") if ended else None

        yield do
        asks.close()


if __name__ == "__main__":
    main()
