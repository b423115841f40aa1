"""Licences against a policy: that of an item, and that of its words where another capture says them."""

from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa

from pipelines.rights.licences import LicenceHit, conclude
from pipelines.rights.lookup import origin_and_path
from pipelines.rights.spdx import LicenceClass, licence_class, strictest
from pipelines.rights.weighed import Bar, Evidence, Rules, of_captures
from schemas.item import ID
from schemas.reasons import Reason


class Sayer(NamedTuple):
    """The capture that the words of an item come from, where it is another one than the item's own."""

    capture_id: bytes
    source: str
    is_page: bool


def sayers_of(items: pa.RecordBatch, captures: pa.Table) -> list[Sayer | None]:
    """Whose words each item has; null where they are of its own capture, or nobody's."""
    columns = [items.column(name).to_pylist() for name in ("capture_id", "text_capture_id")]
    asked = [said_by if said_by != own else None for own, said_by in zip(*columns, strict=True)]
    mine = of_captures(captures, pa.array(sorted({i for i in asked if i}), ID)).select(["capture_id", "source", "uri"])
    known = {
        row["capture_id"]: Sayer(row["capture_id"], row["source"], origin_and_path(row["uri"]) is not None)
        for row in mine.to_pylist()
    }
    # Of what is not among the captures nothing is known: a page without a licence.
    return [known.get(i, Sayer(i, "", True)) if i else None for i in asked]


def licence_bars(rules: Rules, items: pa.RecordBatch, evidence: Evidence) -> list[Bar | None]:
    """Why each item's licence is outside the policy. The card's licence counts where the item has none of its own."""
    conflicts = _conflicts(items.column("capture_id").unique(), evidence.licences)
    judged: dict[tuple[str | None, str, LicenceClass | None], Bar | None] = {}
    bars: list[Bar | None] = []
    columns = (items.column(name).to_pylist() for name in ("licence", "source", "capture_id"))
    for own, source, capture in zip(*columns, strict=True):
        concluded, worst = conflicts.get(capture, (None, None))
        # A child with a licence of its own (a file of an archive) is not touched by what others in the capture say.
        key = (own, source, worst if concluded == own else None)
        if key not in judged:
            judged[key] = _licence_bar(rules, *key, evidence.card_licences.get(source))
        bars.append(judged[key])
    return bars


def _licence_bar(
    rules: Rules, own: str | None, source: str, worst: LicenceClass | None, card: str | None
) -> Bar | None:
    named = own if own is not None else card
    which = f"{named}" if own is not None else f"{named} (of the source card {source})"
    wants = f"policy {rules.policy} allows {', '.join(rules.allowed)}"
    if named is None:
        missing = f"neither the item nor the source card {source} names a licence; {wants}"
        return None if LicenceClass.UNKNOWN in rules.allowed else Bar(Reason.LICENCE_UNKNOWN, missing)
    found = licence_class(named)
    if found not in rules.allowed:
        return Bar(Reason.LICENCE_NOT_ALLOWED, f"{which} is {found}; {wants}")
    if worst is not None and worst not in rules.allowed:
        return Bar(Reason.LICENCE_CONFLICT, f"the page names {named}, and elsewhere a licence that is {worst}; {wants}")
    return None


def _conflicts(ids: pa.Array, licences: pa.Table) -> dict[bytes, tuple[str | None, LicenceClass]]:
    """Of `_named`, the captures that name several classes, or a licence nobody can read: the card does not speak over that."""
    return {
        key: (own, worst)
        for key, (own, worst) in licences_named(ids, licences).items()
        if own is None or worst is not licence_class(own)
    }


def licences_named(ids: pa.Array, licences: pa.Table) -> dict[bytes, tuple[str | None, LicenceClass]]:
    """(licence concluded, strictest class named) of the captures that name any."""
    hits: dict[bytes, list[LicenceHit]] = {}
    for row in of_captures(licences, ids).to_pylist():
        hit = LicenceHit(location=row["location"], locator=row["locator"], expression=row["expression"], raw=row["raw"])
        hits.setdefault(row["capture_id"], []).append(hit)
    return {
        key: (conclude(named).expression, strictest({licence_class(hit.expression) for hit in named}))
        for key, named in hits.items()
    }


def word_bars(rules: Rules, sayers: Sequence[Sayer | None], evidence: Evidence) -> list[Bar | None]:
    """Why the licence of each item's words is outside the policy, where another capture says them.

    Of a page it is the page's own, else that of its source card. A table or file of an upload has that of what it describes,
    unless something names one for it.
    """
    known = {sayer for sayer in sayers if sayer}
    named = licences_named(pa.array(sorted({sayer.capture_id for sayer in known}), ID), evidence.licences)
    judged: dict[Sayer, Bar | None] = {}
    for sayer in known:
        own, worst = named.get(sayer.capture_id, (None, None))
        card = evidence.card_licences.get(sayer.source)
        if sayer.is_page or worst is not None or card is not None:
            bar = _licence_bar(rules, own, sayer.source, worst, card)
            judged[sayer] = bar and bar._replace(
                detail=f"its words, of capture {sayer.capture_id.hex()[:16]}: {bar.detail}"
            )
    return [judged.get(sayer) if sayer else None for sayer in sayers]
