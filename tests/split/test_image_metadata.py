"""What pictures say of themselves beside their pixels: how they were held, whose they are, where they were taken, their colours."""

import io
import struct

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, ImageOps

from pipelines.kernels.thumbnail import SIDE
from pipelines.split.image import IMAGE_SPLIT, image_reader, split_images
from pipelines.split.image_child import read_picture
from schemas.digest import sha256
from tests.split.pictures import (
    JPEG,
    PNG,
    alone,
    encoded,
    facts_of,
    payloads,
    pixels,
    roots,
    scene,
)


@pytest.fixture(scope="module")
def child():
    with image_reader() as child:
        yield child


def held(orientation, kind="JPEG", **options):
    """The scene as a camera saves it that was held so."""
    turned = scene().transpose(UNTURNED[orientation]) if orientation in UNTURNED else scene()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return encoded(turned, kind, exif=exif, **options)


# What turns an upright picture into what is stored under each orientation: the inverse of what Pillow's exif_transpose does.
UNTURNED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270,
}  # fmt: skip


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_held_another_way_stays_as_it_came_and_is_compared_as_it_is_seen(child, orientation):
    data = held(orientation)
    row = alone(child, data)[1]
    facts = row["facts"]
    assert (row["media"], facts["orientation"], facts["is_upright"]) == (None, orientation, orientation == 1)
    stored = Image.open(io.BytesIO(data))
    seen = ImageOps.exif_transpose(stored)
    assert (facts["width"], facts["height"], seen.size) == (*stored.size, (90, 60))
    assert facts["thumbnail"] == seen.resize((SIDE, SIDE), Image.Resampling.BILINEAR).tobytes()


@pytest.mark.parametrize("orientation", range(2, 9))
def test_what_is_converted_or_asked_to_be_upright_is_published_upright(child, orientation):
    wants = IMAGE_SPLIT.override({"upright": True}, where="a test")
    for data, stage in ((held(orientation, "PNG"), IMAGE_SPLIT), (held(orientation, quality=100), wants)):
        row = alone(child, data, stage=stage)[1]
        assert (row["facts"]["width"], row["facts"]["height"], row["facts"]["is_upright"]) == (90, 60, True)
        published = Image.open(io.BytesIO(row["media"]))
        assert (published.size, dict(published.getexif())) == ((90, 60), {})
        assert np.abs(pixels(row["media"]).astype(int) - np.asarray(scene())).mean() < 5


def owned(**fields):
    """A JPEG whose Exif holds these tags of the Exif directory."""
    exif = Image.Exif()
    exif[ExifTags.Base.Copyright] = "Anna"
    exif.get_ifd(ExifTags.IFD.Exif).update({ExifTags.Base[name].value: value for name, value in fields.items()})
    return encoded(scene(), "JPEG", exif=exif)


OWNERS = {"BodySerialNumber": "0042", "LensSerialNumber": "7", "CameraOwnerName": "Bob", "MakerNote": b"Bob's 0042"}


@pytest.mark.parametrize("name", OWNERS)
def test_a_serial_number_or_an_owner_is_left_out_without_loss(child, name):
    data = owned(**{name: OWNERS[name]})
    row = alone(child, data)[1]
    assert (row["facts"]["has_owner"], row["facts"]["has_location"], row["media"]) == (True, False, JPEG)


def test_who_holds_the_rights_is_no_reason_to_change_a_file(child):
    row = alone(child, owned(DateTimeOriginal="2020:01:01 00:00:00"))[1]
    assert (row["facts"]["has_owner"], row["media"]) == (False, None)


