"""The annotation: what one capture says about the content of another, in words. Evidence, like a licence; nothing is judged.

A page captions a picture, a table or a file of the same name transcribes a recording. Who is meant is said by URI, so
that the sayer may be captured before, after or elsewhere.
"""

from enum import StrEnum

import pyarrow as pa

from schemas.item import ID


class Role(StrEnum):
    """What the text is to its subject."""

    CAPTION = "caption"
    TRANSCRIPT = "transcript"
    TITLE = "title"
    TAG = "tag"


ANNOTATION = pa.schema(
    [
        pa.field("capture_id", ID, nullable=False),  # the capture whose bytes said so
        # What it is about: a URI, or a URI whose file name ends in ".*" (whatever has this name before its last dot).
        pa.field("subject", pa.string(), nullable=False),
        pa.field("role", pa.string(), nullable=False),  # Role
        pa.field("text", pa.string(), nullable=False),  # as found: not judged, not empty
        pa.field("language", pa.string()),  # BCP 47 as the sayer declares it; null: not declared
        # alt | title | figcaption | og | json_ld | transcript of a page; feed; file | table | member of an upload
        pa.field("location", pa.string(), nullable=False),
        pa.field("locator", pa.string(), nullable=False),  # "byte 345", "row 7", "cue 3", or the member's name
        pa.field("evidence_sha256", ID, nullable=False),  # of the payload that holds it
        # Of a cue: when it is heard, seconds from the start of the recording. Null: the text is about all of it.
        pa.field("start_s", pa.float64()),
        pa.field("end_s", pa.float64()),
    ]
)

# An annotation as a split gets it: beside the payload it is about. rights_rank: how freely these words may be used, 0 the freest
# (the order of `LicenceClass`); null counts as that.
SAID = pa.list_(
    pa.field(
        "item",
        pa.struct(
            [
                *(
                    ANNOTATION.field(name)
                    for name in ("capture_id", "role", "text", "language", "location", "locator", "start_s", "end_s")
                ),
                pa.field("rights_rank", pa.int8()),
            ]
        ),
        nullable=False,
    )
)
