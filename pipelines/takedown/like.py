"""What is like a file that somebody brought: the same bytes or text, and what dedup's own comparison of its modality finds near."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipelines import rooms
from pipelines.capture.file_type import HEAD_BYTES, media_type
from pipelines.dedup.signatures import RANKS
from pipelines.lanes import LANES
from pipelines.lanes.lane import Lane
from pipelines.ledger.database import Database
from pipelines.receipt import read_receipt
from pipelines.store import Store
from pipelines.takedown.closure import Closure, Why, of_digests
from pipelines.takedown.texts import Reading
from schemas.annotation import SAID
from schemas.capture import CAPTURE, Outcome
from schemas.digest import digest, sha256
from schemas.errors import InputError
from schemas.item import text_sha256

# Chosen: pairs of one comparison; each holds two signatures.
_PAIRS = 4096
_PROBE = digest("takedown", "probe")


def like(store: Store, db: Database, read: Reading, path: Path) -> Closure:
    """Items and captures of the same bytes or text as this file, and items that dedup would call its copies, with their similarity.

    Only items that reached dedup have signatures: what was dropped before is found by its bytes or text alone.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    kind = media_type(path.name, data[:HEAD_BYTES])
    found = of_digests(db, _digests(data), Why(link="named", similarity=1.0))
    for lane in LANES:
        for item, similarity in _near(store, db, read, lane, data, kind, path.name):
            found.items.setdefault(item, Why(link="like", similarity=similarity))
    return found


def _digests(data: bytes) -> list[bytes]:
    try:
        return [sha256(data), text_sha256(data.decode("utf-8"))]
    except UnicodeDecodeError:
        return [sha256(data)]


def _near(
    store: Store, db: Database, read: Reading, lane: Lane, data: bytes, kind: str, name: str
) -> Iterator[tuple[bytes, float]]:
    """(item, similarity) of the lane's items that are near the file; none where the lane does not read it."""
    parts = [
        part
        for row in db.rows(
            "SELECT DISTINCT path FROM room WHERE room = 'signed' AND lane = ? ORDER BY path", [lane.name]
        )
        if store.exists(row["path"])
        for part in read_receipt(store, row["path"]).all("signature")
    ]
    if not parts or not lane.accepts(pa.array([kind]))[0].as_py():
        return
    own = _signed(lane, _items(lane, data, kind, name))
    if own is None:
        return
    texts = dict(zip(own[1].column("item_id").to_pylist(), own[1].column("text").to_pylist(), strict=True))
    for part in parts:
        table = pa.concat_tables([own[0], store.read_part(part).select(own[0].column_names).cast(own[0].schema)])
        yield from _pairs(lane, table.combine_chunks(), own[0].num_rows, texts, read)


def _pairs(
    lane: Lane, table: pa.Table, probes: int, texts: dict[bytes, str], read: Reading
) -> Iterator[tuple[bytes, float]]:
    """The rows of a table that are near one of its first ones."""
    ids = table.column("item_id").to_pylist()
    exact = table.column("exact_sha256").to_pylist()
    best: dict[bytes, float] = {}
    for a in range(probes):
        for b in range(probes, len(ids)):
            if exact[a] is not None and exact[a] == exact[b]:
                best[ids[b]] = 1.0
        others = _candidates(table, a, probes)
        for at in range(0, len(others), _PAIRS):
            block = others[at : at + _PAIRS]
            pairs = pa.RecordBatch.from_pydict({"a": np.full(len(block), a), "b": block})

            def load(wanted: pa.Array) -> pa.Array:
                known = texts | read.texts({one for one in wanted.to_pylist() if one not in texts})
                return pa.array([known.get(one, "") for one in wanted.to_pylist()], pa.string())

            edges = lane.dedup.verify(lane.dedup.stage, pairs, table, load)
            for row in edges.to_pylist():
                other = ids[max(row["a"], row["b"])]
                best[other] = max(best.get(other, 0.0), row["similarity"])
    yield from sorted(best.items())


def _candidates(table: pa.Table, a: int, first: int) -> np.ndarray:
    """int64[k]: rows from `first` on that may be near row `a`. Texts: at least an eighth of the minhash agrees."""
    if "minhash" not in table.column_names:
        return np.arange(first, table.num_rows)
    packed = table.column("minhash").to_pylist()
    if packed[a] is None:
        return np.array([], np.int64)
    own = np.frombuffer(packed[a], "<u4")
    return np.array(
        [
            row
            for row in range(first, len(packed))
            if packed[row] and (np.frombuffer(packed[row], "<u4") == own).mean() >= 1 / 8
        ],
        np.int64,
    )


def _items(lane: Lane, data: bytes, kind: str, name: str) -> pa.RecordBatch:
    """The items that the lane cuts from the file, as it does from captures."""
    place = {"uri": name, "offset": 0, "length": len(data), "sha256": sha256(data)}
    capture = {
        "capture_id": _PROBE, "source": "takedown", "outcome": Outcome.FETCHED.value, "headers": [], "record_type": "file",
        "media_type": kind, "payload": place, "payload_bytes": len(data),
    }  # fmt: skip
    captures = pa.RecordBatch.from_pylist([capture], schema=CAPTURE)
    roots = rooms.roots(lane, captures, pa.nulls(1, pa.string()), np.array([0]))
    said = [
        {
            "capture_id": _PROBE,
            "role": role.value,
            "text": "what somebody brought",
            "location": "file",
            "locator": "takedown",
        }
        for role in lane.roles[:1]
    ]
    payloads = pa.RecordBatch.from_arrays(
        [pa.array([data], pa.large_binary()), pa.nulls(1, pa.string()), pa.array([kind]), pa.nulls(1, pa.string()), pa.array([said], SAID)],
        schema=rooms.PAYLOADS,
    )  # fmt: skip
    with lane.decoder() as child:
        return rooms.split(lane, roots, payloads, child)[0]


def _signed(lane: Lane, items: pa.RecordBatch) -> tuple[pa.Table, pa.RecordBatch] | None:
    """The signatures of these items; null where there are none."""
    if not len(items):
        return None
    ranks = pa.RecordBatch.from_pylist(
        [
            {"item_id": one, "rights_rank": 0, "quality": 0.0, "fetched_at": None}
            for one in items.column("item_id").to_pylist()
        ],
        schema=RANKS,
    )
    return pa.Table.from_batches([lane.dedup.sign(items, ranks)]), items
