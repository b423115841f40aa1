"""The program that decodes published pictures for models: `python -m pipelines.measures.pixels_child`, started by `pipelines.child` alone.

A request row is `data` (bytes), `side` (pixels) and `max_pixels`.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from PIL import AvifImagePlugin, Image

from pipelines.child import serve
from pipelines.split.image_child import decoded, orientation_of, upright

RESULT = pa.schema([pa.field("pixels", pa.large_binary())])  # uint8[side, side, 3]


def square(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The middle of the picture, upright, its shorter side made `side` long, as CLIP was trained to see it. Raises RowFailed."""
    side = row["side"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of metadata that nobody reads
        picture, colours, _ = decoded(row["data"], None, row["max_pixels"])
        colours = upright(colours, orientation_of(picture))
    scale = side / min(colours.size)
    width, height = (max(side, int(length * scale)) for length in colours.size)
    left, top = round((width - side) / 2), round((height - side) / 2)
    sized = colours.resize((width, height), Image.Resampling.BICUBIC)
    return {"pixels": sized.crop((left, top, left + side, top + side)).tobytes()}


if __name__ == "__main__":
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    serve(square, RESULT)
