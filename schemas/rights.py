"""Rights and licence evidence: what was said about use, by which mechanism, where, as of when.

One row is one statement found. Rows are evidence, not decisions: a judge reads them under the recipe's policy.
"""

from enum import StrEnum

import pyarrow as pa

from schemas.item import ID


class Mechanism(StrEnum):
    """The ways in which a statement about use reaches us."""

    ROBOTS_PATH = "robots_path"
    ROBOTS_CONTENT_USAGE = "robots_content_usage"
    ROBOTS_CONTENT_SIGNAL = "robots_content_signal"
    ROBOTS_LICENSE_RSL = "robots_license_rsl"
    HTTP_CONTENT_USAGE = "http_content_usage"
    HTTP_CONTENT_SIGNAL = "http_content_signal"
    HTTP_X_ROBOTS = "http_x_robots"
    HTTP_TDM = "http_tdm"
    HTTP_LINK_RSL = "http_link_rsl"
    WELLKNOWN_TDMREP = "wellknown_tdmrep"
    HTML_META_ROBOTS = "html_meta_robots"
    HTML_META_TDM = "html_meta_tdm"
    HTML_LINK_RSL = "html_link_rsl"
    AI_TXT = "ai_txt"
    XMP_PLUS_DATAMINING = "xmp_plus_datamining"
    XMP_TDM = "xmp_tdm"
    EPUB_TDM = "epub_tdm"
    FILE_METADATA = "file_metadata"  # copyright, creator and terms that a file names: evidence that decides nothing
    C2PA_TRAINING_MINING = "c2pa_training_mining"
    CAWG_TRAINING_MINING = "cawg_training_mining"
    TOS = "tos"
    CONTRACT = "contract"
    REQUEST = "request"


class Usage(StrEnum):
    """What a statement is about."""

    TRAIN_AI = "train-ai"
    TDM = "tdm"
    SEARCH = "search"
    ALL = "all"


class RightsVerdict(StrEnum):
    """What a statement says. `unknown`: nothing said; `error`: something was said and cannot be read."""

    ALLOW = "allow"
    DISALLOW = "disallow"
    UNKNOWN = "unknown"
    ERROR = "error"


RESERVES = (RightsVerdict.DISALLOW, RightsVerdict.ERROR)  # what was said and cannot be read counts as a reservation

RIGHTS = pa.schema(
    [
        pa.field("capture_id", ID, nullable=False),  # the capture whose bytes said so; of a source card its digest
        # capture (this one) | origin (scheme://host[:port]) | recheck (this one, by a later visit) | source (all of it)
        pa.field("subject_kind", pa.string(), nullable=False),
        # The origin, and behind it the pattern of the paths meant; the name of the source; null for capture.
        pa.field("subject", pa.string()),
        pa.field("mechanism", pa.string(), nullable=False),  # Mechanism
        pa.field("usage", pa.string(), nullable=False),  # Usage
        pa.field("verdict", pa.string(), nullable=False),  # RightsVerdict
        pa.field("agent", pa.string()),  # lower-case agent token the statement names; null: everyone
        pa.field("locator", pa.string(), nullable=False),  # header name, "line 12", "byte 345": where in the evidence
        pa.field("excerpt", pa.string(), nullable=False),  # at most 200 characters
        pa.field("evidence_sha256", ID, nullable=False),  # of the payload or header block that holds it
        pa.field("observed_at", pa.timestamp("us", "UTC")),
        pa.field("valid_until", pa.timestamp("us", "UTC")),  # null: no end is stated
    ]
)

# robots.txt files as captured: the judge matches paths against these bytes, as of the page's fetch.
ROBOTS = pa.schema(
    [
        pa.field("capture_id", ID, nullable=False),
        pa.field("origin", pa.string(), nullable=False),  # scheme://host[:port], lower case, default port left out
        pa.field("fetched_at", pa.timestamp("us", "UTC")),
        pa.field("status", pa.int16()),  # null: unreachable
        pa.field("location", pa.string()),  # absolute target of a redirect, else null
        pa.field("body", pa.binary(), nullable=False),  # at most 500 KiB; empty when there was none
        pa.field("body_sha256", ID, nullable=False),
    ]
)

LICENCE = pa.schema(
    [
        pa.field("capture_id", ID, nullable=False),  # the capture whose bytes name it
        # What it is about: null for that capture itself, else a URI, or a folder's URI (ends in "/") and all below it.
        pa.field("subject", pa.string()),
        # feed (of a recording) | http_link (of whatever was fetched) | meta | link | json_ld | rel_license | footer of a page; of an upload: spdx_header | notice | file_metadata (the
        # file's own words), see (they stand in the file that `raw` names), licence_file | package | readme (about a folder), table
        pa.field("location", pa.string(), nullable=False),
        pa.field("locator", pa.string(), nullable=False),  # "byte 345" in the payload
        pa.field("expression", pa.string()),  # SPDX expression; null: a licence is named that we cannot normalise
        pa.field("raw", pa.string(), nullable=False),  # at most 200 characters, as written
        pa.field("evidence_sha256", ID, nullable=False),
    ]
)
