"""Compaction: many small parts of a table become one sorted file, so that a look-up reads one row group of it.

Only files change, no row: what the ledger answers before and after is the same, and the commits before still list the parts they had.
"""

import io

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.ledger.commit import Commit
from pipelines.ledger.log import Log
from pipelines.ledger.training import FED, fed
from pipelines.store import Part, Store
from schemas.digest import sha256
from schemas.errors import NotFound
from schemas.training import RECORD

# By which columns a table is sorted, and by which its rows are looked up (the first of the order among them).
ORDER: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "capture_place": (("host", "uri_key", "capture_id"), ("capture_id", "uri")),
    "capture_fact": (("capture_id",), ("capture_id",)),
    "item": (("capture_id", "item_id"), ("capture_id", "item_id", "parent_id", "text_capture_id", "content_sha256")),
    "disposition": (("item_id",), ("item_id",)),
    "decision": (("item_id", "stage"), ("item_id",)),
    "duplicate": (("item_id",), ("item_id", "witness_id", "cluster_id")),
    "repeated_span": (("item_id", "start"), ("item_id", "witness_id")),
    "edge": (("item_id", "other_id"), ("item_id", "other_id")),
    "placement": (("item_id",), ("item_id", "shard_id")),
    "shard": (("shard_id",), ("shard_id",)),
    "rights": (("capture_id",), ("capture_id",)),
    "robots": (("origin",), ("origin", "capture_id")),
    "licence": (("capture_id",), ("capture_id", "subject")),
    "annotation": (("capture_id",), ("capture_id", "subject")),
    FED: (("item_id", "training_run", "row"), ("item_id",)),
}
# Tables that stay in the parts they came in: rows of one run, of training or of the register, too few to be worth a sorted file. Signals
# are sorted by item whatever their lane; `capture` is a view.
LEFT_OUT = frozenset({
    "capture", "source", "op", "run", "room", "holding", "release", "request", "request_match", "suppression", *RECORD,
})  # fmt: skip
NOTE = "compacted"
# Chosen: of 5,000, 20,000 and 60,000 rows a group, look-ups in a million items took least CPU at 5,000 (6.8, 9.1 and 9.1 ms).
GROUP_ROWS = 5_000


def compact(store: Store) -> Commit:
    """The commit that stands on sorted files; the head itself, `reused`, where it does so already.

    The run stays that of the head. Where other writers commit meanwhile, theirs is compacted by the next call.

    Raises:
        NotFound: nothing was committed yet.
        ChainBroken: the head cannot be read.
    """
    head = Log(store).head()
    if head is None:
        raise NotFound(f"the ledger in {store.root} holds no run yet, so there is nothing to compact")
    tables = {name: [part for part in head.files if part.table == name] for name in {one.table for one in head.files}}
    files: list[Part] = []
    for name, parts in sorted(tables.items()):
        order = ORDER.get(name, (("item_id",), ("item_id",)) if name.startswith("signal_") else None)
        files += [_merged(store, name, parts, *order)] if order else parts
    if (rows := fed(store, head.files)) is not None:
        files = [part for part in files if part.table != FED]
        files.append(_write(store, FED, rows.sort_by([(name, "ascending") for name in ORDER[FED][0]]), ORDER[FED][1]))
    return Log(store).append(head.run, None, files, after=head, note=f"{NOTE} commit {head.seq}", time=head.time)


def is_compacted(commit: Commit) -> bool:
    """Whether a commit holds what the one before it held, in other files."""
    return commit.note.startswith(f"{NOTE} commit ")


def _merged(store: Store, name: str, parts: list[Part], order: tuple[str, ...], by: tuple[str, ...]) -> Part:
    table = pa.concat_tables([store.read_part(part) for part in parts], promote_options="default")
    return _write(store, name, table.sort_by([(column, "ascending") for column in order]), by)


def _write(store: Store, name: str, table: pa.Table, by: tuple[str, ...]) -> Part:
    """The rows as one content-named file with a Bloom filter a row group of each column of `by`."""
    blooms = {column: {"ndv": GROUP_ROWS, "fpp": 0.01} for column in by if column in table.column_names}
    buffer = io.BytesIO()
    pq.write_table(
        table.combine_chunks(), buffer, compression="zstd", row_group_size=GROUP_ROWS, store_schema=True, bloom_filter_options=blooms,
    )  # fmt: skip
    blob = buffer.getvalue()
    digest = sha256(blob).hex()
    path = f"parts/{name}/{digest}.parquet"
    if not store.exists(path):
        store.put(path, blob)
    return Part(table=name, path=path, sha256=digest, rows=table.num_rows, bytes=len(blob))
