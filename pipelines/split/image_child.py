"""The program that decodes pictures: `python -m pipelines.split.image_child`, started by `pipelines.child` alone.

A request row is `data` (bytes), `media_type` (as declared, or null), `max_pixels`, `quality` and `upright`; see
`pipelines.split.image`.
What a picture is, its bytes say; a picture is decoded whole or not at all; nothing of its metadata goes into a conversion.
"""

import io
import struct
import warnings
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import pyarrow as pa
from PIL import AvifImagePlugin, ExifTags, Image, UnidentifiedImageError

from pipelines.capture.sniff import sniff
from pipelines.child import RowFailed, serve
from pipelines.kernels.thumbnail import SIDE, THUMBNAIL
from pipelines.split.colours import has_profile, opaque
from pipelines.split.jpeg import without_metadata
from pipelines.split.personal import metadata, names_owner, names_place
from schemas.item import ID
from schemas.reasons import Reason

RESULT = pa.schema(
    [
        pa.field("format", pa.string()),  # what the bytes are, a value of FORMATS
        # whether that is the declared media type; null where it names no picture
        pa.field("is_as_declared", pa.bool_()),
        pa.field("colour_mode", pa.string()),  # of the pixels as captured, by Pillow's names: RGB, L, P, LA, CMYK, I;16
        # it brings a colour profile other than sRGB, by which its colours were read
        pa.field("has_profile", pa.bool_()),
        pa.field("width", pa.int32()),  # pixels, of what is published
        pa.field("height", pa.int32()),
        pa.field("original_width", pa.int32()),  # pixels, of what was captured
        pa.field("original_height", pa.int32()),
        pa.field("orientation", pa.int8()),  # Exif's 1..8, as captured; null where it does not say
        pa.field("is_upright", pa.bool_()),  # the published pixels are upright; else the JPEG still says how it is held
        pa.field("has_location", pa.bool_()),  # its metadata says where it was taken, and was left out
        # it says whose camera it was (serial number, owner, maker's notes); left out
        pa.field("has_owner", pa.bool_()),
        pa.field("frames", pa.int32()),  # pictures in the file; the first is read; null where they cannot be counted
        pa.field("has_alpha", pa.bool_()),  # it can be transparent
        # what it was then put on: white, or black where it is all light; else null
        pa.field("background", pa.string()),
        pa.field("entropy_bits", pa.float64()),  # of its grey levels, 0..8; 0 for one colour
        # Of what is seen, upright and in sRGB: width and height (big-endian uint32) and the RGB bytes.
        pa.field("pixels_sha256", ID),
        pa.field("thumbnail", THUMBNAIL),  # of the same
        pa.field("media", pa.large_binary()),  # the JPEG it became; null for one that is kept as it came
    ]
)

# Pillow's names of what is read, and ours. MPO is what it calls a JPEG with more pictures behind the first.
FORMATS = {
    "JPEG": "jpeg", "MPO": "jpeg", "PNG": "png", "GIF": "gif", "WEBP": "webp", "BMP": "bmp", "TIFF": "tiff", "AVIF": "avif",
}  # fmt: skip
_OPENED = [name for name in FORMATS if name != "MPO"]
_SPELLED = {"image/jpg": "jpeg", "image/pjpeg": "jpeg", "image/x-png": "png", "image/apng": "png"}
_READ_TYPES = {f"image/{name}" for name in FORMATS.values()} | _SPELLED.keys()
_KEPT_MODES = ("RGB", "L")
# What puts a picture upright that is held so. Source: CIPA DC-008 (Exif 2.32), section 4.6.5, tag 274.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90,
}  # fmt: skip
# Their decoders hold a picture twice as often. Chosen: so that one cap of pixels keeps all formats in the same memory.
_COSTLY, _COST = ("WEBP", "AVIF"), 1.6
_JPEG_SIDE = 65_500  # Source: libjpeg-turbo, jmorecfg.h, JPEG_MAX_DIMENSION
_STRIP_PIXELS = 1 << 20  # Chosen: hashing a picture takes 3 MB, not a copy of it
_HEAD_BYTES = 1024


