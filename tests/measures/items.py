"""Items made of nothing but texts, and the real texts the stages are tried on."""

from pathlib import Path

import pyarrow as pa

from schemas.digest import sha256
from schemas.item import ID, item_schema, text_sha256

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
FACTS = pa.struct([pa.field("title", pa.string())])


def items_of(texts, languages=None):
    """One item a text (null allowed), with ids by place."""
    n = len(texts)
    ids = [sha256(b"%d" % i) for i in range(n)]
    columns = {
        name: pa.nulls(n, kind) for name, kind in zip(*(lambda s: (s.names, s.types))(item_schema(FACTS)), strict=True)
    }
    columns |= {
        "item_id": pa.array(ids, ID),
        "capture_id": pa.array(ids, ID),
        **{name: pa.array(["test"] * n, pa.string()) for name in ("source", "modality", "media_type")},
        "text": pa.array(texts, pa.string()),
        "language": pa.array(languages or [None] * n, pa.string()),
        "content_sha256": pa.array([text_sha256(text or "") for text in texts], ID),
    }
    return pa.RecordBatch.from_pydict(columns, schema=item_schema(FACTS))
