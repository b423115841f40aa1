"""The register of requests: filed, accepted or refused, done; every step a row of its own in a commit of its own."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from pipelines.ledger.commit import Commit
from pipelines.ledger.database import Database
from pipelines.ledger.log import Log
from pipelines.store import Part, Store
from schemas.errors import InputError, LedgerError, NotFound
from schemas.request import REQUEST, Scope, Status

# Source: GDPR, article 12(3): one month from receipt. Requests that stand on something else get the same.
DUE = timedelta(days=30)

_NEXT = {
    Status.RECEIVED: (Status.ACCEPTED, Status.REFUSED),
    Status.ACCEPTED: (Status.REFUSED, Status.DONE),
    Status.REFUSED: (Status.ACCEPTED,),  # on appeal
    Status.DONE: (),
}
Request = Mapping[str, Any]
_DIGITS = {Scope.ITEM: 64, Scope.HASH: 64, Scope.KEY: 32}
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")


def file_request(
    store: Store, request: str, scope: Scope, value: str, *, at: datetime, channel: str, due: timedelta = DUE,
    basis: str | None = None, requester: str | None = None, contact: str | None = None, by: str | None = None,
) -> Request:  # fmt: skip
    """The new request, now in the register; nothing is taken out yet.

    `request`: its name, unused so far. `at`: when it was received. `due`: within which it must be answered.

    Raises:
        InputError: a request of that name exists, or name or value is none of its kind.
        LedgerError: nothing was committed yet.
    """
    check_name(request)
    _check_value(scope, value)
    row = {
        "request": request, "revision": 0, "status": Status.RECEIVED.value, "at": at, "received_at": at, "due_at": at + due,
        "channel": channel, "basis": basis, "requester": requester, "contact": contact, "scope_kind": scope.value,
        "scope_value": value, "by": by, "reason": None,
    }  # fmt: skip

    def new(before: Request | None) -> Request:
        if before is not None:
            raise InputError(
                f"request {request} is in the register already ({before['status']}); give this one another name"
            )
        return row

    return _append(store, request, new, at)


def _check_value(scope: Scope, value: str) -> None:
    if not value.strip():
        raise InputError("a request needs a value that says what it is about; it may not be empty")
    digits = _DIGITS.get(scope)
    if digits and not re.fullmatch(rf"[0-9a-fA-F]{{{digits}}}", value):
        raise InputError(f"{value[:80]!r} is not {digits} hex digits, so it is no {scope}")


def check_name(request: str) -> None:
    """Nothing, for the name of a request. Raises InputError for what cannot name a file too."""
    if not _NAME.fullmatch(request):
        raise InputError(
            f"{request[:80]!r} is no name of a request: letters, digits, dot, dash and underscore, at most 64"
        )


def decide(
    store: Store, request: str, status: Status, *, at: datetime, by: str | None = None, reason: str | None = None
) -> Request:
    """The request after this step.

    Raises:
        NotFound: no request has that name.
        InputError: the step does not follow from where it stands, or a refusal has no reason.
    """
    if status is Status.REFUSED and not reason:
        raise InputError(f"request {request}: a refusal needs a reason; say it with --reason")

    def step(before: Request | None) -> Request:
        if before is None:
            raise NotFound(f"the register holds no request {request!r}; `headwater requests` lists them")
        return stepped(before, status, at=at, by=by, reason=reason)

    return _append(store, request, step, at)


def stepped(
    before: Request, status: Status, *, at: datetime, by: str | None = None, reason: str | None = None
) -> Request:
    """The row that follows. What was asked for is forgotten once it is done. Raises InputError where it cannot follow."""
    if status not in _NEXT[Status(before["status"])]:
        raise InputError(f"request {before['request']} is {before['status']}, so it cannot be {status}")
    done: dict[str, Any] = {"scope_value": None} if status is Status.DONE else {}
    return {
        **before, "revision": before["revision"] + 1, "status": status.value, "at": at, "by": by, "reason": reason, **done,
    }  # fmt: skip


def requests(db: Database) -> list[dict[str, Any]]:
    """Where every request stands: its newest row, by the time it was received."""
    return db.rows(
        "SELECT * FROM (SELECT DISTINCT * FROM request) QUALIFY row_number() OVER (PARTITION BY request ORDER BY revision DESC) = 1"
        " ORDER BY received_at, request"
    )


def find_request(rows: Sequence[Request], name: str) -> Request | None:
    """The request of this name; null where there is none."""
    return next((row for row in rows if row["request"] == name), None)


def is_overdue(row: Request, now: datetime) -> bool:
    """Whether a request that is neither done nor refused is past its due date."""
    return row["status"] in (Status.RECEIVED, Status.ACCEPTED) and bool(row["due_at"] < now)


def utc(seconds: float) -> datetime:
    """The time that a clock's seconds since 1970 mean."""
    return datetime.fromtimestamp(seconds, UTC)


def rows_part(store: Store, rows: Sequence[Request]) -> Part:
    """These steps as a file of the ledger."""
    return store.publish("request", pa.Table.from_pylist([dict(row) for row in rows], schema=REQUEST))


def _append(store: Store, request: str, step: Callable[[Request | None], Request], at: datetime) -> Request:
    made: list[Request] = []

    def files(head: Commit | None) -> list[Part]:
        if head is None:
            raise LedgerError(f"the ledger in {store.root} holds no run yet; `headwater run RECIPE` first")
        with Database(store, [part for part in head.files if part.table == "request"]) as db:
            made[:] = [step(find_request(requests(db), request))]
        return [*head.files, rows_part(store, made)]

    Log(store).append(f"request-{request}", None, [], of_head=files, note=f"request {request}", time=at)
    return made[0]
