"""Numbers about recordings: what decoding found, as signals, and how fast their words would have to be spoken."""

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.stage import Shape, Stage

# Signals that are facts of the split, by name.
FACTS = ("duration_s", "sample_rate", "channels", "peak", "rms_dbfs", "silence_ratio", "clipping_ratio")
# Chosen: the caption of a sound effect is often longer than its sound; from a second on, no caption of the shared corpora
# comes to more than 27 characters a second, below it they come to 321.
LEAST_SECONDS = 1.0


def audio_statistics(stage: Stage, items: pa.RecordBatch) -> pa.StructArray:
    """`FACTS` and `characters_per_second`, float64 but for `sample_rate` and `channels` (int64).

    characters_per_second: code points of the text over the duration; null under `LEAST_SECONDS` and without text. All are
    null for an item that was not decoded.
    """
    facts = items.column("facts")
    columns = {name: _fact(facts, name) for name in FACTS}
    seconds = columns["duration_s"]
    spoken = pc.if_else(pc.greater_equal(seconds, LEAST_SECONDS), seconds, pa.scalar(None, pa.float64()))
    columns["characters_per_second"] = pc.divide(pc.utf8_length(items.column("text")).cast(pa.float64()), spoken)
    return pa.StructArray.from_arrays(list(columns.values()), names=list(columns))


def _fact(facts: pa.StructArray, name: str) -> pa.Array:
    values = pc.struct_field(facts, name)
    return values.cast(pa.int64() if pa.types.is_integer(values.type) else pa.float64())


AUDIO_STATISTICS = Stage(
    name="measure.audio",
    version=1,
    shape=Shape.MEASURE,
    fn=audio_statistics,
    signals=(*FACTS, "characters_per_second"),
)
