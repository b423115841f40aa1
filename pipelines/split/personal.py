"""What the metadata of a decoded picture tells of people: where it was taken, and whose camera it was. Only the child calls this."""

import re
from collections.abc import Callable
from typing import Any

from PIL import ExifTags, Image

# The same in XMP, as an attribute or an element of any prefix. Source: Exif for XMP (CIPA DC-010); Adobe XMP Specification Part 2
# (aux); IPTC Photo Metadata Standard (LocationCreated).
_PLACE = re.compile(rb"\bGPSL(?:atitude|ongitude)|\bLocationCreated\b")
_OWNER = re.compile(rb"\b(?:\w*SerialNumber|(?:Camera)?OwnerName)\b")

# Exif tags of the first directory and of the Exif directory. Source: CIPA DC-008 (Exif 2.32), section 4.6.
_OWNER_TAGS = (ExifTags.Base.HostComputer, ExifTags.Base.CameraSerialNumber)
_OWNER_EXIF = (
    ExifTags.Base.CameraOwnerName, ExifTags.Base.BodySerialNumber, ExifTags.Base.LensSerialNumber,
    ExifTags.Base.MakerNote,  # of no public form; cameras write their serial number and owner there
)  # fmt: skip


def names_place(picture: Image.Image) -> bool:
    """Whether the metadata says where the picture was taken; true for Exif that cannot be read."""
    if _PLACE.search(_xmp(picture)):
        return True
    return bool(metadata(lambda: picture.getexif().get_ifd(ExifTags.IFD.GPSInfo), _has_exif(picture)))


def names_owner(picture: Image.Image) -> bool:
    """Whether the metadata names a serial number, an owner or a computer; true for Exif that cannot be read.

    Who made the picture and who holds the rights in it is no such thing: `pipelines.rights.picture` keeps that as evidence.
    """
    if _OWNER.search(_xmp(picture)):
        return True

    def read() -> bool:
        exif = picture.getexif()
        inner = exif.get_ifd(ExifTags.IFD.Exif)
        return any(exif.get(tag) for tag in _OWNER_TAGS) or any(inner.get(tag) for tag in _OWNER_EXIF)

    return bool(metadata(read, _has_exif(picture)))


def metadata(read: Callable[[], Any], unread: Any) -> Any:
    """What `read` finds beside the pixels, which are whole; `unread` where that is broken. Out of memory is the row's failure."""
    try:
        return read()
    except MemoryError:
        raise
    except Exception:  # broken metadata raises whatever its parser does not expect
        return unread


def _xmp(picture: Image.Image) -> bytes:
    found = picture.info.get("xmp", b"")
    return found if isinstance(found, bytes) else str(found).encode("utf-8", "replace")


def _has_exif(picture: Image.Image) -> bool:
    return b"Exif" in picture.info.get("exif", b"")
