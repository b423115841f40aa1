"""Why: the whole life of a name, from the bytes it was cut from to the shard that holds it, or to what ended it."""

from collections.abc import Sequence
from typing import Any

from pipelines.audit.evidence import evidence
from pipelines.audit.items import lineage, told
from pipelines.audit.names import resolve
from pipelines.audit.open import Ledger
from pipelines.audit.words import UNKNOWN, Row
from pipelines.capture.subject import names
from schemas.capture import CAPTURE, Outcome
from schemas.digest import plain


def why(ledger: Ledger, name: str) -> dict[str, Any]:
    """Everything the ledger knows of a URI, an id (8 hex digits or more), a sample key or a file, as JSON values.

    Captures in order of time, each with where its bytes lie, what was recorded of its rights, and its items as trees:
    roots, and under `children` what was cut from them. `texts_from`: the pages, tables and files that say what pictures and
    recordings show, with what was recorded of their rights; of a table's licences, those of these captures. For an item only its own line is told, not its siblings. Where
    nothing was recorded the value is "unknown"; an empty list means that there is none.

    Raises:
        NotFound: neither this commit nor one before it knows the name.
        InputError: several ids begin so.
    """
    at, found = resolve(ledger, name)
    rows = lineage(at.db, found.items, found.captures)
    captures = _captures(at, {*found.captures, *(row["capture_id"] for row in rows)}, found.places)
    sayers = _captures(at, {row["text_capture_id"] for row in rows if row["text_capture_id"]})
    recorded = evidence(at.db, [*captures, *sayers])
    named = {row["source"] for row in [*captures, *sayers]}
    sources = {
        row["name"]: row for row in sorted(at.db.find("source"), key=lambda row: row["name"]) if row["name"] in named
    }
    items = [
        _licensed(item, sources.get(row["source"], {}).get("licence"), recorded[row["capture_id"]])
        for row, item in zip(rows, told(at.db, rows, ledger.db), strict=True)
    ]
    trees = _trees(rows, items)
    answer = {
        "name": name,
        "kind": found.kind,
        "commit": commit_row(at),
        "captures": [_capture(row, recorded[row["capture_id"]], trees.get(row["capture_id"], [])) for row in captures],
        "texts_from": [_told(row) | _about(captures, recorded[row["capture_id"]]) for row in sayers],
        "sources": sources,
    }
    return plain(answer)  # type: ignore[return-value]


def commit_row(ledger: Ledger) -> Row:
    """Which commit answers: its number and hash, and the run that made it with recipe, policy, times and release."""
    columns = ("recipe", "recipe_digest", "policy", "runner", "version", "started_at", "ended_at", "release")
    (run,) = ledger.db.find("run", columns=columns) or [{}]
    return {"seq": ledger.commit.seq, "hash": ledger.commit.hash, "run": ledger.commit.run} | run


def _captures(ledger: Ledger, ids: set[bytes], known: Sequence[Row] = ()) -> list[Row]:
    """The rows of these captures in order of time; a record that lies in two archives is told once. `known`: places read before."""
    facts = {row["capture_id"]: row for row in ledger.db.find("capture_fact", "capture_id", ids)}
    found: dict[bytes, Row] = {}
    others = ledger.db.find("capture_place", "capture_id", ids - {row["capture_id"] for row in known})
    for place in sorted([*known, *others], key=_archive):
        whole = facts[place["capture_id"]] | place
        found.setdefault(place["capture_id"], {name: whole[name] for name in CAPTURE.names})
    return sorted(found.values(), key=lambda row: (row["fetched_at"] is None, row["fetched_at"], row["capture_id"]))


def _archive(place: Row) -> tuple[bool, str]:
    """Sorts places by the archive they lie in, those without one last."""
    uri = (place["payload"] or {}).get("uri")
    return uri is None, uri or ""


def _told(row: Row) -> Row:
    """A capture as its own row says it."""
    outcome = row["outcome"]
    return {name: value for name, value in row.items() if name not in ("uri_key", "payload")} | {
        "meaning": Outcome(outcome).explanation if outcome in set(Outcome) else UNKNOWN,
        "fetched_at": row["fetched_at"] or UNKNOWN,
        "headers": dict(row["headers"]),
        "stored": row["payload"],
    }


def _capture(row: Row, recorded: Row, items: list[Row]) -> Row:
    told = _told(row)
    if not items:
        told["no_items_because"] = (
            f"no lane of the recipe takes {row['media_type'] or 'an undeclared media type'}, or the sample left it out"
            if row["outcome"] == Outcome.FETCHED
            else told["meaning"]
        )
    return told | recorded | {"items": items}


def _about(captures: list[Row], recorded: Row) -> Row:
    """What a table or page recorded, less the licences that it gives to captures other than these."""
    if recorded["licences"] == UNKNOWN:
        return recorded
    subjects = {None, *(subject for row in captures for subject in names(row["uri"]))}
    return recorded | {"licences": [row for row in recorded["licences"] if row["subject"] in subjects] or UNKNOWN}


def _licensed(item: Row, card: str | None, recorded: Row) -> Row:
    """The item under the licence that counts: of the source card, named as such, where nothing was said of its own."""
    if card is None or item["licence"] != UNKNOWN or recorded["licences"] != UNKNOWN:
        return item
    return item | {"licence": card, "licence_source": "card"}


def _trees(rows: list[Row], items: list[Row]) -> dict[bytes, list[Row]]:
    """Items as trees by the capture of their root, children under their parents."""
    by_id = {item["item_id"]: item for item in items}
    found: dict[bytes, list[Row]] = {}
    for row, item in zip(rows, items, strict=True):
        parent = by_id.get(row["parent_id"])
        siblings = found.setdefault(row["capture_id"], []) if parent is None else parent.setdefault("children", [])
        siblings.append(item)
    return found
