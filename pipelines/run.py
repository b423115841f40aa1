"""One run: from a recipe and a site to a committed release. The work itself is in the phases and the spine."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipelines.asked import Answered, ListRows, answers, listed, silent
from pipelines.dedup.duplicates import Duplicates
from pipelines.entries import ledger_parts, run_row
from pipelines.ledger.ledger import commit_run, head_run
from pipelines.phases import (
    Captured,
    Clock,
    LaneRun,
    Settled,
    Sharded,
    capture,
    expected_roots,
    lane_rooms,
    mixed,
    outcomes,
    sharded,
    unique,
)
from pipelines.receipt import Receipt
from pipelines.recipe import Recipe, check_models
from pipelines.runner import Progress, one_pool, quiet
from pipelines.site import Site
from pipelines.takedown.finish import finish
from schemas.digest import digest
from schemas.run import Balance


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a run ended with. `off`: what stages leave out for want of a model file. `release`: its name, None when nothing was kept; `reused`: rooms found, not run.

    `captures`: distinct captures by outcome. `answers`, `listed`, `silent`: what became of what was asked of the web, as in
    `pipelines.asked`. `ignored`: files that were passed over, and table rows that describe no file.
    """

    run: str
    release: str | None
    release_path: str | None
    balance: Balance
    shards: int
    seconds: float
    rooms: int
    reused: int
    captures: Mapping[str, int]
    answers: tuple[Answered, ...]
    listed: tuple[ListRows, ...]
    silent: tuple[str, ...]
    ignored: tuple[str, ...]
    off: tuple[str, ...]


def run(recipe: Recipe, site: Site, *, progress: Progress = quiet, clock: Clock = time.time) -> Result:
    """Take a recipe all the way: capture, curate, release, commit. What was done before is found, not done again.

    Raises:
        SiteError: the site names a model that no stage asks for.
        SourceError: an input is missing or unreadable.
        QuarantineExceeded: too many rows of one reason failed.
        TooManyRemoved: a source loses a larger share of its items to dedup than the recipe allows.
        BalanceError: the accounts do not add up; nothing is committed.
    """
    with one_pool():
        return _run(recipe, site, progress, clock)


def _run(recipe: Recipe, site: Site, progress: Progress, clock: Clock) -> Result:
    check_models(recipe, site.models)
    finish(site.store)  # takedowns that were killed once they were committed
    started = clock()
    captured = [capture(recipe, site, source, progress, clock) for source in recipe.sources]
    lanes = [lane_rooms(recipe, site, lane, captured, progress) for lane in recipe.lanes]
    found = [unique(site, lane) for lane in lanes]
    grouped = [duplicates for duplicates, _ in found]
    settled = mixed(recipe, site, lanes, grouped)
    made = sharded(recipe, site, lanes, grouped, settled, progress)
    receipts = [
        *(receipt for one in captured for receipt in one.receipts),
        *(receipt for lane in lanes for by_room in lane.receipts for receipt in by_room.values()),
        *(receipt for _, receipt in found),
        *made.receipts,
    ]
    return committed(recipe, site, captured, lanes, grouped, settled, made, receipts, started=started, clock=clock)


def committed(
    recipe: Recipe, site: Site, captured: Sequence[Captured], lanes: Sequence[LaneRun], grouped: Sequence[Duplicates],
    settled: Sequence[Settled], made: Sharded, receipts: Sequence[Receipt], *, started: float, clock: Clock = time.time,
) -> Result:  # fmt: skip
    """The run in the ledger, once its accounts balance; committing the same again changes nothing.

    `started`: seconds since 1970. `receipts`: of all rooms, for the run's name. Raises BalanceError.
    """
    keys = sorted(receipt.key for receipt in receipts)
    name = f"{recipe.name}-{digest('run', recipe.digest, keys, made.release.name).hex()[:12]}"
    balance = head_run(site.store, name)
    if balance is None:
        row = run_row(recipe, site, name, made.release, started, clock())
        parts = ledger_parts(
            recipe, site, captured, lanes, grouped, settled, made.release, row,
            unique=[
                *(receipt for receipt in receipts if receipt.room == "unique"),
                *(done.cut.receipt for done in settled if done.cut),
            ],
            sharded=[receipt for receipt in receipts if receipt.room == "sharded"],
        )  # fmt: skip
        balance = commit_run(site.store, row, parts, expected_roots(site, lanes, recipe))
    return Result(
        run=name,
        release=made.release.name,
        release_path=made.release.path,
        balance=balance,
        shards=len(made.receipts),
        seconds=round(clock() - started, 3),
        rooms=len(receipts),
        reused=sum(receipt.reused for receipt in receipts),
        captures=dict(sorted(sum((Counter(outcomes(site, one)) for one in captured), Counter[str]()).items())),
        answers=tuple(answers(site, captured)),
        listed=tuple(listed(site, captured)),
        silent=tuple(silent(site, captured)),
        ignored=tuple(line for one in captured for line in one.ignored),
        off=recipe.off,
    )
