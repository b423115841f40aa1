"""Every question over a ledger of a million made items: `python -m tests.benchmarks.ledger --docs 1000000`

Each is asked of a ledger opened for it, so the time holds everything but opening: views, joins, rows into memory. Medians. The
ledger is asked twice: as its runs left it, in many small parts, and after `headwater compact`.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pipelines.audit.open import Ledger
from pipelines.audit.questions import QUESTIONS
from pipelines.ledger.compact import compact, is_compacted
from pipelines.ledger.log import Log
from pipelines.store import Store
from pipelines.verbs import show
from tests.benchmarks import bench
from tests.benchmarks.ledger_made import Size, commit_all


def main(given: Sequence[str] | None = None) -> None:
    """Print the table of times."""
    asked = bench.arguments(
        "every question over a large ledger", 1_000_000, given, site="folder to keep the ledger in, or to use again"
    )
    with tempfile.TemporaryDirectory() as name:
        store = Store(root=str(Path(asked.site or name).resolve()))
        size = Size(items=asked.docs, hosts=min(20_000, asked.docs // 20), shards=min(1_000, asked.docs // 100))
        if not (Path(store.root) / "ledger").exists():
            commit_all(store, size, asked.seed)
        head = Log(store).head()
        assert head is not None
        small = head.seq - 1 if is_compacted(head) else head.seq
        before, after = (timed(store, commit, asked.repeat) for commit in (small, compact(store).seq))
    if asked.json:
        show.as_json({"items": asked.docs, "as_run": before, "compacted": after})
    else:
        rows = [(*one[:4], *other[1:3]) for one, other in zip(before, after, strict=True)]
        columns = ("asked", "wall s", "CPU s", "rows", "compacted: wall s", "CPU s")
        show.table(f"a ledger of {asked.docs} items", columns, rows)


def timed(store: Store, commit: int, repeat: int) -> list[tuple[str, float, float, int]]:
    """(what was asked, median seconds, median CPU seconds, rows of the answer), as of a commit."""
    with Ledger.open(store, commit=commit) as ledger:
        page = ledger.sql(
            "select uri, host, item_id from capture join item using (capture_id) join placement using (item_id) order by item_id limit 1"
        ).to_pylist()[0]
    values = {"site": page["host"], "name": page["uri"], "release": "release-made-0"}
    asks: list[tuple[str, Callable[[Ledger], int]]] = [
        ("open", lambda ledger: 0),
        ("why", lambda ledger: len(ledger.why(page["uri"]))),
        ("why, by key", lambda ledger: len(ledger.why(page["item_id"].hex()[:32]))),
        ("where", lambda ledger: len(ledger.where(page["uri"]))),
    ]
    for one in QUESTIONS:
        given = [values[name] for name in one.takes]
        asks.append((one.name, lambda ledger, name=one.name, given=given: ledger.ask(name, *given).num_rows))  # type: ignore[misc]
    return [(name, *_time(store, commit, ask, repeat)) for name, ask in asks]


def _time(store: Store, commit: int, ask: Callable[[Ledger], int], repeat: int) -> tuple[float, float, int]:
    walls, cpus, rows = [], [], 0
    for _ in range(repeat):
        with Ledger.open(store, commit=commit) as ledger:
            wall, cpu = time.perf_counter(), time.process_time()
            rows = ask(ledger)
            walls.append(time.perf_counter() - wall)
            cpus.append(time.process_time() - cpu)
    return round(statistics.median(walls), 3), round(statistics.median(cpus), 3), rows


if __name__ == "__main__":
    main()
