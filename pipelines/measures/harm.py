"""Spam and hate, by the classifiers that are shipped (docs/models.md): in come items, out comes one struct an item.

Texts are judged in their canonical view (`pipelines.kernels.canonical`), in windows; the stored text stays as it is. They serve every
lane whose items say something: pages, books, captions, transcripts.
"""

import numpy as np
import pyarrow as pa

from pipelines.models.classify import F64, classify
from pipelines.models.files import HATE_FTZ, SPAM_FTZ, model_path
from pipelines.models.tasks import HATE, SPAM
from pipelines.stage import Shape, Stage

HATE_SIGNALS = tuple(f"hate_{kind}_probability" for kind in HATE.labels)


def measure_spam(stage: Stage, items: pa.RecordBatch) -> pa.StructArray:
    """`spam_probability`: float64, 0..1, mean over the windows of a text, rounded to 0.001; null for a null or empty text."""
    found = classify(model_path(SPAM_FTZ.name, stage.paths), items.column("text"), name=SPAM.name, labels=SPAM.labels)
    return pa.StructArray.from_arrays([_column(found.mean[:, 0])], names=["spam_probability"])


def measure_hate(stage: Stage, items: pa.RecordBatch) -> pa.StructArray:
    """`hate_<kind>_probability` for each kind: float64, 0..1, mean over the windows of a text, rounded to 0.001.

    `hate_peak_probability`: of the likeliest kind in the window that has most. All are null for a null or empty text.
    """
    found = classify(model_path(HATE_FTZ.name, stage.paths), items.column("text"), name=HATE.name, labels=HATE.labels)
    columns = [_column(found.mean[:, kind]) for kind in range(len(HATE.labels))]
    return pa.StructArray.from_arrays(
        [*columns, _column(found.peak.max(axis=1))], names=[*HATE_SIGNALS, "hate_peak_probability"]
    )


def _column(values: F64) -> pa.Array:
    return pa.array(values, pa.float64(), mask=np.isnan(values))


SPAM_MEASURE = Stage(
    name="measure.spam",
    version=1,
    shape=Shape.MEASURE,
    fn=measure_spam,
    models=((SPAM_FTZ.name, SPAM_FTZ.sha256),),
    signals=("spam_probability",),
)
HATE_MEASURE = Stage(
    name="measure.hate",
    version=1,
    shape=Shape.MEASURE,
    fn=measure_hate,
    models=((HATE_FTZ.name, HATE_FTZ.sha256),),
    signals=(*HATE_SIGNALS, "hate_peak_probability"),
)
