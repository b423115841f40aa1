"""Some items to look at: where each is from, what decided, and the beginning of its text with personal data taken out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from pipelines import rooms
from pipelines.audit.open import Ledger
from pipelines.late.stored import Stored, stored
from schemas.errors import InputError
from schemas.item import ID

SNIPPET = 160  # characters; Chosen: two lines of a terminal, enough to tell what a text is


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One item. `uri`: of its capture; `stage`, `reason`: what ended it; `signal`, `value`, `threshold`, `detail`: the numbers of
    that decision, where it has any. `snippet`: how its text begins, after the lane's edits; null where it has none.
    """

    item_id: str
    lane: str
    uri: str | None
    stage: str | None
    reason: str | None
    signal: str | None
    value: float | None
    threshold: float | None
    detail: str | None
    snippet: str | None


def drop_samples(ledger: Ledger, *, reason: str | None, stage: str | None, n: int) -> list[Sample]:
    """Up to `n` items that ended for this reason at this stage (null: any), or that a rule in shadow would have ended so.

    In order of their ids, which are digests: the first say as much as any.

    Raises:
        InputError: no item ended so; the text lists what there is.
        LedgerError: as `stored` does.
    """
    if n < 1:
        raise InputError(f"--samples {n} is no number of items; give 1 or more")
    ended = (
        "SELECT DISTINCT ON (d.item_id, d.stage) e.lane, d.* FROM decision d JOIN disposition e USING (item_id)"
        " WHERE (d.verdict = 'shadow' OR (e.stage = d.stage AND e.state <> 'split' AND e.reason IS NOT DISTINCT FROM d.reason))"
    )
    picked = (
        f"{ended} AND coalesce(d.reason = ?, true) AND coalesce(d.stage = ?, true) ORDER BY d.item_id, d.stage LIMIT ?"
    )
    rows = ledger.db.rows(picked, [reason, stage, n])
    if not rows:
        known = ledger.db.rows(f"SELECT DISTINCT stage, reason FROM ({ended}) WHERE reason IS NOT NULL ORDER BY ALL")
        listed = ", ".join(f"{row['reason']} ({row['stage']})" for row in known) or "nothing"
        raise InputError(f"no item ended for reason {reason or 'any'} at stage {stage or 'any'}; there are: {listed}")
    there = stored(ledger)
    lanes = sorted({row["lane"] for row in rows})
    return [one for lane in lanes for one in sampled(there, lane, [row for row in rows if row["lane"] == lane])]


def sampled(stored: Stored, lane: str, rows: Iterable[Mapping[str, object]]) -> list[Sample]:
    """The samples for these rows of DECISION of one lane, in their order."""
    found = list(rows)
    ids = pa.array([row["item_id"] for row in found], ID)
    texts, uris = _snippets(stored, lane, ids), _uris(stored, ids)
    names = ("stage", "reason", "signal", "value", "threshold", "detail")
    return [
        Sample(
            item_id=i.hex(), lane=lane, uri=uris.get(i), snippet=texts.get(i),
            **{name: row[name] for name in names},  # type: ignore[arg-type]
        )
        for i, row in zip(ids.to_pylist(), found, strict=True)
    ]  # fmt: skip


def _uris(stored: Stored, ids: pa.Array) -> dict[bytes, str]:
    rows = stored.ledger.db.rows(
        "SELECT DISTINCT i.item_id, c.uri FROM item i JOIN capture c USING (capture_id)"
        " WHERE i.item_id IN (SELECT unnest(?::BLOB[]))",
        [ids.to_pylist()],
    )
    return {row["item_id"]: row["uri"] for row in rows}


def _snippets(stored: Stored, lane: str, ids: pa.Array) -> dict[bytes, str | None]:
    """How the texts begin. A text that an edit cannot read is not shown: it might hold what the edit takes out."""
    found: dict[bytes, str | None] = {}
    for way, items in stored.texts(lane, ids):
        edited, receipts = rooms.edit(way, items)
        shown = rooms.survivors(edited, [receipts])
        for i, text in zip(shown.column("item_id").to_pylist(), shown.column("text").to_pylist(), strict=True):
            found[i] = " ".join(text[: 2 * SNIPPET].split())[:SNIPPET] if text else None
    return found