def profile(red):
    """An RGB profile with another red, so that colours read by it change. Its first colorant is the one replaced."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for at in range(132, 132 + 12 * int.from_bytes(data[128:132]), 12):
        place = int.from_bytes(data[at + 4 : at + 8])
        if data[at : at + 4] == b"rXYZ":
            data[place + 8 : place + 20] = struct.pack(">3i", *(int(65536 * value) for value in red))
        if data[at : at + 4] == b"desc":
            data[place + 28 : place + 36] = "wide".encode("utf-16-be")
    return bytes(data)


def test_colours_are_read_by_the_profile_of_the_picture(child):
    wide = profile((0.61, 0.31, 0.02))  # Source: Adobe RGB (1998), red, as adapted to D50
    red = Image.new("RGB", (9, 9), (200, 30, 30))
    for picture, kind in ((red, "PNG"), (red.convert("RGBA"), "PNG"), (red, "JPEG")):
        plain, read = (facts_of(child, encoded(picture, kind, icc_profile=icc)) for icc in (b"", wide))
        assert (plain["has_profile"], read["has_profile"]) == (False, True)
        assert read["thumbnail"][0] > plain["thumbnail"][0] + 10
    for broken in (b"profile" * 9, wide[:200], ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()):
        facts = facts_of(child, encoded(red, "PNG", icc_profile=broken))
        assert (facts["has_profile"], facts["thumbnail"][0]) == (False, 200)


@pytest.mark.parametrize(
    ("data", "declared", "found"),
    [(JPEG, "image/jpeg", True), (JPEG, "image/pjpeg", True), (PNG, "image/jpeg", False), (PNG, None, None), (PNG, "text/html", None)],
)  # fmt: skip
def test_whether_a_file_is_what_it_is_declared_to_be_is_a_fact(child, data, declared, found):
    row = split_images(IMAGE_SPLIT, roots([data]), payloads([data], media_types=[declared]), child)[0].to_pylist()[0]
    assert row["facts"]["is_as_declared"] is found


def test_metadata_that_takes_all_memory_is_the_failure_of_its_picture_and_broken_metadata_is_none(monkeypatch):
    row = {"data": located(), "media_type": "image/jpeg", "max_pixels": 10**6, "quality": 95, "upright": False}
    assert read_picture(row)["has_location"]
    monkeypatch.setattr(Image.Image, "getexif", raising(ValueError))
    assert (read_picture(row)["orientation"], read_picture(row)["has_location"]) == (
        None,
        True,
    )  # unread: it may be there
    monkeypatch.setattr(Image.Image, "getexif", raising(MemoryError))
    with pytest.raises(MemoryError):
        read_picture(row)


def raising(kind):
    def fail(_picture):
        raise kind

    return fail


def located(**options):
    """A JPEG that says where it was taken, who owns it, and how the camera was held."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 8
    exif[ExifTags.Base.Artist] = "Anna"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    return encoded(scene(), "JPEG", exif=exif, comment="by Anna", icc_profile=b"profile" * 9, **options)


def test_a_jpeg_that_says_where_it_was_taken_loses_its_metadata_and_nothing_else(child):
    data = located() + encoded(scene(seed=1), "JPEG", comment="by Anna")
    verdict, row = alone(child, data)
    assert verdict == ("split", None, None)
    assert (row["facts"]["has_location"], row["facts"]["orientation"]) == (True, 8)
    assert row["content_sha256"] == sha256(row["media"])
    published = Image.open(io.BytesIO(row["media"]))
    assert dict(published.getexif()) == {ExifTags.Base.Orientation: 8}
    assert published.info["icc_profile"] == b"profile" * 9
    assert b"Anna" not in row["media"]
    scan = data.index(b"\xff\xda")
    assert row["media"].endswith(data[scan : data.index(b"\xff\xd9") + 2])
    assert (pixels(row["media"]) == pixels(data)).all()


def test_a_place_in_xmp_counts_too(child):
    packet = b"http://ns.adobe.com/xap/1.0/\0<x exif:GPSLatitude='48,7N'/>"
    data = JPEG[:2] + b"\xff\xe1" + struct.pack(">H", len(packet) + 2) + packet + JPEG[2:]
    assert alone(child, data)[1]["media"] == JPEG
