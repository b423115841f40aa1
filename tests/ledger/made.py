"""A small run made by hand: one item of every fate, and captures of every outcome that a person asks about."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from pipelines.store import Part, Store
from schemas.capture import CAPTURE_FACT, CAPTURE_PLACE, capture_id
from schemas.digest import digest, sha256
from schemas.item import ID, child_id, root_id, sample_key
from schemas.tables import TABLES

FETCHED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOST = "river.example"
SPLIT = digest("op", "split.html")
RELEASE = "made-0123456789ab"

SIGNAL_WEB = pa.schema([pa.field("item_id", ID, nullable=False), ("words", pa.int64()), ("language", pa.string())])

Tables = dict[str, pa.Table]


def uri(page: str) -> str:
    return f"http://{HOST}/{page}"


def capture(page: str, outcome: str = "fetched", **columns: Any) -> dict[str, Any]:
    payload = sha256(page.encode())
    i = capture_id(
        source="river",
        uri=uri(page),
        fetched_at=FETCHED,
        record_type="response",
        record_id=page,
        payload_sha256=payload,
    )
    stored = {"uri": "captures/a.warc.gz", "offset": 100, "length": 50, "sha256": payload}
    row = {
        "capture_id": i, "source": "river", "outcome": outcome, "uri": uri(page), "uri_key": f"example,river)/{page}",
        "host": HOST, "fetched_at": FETCHED, "status": 200, "media_type": "text/html", "headers": [("server", "x")],
        "record_type": "response", "record_id": page, "payload": stored, "payload_bytes": 50,
    }  # fmt: skip
    return row | columns


PAGES = ("kept", "short", "copy", "empty", "two", "gone", "full")
CAPTURES = {page: capture(page) for page in PAGES} | {
    "torn": capture("torn", "damaged", uri=None, uri_key=None, host=None, status=None, reason="archive_damaged",
                    detail="no record at byte 700"),
    "nowhere": capture("nowhere", "not_found", status=404),
    "moved": capture("moved", "redirect", status=301, headers=[("location", uri("kept"))]),
    "barred": capture("barred", "refused", status=None, payload=None, payload_bytes=None, fetched_at=None,
                      detail="robots.txt bars OurBot"),
    "robots.txt": capture("robots.txt", "robots_file", media_type="text/plain"),
    "style.css": capture("style.css", media_type="text/css"),
}  # fmt: skip

ROOTS = {page: root_id(CAPTURES[page]["capture_id"], "web", sha256(page.encode())) for page in (*PAGES, "torn")}


def child(page: str, ordinal: int = 0) -> bytes:
    """The id of what was cut from a page."""
    return child_id(ROOTS[page], SPLIT, ordinal, sha256(f"{page} {ordinal}".encode()))


def item(page: str, ordinal: int | None = None) -> dict[str, Any]:
    is_root = ordinal is None
    return {
        "item_id": ROOTS[page] if is_root else child(page, ordinal),
        "parent_id": None if is_root else ROOTS[page],
        "capture_id": CAPTURES[page]["capture_id"], "lane": "web", "source": "river", "modality": "text",
        "media_type": "text/html" if is_root else "text/plain", "language": None if is_root else "en",
        "licence": "CC-BY-4.0" if page == "kept" else None,
        "content_sha256": sha256(page.encode() if is_root else f"{page} {ordinal}".encode()), "bytes": 10,
    }  # fmt: skip


CHILDREN = (("kept", 0), ("short", 0), ("copy", 0), ("two", 0), ("two", 1), ("gone", 0), ("full", 0))
KEPT = (child("kept"), child("two", 1))


def ended(
    i: bytes, state: str, stage: str | None = None, reason: str | None = None, to: bytes | None = None
) -> dict[str, Any]:
    return {"item_id": i, "lane": "web", "state": state, "stage": stage, "reason": reason, "successor_id": to}


DISPOSITIONS = [
    *(ended(ROOTS[page], "split", "split.html") for page in PAGES if page != "empty"),
    ended(ROOTS["empty"], "dropped", "split.html", "no_text"),
    ended(ROOTS["torn"], "quarantined", "capture", "archive_damaged"),
    ended(child("kept"), "kept"),
    ended(child("short"), "dropped", "quality.gopher", "too_few_words"),
    ended(child("copy"), "merged", "dedup.text", "near_duplicate", child("kept")),
    ended(child("two", 0), "quarantined", "language", "stage_failed"),
    ended(child("two", 1), "kept"),
    ended(child("gone"), "withdrawn", "rights", "taken_down"),
    ended(child("full"), "dropped", "mix", "over_quota"),
]
VERDICTS = {"dropped": "drop", "merged": "merge", "split": "split", "quarantined": "quarantine", "withdrawn": "drop"}
NUMBERS = {child("short"): {"signal": "words", "value": 12.0, "threshold": 50.0}}
DECISIONS = [
    {"item_id": d["item_id"], "stage": d["stage"], "verdict": VERDICTS[d["state"]], "reason": d["reason"]}
    | NUMBERS.get(d["item_id"], {})
    for d in DISPOSITIONS
    if d["state"] != "kept"
] + [
    {"item_id": child("kept"), "stage": "pii", "verdict": "edit", "reason": "personal_data",
     "before_sha256": sha256(b"before"), "after_sha256": sha256(b"kept 0")}
]  # fmt: skip
OPS = [("rights", "judge"), ("split.html", "split"), ("language", "measure"), ("quality.gopher", "judge"),
       ("pii", "edit"), ("dedup.text", "group")]  # fmt: skip
SHARD_ID = digest("shard", [i.hex() for i in KEPT])
ORIGIN = f"http://{HOST}"

ROWS: Mapping[str, list[dict[str, Any]]] = {
    "source": [{"name": "river", "kind": "web_crawl", "title": "River", "provider": "River Org", "contact": "a@river.example"}],
    "op": [{"op_id": digest("op", name), "lane": "web", "stage": name, "version": 1, "shape": shape, "parameters": "{}"}
           for name, shape in OPS],
    "capture": list(CAPTURES.values()),
    "rights": [
        {"capture_id": CAPTURES["gone"]["capture_id"], "subject_kind": "capture", "mechanism": "http_x_robots",
         "usage": "train-ai", "verdict": "disallow", "locator": "x-robots-tag", "excerpt": "noai",
         "evidence_sha256": sha256(b"header"), "observed_at": FETCHED},
    ],
    "robots": [
        {"capture_id": CAPTURES["robots.txt"]["capture_id"], "origin": ORIGIN, "fetched_at": FETCHED, "status": 200,
         "body": b"User-agent: *\nAllow: /\n", "body_sha256": sha256(b"User-agent: *\nAllow: /\n")},
    ],
    "licence": [
        {"capture_id": CAPTURES["kept"]["capture_id"], "location": "link", "locator": "byte 12", "expression": "CC-BY-4.0",
         "raw": "https://creativecommons.org/licenses/by/4.0/", "evidence_sha256": sha256(b"kept")},
    ],
    "item": [item(page) for page in ROOTS] + [item(page, ordinal) for page, ordinal in CHILDREN],
    "decision": DECISIONS,
    "disposition": DISPOSITIONS,
    "duplicate": [{"item_id": child("copy"), "witness_id": child("kept"), "method": "minhash", "similarity": 0.93,
                   "cluster_id": min(child("copy"), child("kept"))}],
    "holding": [{"store": "captures/a.warc.gz", "kind": "warc", "what": "captures of source river"}],
    "release": [{"release": RELEASE, "set_root": sha256(b"set"), "recipe_digest": sha256(b"recipe"), "items": 2, "bytes": 4096}],
    "shard": [{"shard_id": SHARD_ID, "release": RELEASE, "lane": "web", "split": "train", "path": "web/data/train-000000.tar",
               "sha256": sha256(b"tar"), "bytes": 4096, "samples": 2}],
    "placement": [{"item_id": i, "release": RELEASE, "shard_id": SHARD_ID, "key": sample_key(i), "ordinal": n,
                   "offset": 1536 * (n + 1), "length": 1536} for n, i in enumerate(KEPT)],
}  # fmt: skip

SIGNALS = [
    {"item_id": child(page, n), "words": 12 if page == "short" else 400, "language": "en"} for page, n in CHILDREN
]


def tables() -> Tables:
    """The tables of the run, but for its own row."""
    found = {name: pa.Table.from_pylist(rows, schema=TABLES[name]) for name, rows in ROWS.items()}
    return found | {"signal_web": pa.Table.from_pylist(SIGNALS, schema=SIGNAL_WEB)}


def run_row(name: str = "made-1") -> pa.Table:
    row = {
        "run": name, "recipe": "made", "recipe_digest": sha256(b"recipe"), "recipe_toml": "format = 1\n",
        "policy": "permissive", "runner": "local", "version": "0.1.0", "started_at": FETCHED, "ended_at": FETCHED,
        "release": RELEASE,
    }  # fmt: skip
    return pa.Table.from_pylist([row], schema=TABLES["run"])


def publish(store: Store, found: Tables) -> dict[str, list[Part]]:
    """The tables as the ledger keeps them: captures as places and facts."""
    if "capture" in found:
        kept = {"capture_place": CAPTURE_PLACE, "capture_fact": CAPTURE_FACT}
        apart = {name: found["capture"].select(schema.names) for name, schema in kept.items()}
        found = {name: table for name, table in found.items() if name != "capture"} | apart
    return {name: [store.publish(name, table)] for name, table in found.items()}


def expected() -> pa.Array:
    return pa.array(sorted(ROOTS.values()), ID)


def changed(name: str, *, without: Mapping[str, Any] | None = None, add: list[dict[str, Any]] | None = None) -> Tables:
    """The tables with the rows that have these values taken out of one, and others added to it."""
    rows = tables()[name].to_pylist()
    if without is not None:
        rows = [row for row in rows if any(row[key] != value for key, value in without.items())]
    return tables() | {name: pa.Table.from_pylist(rows + (add or []), schema=TABLES[name])}


def without_page(page: str) -> tuple[Tables, pa.Array]:
    """The tables and expected roots of a run that never captured this page."""
    gone = {ROOTS[page], CAPTURES[page]["capture_id"], *(child(name, n) for name, n in CHILDREN if name == page)}
    found = {}
    for name, table in tables().items():
        key = "capture_id" if name in ("capture", "rights", "robots", "licence") else "item_id"
        rows = [row for row in table.to_pylist() if row.get(key) not in gone]
        found[name] = pa.Table.from_pylist(rows, schema=table.schema)
    return found, pa.array(sorted(set(ROOTS.values()) - gone), ID)
