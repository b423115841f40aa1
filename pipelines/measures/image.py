"""What the rules ask of a picture: facts that the decoding child found, as signals. Nothing is decoded here."""

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.stage import Shape, Stage

_FIELDS = [
    pa.field("min_side_px", pa.int64()),
    pa.field("aspect_ratio", pa.float64()),  # of the longer side to the shorter one, 1.0 and more
    pa.field("entropy_bits", pa.float64()),  # of the grey levels, 0..8; 0 for one colour
]


def image_statistics(stage: Stage, items: pa.RecordBatch) -> pa.StructArray:
    """The signals of each picture; all null for an item that has none."""
    width, height, entropy = (
        pc.struct_field(items.column("facts"), name) for name in ("width", "height", "entropy_bits")
    )
    shorter, longer = (find(width, height, skip_nulls=False) for find in (pc.min_element_wise, pc.max_element_wise))
    ratio = pc.divide(longer.cast(pa.float64()), shorter.cast(pa.float64()))
    return pa.StructArray.from_arrays([shorter.cast(pa.int64()), ratio, entropy], fields=_FIELDS)


IMAGE_STATISTICS = Stage(
    name="measure.image",
    version=1,
    shape=Shape.MEASURE,
    fn=image_statistics,
    signals=tuple(field.name for field in _FIELDS),
)
