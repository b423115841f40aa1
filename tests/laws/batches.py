"""Items to hold stages to their laws: texts in many scripts, empty, null, long, and full of what rules look for."""

from collections.abc import Sequence

import pyarrow as pa
from hypothesis import strategies as st

from pipelines import rooms
from pipelines.lanes.lane import Lane
from pipelines.stage import Shape, Stage
from schemas.digest import digest, sha256
from schemas.item import item_schema, text_sha256
from tests.corpus.prose import paragraphs

Rows = pa.RecordBatch

PIECES = (
    "", " ", "\n\n", "\u2028", "\x00", "{", "...", "- a point\n", "lorem ipsum ", "Please enable JavaScript.\n", "buy now! ",
    "mail anna@mail.example ", "at 203.0.113.7, ", "999.1.1.1 ", "the cat and the dog have been to that place. ",
    "Der Fluss trat über die Ufer. ", "Река вышла из берегов. ", "河水漲過了堤岸。", "فاض النهر على ضفتيه. ", "नदी किनारों से बह निकली। ",
    "แม่น้ำล้นตลิ่ง", "👩‍👩‍👧 🌊 ", "e\u0301 \u200f\u202e ", "\n\n".join(paragraphs("laws")), "word " * 3000, "x" * 5000,
)  # fmt: skip

texts = st.none() | st.text(max_size=30) | st.lists(st.sampled_from(PIECES), max_size=5).map("".join)
batches = st.lists(texts, max_size=5)


def items_of(lane: Lane, found: Sequence[str | None]) -> Rows:
    """One item a text; ids follow from place and text, so that a batch can be built again."""
    n = len(found)
    ids = [digest("law", i, text) for i, text in enumerate(found)]
    columns = {
        "item_id": ids,
        "parent_id": [digest("parent", i) for i in range(n)],
        "capture_id": [digest("capture", i) for i in range(n)],
        "source": ["laws"] * n,
        "modality": [lane.modality] * n,
        "media_type": [lane.media_types[0]] * n,
        "text": found,
        "content_sha256": [sha256(b"") if text is None else text_sha256(text) for text in found],
    }
    schema = item_schema(lane.facts)
    arrays = [pa.array(columns.get(field.name, [None] * n), field.type) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


_signals: dict[tuple[str, ...], Rows] = {}


def signals_of(lane: Lane, items: Rows) -> Rows:
    """All that the lane measures of these items; kept, because measures are held to the laws themselves and every judge reads them."""
    key = (lane.name, *map(str, items.column("item_id").to_pylist()))
    if key not in _signals:
        _signals[key], _ = rooms.measure(lane, items)
    return _signals[key]


def applied(lane: Lane, stage: Stage, items: Rows) -> tuple[Rows, ...]:
    """All that a measure, judge or edit gives for these items, as batches of one row an item."""
    match stage.shape:
        case Shape.MEASURE:
            return (pa.RecordBatch.from_arrays([stage.fn(stage, items)], names=["signals"]),)
        case Shape.JUDGE:
            signals = signals_of(lane, items)
            return (stage.fn(stage, rooms.with_language(items, signals), signals),)
        case Shape.EDIT:
            return tuple(stage.fn(stage, items))
        case _:
            raise ValueError(f"{stage.name}: a {stage.shape} does not give one row an item")
