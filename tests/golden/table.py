"""The golden table: how many items of a fixed corpus end for which reason, with the versions of the stages that say so."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipelines.audit.drops import drops
from pipelines.audit.open import Ledger
from pipelines.spine import CAPTURE_VERSION
from schemas.digest import digest

FILE = Path(__file__).with_name("counts.json")
COMMAND = "python -m tests.golden"
Table = dict[str, Any]


def table(ledger: Ledger, recipe: str) -> Table:
    """The table of a run. `recipe`: its text.

    corpus: digest of the recipe and of what was captured. lanes: name -> {stages: {name: version} in the order in which
    items meet them, counts: {"stage state reason": items}}.
    """
    captured = ledger.db.rows("SELECT DISTINCT uri, outcome, payload.sha256 AS bytes FROM capture ORDER BY ALL")
    versions: dict[str, dict[str, int]] = {}
    for row in ledger.db.rows("SELECT DISTINCT lane, stage, version, rank FROM (SELECT lane, stage, version,"
                              " min(file_row) OVER (PARTITION BY lane, stage) AS rank FROM (SELECT *, row_number() OVER ()"
                              " AS file_row FROM op)) ORDER BY lane, rank"):  # fmt: skip
        versions.setdefault(row["lane"], {"capture": CAPTURE_VERSION})[row["stage"]] = row["version"]
    counts: dict[str, dict[str, int]] = {lane: {} for lane in versions}
    for row in drops(ledger).to_pylist():
        ended = " ".join(filter(None, (row["stage"], row["state"], row["reason"])))
        counts[row["lane"]][ended] = row["items"]
    lanes = {
        lane: {"stages": stages, "counts": dict(sorted(counts[lane].items()))}
        for lane, stages in sorted(versions.items())
    }
    return {"corpus": digest("golden", recipe, captured).hex(), "lanes": lanes}


def pinned(name: str) -> Table:
    """The table of a corpus as it was last written; empty where there is none."""
    found: Table = json.loads(FILE.read_text("utf-8")).get(name, {}) if FILE.exists() else {}
    return found


def complaints(then: Table, now: Table) -> Iterator[str]:
    """One sentence for each difference, with its cure; the first words of those that need a version are NOT VERSIONED."""
    same_corpus = then.get("corpus") == now["corpus"]
    if not same_corpus:
        yield f"the corpus or its recipe is not what it was: run `{COMMAND}`"
    before = then.get("lanes", {})
    for lane in sorted(before.keys() | now["lanes"].keys()):
        old, new = before.get(lane), now["lanes"].get(lane)
        if old is None or new is None:
            yield f"lane {lane} is {'new' if old is None else 'gone'}: run `{COMMAND}`"
            continue
        yield from _of_stages(lane, old["stages"], new["stages"])
        yield from _of_counts(lane, old, new, same_corpus=same_corpus)


def _of_stages(lane: str, old: dict[str, int], new: dict[str, int]) -> Iterator[str]:
    for stage in sorted(old.keys() | new.keys()):
        if old.get(stage) != new.get(stage):
            yield f"{lane}: {stage} went from version {old.get(stage)} to {new.get(stage)}: run `{COMMAND}`"


def _of_counts(lane: str, old: Table, new: Table, *, same_corpus: bool) -> Iterator[str]:
    for ended in sorted(old["counts"].keys() | new["counts"].keys()):
        n, m = old["counts"].get(ended, 0), new["counts"].get(ended, 0)
        if n == m:
            continue
        told = f"{lane}: {ended}: {n} items became {m}"
        if not same_corpus or _raised(ended.split(" ")[0], old["stages"], new["stages"]):
            yield f"{told}: run `{COMMAND}` and say why in the commit"
        else:
            yield (
                f"NOT VERSIONED {told}, but no stage up to it has another version: raise `version` of the stage whose output "
                f"changed (CAPTURE_VERSION in pipelines/spine.py for captures), then run `{COMMAND}`"
            )


def _raised(stage: str, old: dict[str, int], new: dict[str, int]) -> bool:
    """Whether a stage that comes before this one, or this one itself, has another version, is new or is gone.

    For kept items, and for the mix, that is any stage.
    """
    order = list(new)
    upto = order[: order.index(stage) + 1] if stage in new else [*order, *old]
    return any(old.get(name) != new.get(name) for name in [*upto, *(old.keys() - new.keys())])
