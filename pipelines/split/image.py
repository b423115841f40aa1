"""Pictures with captions: each root gives one child, the picture as JPEG with the best of what is said of it.

    split_images(IMAGE_SPLIT, items, payloads, child) -> (children, decisions)

The bytes are only ever touched in the killable child. A picture of which nothing is said is dropped undecoded; a JPEG in RGB or
grey stays byte for byte as it came, unless its metadata says where it was taken or whose camera it was; all else becomes one.
"""

from typing import Any

import pyarrow as pa

from pipelines.child import Child, Limits
from pipelines.split import image_child
from pipelines.split.caption import Caption, choose, others
from pipelines.split.children import children
from pipelines.split.media import read_media
from pipelines.stage import Shape, Stage
from schemas.digest import sha256
from schemas.item import ID
from schemas.reasons import Reason
from schemas.sample import IMAGE_TEXT

JPEG = "image/jpeg"

IMAGE_FACTS = pa.struct(
    [
        pa.field("caption_source", pa.string()),  # alt | title | figcaption | og | json_ld | upload
        pa.field("caption_flaw", pa.string()),  # file_name | boilerplate; null: a caption
        # What else its sayer says of the picture, best first: see split.caption.others.
        pa.field("other_captions", IMAGE_TEXT.json.field("other_captions").type),
        *(field for field in image_child.RESULT if field.name != "media"),
    ]
)

# Chosen: 40 megapixels take 480 MB at most: the coefficients of a progressive CMYK JPEG beside its pixels, or RGBA beside RGB.
# The processor takes a second for them; ten times that is for a machine with other work.
LIMITS = Limits(row_seconds=40, cpu_seconds=15, memory_bytes=512 * 2**20)


def image_reader(limits: Limits | None = None) -> Child:
    """The child that `split_images` needs; it starts with the first batch. Close it when done."""
    return Child(image_child, image_child.RESULT, limits or LIMITS)


def split_images(
    stage: Stage, items: pa.RecordBatch, payloads: pa.RecordBatch, child: Child
) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """The children in the order of their parents, and one decision for each parent.

    `payloads` are `rooms.PAYLOADS`, row by row with the items. Dropped: without a caption, or of a format that is not read.
    Quarantined: what is too large, or does not decode.
    """
    languages = stage.settings["languages"]
    assert isinstance(languages, tuple)
    said = payloads.column("said").to_pylist()
    captions = [choose(one or (), languages) for one in said]
    rows, read, found = read_media(
        stage, items, payloads, child,
        requests=_requests, words=captions, wordless=Reason.CAPTION_MISSING, what="picture",
    )  # fmt: skip
    chosen = [(caption, others(said[row], caption)) for row in rows if (caption := captions[row]) is not None]
    return _children(stage, items.take(pa.array(rows)), chosen, read), found


def _requests(stage: Stage, payloads: pa.RecordBatch, _: object) -> pa.RecordBatch:
    """What the child is asked: each picture with the settings it is to be read by."""
    n = len(payloads)
    columns: dict[str, Any] = {name: payloads.column(name) for name in ("data", "media_type")}
    columns |= {name: pa.array([stage.settings[name]] * n, pa.int64()) for name in ("max_pixels", "quality")}
    columns |= {"upright": pa.array([stage.settings["upright"]] * n, pa.bool_())}
    return pa.RecordBatch.from_pydict(columns)


def _children(
    stage: Stage,
    parents: pa.RecordBatch,
    words: list[tuple[Caption, list[dict[str, str | None]]]],
    read: pa.RecordBatch,
) -> pa.RecordBatch:
    """One child for each parent, row by row with its caption, what else is said, and its picture as read."""
    captions = [caption for caption, _ in words]
    said = {
        "other_captions": pa.array([more for _, more in words], IMAGE_FACTS.field("other_captions").type),
        "caption_source": pa.array([caption.source for caption in captions], pa.string()),
        "caption_flaw": pa.array([caption.flaw for caption in captions], pa.string()),
    }
    facts = [said[field.name] if field.name in said else read.column(field.name) for field in IMAGE_FACTS]
    own = zip(captions, parents.column("capture_id").to_pylist(), strict=True)
    sayers = [None if caption.capture_id == capture else caption.capture_id for caption, capture in own]
    media = read.column("media")
    pictures = zip(parents.column("content_sha256").to_pylist(), media.to_pylist(), strict=True)
    return children(
        stage,
        parents,
        facts=pa.StructArray.from_arrays(facts, fields=list(IMAGE_FACTS)),
        content_sha256=[captured if jpeg is None else sha256(jpeg) for captured, jpeg in pictures],
        columns={
            "modality": "image",
            "media_type": JPEG,
            "text": [caption.text for caption in captions],
            "language": [caption.language for caption in captions],
            "text_capture_id": pa.array(sayers, ID),
            "payload": parents.column("payload"),
            "media": media,
        },
    )


IMAGE_SPLIT = Stage(
    name="split.image",
    version=3,
    shape=Shape.SPLIT,
    fn=split_images,
    parameters=(
        # Chosen: the largest files of 40 megapixels are JPEGs of 15 to 25 MB; a PNG of this size has 20 and more megapixels.
        ("max_bytes", 48 * 2**20),
        ("max_pixels", 40_000_000),  # Chosen: see LIMITS; WebP and AVIF, whose decoders copy, may have 25
        # Chosen: at 95 and without subsampling nobody sees the difference, and a model less; at 100 files are twice as long.
        ("quality", 95),
        # Whether a JPEG that says it is held another way is encoded again with its pixels upright. Off: readers turn it, and
        # nothing is lost; what is converted anyway is always upright.
        ("upright", False),
        # Whose captions are preferred where one source says several; those a source wants, else English. See caption.choose.
        ("languages", ()),
    ),
)
