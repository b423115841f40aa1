"""Requests of people to take something out, what each was found to match, and the list that keeps it out.

A request is a series of rows, one a step, never changed; the one of the highest `revision` holds. Who asks, and for what, is
personal data: it sits only in `requester`, `contact` and `scope_value` of REQUEST, in files of its own. SUPPRESSION keeps what must not come
back as keyed digests: without the site's key nobody can tell what stands there.
"""

from enum import StrEnum

import pyarrow as pa

from schemas.item import ID


class Status(StrEnum):
    """Where a request stands."""

    RECEIVED = "received"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    DONE = "done"


class Scope(StrEnum):
    """What a request names."""

    DOMAIN = "domain", "a host and all below it"
    URL = "url", "a URI as captured"
    ITEM = "item", "an item id"
    HASH = "hash", "SHA-256 of a payload or a text"
    OWNER = "owner", "the owner of repositories, as host/owner"
    LICENCE = "licence", "an SPDX expression"
    FILE = "file", "a picture, a recording or a text, found by what it is like"
    KEY = "key", "a sample key of a shard"

    explanation: str

    def __new__(cls, value: str, explanation: str = "") -> "Scope":
        """A member carries the sentence that documents it."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.explanation = explanation
        return member


_TIME = pa.timestamp("us", "UTC")

REQUEST = pa.schema(
    [
        pa.field("request", pa.string(), nullable=False),  # a short name, such as R-2026-07
        pa.field("revision", pa.int32(), nullable=False),  # 0 when it was received, one more with every step
        pa.field("status", pa.string(), nullable=False),  # Status, as of this row
        pa.field("at", _TIME, nullable=False),  # when this step was taken
        pa.field("received_at", _TIME, nullable=False),
        pa.field("due_at", _TIME, nullable=False),  # when it must have been answered
        pa.field("channel", pa.string(), nullable=False),  # how it came: email, form, inbox, ...
        pa.field("basis", pa.string()),  # what the requester stands on: copyright, privacy, contract; null: not said
        pa.field("requester", pa.string()),  # who asks; personal data; null: not said
        pa.field("contact", pa.string()),  # where to answer; personal data; null: not said
        pa.field("scope_kind", pa.string(), nullable=False),  # Scope
        pa.field("scope_value", pa.string()),  # personal data; null once the request is done
        pa.field("by", pa.string()),  # who took this step; null: a program
        pa.field("reason", pa.string()),  # one sentence; always there where it was refused
    ]
)

REQUEST_MATCH = pa.schema(
    [
        pa.field("request", pa.string(), nullable=False),
        pa.field("item_id", ID, nullable=False),
        pa.field("why", pa.string(), nullable=False),  # how it came into the closure: named, copy, near, cut_from, ...
        pa.field("similarity", pa.float64()),  # 0..1 to what was named, where that was compared
        pa.field("release", pa.string()),  # the release that held it; null: it was not published
        pa.field("shard_id", ID),  # the shard that held it
        pa.field("new_shard_id", ID),  # what took that shard's place; null where nothing was left of it
        pa.field("done_at", _TIME, nullable=False),
    ]
)

SUPPRESSION = pa.schema(
    [
        pa.field("request", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),  # domain | url | owner | content | pdq
        # HMAC-SHA256 under the site's key of kind and value; of `pdq` the hash itself, which distance cannot do without.
        pa.field("value", ID, nullable=False),
        pa.field("key_check", ID, nullable=False),  # HMAC-SHA256 of a constant: tells the right key from another
    ]
)
