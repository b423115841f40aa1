"""The program that hashes pictures for block lists: `python -m pipelines.capture.pdq_child`, started by `pipelines.child` alone.

A request row is `data` (bytes) and `max_pixels`.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import AvifImagePlugin

from pipelines.child import serve
from pipelines.kernels.pdq import pdq
from pipelines.split.image_child import decoded

RESULT = pa.schema([pa.field("pdq", pa.binary(32)), pa.field("quality", pa.int32())])
# Source: Facebook, "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm", 2019, luma of ITU-R BT.601.
_LUMA = np.array([0.299, 0.587, 0.114])
_PIXELS = (
    1 << 21
)  # Chosen: hashed as they are; of more, the mean of whole squares: the hash smooths far wider than that


def hash_picture(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The columns of RESULT for one picture as it is stored, not turned. Raises RowFailed where it does not decode."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of metadata that nobody reads
        _, colours, _ = decoded(row["data"], None, row["max_pixels"])
    width, height = colours.size
    if (factor := int(np.ceil(np.sqrt(width * height / _PIXELS)))) > 1:
        colours = colours.reduce((min(factor, width), min(factor, height)))
    found, quality = pdq(np.asarray(colours) @ _LUMA)
    return {"pdq": found, "quality": quality}


if __name__ == "__main__":
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    serve(hash_picture, RESULT)
