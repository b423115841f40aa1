"""What training leaves behind: the tokens of items, the documents made of them, and the rows the ledger keeps of a run.

RECORD are the tables a run gives to the ledger. With `schemas/plan.py` they are all that need be kept to say which
checkpoint saw an item: no logs of batches.
"""

from enum import StrEnum

import pyarrow as pa

from schemas.item import ID


def _needed(name: str, kind: pa.DataType) -> pa.Field:
    return pa.field(name, kind, nullable=False)


class Kind(StrEnum):
    """What a document of training asks of the model."""

    TEXT = "text"  # go on with a text
    CAPTION = "caption"  # say what an image shows
    TRANSCRIBE = "transcribe"  # say what a sound is, or says
    REPAIR = "repair"  # give the hidden codes of an image or a sound
    PAIR = "pair"  # an image and its caption, apart: their vectors are to meet (contrastive only)
    ANSWER = "answer"  # answer a question


# One row an item of a release, in the order of its splits, lanes and shards. Spans are in tokens of the token file.
TOKEN_INDEX = pa.schema(
    [
        _needed("item_id", ID),
        _needed("lane", pa.string()),
        _needed("split", pa.string()),
        _needed("source", pa.string()),
        pa.field("license", pa.string()),
        _needed("content_sha256", ID),
        _needed("modality", pa.string()),  # text | image | audio | question: what `given` is; nothing is given for text
        _needed("text_start", pa.int64()),
        _needed("text_length", pa.int32()),
        _needed("given_start", pa.int64()),  # image codes, audio codes, or the tokens of a question
        _needed("given_length", pa.int32()),
        _needed(
            "is_whole", pa.bool_()
        ),  # whether `given` is all of it: a long sound is cut, its text then not asked for
        pa.field("problem", pa.string()),  # why the item gives no document; null: it does
    ]
)

# One row a document of a plan, in the order of the token index; none is larger than a row of the plan. With the seed
# this is all that decides who was fed when, so the ledger keeps it: from it `schemas.exposure` computes who saw what.
DOCUMENT = pa.schema(
    [
        _needed("plan_digest", ID),
        _needed("item_id", ID),
        _needed("content_sha256", ID),
        _needed("kind", pa.string()),  # Kind
        _needed("start", pa.int32()),  # first text token of the item that it holds
        _needed("tokens", pa.int32()),  # text tokens it holds
        _needed("length", pa.int32()),  # places it takes in a row: text, given and markup
        _needed("copies", pa.int32()),  # times in an epoch; 0 is never fed
    ]
)

TRAINING_RUN = pa.schema(
    [
        _needed("training_run", pa.string()),  # <kind>-<12 hex of the digest of all that decides it>
        _needed("kind", pa.string()),  # pretrain | tune
        _needed("release_root", ID),  # set_root of the release
        _needed("config_digest", ID),
        _needed("vocabulary_digest", ID),
        _needed("plan_digest", ID),
        _needed("seed", pa.int64()),
        _needed("row_tokens", pa.int32()),  # of the plan
        _needed("block", pa.int32()),  # of the plan
        _needed("rows_per_step", pa.int32()),
        pa.field("init_checkpoint", ID),  # what it went on from; null: random weights
        _needed("started_at", pa.timestamp("us", "UTC")),
        _needed("version", pa.string()),  # of Headwater
    ]
)

# Rows first_row..last_row (inclusive) of the plan were fed, each once. A run without a row here: unknown.
CONSUMPTION = pa.schema(
    [
        _needed("training_run", pa.string()),
        _needed("plan_digest", ID),
        _needed("seed", pa.int64()),
        _needed("first_row", pa.int64()),
        _needed("last_row", pa.int64()),
    ]
)

CHECKPOINT = pa.schema(
    [
        _needed("checkpoint_id", ID),  # SHA-256 of its manifest.json, which holds the digests of its files
        _needed("training_run", pa.string()),
        _needed("step", pa.int64()),
        _needed("rows", pa.int64()),  # it saw rows 0..rows-1 of the plan
        _needed("tokens", pa.int64()),  # places in those rows, padding included
        _needed("path", pa.string()),  # relative to the run's folder
        _needed("weights_sha256", ID),
        _needed("bytes", pa.int64()),
    ]
)

RECORD: dict[str, pa.Schema] = {
    "training_run": TRAINING_RUN,
    "consumption": CONSUMPTION,
    "checkpoint": CHECKPOINT,
    "document": DOCUMENT,
}
