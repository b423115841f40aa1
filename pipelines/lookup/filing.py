"""Putting what the page was asked into the register of requests."""

from datetime import UTC, datetime

from pipelines.lookup.app import OptOut
from pipelines.store import Store
from pipelines.takedown.register import file_request
from schemas.digest import digest
from schemas.errors import InputError
from schemas.request import Scope

CHANNEL = "lookup page"


def file(store: Store, asks: OptOut, *, at: datetime) -> str:
    """The name of the request, which is in the register now; the same thing asked twice a day by the same contact is one request.

    Raises:
        LedgerError: nothing was committed yet.
        StoreError: the store cannot be written.
    """
    day = at.astimezone(UTC).strftime("%Y%m%d")
    said = {"basis": asks.basis, "contact": asks.contact, "day": day, "scope": asks.scope, "value": asks.value}
    name = f"web-{day}-{digest('request', said).hex()[:12]}"
    try:
        file_request(
            store, name, Scope(asks.scope), asks.value, at=at, channel=CHANNEL, basis=asks.basis, contact=asks.contact
        )
    except InputError:  # the name is of what was asked, so it is this request that is there already
        return name
    return name
