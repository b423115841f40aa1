"""The tables of the ledger: name -> Arrow schema. `signal_<lane>` is as wide as the lane's measures and stands apart.

`capture` is a view: in files it is `capture_place`, which requests have erased, and `capture_fact`, which stays.
"""

import pyarrow as pa

from schemas.annotation import ANNOTATION
from schemas.capture import CAPTURE, CAPTURE_FACT, CAPTURE_PLACE
from schemas.decision import DECISION, DISPOSITION, DUPLICATE, EDGE, REPEATED_SPAN
from schemas.item import LEDGER_ITEM
from schemas.request import REQUEST, REQUEST_MATCH, SUPPRESSION
from schemas.rights import LICENCE, RIGHTS, ROBOTS
from schemas.run import HOLDING, OP, ROOM, RUN, SOURCE
from schemas.shard import PLACEMENT, RELEASE, SHARD
from schemas.training import RECORD

TABLES: dict[str, pa.Schema] = {
    "source": SOURCE,
    "op": OP,
    "run": RUN,
    "capture": CAPTURE,
    "capture_place": CAPTURE_PLACE,
    "capture_fact": CAPTURE_FACT,
    "rights": RIGHTS,
    "robots": ROBOTS,
    "licence": LICENCE,
    "annotation": ANNOTATION,
    "item": LEDGER_ITEM,
    "decision": DECISION,
    "disposition": DISPOSITION,
    "duplicate": DUPLICATE,
    "edge": EDGE,
    "repeated_span": REPEATED_SPAN,
    "room": ROOM,
    "holding": HOLDING,
    "release": RELEASE,
    "shard": SHARD,
    "placement": PLACEMENT,
    "request": REQUEST,
    "request_match": REQUEST_MATCH,
    "suppression": SUPPRESSION,
    **RECORD,
}
