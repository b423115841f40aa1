"""Personal data out of what else is said of a picture: it is published beside the caption, so it is redacted like the caption."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.edits.pii import PII_REDACT
from pipelines.stage import Shape, Stage, decisions
from schemas.decision import Verdict
from schemas.item import text_sha256
from schemas.reasons import Reason

_FIELD = "other_captions"


def redact_other_captions(stage: Stage, items: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """The items with personal data replaced in the fact `other_captions`, and one decision a row: `edit` where any was, else `keep`.

    The digests of a receipt are of these texts, a line each.
    """
    facts = items.column("facts")
    said = pc.struct_field(facts, _FIELD)
    old = pc.struct_field(said.flatten(), "text")
    new = _redacted(items.schema, old)
    found = decisions(items.column("item_id"), stage.name)
    parents = pc.list_parent_indices(said).to_numpy()
    rows = np.unique(parents[pc.not_equal(old, new).to_numpy(zero_copy_only=False)])
    if not len(rows):
        return items, found.batch()
    before, after = (np.full(len(items), None, dtype=object) for _ in range(2))
    for digests, texts in ((before, old), (after, new)):
        lines = np.array(texts.to_pylist(), dtype=object)
        for row in rows:
            digests[row] = text_sha256("\n".join(lines[parents == row]))
    mask = np.zeros(len(items), dtype=bool)
    mask[rows] = True
    found.set(mask, Verdict.EDIT, Reason.PERSONAL_DATA, before_sha256=before, after_sha256=after, detail=_FIELD)
    return _with_texts(items, said, new), found.batch()


def _redacted(schema: pa.Schema, texts: pa.Array) -> pa.Array:
    """The texts as the redaction of texts leaves them."""
    made = {"text": texts, "item_id": pa.array([bytes(32)] * len(texts), schema.field("item_id").type)}
    made["content_sha256"] = made["item_id"]
    columns = [made.get(field.name, pa.nulls(len(texts), field.type)) for field in schema]
    edited, _ = PII_REDACT.fn(PII_REDACT, pa.RecordBatch.from_arrays(columns, names=schema.names))
    return edited.column("text")


def _with_texts(items: pa.RecordBatch, said: pa.ListArray, texts: pa.Array) -> pa.RecordBatch:
    """The items with other texts in that fact."""
    entries, kind = said.flatten(), said.type
    parts = [texts if field.name == "text" else pc.struct_field(entries, field.name) for field in kind.value_type]
    values = pa.StructArray.from_arrays(parts, fields=list(kind.value_type))
    lengths = pc.list_value_length(said).fill_null(0)
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths.to_numpy())]), pa.int32())
    lists = pa.ListArray.from_arrays(offsets, values, type=kind, mask=said.is_null())
    facts = items.column("facts")
    columns = [lists if field.name == _FIELD else pc.struct_field(facts, field.name) for field in facts.type]
    changed = pa.StructArray.from_arrays(columns, fields=list(facts.type), mask=facts.is_null())
    at = items.schema.get_field_index("facts")
    return items.set_column(at, items.schema.field("facts"), changed)


CAPTIONS_REDACT = Stage(name="pii.redact_captions", version=1, shape=Shape.EDIT, fn=redact_other_captions)
