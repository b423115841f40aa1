"""A release as rows: its texts, and where its pictures and sounds lie. One batch of rows is held at a time, and one piece of a tar."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.audit.open import Ledger
from pipelines.audit.words import Row
from pipelines.exports.facts import NOTICE, whole
from pipelines.exports.samples import Parts, samples
from schemas.digest import sha256

# Of one picture or sound: the tar (relative to the release), the member in it, and the bytes of its content there.
PAYLOAD = pa.struct(
    [
        ("shard", pa.string()),
        ("member", pa.string()),
        ("offset", pa.int64()),
        ("size", pa.int64()),
        ("sha256", pa.string()),
    ]
)
# Digests are hex and times RFC 3339, as in the samples' own JSON. payload: null where the text is everything.
ROW = pa.schema(
    [
        ("item_id", pa.string()), ("key", pa.string()), ("lane", pa.string()), ("split", pa.string()), ("source", pa.string()),
        ("language", pa.string()), ("licence", pa.string()), ("licence_source", pa.string()), ("url", pa.string()),
        ("page_url", pa.string()), ("retrieved_at", pa.string()), ("title", pa.string()), ("text", pa.string()), ("sha256", pa.string()),
        ("payload", PAYLOAD),
    ]
).with_metadata({"notice": NOTICE})  # fmt: skip
# Chosen: some hundred kB to some MB a row group; 16 MiB bound what a group of books holds.
GROUP_ROWS, GROUP_BYTES = 1000, 16 << 20
_TEXTS = "json"  # the part of a sample that is never payload, beside txt


def rows(ledger: Ledger, release: str) -> Iterator[Row]:
    """A row of ROW for each item of the release, by shard and place in it.

    Raises:
        NotFound: no commit holds that release, or a tar is gone.
        ShardError: a sample is damaged.
    """
    at = whole(ledger, release)
    places = at.db.stream(
        "SELECT s.path AS shard, s.lane, s.split, p.item_id, p.key, p.offset, p.length, i.source FROM placement p"
        " JOIN (SELECT DISTINCT shard_id, lane, split, path FROM shard WHERE release = $release) s USING (shard_id)"
        " LEFT JOIN (SELECT DISTINCT item_id, source FROM item) i USING (item_id) WHERE p.release = $release"
        " ORDER BY s.path, p.ordinal",
        {"release": release},
    )
    for place, parts in samples(at.store, release, places):
        yield _row(place, parts)


def _row(place: Row, parts: Parts) -> Row:
    said = json.loads(parts[_TEXTS][1])
    about = said.get("metadata", said)
    text = said["text"] if "metadata" in said else parts["txt"][1].decode()
    found = {
        "item_id": place["item_id"].hex(), "key": place["key"], "lane": place["lane"], "split": place["split"], "source": place["source"],
        "licence": about["license"], "licence_source": about["license_source"], "title": about.get("title"), "text": text,
    }  # fmt: skip
    found |= {name: about[name] for name in ("language", "url", "page_url", "retrieved_at", "sha256")}
    payload = next((name for name in parts if name not in (_TEXTS, "txt")), None)
    found["payload"] = None
    if payload:
        offset, content = parts[payload]
        found["payload"] = {"shard": place["shard"], "member": f"{place['key']}.{payload}", "offset": offset, "size": len(content),
                            "sha256": sha256(content).hex()}  # fmt: skip
    return {name: found[name] for name in ROW.names}


def write_jsonl(ledger: Ledger, release: str, out: BinaryIO) -> int:
    """How many rows were written, a JSON object a line."""
    return write_lines(rows(ledger, release), out)


def write_lines(found: Iterable[Row], out: BinaryIO) -> int:
    """How many rows were written, a JSON object a line, in UTF-8."""
    n = 0
    for row in found:
        out.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
        n += 1
    return n


def write_parquet(ledger: Ledger, release: str, out: BinaryIO) -> int:
    """How many rows were written, as one Parquet file of schema ROW."""
    n = 0
    with pq.ParquetWriter(out, ROW, compression="zstd") as writer:
        for group in _groups(rows(ledger, release)):
            writer.write_table(pa.Table.from_pylist(group, schema=ROW), row_group_size=len(group))
            n += len(group)
    return n


def _groups(found: Iterator[Row]) -> Iterator[list[dict[str, Any]]]:
    group: list[Row] = []
    size = 0
    for row in found:
        group.append(row)
        size += len(row["text"] or "")
        if len(group) == GROUP_ROWS or size >= GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group
