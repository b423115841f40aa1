"""How much a text is like the reference texts of whoever makes the corpus: their own classifier, or none.

Source: Li et al. 2024, arXiv 2406.11794 (DCLM), section 4.4. No weights are shipped: what is good depends on what a corpus is for.
"""

import numpy as np
import pyarrow as pa

from pipelines.models.classify import classify
from pipelines.models.optional import model_file
from pipelines.models.tasks import QUALITY
from pipelines.stage import Shape, Stage


def measure_quality(stage: Stage, items: pa.RecordBatch) -> pa.StructArray:
    """`quality_probability`: float64, 0..1, mean over the windows of a text, rounded to 0.001.

    Null for a null or empty text, and for every text where the recipe names no model: the stage is off.

    Raises:
        ModelMissing: the model that the recipe names is not there, or is another one.
    """
    path = model_file(stage, "model")
    if path is None:
        values = pa.nulls(len(items), pa.float64())
    else:
        found = classify(path, items.column("text"), name=QUALITY.name, labels=QUALITY.labels).mean[:, 0]
        values = pa.array(found, pa.float64(), mask=np.isnan(found))
    return pa.StructArray.from_arrays([values], names=["quality_probability"])


QUALITY_MEASURE = Stage(
    name="measure.quality",
    version=1,
    shape=Shape.MEASURE,
    fn=measure_quality,
    parameters=(("model", ""),),
    switches=(("model", QUALITY.name),),
    signals=("quality_probability",),
)
