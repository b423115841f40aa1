"""The terms and contracts of a source as evidence of every run: what its card states, as of the run."""

from datetime import UTC, datetime

from pipelines.receipt import Receipt
from pipelines.rechecks import rights_alone
from pipelines.rights.agreements import agreement_rows
from pipelines.store import Store
from schemas.source import SourceCard

_ROOM = "agreed"


def agreed(store: Store, card: SourceCard, at: float) -> list[Receipt]:
    """The receipt of what the card states at `at`, seconds since 1970; none where it names neither terms nor contract."""
    rows = agreement_rows(card, datetime.fromtimestamp(at, UTC))
    return [rights_alone(store, card.name, _ROOM, rows)] if rows else []
