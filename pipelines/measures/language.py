"""Which language a text is in, by fastText's lid.176 on its first 2,000 characters."""

import re

import pyarrow as pa

from pipelines.models.fasttext import predict
from pipelines.models.files import LID_176, model_path
from pipelines.stage import Shape, Stage

# Chosen: 2,000 characters give the language of the whole in 40 % of the time (1.6 s against 4.0 s for 10,000 pages).
CHARACTERS = 2000
URL = re.compile(r"https?://\S+|www\.\S+")
FIELDS = [pa.field("language", pa.string()), pa.field("language_confidence", pa.float64())]


def language(stage: Stage, items: pa.RecordBatch) -> pa.StructArray:
    """language: ISO 639 code as lid.176 has it; null for a text without letters. language_confidence: 0..1, to 0.001."""
    path = model_path(LID_176.name)
    names: list[str | None] = []
    sure: list[float | None] = []
    for text in items.column("text").to_pylist():
        head = URL.sub(" ", (text or "")[:CHARACTERS])
        found = predict(path, head) if any(map(str.isalpha, head)) else None
        names.append(found[0] if found else None)
        sure.append(round(found[1], 3) if found else None)
    return pa.StructArray.from_arrays([pa.array(names, pa.string()), pa.array(sure, pa.float64())], fields=FIELDS)


LANGUAGE = Stage(
    name="measure.language", version=1, shape=Shape.MEASURE, fn=language, models=((LID_176.name, LID_176.sha256),)
)
