"""Pictures as files: scenes as JPEG and PNG, copies of them, and files that are broken in one way each.

Bytes are the same wherever the same Pillow (and the zlib and libjpeg in it) runs; pixels, before encoding, everywhere.
"""

import io
import struct
import zlib

from PIL import Image

from tests.corpus.scenes import draw, faded, scene

JPEG, PNG = "image/jpeg", "image/png"
BOMB_SIDE = 30_000  # pixels: 900 million in 110 kB


def caption(seed: str) -> str:
    """What the picture of this scene shows."""
    return scene(seed).caption


def jpeg(picture: Image.Image, quality: int = 90) -> bytes:
    """The picture as a baseline JPEG without metadata."""
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()


def png(picture: Image.Image) -> bytes:
    """The picture as a PNG, with alpha where it has one."""
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def photo(seed: str) -> bytes:
    """A JPEG of the scene."""
    return jpeg(draw(scene(seed)))


def cutout(seed: str) -> bytes:
    """A PNG of the scene whose corners fade to nothing."""
    return png(faded(draw(scene(seed))))


def near_copy(seed: str) -> bytes:
    """The scene three quarters as wide and high, in a JPEG of low quality: other bytes, the same picture."""
    picture = draw(scene(seed))
    return jpeg(picture.resize((picture.width * 3 // 4, picture.height * 3 // 4), Image.Resampling.LANCZOS), quality=60)


def truncated(seed: str) -> bytes:
    """A JPEG whose second half is missing."""
    data = photo(seed)
    return data[: len(data) // 2]


def dot(seed: str) -> bytes:
    """A PNG of 8 x 8 pixels, as trackers and bullets are."""
    return png(draw(scene(seed)).resize((8, 8)))


def bomb(side: int = BOMB_SIDE) -> bytes:
    """A whole and valid PNG of `side` x `side` white pixels: whoever decodes it needs gigabytes."""
    row = 1 + (side + 7) // 8
    header = struct.pack(">IIBBBBB", side, side, 1, 3, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"PLTE", b"\xff\xff\xff"), (b"IDAT", _zeros(row * side)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _zeros(size: int, step: int = 1 << 20) -> bytes:
    """A zlib stream of so many zero bytes. After a full flush equal input gives equal output, so one step is made and repeated."""
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    first, again = (engine.compress(bytes(step)) + engine.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    end = zlib.compressobj(9, zlib.DEFLATED, -15)
    rest = end.compress(bytes(size % step)) + end.flush()
    checksum = struct.pack(">I", (size % 65521) << 16 | 1)  # Adler-32 of zeros
    return b"\x78\xda" + first + again * (size // step - 1) + rest + checksum
