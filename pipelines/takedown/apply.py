"""Taking out, in an order that a kill at any step leaves right: until the commit files are only added, after it they only go.

    cut captured bytes, write parts and a new release -> scan it -> say what is left to do -> commit -> do it: move names, delete, prove

Whoever was killed before the commit runs it again, on a ledger that nothing was done to. What a kill after it left is done by the
next run, `clean` or takedown (`finish`).
"""

from contextlib import suppress
from datetime import datetime
from typing import Any

from pipelines.capture.block import Guard
from pipelines.ledger.database import Database
from pipelines.payload import payload_bytes
from pipelines.site import Site
from pipelines.store import Store
from pipelines.suppression import Suppression, covering, key_of, suppression_rows, url_form
from pipelines.takedown.bytes import cuts
from pipelines.takedown.commit import commit, register_after
from pipelines.takedown.elsewhere import clear_crawls, clear_left, elsewhere, unnamed_archives
from pipelines.takedown.finish import announce, finish
from pipelines.takedown.gone import Gone
from pipelines.takedown.plan import Plan, one_release
from pipelines.takedown.proof import report, scan
from pipelines.takedown.register import find_request, requests
from pipelines.takedown.release import items_below, rewritten
from pipelines.takedown.sweep import sweep
from pipelines.takedown.work import Work, stores
from schemas.errors import InputError, LedgerError, SourceError
from schemas.request import SUPPRESSION, Scope, Status

Row = dict[str, Any]


def apply(site: Site, plan: Plan, *, at: datetime, keep_old: bool = False, by: str | None = None) -> Row:
    """The report of a takedown, now done. `at`: of the commit. `keep_old`: leave earlier releases that hold some of it.

    Raises:
        SiteError: the key of the suppression list is missing.
        InputError: the request was not accepted.
        LedgerError: the new release holds something of what was to go, or another commit came between: run it again.
        BalanceError: the accounts do not add up; nothing was committed.
    """
    store = site.store
    _check_request(plan)
    texts = tuple(plan.read.texts(plan.closure.items).values())
    work = _work(site, plan, at=at, keep_old=keep_old, by=by)
    current = work.release_after
    told = scan(store, current, work.gone.items, plan.contents, texts) if current else None
    if told and told["found"]:
        raise LedgerError(f"release {current} still holds {told['found'][0]}; nothing was committed: report this")
    rows = [*stores(work), *plan.remaining, *elsewhere(site, plan.request), *unnamed_archives(site, work.gone)]
    announce(store, work, report(work, rows, told), rows)
    commit(store, work, rows)
    done = finish(store)[plan.request]
    clear_left(site)
    clear_crawls(site)
    return done


def _check_request(plan: Plan) -> None:
    with Database(plan.read.store, [part for part in plan.head.files if part.table == "request"]) as db:
        row = find_request(requests(db), plan.request)
    if row is not None and row["status"] != Status.ACCEPTED.value:
        raise InputError(
            f"request {plan.request} is {row['status']}; `headwater requests accept {plan.request}` first"
            if row["status"] != Status.DONE.value
            else f"request {plan.request} is done; file what is new as another request"
        )


def _work(site: Site, plan: Plan, *, at: datetime, keep_old: bool, by: str | None) -> Work:
    """Everything that is new, now in the store."""
    store, key = site.store, key_of(site)
    values = _suppressed(site, plan)
    gone = _gone(store, plan, covering(key, values))
    swept = sweep(store, gone)
    with Database(store, plan.head.files) as db:
        old = one_release(db)
        (run,) = db.rows("SELECT DISTINCT recipe, recipe_digest FROM run")
    holding = [one for one in store.folders("releases") if items_below(store, f"releases/{one}") & gone.items]
    new = rewritten(site, old, run["recipe"], run["recipe_digest"], gone.items) if old in holding and old else None
    others = tuple(name for name in holding if new is None or name != new.name)
    return Work(
        plan=plan, at=at, by=by, gone=gone, swept=swept, release=new, old_release=old,
        olds=() if keep_old else others, kept=others if keep_old else (),
        suppression=suppression_rows(key, plan.request, values) if values else SUPPRESSION.empty_table(),
        register=store.publish("request", register_after(plan, at=at, by=by)),
    )  # fmt: skip


def _gone(store: Store, plan: Plan, taken: Suppression) -> Gone:
    """What goes, its bytes cut out of copies of the files that hold them."""
    converted = [place for place in plan.read.places(plan.closure.items) if place["uri"].startswith("parts/")]
    captured = [row["payload"] for row in plan.captures if row["payload"]]
    return Gone(
        request=plan.request,
        items=frozenset(plan.closure.items),
        captures=frozenset(row["capture_id"] for row in plan.captures),
        heard=frozenset(one for one, why in plan.closure.captures.items() if why.link == "holds_words"),
        uris=frozenset(row["uri"] for row in plan.captures if row["uri"]),
        subjects=plan.subjects,
        cuts=cuts(store, [*captured, *converted], plan.containers),
        taken=taken,
    )


def _suppressed(site: Site, plan: Plan) -> list[tuple[str, bytes]]:
    """(kind, value) of what must not come back: contents, pictures like these, and what the request names as a whole."""
    if plan.scope is None:  # past its retention: it may be obtained again
        return []
    whole = {Scope.DOMAIN: "domain", Scope.OWNER: "owner", Scope.URL: "url"}
    found = [("content", one) for one in sorted(plan.contents)]
    if plan.scope in whole and plan.value:
        value = url_form(plan.value) if plan.scope is Scope.URL else plan.value.lower().strip("/.")
        found.append((whole[plan.scope], value.encode()))
    named = {
        one for one, why in plan.closure.captures.items() if why.link in ("named", "copy", "like", "near", "merged")
    }
    with Guard(()) as guard:
        for row in plan.captures:
            if row["capture_id"] in named and (row["media_type"] or "").startswith("image/") and row["payload"]:
                with suppress(SourceError, FileNotFoundError):  # cut out by an earlier takedown
                    if (own := guard.pdq(payload_bytes(site.store, row["payload"]))) is not None:
                        found.append(("pdq", own))
    return found
