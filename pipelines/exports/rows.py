"""A release as rows: its texts, and where its pictures and sounds lie. One shard's places are held at a time, and one batch of rows."""

import io
import json
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.audit.open import Ledger
from pipelines.audit.words import Row
from pipelines.exports.facts import NOTICE, whole
from pipelines.shard.tar import END, read_members
from pipelines.store import Store
from schemas.digest import sha256
from schemas.errors import NotFound, ShardError

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


def sample_at(store: Store, shard: str, offset: int, length: int) -> dict[str, tuple[int, bytes]]:
    """The parts of one sample by extension: the byte at which each one's content starts in the tar, and the content.

    Raises:
        NotFound: the tar is gone.
        ShardError: there is no whole sample there.
    """
    try:
        data = store.read_range(shard, offset, length)
    except FileNotFoundError as error:
        raise NotFound(f"{shard} is gone from the store; `headwater verify` names all damage") from error
    try:
        members = list(read_members(io.BytesIO(data + END), len(data) + len(END)))
    except ShardError as error:
        raise ShardError(f"{shard}, sample at byte {offset}: {error}") from error
    return {member.extension: (offset + member.content_offset, content) for member, content in members}


def rows(ledger: Ledger, release: str) -> Iterator[Row]:
    """A row of ROW for each item of the release, by shard and place in it.

    Raises:
        NotFound: no commit holds that release, or a tar is gone.
        ShardError: a sample is damaged.
    """
    at = whole(ledger, release)
    shards = at.db.rows(
        "SELECT DISTINCT shard_id, lane, split, path FROM shard WHERE release = ? ORDER BY path", [release]
    )
    for shard in shards:
        places = at.db.rows(
            "SELECT p.item_id, p.key, p.offset, p.length, i.source FROM placement p LEFT JOIN (SELECT DISTINCT item_id, source FROM item) i"
            " USING (item_id) WHERE p.shard_id = ? AND p.release = ? ORDER BY p.ordinal",
            [shard["shard_id"], release],
        )
        for place in places:
            parts = sample_at(at.store, f"releases/{release}/{shard['path']}", place["offset"], place["length"])
            yield _row(shard, place, parts)


def _row(shard: Row, place: Row, parts: dict[str, tuple[int, bytes]]) -> Row:
    said = json.loads(parts[_TEXTS][1])
    about = said.get("metadata", said)
    text = said["text"] if "metadata" in said else parts["txt"][1].decode()
    found = {
        "item_id": place["item_id"].hex(), "key": place["key"], "lane": shard["lane"], "split": shard["split"], "source": place["source"],
        "licence": about["license"], "licence_source": about["license_source"], "title": about.get("title"), "text": text,
    }  # fmt: skip
    found |= {name: about[name] for name in ("language", "url", "page_url", "retrieved_at", "sha256")}
    payload = next((name for name in parts if name not in (_TEXTS, "txt")), None)
    found["payload"] = None
    if payload:
        offset, content = parts[payload]
        found["payload"] = {"shard": shard["path"], "member": f"{place['key']}.{payload}", "offset": offset, "size": len(content),
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
