"""The capture: one act of obtaining bytes, and the evidence that came with them.

Captures are facts; they hold no verdict. Personal data (uri, host) sits only here and in requests; the ledger keeps what may name
a person (CAPTURE_PLACE) in other files than the rest (CAPTURE_FACT), so that erasing it rewrites no fact.
"""

import json
from enum import StrEnum

import pyarrow as pa

from schemas.digest import plain, sha256
from schemas.item import ID, PAYLOAD


class Outcome(StrEnum):
    """How a capture ended. Only `fetched` can become an item; `damaged` becomes one quarantined root."""

    FETCHED = "fetched", "a payload was obtained"
    NOT_FOUND = "not_found", "the server answered 404 or 410"
    HTTP_ERROR = (
        "http_error",
        "the server answered another status outside 200-299 that is no redirect, or what nobody asked for",
    )
    REDIRECT = "redirect", "the server answered 3xx"
    REVISIT = "revisit", "a revisit record: the payload equals that of an earlier capture"
    ROBOTS_FILE = "robots_file", "robots.txt or another site file about rights: evidence, not corpus"
    EVIDENCE = "evidence", "a licence file, a caption or a table that describes other captures: no item of its own"
    REFUSED = "refused", "our own rules refused: robots.txt, address, scheme, block list, no plain file of an archive"
    TIMEOUT = "timeout", "no complete answer before the deadline"
    UNREACHABLE = "unreachable", "no connection: DNS, TCP or TLS failed"
    DEFERRED = "deferred", "not fetched in this round: budget or deadline ran out"
    EMPTY = "empty", "an answer without a payload"
    DAMAGED = "damaged", "bytes of an archive that are no readable record"

    explanation: str

    def __new__(cls, value: str, explanation: str = "") -> "Outcome":
        """A member carries the sentence that documents it."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.explanation = explanation
        return member


_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

HEADERS = pa.map_(pa.string(), pa.string())

# Headers worth keeping beside the capture; all others stay in the WARC. Repeated ones are joined with ", ".
HEADERS_KEPT = (
    "content-type", "content-language", "content-encoding", "content-usage", "tdm-reservation", "tdm-policy",
    "x-robots-tag", "link", "last-modified", "etag", "date", "license", "location", "retry-after",
)  # fmt: skip

CAPTURE = pa.schema(
    [
        pa.field("capture_id", ID, nullable=False),
        pa.field("source", pa.string(), nullable=False),  # name of the source card
        pa.field("outcome", pa.string(), nullable=False),  # Outcome
        pa.field(
            "reason", pa.string()
        ),  # Reason, for what is damaged, blocked, a URL trap or no answer to what was asked; else null
        pa.field("detail", pa.string()),  # one sentence for a person; never payload bytes
        pa.field("uri", pa.string()),  # as recorded; null for damage
        pa.field("uri_key", pa.string()),  # SURT-like sort key of the URI's host and path; null for damage
        pa.field("host", pa.string()),  # lower case, as in the URL standard; null for damage and files
        pa.field("fetched_at", pa.timestamp("us", "UTC")),  # null where the archive does not say
        pa.field("status", pa.int16()),  # HTTP status; null where there was no HTTP answer
        pa.field("media_type", pa.string()),  # declared, lower case, without parameters; sniffed where undeclared
        pa.field("charset", pa.string()),  # declared by the transport, lower case; null when not declared
        pa.field("headers", HEADERS, nullable=False),  # HEADERS_KEPT that were present
        pa.field("headers_sha256", ID),  # of the whole header block as recorded
        pa.field(
            "record_type", pa.string(), nullable=False
        ),  # response | resource | conversion | revisit | gap | fetch | file
        pa.field("record_id", pa.string()),  # WARC-Record-ID; null for ARC and damage
        pa.field("truncated", pa.string()),  # WARC-Truncated's reason, or "disconnect" when cut by us
        pa.field("payload", PAYLOAD),  # null where there is none
        pa.field("payload_bytes", pa.int64()),  # after undoing codings; null where there is none
    ]
)

# What a request has erased of a capture: where it was obtained, what that place said of itself, and where its bytes lie.
_PLACE = ("outcome", "reason", "detail", "uri", "uri_key", "host", "headers", "payload")

CAPTURE_PLACE = pa.schema([field for field in CAPTURE if field.name in ("capture_id", *_PLACE)])
CAPTURE_FACT = pa.schema([field for field in CAPTURE if field.name not in _PLACE])


def erased(request: str) -> str:
    """What stands in place of an address that was erased under a request."""
    return f"[erased {request}]"


def capture_id(
    *, source: str, uri: str | None, fetched_at: object, record_type: str, record_id: str | None, payload_sha256: bytes
) -> bytes:
    """The id of one act of obtaining bytes; the same record read from two files, or twice, has one id.

    No path is in it. For damage, `payload_sha256` is that of the damaged bytes and `record_id` names their place.

    Equal to `digest("capture", {"fetched_at", "payload_sha256", "record_id", "record_type", "source", "uri"})`; written
    out because it runs once a row (10 us against 35 us through the general encoder): of texts and nulls json writes the
    same as RFC 8785.
    """
    fields = {
        "fetched_at": plain(fetched_at), "payload_sha256": payload_sha256.hex(), "record_id": record_id,
        "record_type": record_type, "source": source, "uri": uri,
    }  # fmt: skip
    return sha256(_JSON.encode(["capture", fields]).encode("utf-8"))
