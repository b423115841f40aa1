"""A large ledger of made rows: the shape of a web run, every id random, every invariant of the balance kept."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.ledger.ledger import commit_run
from pipelines.ledger.log import Log
from pipelines.store import Part, Store
from schemas.digest import sha256
from schemas.item import ID
from schemas.plan import Plan
from schemas.tables import TABLES
from schemas.training import RECORD

Array = np.ndarray
START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = 86_400_000_000
LICENCES = ("CC-BY-4.0", "CC-BY-SA-4.0", "CC0-1.0", "CC-BY-NC-4.0", "MIT")
LANGUAGES = ("en", "de", "fr", "es", "ja")
# Of what was cut from pages: state, share, stage, reason, verdict.
FATES = (
    ("kept", 0.55, None, None, None),
    ("dropped", 0.30, "quality.gopher", "too_few_words", "drop"),
    ("merged", 0.10, "dedup.text", "near_duplicate", "merge"),
    ("quarantined", 0.02, "language", "stage_failed", "quarantine"),
    ("withdrawn", 0.03, "rights", "taken_down", "drop"),
)
OPS = ("rights", "split.html", "language", "quality.gopher", "dedup.text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much to make: pages, hosts and shards; items are pages and what was cut from them, 1.6 to one."""

    items: int
    hosts: int = 20_000
    shards: int = 1_000
    part_rows: int = 5_000

    @property
    def pages(self) -> int:
        """Captures that gave a root item."""
        return self.items * 10 // 22


def fixed(values: Array, mask: Array | None = None) -> pa.Array:
    """uint8[n, 32] as ids; null where `mask`."""
    made = pa.FixedSizeBinaryArray.from_buffers(ID, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])
    return made if mask is None else pc.if_else(pa.array(mask), pa.scalar(None, ID), made)


def filled(name: str, n: int, columns: Mapping[str, Any]) -> pa.Table:
    """A table of the ledger from some of its columns; a text stands for every row, the others are null."""
    schema = TABLES[name]
    arrays = []
    for field in schema:
        value = columns.get(field.name)
        if isinstance(value, pa.Array | pa.ChunkedArray):
            arrays.append(value.cast(field.type) if value.type != field.type else value)
        else:
            arrays.append(pa.repeat(pa.scalar(value, field.type), n))
    return pa.table(arrays, schema=schema)


def picked(chance: np.random.Generator, words: tuple[str | None, ...], n: int) -> pa.Array:
    """One of the words for each of n rows."""
    return pa.array(words).take(pa.array(chance.integers(0, len(words), n)))


def times(chance: np.random.Generator, n: int) -> pa.Array:
    return pa.array(chance.integers(0, 30 * DAY, n) + int(START.timestamp()) * 1_000_000).cast(
        pa.timestamp("us", "UTC")
    )


def captures(chance: np.random.Generator, size: Size) -> tuple[pa.Table, pa.Table]:
    """(captures: pages first, then as many others that gave no item as make 30 %, then a robots.txt a host; robots)."""
    pages, others = size.pages, size.pages * 3 // 10
    n = pages + others + size.hosts
    host = np.concatenate([(chance.random(pages + others) ** 3 * size.hosts).astype(int), np.arange(size.hosts)])
    hosts = pc.binary_join_element_wise("h", pa.array(host).cast(pa.string()), ".example", "")
    pathless = np.arange(n) >= pages + others
    path = pc.if_else(
        pa.array(pathless), "robots.txt", pc.binary_join_element_wise("p", pa.array(np.arange(n)).cast(pa.string()), "")
    )
    uri = pc.binary_join_element_wise("http://", hosts, "/", path, "")
    key = fixed(chance.integers(0, 256, (n, 32), np.uint8))
    kinds = pa.array(["fetched", "not_found", "robots_file"]).take(
        pa.array((np.arange(n) >= pages).astype(int) + pathless)
    )
    payload = pa.StructArray.from_arrays(
        [
            pa.repeat("captures/a.warc.gz", n),
            pa.array(np.arange(n) * 9000),
            pa.array(chance.integers(500, 9000, n)),
            key,
        ],
        fields=list(TABLES["capture"].field("payload").type),
    )
    when = times(chance, n)
    table = filled("capture", n, {
        "capture_id": fixed(chance.integers(0, 256, (n, 32), np.uint8)), "source": "crawl", "outcome": kinds, "uri": uri,
        "uri_key": pc.binary_join_element_wise("example,h", pa.array(host).cast(pa.string()), ")/", path, ""), "host": hosts,
        "fetched_at": when, "status": 200, "media_type": "text/html", "headers": [("content-type", "text/html")],
        "record_type": "response", "payload": payload, "payload_bytes": payload.field("length"),
    })  # fmt: skip
    own = table.slice(pages + others)
    origin = pc.binary_join_element_wise("http://", own.column("host"), "")
    body = b"User-agent: *\nDisallow: /private\n"
    robots = filled("robots", size.hosts, {
        "capture_id": own.column("capture_id"), "origin": origin, "fetched_at": own.column("fetched_at"), "status": 200,
        "body": body, "body_sha256": sha256(body),
    })  # fmt: skip
    return table, robots


