"""The run: one execution of a recipe at a site, and its balance. Only these rows carry a time."""

from dataclasses import dataclass

import pyarrow as pa

from schemas.item import ID

RUN = pa.schema(
    [
        pa.field("run", pa.string(), nullable=False),
        pa.field("recipe", pa.string(), nullable=False),
        pa.field("recipe_digest", ID, nullable=False),
        pa.field("recipe_toml", pa.string(), nullable=False),  # the whole recipe, defaults written out
        pa.field("policy", pa.string(), nullable=False),
        pa.field("runner", pa.string(), nullable=False),
        pa.field("version", pa.string(), nullable=False),  # of Headwater
        pa.field("started_at", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("ended_at", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("release", pa.string()),  # null: nothing was kept
    ]
)

# The source cards of a run.
SOURCE = pa.schema(
    [
        pa.field("name", pa.string(), nullable=False),  # short and stable: ids are made with it
        pa.field("kind", pa.string(), nullable=False),  # SourceKind
        pa.field("title", pa.string(), nullable=False),
        pa.field("provider", pa.string(), nullable=False),
        pa.field("contact", pa.string(), nullable=False),  # whom to write to
        pa.field("url", pa.string()),
        pa.field("licence", pa.string()),  # SPDX, of the data set as a whole; null: each item speaks for itself
        pa.field("terms", pa.string()),
        pa.field("contract", pa.string()),
        pa.field("collected_from", pa.string()),
        pa.field("collected_to", pa.string()),
    ]
)

OP = pa.schema(
    [
        pa.field("op_id", ID, nullable=False),  # digest of name, version, parameters and model digests
        pa.field("lane", pa.string(), nullable=False),
        pa.field("stage", pa.string(), nullable=False),
        pa.field("version", pa.int32(), nullable=False),
        pa.field("shape", pa.string(), nullable=False),
        pa.field("parameters", pa.string(), nullable=False),  # canonical JSON
        # The model files it used; null: written by a version that did not record them.
        pa.field("models", pa.list_(pa.struct([("name", pa.string()), ("sha256", ID)]))),
    ]
)

# What the run stands on besides its tables: texts, signatures and compared pairs lie in the parts that these receipts name.
ROOM = pa.schema(
    [
        pa.field("lane", pa.string(), nullable=False),
        pa.field("source", pa.string()),  # null for the rooms `unique` and `spans`, which stand on all sources
        pa.field(
            "ordinal", pa.int32(), nullable=False
        ),  # of the work order within its lane; 0 for `unique` and `spans`
        pa.field("room", pa.string(), nullable=False),  # split | measured | judged | edited | signed | unique | spans
        pa.field("path", pa.string(), nullable=False),  # of the receipt, relative to the site
    ]
)

HOLDING = pa.schema(
    [
        pa.field("store", pa.string(), nullable=False),  # path relative to the site, or an absolute URI
        # warc | upload | members | media | room | ledger | shards | release | training
        pa.field("kind", pa.string(), nullable=False),
        pa.field("what", pa.string(), nullable=False),  # a sentence: whose bytes lie there
        pa.field("state", pa.string()),  # null: it is held; else what a request did: cleared | remaining
        pa.field("reason", pa.string()),  # why it was cleared or remains: one sentence; null where it is held
        pa.field("request", pa.string()),  # the request; null where it is held
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """The account of one run, in distinct items: captured + born = the sum of the other six."""

    captured: int
    born: int
    kept: int
    dropped: int
    merged: int
    split: int
    quarantined: int
    withdrawn: int

    @property
    def holds(self) -> bool:
        """Whether nothing is missing and nothing is counted twice."""
        out = self.kept + self.dropped + self.merged + self.split + self.quarantined + self.withdrawn
        return self.captured + self.born == out
