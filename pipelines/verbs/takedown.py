"""Verbs about taking out: requests."""

import argparse
import time
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
