"""A tiny text lane to shard: items and captures out of a list of texts."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipelines.shard.card import Card
from pipelines.shard.release import ShardSet, assemble_lane
from pipelines.shard.sample import Sample, text_samples
from pipelines.shard.writer import ShardReceipt, shard_plan, write_shard
from schemas.capture import CAPTURE
from schemas.digest import sha256
from schemas.item import item_schema, text_sha256
from schemas.sample import TEXT
from schemas.shard import Split
from schemas.source import SourceCard, SourceKind

FACTS = pa.struct([pa.field("title", pa.string())])
TEXTS = tuple(f'Text {n}: zwölf Boxkämpfer, \u2028 "quoted" \\ \U0001f600 ' + "x" * (n * 37 % 900) for n in range(24))
SEED = 7
SOURCE = SourceCard(
    name="small-web", kind=SourceKind.WEB_CRAWL, title="A small | web", provider="Nobody", contact="a@example.org"
)
SET = ShardSet(
    lane="web",
    config=TEXT,
    seed=SEED,
    card=Card(title="Small: web", summary="Made for tests.", contact="optout@example.org", sources=(SOURCE,)),
)


def items(texts: Sequence[str]) -> pa.RecordBatch:
    rows = [
        {
            "item_id": sha256(b"item" + text.encode()),
            "parent_id": None,
            "capture_id": sha256(b"capture" + text.encode()),
            "source": SOURCE.name,
            "modality": "text",
            "media_type": "text/html",
            "language": ("en", "de", None)[n % 3],
            "text": text,
            "payload": None,
            "content_sha256": text_sha256(text),
            "licence": ("CC-BY-4.0", None)[n % 2],
            "facts": {"title": f"No {n}"},
        }
        for n, text in enumerate(texts)
    ]
    return pa.RecordBatch.from_pylist(rows, item_schema(FACTS))


def captures(texts: Sequence[str]) -> pa.RecordBatch:
    rows = [
        {
            "capture_id": sha256(b"capture" + text.encode()),
            "source": SOURCE.name,
            "outcome": "fetched",
            "uri": f"https://example.org/{len(text)}",
            "host": "example.org",
            "fetched_at": 1_700_000_000_123_456,
            "status": 200,
            "headers": [],
            "record_type": "response",
            "payload": {"uri": "a.warc.gz", "offset": 0, "length": 9, "sha256": sha256(b"payload")},
        }
        for text in texts
    ]
    return pa.RecordBatch.from_pylist(rows, CAPTURE)


def samples(texts: Sequence[str] = TEXTS) -> list[Sample]:
    return list(text_samples(items(texts), captures(texts)))


def shards(
    folder: Path, given: Sequence[Sample], split: Split = Split.TRAIN, max_samples: int = 9
) -> list[ShardReceipt]:
    sizes = np.array([len(sample.parts["json"]) for sample in given])
    ids = pa.array([sample.item_id for sample in given], pa.binary(32))
    return [
        write_shard(folder, config=TEXT, lane="web", split=split, index=index, samples=[given[row] for row in rows])
        for index, rows in enumerate(shard_plan(ids, sizes, SEED, max_samples=max_samples))
    ]


def lane(folder: Path, given: Sequence[Sample] | None = None) -> bytes:
    """The SHA256SUMS of a lane of two train shards and one of validation."""
    given = samples() if given is None else given
    held_out = [sample for sample in given if sample.item_id[0] % 4 == 0]
    trained = [sample for sample in given if sample.item_id[0] % 4]
    receipts = shards(folder, trained) + shards(folder, held_out, Split.VALIDATION)
    return assemble_lane(folder, SET, receipts)
