"""Drops: how the items of a run ended, counted by what a person wants to compare."""

from typing import Literal

import pyarrow as pa

from pipelines.audit.open import Ledger

By = Literal["reason", "stage", "source", "language"]

# An item table may hold a row twice (a record in two archives), so its distinct rows are joined, never added up.
_ITEM = "LEFT JOIN (SELECT DISTINCT item_id, source, language FROM item) USING (item_id)"
_WORDS = "coalesce(source, 'unknown') AS source, coalesce(language, 'unknown') AS language, "


def _ended(by: By) -> str:
    """SQL: how every item ended, and the rules in shadow; items are looked up where the answer needs them."""
    words, item = (_WORDS, _ITEM) if by in ("source", "language") else ("", "")
    return (
        f"SELECT lane, {words}state, stage, reason FROM disposition {item}"
        f" UNION ALL SELECT lane, {words}'shadow', s.stage, s.reason FROM"
        " (SELECT DISTINCT item_id, stage, reason FROM decision WHERE verdict = 'shadow') s"
        f" JOIN (SELECT item_id, lane FROM disposition) USING (item_id) {item}"
    )


def drops(ledger: Ledger, by: By = "reason") -> pa.Table:
    """Items by lane, state, stage and reason, kept ones included, the most frequent first within each lane.

    `by`: "stage" leaves the reason out; "source" and "language" add that column. `share` is of all items of the lane
    (and source, or language), 0..1. Over the rows whose state is not `kept`, `items` adds up to all that the balance
    says was dropped, merged, split, quarantined and withdrawn; but for rows of state `shadow`, which stand beside the account:
    items that a rule in shadow would have dropped at its stage, however they ended.
    """
    ends = "state, stage" if by == "stage" else "state, stage, reason"
    within = f"lane, {by}" if by in ("source", "language") else "lane"
    return ledger.db.table(
        f"SELECT {within}, {ends}, count(*) AS items, count(*) / sum(count(*)) FILTER (state <> 'shadow') OVER (PARTITION BY {within}) AS share"
        f" FROM ({_ended(by)}) GROUP BY {within}, {ends} ORDER BY {within}, items DESC, {ends}"
    )
