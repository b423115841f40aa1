"""What the card of a source states of its terms of service and its contract, as evidence: rows of RIGHTS about the whole source."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from pipelines.rights.evidence import excerpt
from schemas.digest import digest
from schemas.rights import Mechanism, RightsVerdict, Usage
from schemas.source import AGREEMENTS, Agreement, SourceCard, SourceKind

SUBJECT = "source"  # subject_kind of these rows
_KEYS = {mechanism.value: key for key, mechanism in AGREEMENTS.items()}
# What a contract must allow where it alone allows anything.
_NEEDED = {Usage.TRAIN_AI.value, Usage.ALL.value}


def agreement_rows(card: SourceCard, at: datetime) -> list[dict[str, Any]]:
    """Rows of RIGHTS: what the card states, each usage for itself, as of `at`. None where it names neither terms nor contract.

    A reference alone is `unknown`; what has ended allows nothing; and of a licensed source the contract must allow training.
    """
    card_sha256 = digest("card", card)
    rows = []
    for one in card.agreements:
        for place, usage, verdict in _said(card, one, at):
            rows.append(
                {
                    "capture_id": card_sha256, "subject_kind": SUBJECT, "subject": card.name, "mechanism": one.mechanism,
                    "usage": usage, "verdict": verdict.value, "agent": None,
                    "locator": f"card {card.name}, {_KEYS[one.mechanism]} {place}", "excerpt": excerpt(_words(one)),
                    "evidence_sha256": bytes.fromhex(one.sha256) if one.sha256 else card_sha256, "observed_at": None,
                    "valid_until": _end(one),
                }
            )  # fmt: skip
    return rows


def _said(card: SourceCard, one: Agreement, at: datetime) -> Iterator[tuple[str, str, RightsVerdict]]:
    """(key of the card, usage, verdict)."""
    end = _end(one)
    if end is not None and at >= end:
        yield "until", Usage.ALL.value, RightsVerdict.DISALLOW
        return
    if not one.allows and not one.disallows:
        yield "reference", Usage.ALL.value, RightsVerdict.UNKNOWN
    yield from (("allows", usage, RightsVerdict.ALLOW) for usage in one.allows)
    yield from (("disallows", usage, RightsVerdict.DISALLOW) for usage in one.disallows)
    is_needed = card.kind is SourceKind.LICENSED and one.mechanism == Mechanism.CONTRACT
    if is_needed and _NEEDED.isdisjoint({*one.allows, *one.disallows}):
        yield "allows, which leaves it out", Usage.TRAIN_AI.value, RightsVerdict.DISALLOW


def _end(one: Agreement) -> datetime | None:
    """The first moment after its last day."""
    return one.until and datetime.combine(date.fromisoformat(one.until) + timedelta(days=1), time(), UTC)  # type: ignore[return-value]


def _words(one: Agreement) -> str:
    said = [
        f"{name} {', '.join(usages)}"
        for name, usages in (("allows", one.allows), ("disallows", one.disallows))
        if usages
    ]
    said += [f"until {one.until}"] if one.until else []
    return f"{one.reference} ({one.party}): {'; '.join(said) or 'what it allows is not stated'}"
