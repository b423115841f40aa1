"""The item: one row of the corpus, in one schema for all modalities, and how its ids come to be.

Two schemas share the ids: the *room* item carries text and facts between rooms; the *ledger* item carries neither.
"""

import unicodedata

import pyarrow as pa

from schemas.digest import sha256

ID = pa.binary(32)

PAYLOAD = pa.struct(
    [
        pa.field("uri", pa.string(), nullable=False),  # relative to the site's store, or absolute for what lies outside
        pa.field("offset", pa.int64(), nullable=False),  # bytes; of the first byte in the file as stored
        pa.field("length", pa.int64(), nullable=False),  # bytes, as stored (a compressed member counts compressed)
        pa.field("sha256", ID, nullable=False),  # of the payload after undoing content codings
    ]
)


def item_schema(facts: pa.StructType) -> pa.Schema:
    """The room item schema of a lane whose own facts are `facts`.

    parent_id: null for a root. text_capture_id: the capture that says the text (the page of a caption); null where it is
    capture_id, or there is no text. language: BCP 47 code, null when undecided. text: NFC; null for a root that is all
    payload. payload: null where the text is everything. licence: SPDX expression concluded from evidence; null means
    none was found.
    """
    return pa.schema(
        [
            pa.field("item_id", ID, nullable=False),
            pa.field("parent_id", ID),
            pa.field("capture_id", ID, nullable=False),
            pa.field("text_capture_id", ID),
            pa.field("source", pa.string(), nullable=False),
            pa.field("modality", pa.string(), nullable=False),
            pa.field("media_type", pa.string(), nullable=False),
            pa.field("language", pa.string()),
            pa.field("text", pa.string()),
            pa.field("payload", PAYLOAD),
            pa.field("content_sha256", ID, nullable=False),
            pa.field("licence", pa.string()),
            pa.field("facts", facts),
        ]
    )


# The ledger's item: what an audit asks of an item, without its content.
LEDGER_ITEM = pa.schema(
    [
        pa.field("item_id", ID, nullable=False),
        pa.field("parent_id", ID),
        pa.field("capture_id", ID, nullable=False),
        pa.field("text_capture_id", ID),
        pa.field("lane", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("modality", pa.string(), nullable=False),
        pa.field("media_type", pa.string(), nullable=False),
        pa.field("language", pa.string()),
        pa.field("licence", pa.string()),
        pa.field("content_sha256", ID, nullable=False),
        pa.field(
            "bytes", pa.int64(), nullable=False
        ),  # of what content_sha256 is of: the payload, or the text in UTF-8
    ]
)


def text_sha256(text: str) -> bytes:
    """The content digest of a text: SHA-256 of its NFC form in UTF-8."""
    return sha256(unicodedata.normalize("NFC", text).encode("utf-8"))


def root_id(capture_id: bytes, lane: str, content_sha256: bytes) -> bytes:
    """The id of the root item that a capture gives to a lane.

    Equal to `digest("item", {"capture_id", "content_sha256", "lane"})`; written out because it runs once a row
    (1.2 us against 21 us through the general encoder).
    """
    return sha256(
        b'["item",{"capture_id":"%b","content_sha256":"%b","lane":"%b"}]'
        % (capture_id.hex().encode(), content_sha256.hex().encode(), lane.encode())
    )


def child_id(parent_id: bytes, split_digest: bytes, ordinal: int, content_sha256: bytes) -> bytes:
    """The id of a child: its parent, the digest of the split stage, its place among its siblings, its content.

    Equal to `digest("item", {"content_sha256", "ordinal", "parent_id", "split"})`.
    """
    return sha256(
        b'["item",{"content_sha256":"%b","ordinal":%d,"parent_id":"%b","split":"%b"}]'
        % (content_sha256.hex().encode(), ordinal, parent_id.hex().encode(), split_digest.hex().encode())
    )


def sample_key(item_id: bytes) -> str:
    """The key of an item in a WebDataset tar: the first 32 hex digits of its id."""
    return item_id[:16].hex()
