"""Verbs about taking out: requests and forget."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.verbs import show
from schemas.errors import InputError

if TYPE_CHECKING:
    from schemas.request import Scope

SCOPES = ("domain", "url", "item", "hash", "owner", "licence", "file", "key")


def scope_arguments(parser: argparse.ArgumentParser) -> None:
    """One option for each thing that a request may name."""
    group = parser.add_mutually_exclusive_group()
    for option, metavar, what in (
        ("domain", "HOST", "a host and all below it"), ("url", "URL", "a URI as captured"), ("item", "ID", "an item id (64 hex)"),
        ("hash", "SHA256", "a payload or a text"), ("owner", "HOST/NAME", "the owner of repositories"),
        ("licence", "SPDX", "a licence expression"), ("key", "KEY", "a sample key (32 hex)"),
        ("file", "FILE", "a picture, a recording or a text: what is the same, and what is like it"),
    ):  # fmt: skip
        group.add_argument(f"--{option}", metavar=metavar, help=what)


def scope_of(asked: argparse.Namespace) -> "tuple[Scope, str] | None":
    """What was named, and its kind; null where nothing was."""
    from schemas.request import Scope

    for name in SCOPES:
        if (value := getattr(asked, name)) is not None:
            return Scope(name), value
    return None


def requests_arguments(parser: argparse.ArgumentParser) -> None:
    """What `requests` takes."""
    parser.add_argument(
        "step", nargs="?", choices=("list", "add", "accept", "refuse"), default="list",
        help="list them (default), file one, or say what was decided",
    )  # fmt: skip
    parser.add_argument("request", nargs="?", help="its name, such as R-1; for add, accept and refuse")
    scope_arguments(parser)
    parser.add_argument("--requester", help="who asks; kept in the register alone")
    parser.add_argument("--contact", help="where to answer; kept in the register alone")
    parser.add_argument("--basis", help="what the request stands on: copyright, privacy, contract, ...")
    parser.add_argument("--channel", default="command line", help="how it came (default: command line)")
    parser.add_argument("--days", type=int, default=30, help="until it must be answered (default 30)")
    parser.add_argument("--by", help="who decides")
    parser.add_argument("--reason", help="why, in one sentence; a refusal needs it")


def requests(asked: argparse.Namespace) -> None:
    """Print the register, or take one step in it."""
    from datetime import timedelta

    from pipelines.site import load_site
    from pipelines.takedown import register
    from schemas.request import Status

    store, now = load_site(asked.site).store, register.utc(time.time())
    if asked.step == "list":
        _list(store, now, asked.json)
        return
    if not asked.request:
        raise InputError(f"name the request: headwater requests {asked.step} R-1")
    if asked.step == "add":
        named = scope_of(asked)
        if named is None:
            raise InputError(f"say what the request is about: one of {', '.join(f'--{name}' for name in SCOPES)}")
        if named[0].value == "file" and not Path(named[1]).is_file():
            raise InputError(f"{named[1]} is no file; a request by file needs it until it is done")
        if asked.days < 0:
            raise InputError("--days is a number of days; give 0 or more")
        row = register.file_request(
            store, asked.request, *named, at=now, channel=asked.channel, due=timedelta(days=asked.days), basis=asked.basis,
            requester=asked.requester, contact=asked.contact, by=asked.by,
        )  # fmt: skip
    else:
        status = Status.ACCEPTED if asked.step == "accept" else Status.REFUSED
        row = register.decide(store, asked.request, status, at=now, by=asked.by, reason=asked.reason)
    show.as_json(row) if asked.json else print(f"{row['request']}: {row['status']}, due {row['due_at']:%Y-%m-%d}")


def _list(store: Any, now: Any, is_json: bool) -> None:
    from pipelines.audit.open import Ledger
    from pipelines.takedown.register import is_overdue
    from pipelines.takedown.register import requests as all_requests

    rows = [row | {"overdue": is_overdue(row, now)} for row in all_requests(Ledger.open(store).db)]
    if is_json:
        show.as_json(rows)
        return
    columns = ("request", "status", "scope_kind", "received", "due", "overdue", "reason")
    shown = [
        (r["request"], r["status"], r["scope_kind"], f"{r['received_at']:%Y-%m-%d}", f"{r['due_at']:%Y-%m-%d}", "yes" if r["overdue"] else "", r["reason"])
        for r in rows
    ]  # fmt: skip
    show.table("requests", columns, shown)


def forget_arguments(parser: argparse.ArgumentParser) -> None:
    """What `forget` takes."""
    scope_arguments(parser)
    parser.add_argument("--expired", action="store_true", help="take out captures that are past the site's [retention]")
    parser.add_argument(
        "--request", metavar="R", help="the request; what it names in the register, where no option says it"
    )
    parser.add_argument(
        "--apply", action="store_true", help="do it; without this only the plan is shown, and nothing is changed"
    )
    parser.add_argument("--plan", metavar="DIGEST", help="refuse to do anything but the plan of this digest")
    parser.add_argument(
        "--keep-old", action="store_true", help="leave earlier releases that hold some of it, as remaining"
    )
    parser.add_argument("--by", help="who does it, for the register")


def forget(asked: argparse.Namespace) -> None:
    """Print the plan of a takedown, or do it and print the proof."""
    from pipelines.site import load_site
    from pipelines.takedown.apply import apply
    from pipelines.takedown.finish import finish
    from pipelines.takedown.plan import plan
    from pipelines.takedown.register import utc

    site, now = load_site(asked.site), utc(time.time())
    request = asked.request or (f"expired-{now:%Y-%m-%d}" if asked.expired else None)
    if request is None:
        raise InputError("name the request with --request R, so that the ledger can say why something is gone")
    # A takedown that was killed once it was committed is done now, and its proof is what was asked for.
    if asked.apply and (report := finish(site.store).get(request)):
        show.as_json(report) if asked.json else _print_report(report)
        return
    scope, value = (None, None) if asked.expired else scope_of(asked) or _named_by(site.store, request)
    found = plan(site, request, scope, value, expired_at=now if asked.expired else None)
    if asked.plan and asked.plan != found.digest:
        raise InputError(
            f"the plan is now {found.digest}, not {asked.plan}: the ledger or the request changed; look at it again"
        )
    if not asked.apply:
        show.as_json(found.told()) if asked.json else _print_plan(found.told())
        return
    report = apply(site, found, at=now, keep_old=asked.keep_old, by=asked.by)
    show.as_json(report) if asked.json else _print_report(report)


def _named_by(store: Any, request: str) -> "tuple[Scope, str]":
    """What the register says that a request is about."""
    from pipelines.audit.open import Ledger
    from pipelines.takedown.register import find_request
    from pipelines.takedown.register import requests as all_requests
    from schemas.request import Scope

    row = find_request(all_requests(Ledger.open(store).db), request)
    if row is not None and row["status"] == "done":
        raise InputError(f"request {request} is done; file what is new as another request")
    if row is None or row["scope_value"] is None:
        names = ", ".join(f"--{name}" for name in SCOPES)
        raise InputError(f"the register does not say what request {request} is about; name it with one of {names}")
    return Scope(row["scope_kind"]), row["scope_value"]


def _print_plan(told: dict[str, Any]) -> None:
    closure = told.pop("closure")
    columns = ("item", "lane", "state", "why", "of", "similarity", "uri")
    rows = [
        (
            r["item_id"].hex()[:16],
            r["lane"],
            r["state"],
            r["link"],
            r["of"].hex()[:16] if r["of"] else "",
            r["similarity"],
            r["uri"],
        )
        for r in closure[:50]
    ]
    show.table(f"plan of request {told['request']}", columns, rows)
    if len(closure) > len(rows):
        print(f"and {len(closure) - len(rows)} more; --json lists them all")
    show.lines(told)
    print(f"nothing was changed; to do it: --apply --plan {told['plan']}")


def _print_report(told: dict[str, Any]) -> None:
    show.lines({name: value for name, value in told.items() if name not in ("items", "shards")})
    print(
        f"request {told['request']}: {len(told['items'])} items are withdrawn; the proof is takedowns/{told['request']}.json in the store"
    )