def fates(chance: np.random.Generator, n: int) -> Array:
    """int[n]: which of FATES each of what was cut from pages met; exact shares, shuffled."""
    found = np.searchsorted(np.cumsum([share for _, share, *_ in FATES]), (np.arange(n) + 0.5) / n)
    return chance.permutation(np.minimum(found, len(FATES) - 1))


def named(place: int, fate: Array, root: Array) -> pa.Array:
    """A word of FATES for each child, then what a root has: it is split."""
    split = ("split", 0, "split.html", None, "split")[place]
    words = pa.array([one[place] for one in FATES] + [split], pa.string())
    return words.take(pa.array(np.concatenate([fate, np.full(len(root), len(FATES))])))


def tables(size: Size, seed: int, release: str, share: float = 1.0) -> tuple[dict[str, pa.Table], pa.Array]:
    """(the tables of a run over the first `share` of the pages, ids of its roots)."""
    chance = np.random.default_rng(seed)
    capture, robots = captures(chance, size)
    pages = int(size.pages * share)
    kids = size.items - size.pages
    parent = np.sort(np.concatenate([np.arange(size.pages), chance.integers(0, size.pages, kids - size.pages)]))
    root = chance.integers(0, 256, (size.pages, 32), np.uint8)
    child = chance.integers(0, 256, (kids, 32), np.uint8)
    fate = fates(chance, kids)
    mine = parent < pages
    if share < 1:
        child, fate, parent, root = child[mine], fate[mine], parent[mine], root[:pages]
    kids, n = len(child), len(child) + len(root)
    page_ids = capture.column("capture_id").combine_chunks()
    key = np.concatenate([child, root])
    is_root = np.arange(n) >= kids
    of_page = np.concatenate([parent, np.arange(len(root))])
    item_id = fixed(key)
    language = pa.array(LANGUAGES).take(pa.array(of_page % len(LANGUAGES)))
    licence = pa.array([*LICENCES, *[None] * 15], pa.string()).take(pa.array(of_page % 20))
    item = filled("item", n, {
        "item_id": item_id, "parent_id": fixed(np.concatenate([root[parent], root]), is_root),
        "capture_id": page_ids.take(pa.array(of_page)), "lane": "web", "source": "crawl", "modality": "text",
        "media_type": "text/html", "language": pc.if_else(pa.array(is_root), None, language), "licence": licence,
        "content_sha256": fixed(chance.integers(0, 256, (n, 32), np.uint8)), "bytes": pa.array(chance.integers(200, 9000, n)),
    })  # fmt: skip
    (kept,), (merged,) = (np.nonzero(fate == number) for number in (0, 2))
    witness = np.zeros((n, 32), np.uint8)
    witness[merged] = child[chance.choice(kept, len(merged))]
    state, stage, reason, verdict = (named(place, fate, root) for place in (0, 2, 3, 4))
    not_merged = ~np.isin(np.arange(n), merged)
    disposition = filled("disposition", n, {
        "item_id": item_id, "lane": "web", "state": state, "stage": stage, "reason": reason,
        "successor_id": fixed(witness, not_merged),
    })  # fmt: skip
    by_rule = pa.array(np.concatenate([fate, np.full(len(root), 9)]) == 1)
    decision = filled("decision", n, {
        "item_id": item_id, "stage": stage, "verdict": verdict, "reason": reason,
        "signal": pc.if_else(by_rule, "words", None), "value": pc.if_else(by_rule, pa.scalar(12.0), None),
        "threshold": pc.if_else(by_rule, pa.scalar(50.0), None),
    }).filter(pc.is_valid(verdict))  # fmt: skip
    duplicate = filled("duplicate", len(merged), {
        "item_id": fixed(child[merged]), "witness_id": fixed(witness[merged]), "method": "minhash",
        "similarity": pa.array(0.8 + 0.2 * chance.random(len(merged))), "cluster_id": fixed(witness[merged]),
    })  # fmt: skip
    shard, placement = placed(chance, size, child[kept], release, seed)
    words = pa.array(chance.integers(5, 3000, kids))
    signals = {"item_id": fixed(child), "words": words, "language_score": pa.array(chance.random(kids))}
    signals |= {f"signal_{n}": pa.array(chance.random(kids)) for n in range(12)}
    said = chance.choice(pages, pages // 10, replace=False)
    licence_rows = filled("licence", len(said), {
        "capture_id": page_ids.take(pa.array(said)), "location": "link", "locator": "byte 12", "expression": picked(chance, LICENCES, len(said)),
        "raw": "https://creativecommons.org/licenses/", "evidence_sha256": fixed(chance.integers(0, 256, (len(said), 32), np.uint8)),
    })  # fmt: skip
    found = {
        "source": filled("source", 1, {"name": "crawl", "kind": "web_crawl", "title": "Crawl", "provider": "Us", "contact": "a@b.example"}),
        "op": filled("op", len(OPS), {"op_id": fixed(chance.integers(0, 256, (len(OPS), 32), np.uint8)), "lane": "web", "stage": pa.array(OPS),
                                      "version": 1, "shape": "judge", "parameters": "{}"}),
        "capture": capture.take(pa.array(np.concatenate([np.arange(pages), np.arange(size.pages, capture.num_rows)]))),
        "rights": statements(chance, capture.slice(0, pages), robots), "robots": robots, "licence": licence_rows, "item": item,
        "decision": decision, "disposition": disposition, "duplicate": duplicate, "shard": shard, "placement": placement,
        "signal_web": pa.table(signals),
        "release": filled("release", 1, {"release": release, "set_root": sha256(release.encode()), "recipe_digest": sha256(b"recipe"),
                                         "items": len(kept), "bytes": 4096 * len(kept)}),
    }  # fmt: skip
    return found, fixed(root)


def placed(chance: np.random.Generator, size: Size, kept: Array, release: str, seed: int) -> tuple[pa.Table, pa.Table]:
    n = len(kept)
    of = np.sort(np.arange(n) % size.shards)
    starts = np.searchsorted(of, np.arange(size.shards))
    counts = np.bincount(of, minlength=size.shards)
    shard_id = np.random.default_rng([seed, n]).integers(0, 256, (size.shards, 32), np.uint8)
    path = pc.binary_join_element_wise(
        "web/data/train-", pc.utf8_lpad(pa.array(np.arange(size.shards)).cast(pa.string()), 6, "0"), ".tar", ""
    )
    shard = filled("shard", size.shards, {
        "shard_id": fixed(shard_id), "release": release, "lane": "web", "split": "train", "path": path, "sha256": fixed(shard_id),
        "bytes": pa.array(counts * 1536), "samples": pa.array(counts),
    })  # fmt: skip
    kept = kept[chance.permutation(n)]
    ordinal = np.arange(n) - starts[of]
    placement = filled("placement", n, {
        "item_id": fixed(kept), "release": release, "shard_id": fixed(shard_id[of]),
        "key": pa.array([one[:16].tobytes().hex() for one in kept]), "ordinal": pa.array(ordinal.astype(np.int32)),
        "offset": pa.array(1536 * (ordinal + 1)), "length": 1536,
    })  # fmt: skip
    return shard, placement


def statements(chance: np.random.Generator, pages: pa.Table, robots: pa.Table) -> pa.Table:
    """Every twelfth page says something, and so does the robots.txt of every fourth host."""
    own = pages.take(pa.array(chance.choice(pages.num_rows, pages.num_rows // 12, replace=False)))
    wide = robots.slice(0, robots.num_rows // 4)
    parts = []
    for table, kind, mechanism in ((own, "capture", "http_x_robots"), (wide, "origin", "robots_content_signal")):
        n = table.num_rows
        parts.append(filled("rights", n, {
            "capture_id": table.column("capture_id"), "subject_kind": kind, "subject": wide.column("origin") if kind == "origin" else None,
            "mechanism": mechanism, "usage": picked(chance, ("train-ai", "tdm", "search"), n), "verdict": picked(chance, ("allow", "disallow", "unknown"), n),
            "locator": "line 3", "excerpt": "noai", "evidence_sha256": sha256(b"x"), "observed_at": table.column("fetched_at"),
        }))  # fmt: skip
    return pa.concat_tables(parts)


def training(found: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """The record of a run of one and a half epochs over the release, with five checkpoints."""
    placement, (release,) = found["placement"], found["release"].to_pylist()
    n, plan_digest, run = placement.num_rows, sha256(b"plan"), "pretrain-0123456789ab"
    length = np.random.default_rng(9).integers(30, 1800, n).astype(np.int32)
    document = pa.table({
        "plan_digest": pa.repeat(pa.scalar(plan_digest, ID), n), "item_id": placement.column("item_id"),
        "content_sha256": placement.column("item_id"), "kind": pa.repeat("text", n), "start": pa.array(np.zeros(n, np.int32)),
        "tokens": pa.array(length), "length": pa.array(length), "copies": pa.array(np.ones(n, np.int32)),
    }, schema=RECORD["document"])  # fmt: skip
    rows = int(Plan.of(document, seed=7, row_tokens=2048).rows * 1.5)
    one = {
        "training_run": run, "kind": "pretrain", "release_root": release["set_root"], "config_digest": sha256(b"c"), "vocabulary_digest": sha256(b"v"),
        "plan_digest": plan_digest, "seed": 7, "row_tokens": 2048, "block": 16_384, "rows_per_step": 8, "started_at": START, "version": "0.1.0",
    }  # fmt: skip
    fed = {"training_run": run, "plan_digest": plan_digest, "seed": 7, "first_row": 0, "last_row": rows - 1}
    saved = [
        {"checkpoint_id": sha256(b"%d" % k), "training_run": run, "step": rows * k // 40, "rows": rows * k // 5, "tokens": rows * k // 5 * 2048,
         "path": f"checkpoints/{k}", "weights_sha256": sha256(b"w%d" % k), "bytes": 1}
        for k in range(1, 6)
    ]  # fmt: skip
    rows_of = {"training_run": [one], "consumption": [fed], "checkpoint": saved}
    return {name: pa.Table.from_pylist(rows, RECORD[name]) for name, rows in rows_of.items()} | {"document": document}


def slices(table: pa.Table, rows: int) -> Iterator[pa.Table]:
    yield from (table.slice(at, rows) for at in range(0, max(table.num_rows, 1), rows))


def run_row(run: str, release: str) -> pa.Table:
    row = {
        "run": run, "recipe": "made", "recipe_digest": sha256(b"recipe"), "recipe_toml": "format = 1\n", "policy": "permissive",
        "runner": "local", "version": "0.1.0", "started_at": START, "ended_at": START, "release": release,
    }  # fmt: skip
    return pa.Table.from_pylist([row], schema=TABLES["run"])


def commit_all(store: Store, size: Size, seed: int = 0) -> dict[str, pa.Table]:
    """Two runs, the second over all the pages, and a training run; the tables of the second."""
    found: dict[str, pa.Table] = {}
    for run, share in (("made-0", 0.9), ("made-1", 1.0)):
        found, roots = tables(size, seed, f"release-{run}", share)
        parts: dict[str, list[Part]] = {
            name: [store.publish(name, one) for one in slices(table, size.part_rows)] for name, table in found.items()
        }
        commit_run(store, run_row(run, f"release-{run}"), parts, roots)
    parts_of_training = [store.publish(name, table) for name, table in training(found).items()]
    head = Log(store).head()
    assert head is not None
    Log(store).append("pretrain-0123456789ab", None, [*head.files, *parts_of_training], time=START)
    return found
