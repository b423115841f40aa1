"""What became of all that sources asked the web for: counts and lines for the end of a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipelines.capture.known import pauses_of
from pipelines.capture.turns import Pause
from pipelines.capture.url_list import LISTED
from pipelines.phases import Captured
from pipelines.site import Site
from schemas.capture import CAPTURE


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Distinct captures of a source that ended alike. `status`: of HTTP; null where there was no answer. `reason`: null for most."""

    source: str
    outcome: str
    status: int | None
    reason: str | None
    captures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRows:
    """Rows of a source's lists of URLs that ended alike. `status`: of the last answer; null where there was none."""

    source: str
    outcome: str
    status: int | None
    rows: int


def answers(site: Site, captured: Sequence[Captured]) -> list[Answered]:
    """What became of the captures of each source that asks the web."""
    names = ("outcome", "status", "reason")
    found = list[Answered]()
    for one in _asking(captured):
        parts = [part for receipt in one.receipts for part in receipt.all("capture")]
        table = site.store.table(parts, CAPTURE, ["capture_id", *names])
        distinct = table.group_by(["capture_id", *names]).aggregate([])
        found += [Answered(**row) for row in _counted(one, distinct, names, "captures")]
    return found


def listed(site: Site, captured: Sequence[Captured]) -> list[ListRows]:
    """What became of the rows of each source's lists of URLs."""
    found = list[ListRows]()
    for one in _asking(captured):
        parts = [part for receipt in one.receipts for part in receipt.all("listed")]
        table = site.store.table(parts, LISTED, ["outcome", "status"])
        found += [ListRows(**row) for row in _counted(one, table, ("outcome", "status"), "rows")]
    return found


def silent(site: Site, captured: Sequence[Captured]) -> list[str]:
    """A line a host that answered no more at the end of its last round."""
    found = []
    for one in _asking(captured):
        pauses = dict[str, Pause]()
        for part in (part for receipt in one.receipts for part in receipt.all("hosts")):
            pauses |= pauses_of(site.store.read_part(part))  # the last round's stand
        for host, pause in sorted(pauses.items()):
            if pause.silent:
                then = f"parked for {pause.parked}" if pause.parked else "asked again in the next"
                found.append(f"source {one.source.card.name}: {host}: silent rounds in a row: {pause.silent}, {then}")
    return found


def _asking(captured: Sequence[Captured]) -> list[Captured]:
    return [one for one in captured if any(receipt.room == "crawled" for receipt in one.receipts)]


def _counted(one: Captured, table: pa.Table, names: Sequence[str], unit: str) -> list[dict[str, Any]]:
    rows = table.group_by(list(names)).aggregate([([], "count_all")]).rename_columns([*names, unit])
    ordered = rows.sort_by([(name, "ascending") for name in names]).to_pylist()
    return [{"source": one.source.card.name} | row for row in ordered]
