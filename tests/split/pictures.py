"""Pictures made for tests, and what surrounds them: the roots, payloads and words of a split."""

import io
import struct
import zlib

import numpy as np
import pyarrow as pa
from PIL import Image

from pipelines import rooms
from pipelines.split.image import IMAGE_FACTS, IMAGE_SPLIT, split_images
from schemas.annotation import SAID
from schemas.digest import digest, sha256
from schemas.item import item_schema

RECIPE = """
format = 1
name = "pictures"
policy = "opt_out_respected"
{top}
[[source]]
lane = "image_caption"
from = "held"
[source.card]
name = "s"
kind = "synthetic"
title = "t"
provider = "us"
contact = "nobody@corpus.example"
licence = "CC0-1.0"
{more}
"""


def recipe(*, top: str = "", more: str = "") -> str:
    """A corpus.toml of one source of pictures in the folder `held`, with these keys besides."""
    return RECIPE.format(top=top, more=more)


SAYER = digest("capture", "sayer")


def scene(width: int = 90, height: int = 60, seed: int = 0) -> Image.Image:
    """An RGB picture, another one for every seed, with less in it the finer it is, as photographs have."""
    noise = np.random.default_rng(seed)
    found = np.zeros((height, width, 3))
    for octave in range(4):
        coarse = Image.fromarray(noise.integers(0, 256, (4 << octave, 6 << octave, 3), dtype=np.uint8))
        found += np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)) / 2 ** (octave + 1)
    return Image.fromarray(np.clip(2 * found - 128, 0, 255).astype(np.uint8))


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    """The picture as a file of this kind."""
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def pixels(data: bytes) -> np.ndarray:
    """uint8[height, width, 3] of a file."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def chunk(kind: bytes, body: bytes) -> bytes:
    """A PNG chunk."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, body: bytes, colour: int = 2) -> bytes:
    """A PNG with this header, and these compressed bytes for pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def said(
    text: str, *, location: str = "table", role: str = "caption", language: str | None = None
) -> dict[str, object]:
    """One annotation as a split gets it."""
    return {
        "capture_id": SAYER, "role": role, "text": text, "language": language, "location": location, "locator": "row 1",
        "start_s": None, "end_s": None,
    }  # fmt: skip


def payloads(files, words=None, media_types=None) -> pa.RecordBatch:
    """`rooms.PAYLOADS` of these files (null: none stored), each said to be "a scene" by a table."""
    n = len(files)
    columns = {
        "data": pa.array(files, pa.large_binary()),
        "charset": pa.nulls(n, pa.string()),
        "media_type": pa.array(media_types or ["image/png"] * n, pa.string()),
        "uri": pa.nulls(n, pa.string()),
        "said": pa.array(words or [[said("a scene")]] * n, SAID),
    }
    return pa.RecordBatch.from_arrays([columns[name] for name in rooms.PAYLOADS.names], schema=rooms.PAYLOADS)


def place(data: bytes) -> dict[str, object]:
    """Where the bytes are stored."""
    return {"uri": "captures/0", "offset": 0, "length": len(data), "sha256": sha256(data)}


def roots(files) -> pa.RecordBatch:
    """One root a file."""
    rows = [
        {
            "item_id": digest("test", number), "capture_id": digest("capture", number), "source": "tests",
            "modality": "image", "media_type": "image/png", "content_sha256": sha256(data or b""),
            "licence": "CC-BY-4.0", "payload": place(data or b""),
        }
        for number, data in enumerate(files)
    ]  # fmt: skip
    return pa.RecordBatch.from_pylist(rows, schema=item_schema(IMAGE_FACTS))


JPEG = encoded(scene(), "JPEG")
PNG = encoded(scene(), "PNG")


def split(child, files, words=None, media_types=None, stage=IMAGE_SPLIT):
    return split_images(stage, roots(files), payloads(files, words, media_types), child)


def alone(child, data, **more):
    """(verdict, reason, detail) and the child of one picture."""
    children, found = split(child, [data], **more)
    row = found.to_pylist()[0]
    return (row["verdict"], row["reason"], row["detail"]), (children.to_pylist() or [None])[0]


def facts_of(child, data):
    return alone(child, data)[1]["facts"]
