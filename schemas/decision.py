"""Decisions and dispositions: what a stage said of an item, and where the item ended.

Passing decisions are not stored: an item without a row for a stage passed it.
"""

from enum import StrEnum

import pyarrow as pa

from schemas.item import ID


class Verdict(StrEnum):
    """What one stage says of one item."""

    KEEP = "keep"
    DROP = "drop"
    QUARANTINE = "quarantine"
    EDIT = "edit"  # the item lives on with other content; before and after digests are its receipt
    SPLIT = "split"  # the item lives on in its children
    MERGE = "merge"  # the item lives on in its witness
    SHADOW = "shadow"  # a rule that only counts would have dropped the item: it ends nothing


class State(StrEnum):
    """The disposition: the final state of an item in one run."""

    KEPT = "kept"
    DROPPED = "dropped"
    MERGED = "merged"
    SPLIT = "split"
    QUARANTINED = "quarantined"
    WITHDRAWN = "withdrawn"


# What an edit replaced: a receipt without the data itself, and without a digest of it, which would give a phone number away to
# whoever tries them all. Characters are code points of the field before the edit.
SPAN = pa.struct(
    [
        pa.field("field", pa.string(), nullable=False),  # text, or the name of a fact: title, tags[2]
        pa.field("kind", pa.string(), nullable=False),  # email, phone, aws_access_key, ...: docs/personal-data.md
        pa.field("start", pa.int32(), nullable=False),  # of its first character, from 0
        pa.field("length", pa.int32(), nullable=False),  # characters
    ]
)

DECISION = pa.schema(
    [
        pa.field("item_id", ID, nullable=False),
        pa.field("stage", pa.string(), nullable=False),
        pa.field("verdict", pa.string(), nullable=False),  # Verdict
        pa.field("reason", pa.string()),  # Reason; null for keep and split
        pa.field("signal", pa.string()),  # name of the signal the failing rule read; null where there is none
        pa.field("value", pa.float64()),  # its value; null for text signals (see detail) and where there is none
        pa.field("threshold", pa.float64()),
        pa.field("detail", pa.string()),  # one sentence or the text value; never payload bytes
        pa.field("before_sha256", ID),  # edits only
        pa.field("after_sha256", ID),  # edits only
        pa.field("spans", pa.list_(SPAN)),  # what was replaced; edits only
    ]
)

DISPOSITION = pa.schema(
    [
        pa.field("item_id", ID, nullable=False),
        pa.field("lane", pa.string(), nullable=False),
        pa.field("state", pa.string(), nullable=False),  # State
        pa.field("stage", pa.string()),  # the stage that ended it; null for kept
        pa.field("reason", pa.string()),  # Reason; null for kept and split
        pa.field("successor_id", ID),  # the witness of a merged item; null otherwise
    ]
)

DUPLICATE = pa.schema(
    [
        pa.field("item_id", ID, nullable=False),  # the merged item
        pa.field("witness_id", ID, nullable=False),  # a kept item it is verified similar to; never itself
        pa.field("method", pa.string(), nullable=False),  # exact | minhash | ...
        pa.field("similarity", pa.float64(), nullable=False),  # verified, 0..1
        pa.field("cluster_id", ID, nullable=False),  # smallest item_id of the component of verified edges
    ]
)

EDGE = pa.schema(
    [
        pa.field("item_id", ID, nullable=False),  # the smaller id of two
        pa.field("other_id", ID, nullable=False),
        pa.field("method", pa.string(), nullable=False),  # exact | minhash | ...
        pa.field("similarity", pa.float64(), nullable=False),  # verified, 0..1
    ]
)

REPEATED_SPAN = pa.schema(
    [
        pa.field(
            "item_id", ID, nullable=False
        ),  # the item that the span was cut from, or that was dropped for want of more
        pa.field("start", pa.int32(), nullable=False),  # character of its text as it was before
        pa.field("length", pa.int32(), nullable=False),  # characters
        pa.field("words", pa.int32(), nullable=False),
        pa.field(
            "witness_id", ID, nullable=False
        ),  # a kept item that holds the same words; the item itself where they stand twice in it
        pa.field("witness_start", pa.int32(), nullable=False),  # character of its text as it is published
        pa.field("witness_length", pa.int32(), nullable=False),
    ]
)