def read_picture(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The columns of RESULT for one picture.

    Raises:
        RowFailed: it is of a format that is not read, has too many pixels, or does not decode whole.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of metadata that nobody reads
        picture, colours, background = decoded(row["data"], row["media_type"], row["max_pixels"])
        has_location, has_owner = names_place(picture), names_owner(picture)
        orientation, original = orientation_of(picture), colours.size
        seen = upright(colours, orientation)
        media, is_upright = _published(picture, seen, row, orientation, is_personal=has_location or has_owner)
        width, height = seen.size if is_upright else original
        return {
            "format": FORMATS[picture.format],
            "is_as_declared": _is_as_declared(FORMATS[picture.format], row["media_type"]),
            "colour_mode": picture.mode,
            "has_profile": has_profile(picture),
            "width": width,
            "height": height,
            "original_width": original[0],
            "original_height": original[1],
            "orientation": orientation,
            "is_upright": is_upright,
            "has_location": has_location,
            "has_owner": has_owner,
            "has_alpha": picture.has_transparency_data,
            "background": background,
            "entropy_bits": round(abs(seen.convert("L").entropy()), 3),
            "pixels_sha256": _pixels_sha256(seen),
            "thumbnail": seen.resize((SIDE, SIDE), Image.Resampling.BILINEAR).tobytes(),
            "media": media,
            "frames": _frames(picture),  # last: counting them moves the picture on
        }


def _is_as_declared(kind: str, declared: str | None) -> bool | None:
    if declared is None or not declared.startswith("image/"):
        return None
    return _SPELLED.get(declared, declared.removeprefix("image/")) == kind


def decoded(data: bytes, declared: str | None, max_pixels: int) -> tuple[Any, Image.Image, str | None]:
    """The picture as its file has it, in RGB, and what that was put on; its size is judged before a pixel is decoded."""
    _check_size("WEBP", *_webp_size(data), max_pixels)  # opening one takes memory for its canvas
    try:
        picture = _opened(data, max_pixels)
        picture.load()
        return picture, *opaque(picture)
    except (RowFailed, MemoryError):
        raise
    except UnidentifiedImageError:
        raise _unknown(data, declared) from None
    except Exception as error:  # hostile bytes raise whatever a parser of theirs does not expect
        what = "is cut short" if "truncated" in str(error).lower() else f"does not decode ({type(error).__name__})"
        raise RowFailed(Reason.NOT_DECODABLE, f"the picture {what}") from error


def _opened(data: bytes, max_pixels: int) -> Any:
    try:
        picture = Image.open(io.BytesIO(data), formats=_OPENED)
    except Image.DecompressionBombError as error:
        raise RowFailed(Reason.TOO_LARGE, "far more pixels than are read") from error
    assert picture.format is not None
    _check_size(picture.format, *picture.size, max_pixels)
    if picture.format == "PNG":
        picture.verify()  # checksums, and whether the end is there; it leaves the picture unusable
        picture = Image.open(io.BytesIO(data), formats=_OPENED)
    return picture


def _check_size(kind: str, width: int, height: int, max_pixels: int) -> None:
    cost = _COST if kind in _COSTLY else 1.0
    if width * height * cost > max_pixels or max(width, height) > _JPEG_SIDE:
        most = f"{int(max_pixels / cost):,} pixels and a side of {_JPEG_SIDE:,} at most"
        raise RowFailed(Reason.TOO_LARGE, f"{width:,} x {height:,} pixels by its header; of {kind} {most} are read")


def _webp_size(data: bytes) -> tuple[int, int]:
    """Width and height by the header of a WebP file; (0, 0) where it is none. Source: RFC 9649, section 2."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return 0, 0
    match data[12:16]:
        case b"VP8X":
            return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
        case b"VP8L":
            bits = int.from_bytes(data[21:25], "little")
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 ":
            return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    return 0, 0


def _unknown(data: bytes, declared: str | None) -> RowFailed:
    """Why bytes that are no picture we read are not: another format, or no picture at all."""
    head = data[:_HEAD_BYTES].lstrip(b"\xef\xbb\xbf\t\r\n ").lower()
    if head.startswith((b"<svg", b"<?xml", b"<!--", b"<!doctype svg")) and b"<svg" in head:
        return RowFailed(Reason.FORMAT_NOT_SUPPORTED, "an SVG drawing, which has no pixels")
    shown = sniff(data)
    if shown is None and declared is not None and declared not in _READ_TYPES:
        return RowFailed(Reason.FORMAT_NOT_SUPPORTED, "declared to be of a type that is not read, and of none that is")
    return RowFailed(Reason.NOT_DECODABLE, f"the bytes look like {shown or 'no picture that is read'}")


def _published(
    picture: Any, seen: Image.Image, row: Mapping[str, Any], orientation: int | None, *, is_personal: bool
) -> tuple[bytes | None, bool]:
    """The bytes to publish, null for a JPEG that is kept as it came; and whether their pixels are upright.

    A JPEG in RGB or grey is never encoded again, also where it is held another way and says so, unless `upright` asks for it.
    """
    is_kept = FORMATS[picture.format] == "jpeg" and picture.mode in _KEPT_MODES
    if is_kept and not (row["upright"] and orientation in _TURNS):
        if not is_personal:
            return None, orientation not in _TURNS
        if (stripped := without_metadata(row["data"], orientation)) is not None:
            return stripped, orientation not in _TURNS
    return _jpeg(seen, row["quality"]), True


def upright(colours: Image.Image, orientation: int | None) -> Image.Image:
    """The picture as it is meant to be seen, by Exif's 1..8."""
    return colours.transpose(_TURNS[orientation]) if orientation in _TURNS else colours


def orientation_of(picture: Image.Image) -> int | None:
    """How the camera was held, Exif's 1..8; null where the picture does not say."""
    found = metadata(lambda: picture.getexif().get(ExifTags.Base.Orientation), None)
    return found if found in range(1, 9) else None


def _frames(picture: Any) -> int | None:
    found: int | None = metadata(lambda: int(getattr(picture, "n_frames", 1)), None)  # null: a later frame is broken
    return found


def _pixels_sha256(colours: Image.Image) -> bytes:
    width, height = colours.size
    found = sha256(struct.pack(">II", width, height))
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        found.update(colours.crop((0, top, width, min(top + rows, height))).tobytes())
    return found.digest()


def _jpeg(colours: Image.Image, quality: int) -> bytes:
    """A JPEG without metadata and without subsampling of colour: the same bytes for the same pixels and libjpeg-turbo."""
    out = io.BytesIO()
    colours.save(out, "JPEG", quality=quality, subsampling=0)
    return out.getvalue()


if __name__ == "__main__":
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    serve(read_picture, RESULT)
