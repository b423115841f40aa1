"""How well a caption fits its picture (CLIP), and how likely the picture is unsafe to show: by models on this machine, or not at all.

Off without a checkpoint. The recipe holds the digest of each file, the site its path: what a corpus is names no machine.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.child import Child, Limits
from pipelines.measures import pixels_child
from pipelines.models.optional import model_file
from pipelines.stage import Reach, Shape, Stage
from schemas.errors import ModelMissing

_FIELDS = [
    pa.field("clip_score", pa.float64()),  # -1..1: cosine of picture and caption, rounded to 0.001
    pa.field("unsafe_score", pa.float64()),  # 0..1: probability by the linear head, rounded to 0.001
]
_ROWS, _BYTES = 64, 32 << 20  # Chosen: pictures in memory at once, as squares of 150 kB and as files
_LIMITS = Limits(row_seconds=40, cpu_seconds=15, memory_bytes=512 * 2**20)  # as split.image, which decoded them already


def measure_clip(stage: Stage, items: pa.RecordBatch, reach: Reach | None = None) -> pa.StructArray:
    """The signals of each picture: null for one without picture or caption, without a model, or without `reach`.

    `unsafe_score` needs no caption; it is null without a head.

    Raises:
        ModelMissing: a file that the recipe names is not there, is another one, or cannot be used; or open_clip is not installed.
    """
    found = np.full((2, len(items)), np.nan)
    if reach is not None and stage.settings["checkpoint"]:
        with Child(pixels_child, pixels_child.RESULT, _LIMITS) as child:
            for rows in _runs(items.column("payload")):
                at, scores = _scored(stage, items.take(pa.array(rows)), reach, child)
                found[:, rows[at]] = scores
    return pa.StructArray.from_arrays([pa.array(row, from_pandas=True) for row in found], fields=_FIELDS)


def _runs(payloads: pa.Array) -> list[npt.NDArray[np.int64]]:
    """The rows that have a payload, in stretches that are held at once."""
    rows = np.flatnonzero(payloads.is_valid().to_numpy(zero_copy_only=False))
    sizes = pc.struct_field(payloads, "length").take(pa.array(rows)).to_numpy()
    bounds = np.flatnonzero(np.diff((np.cumsum(sizes) - sizes) // _BYTES) | np.diff(np.arange(len(rows)) // _ROWS)) + 1
    return [run for run in np.split(rows, bounds) if len(run)]


def _scored(
    stage: Stage, items: pa.RecordBatch, reach: Reach, child: Child
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Which of the rows hold a picture, and float64[2, those] of their scores."""
    try:
        from pipelines.models import clip as models
    except ImportError as error:
        raise ModelMissing(f"stage {stage.name}: {error}; `pip install headwater[clip]` brings open_clip") from error
    paths = {setting: model_file(stage, setting) for setting in ("checkpoint", "config", "safety_head")}
    model = models.load_clip(paths["checkpoint"], str(stage.settings["architecture"]), paths["config"])
    n = len(items)
    columns = {
        "data": reach.payloads(items),
        "side": [model.side] * n,
        "max_pixels": [int(stage.number("max_pixels"))] * n,
    }
    read = child.map(pa.RecordBatch.from_pydict(columns)).column("pixels")
    at = np.flatnonzero(read.is_valid().to_numpy(zero_copy_only=False))
    if not len(at):
        return at, np.empty((2, 0))
    shape = (-1, model.side, model.side, 3)
    pictures = model.pictures(np.frombuffer(b"".join(read.take(pa.array(at)).to_pylist()), np.uint8).reshape(shape))
    texts = items.column("text").take(pa.array(at))
    fit = (pictures * model.captions(texts.fill_null("").to_pylist())).sum(axis=1).astype(np.float64)
    fit[texts.is_null().to_numpy(zero_copy_only=False)] = np.nan
    unsafe = np.full(len(at), np.nan)
    if paths["safety_head"]:
        weights, bias = models.load_head(paths["safety_head"])
        if len(weights) != pictures.shape[1]:
            raise ModelMissing(
                f"stage {stage.name}: the head {paths['safety_head']} is for vectors of {len(weights)}, the checkpoint gives "
                f"{pictures.shape[1]}: take the head that was made for it"
            )
        unsafe = 1 / (1 + np.exp(-((pictures * weights).sum(axis=1).astype(np.float64) + bias)))
    return at, np.round([fit, unsafe], 3)


CLIP = Stage(
    name="measure.clip",
    version=1,
    shape=Shape.MEASURE,
    fn=measure_clip,
    parameters=(
        ("checkpoint", ""),  # sha256 of the file that the site names `clip`; empty: off
        ("architecture", "ViT-B-32"),  # open_clip's name of what the checkpoint is
        ("config", ""),  # sha256 of an open_clip_config.json (`clip_config`) instead of an architecture
        ("safety_head", ""),  # sha256 of a linear head over the picture's vector (`picture_safety`); empty: off
        ("max_pixels", 40_000_000),  # as split.image, which these pictures came through
    ),
    signals=tuple(field.name for field in _FIELDS),
    switches=(("checkpoint", "clip"), ("safety_head", "picture_safety")),
    companions=(("config", "clip_config"),),
    reads_payload=True,
)
