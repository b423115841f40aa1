"""Pictures: the laws of a split, what is kept and what is converted, and files made to break a decoder."""

import hashlib
import io
import json
import struct
import tarfile
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from pipelines.kernels.thumbnail import SIDE
from pipelines.split.image import IMAGE_FACTS, IMAGE_SPLIT, image_reader, split_images
from schemas.decision import DECISION
from schemas.digest import digest, sha256
from schemas.item import child_id, item_schema
from tests.split.pictures import (
    JPEG,
    PNG,
    SAYER,
    alone,
    chunk,
    encoded,
    facts_of,
    payloads,
    pixels,
    place,
    png,
    roots,
    said,
    scene,
    split,
)

SHARED = Path(__file__).parents[3] / "shared" / "data"

HALF = scene().copy()
HALF.putalpha(Image.linear_gradient("L").resize(HALF.size))


@pytest.fixture(scope="module")
def child():
    with image_reader() as child:
        yield child


MIXED = [JPEG, None, PNG[:-50], PNG, b"", JPEG, b"<svg xmlns='http://www.w3.org/2000/svg'/>", png(50_000, 50_000, b"")]
MIXED_WORDS = [
    [said("a scene")],
    [said("lost")],
    [said("cut")],
    [],
    [said("empty")],
    [said("a", location="alt")],
    [said("b")],
    [said("c")],
]


def test_every_parent_has_its_decision_in_order(child):
    items = roots(MIXED)
    children, found = split_images(IMAGE_SPLIT, items, payloads(MIXED, MIXED_WORDS), child)
    assert found.schema == DECISION
    assert found.column("item_id") == items.column("item_id")
    assert set(found.column("stage").to_pylist()) == {"split.image"}
    assert [(row["verdict"], row["reason"], row["detail"]) for row in found.to_pylist()] == [
        ("split", None, None),
        ("quarantine", "not_decodable", "no bytes are stored for this picture"),
        ("quarantine", "not_decodable", "the picture is cut short"),
        ("drop", "caption_missing", None),
        ("quarantine", "not_decodable", "the bytes look like no picture that is read"),
        ("split", None, None),
        ("drop", "format_not_supported", "an SVG drawing, which has no pixels"),
        ("quarantine", "too_large", "far more pixels than are read"),
    ]
    assert children.column("parent_id").to_pylist() == [items["item_id"][n].as_py() for n in (0, 5)]
    assert children.column("text").to_pylist() == ["a scene", "a"]


def test_a_jpeg_stays_as_it_came_and_its_child_says_all_of_it(child):
    items = roots([JPEG])
    children, _ = split_images(IMAGE_SPLIT, items, payloads([JPEG], [[said("A  scene", language="en-GB")]]), child)
    children.validate(full=True)
    assert children.schema == item_schema(IMAGE_FACTS).append(pa.field("media", pa.large_binary()))
    (parent,), (row,) = items.to_pylist(), children.to_pylist()
    thumbnail = Image.open(io.BytesIO(JPEG)).resize((SIDE, SIDE), Image.Resampling.BILINEAR).tobytes()
    assert row == {
        "item_id": child_id(parent["item_id"], IMAGE_SPLIT.op_id, 0, sha256(JPEG)),
        "parent_id": parent["item_id"],
        "capture_id": parent["capture_id"],
        "text_capture_id": SAYER,
        "source": "tests",
        "modality": "image",
        "media_type": "image/jpeg",
        "language": "en",
        "text": "A scene",
        "payload": place(JPEG),
        "content_sha256": sha256(JPEG),
        "licence": "CC-BY-4.0",
        "facts": {
            "caption_source": "upload",
            "caption_flaw": None,
            "other_captions": [],
            "format": "jpeg",
            "is_as_declared": False,
            "colour_mode": "RGB",
            "has_profile": False,
            "width": 90,
            "height": 60,
            "original_width": 90,
            "original_height": 60,
            "orientation": None,
            "is_upright": True,
            "has_location": False,
            "has_owner": False,
            "frames": 1,
            "has_alpha": False,
            "background": None,
            "entropy_bits": row["facts"]["entropy_bits"],
            "pixels_sha256": hashlib.sha256(struct.pack(">II", 90, 60) + pixels(JPEG).tobytes()).digest(),
            "thumbnail": thumbnail,
        },
        "media": None,
    }
    assert row["facts"]["entropy_bits"] == pytest.approx(7, abs=1)


def test_what_else_the_sayer_of_the_caption_says_is_kept_with_its_source(child):
    words = [
        said("a scene", location="figcaption"), said("Une scène", location="alt", language="fr"), said("a.jpg", location="title"),
        said("a scene", location="alt"), said("Another", location="og"), said("not theirs", location="alt") | {"capture_id": digest("capture", "b")},
    ]  # fmt: skip
    row = alone(child, JPEG, words=[words])[1]
    assert (row["text"], row["facts"]["caption_source"]) == ("a scene", "figcaption")
    assert row["facts"]["other_captions"] == [
        {"text": "Une scène", "source": "alt", "language": "fr"},
        {"text": "Another", "source": "og", "language": None},
    ]


def test_a_caption_said_by_the_picture_itself_names_no_other_capture(child):
    words = [said("a scene") | {"capture_id": digest("capture", 0)}]
    assert alone(child, JPEG, words=[words])[1]["text_capture_id"] is None


KEPT = {
    "grey": encoded(scene().convert("L"), "JPEG"),
    "progressive": encoded(scene(), "JPEG", progressive=True, quality=40),
    "turned, with Exif": encoded(
        scene(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    ),
    "with more behind it": JPEG + b"after the end",
    "with more pictures": encoded(scene(), "MPO", save_all=True, append_images=[scene(seed=1)]),
}


@pytest.mark.parametrize("name", KEPT)
def test_jpegs_in_rgb_or_grey_are_published_byte_for_byte(child, name):
    verdict, row = alone(child, KEPT[name], media_types=["image/gif"])
    assert verdict == ("split", None, None)
    assert (row["media"], row["content_sha256"], row["payload"]) == (None, sha256(KEPT[name]), place(KEPT[name]))
    assert (row["media_type"], row["facts"]["format"]) == ("image/jpeg", "jpeg")


CONVERTED = {
    "png": (PNG, "png"),
    "grey png": (encoded(scene().convert("L"), "PNG"), "png"),
    "palette": (encoded(scene().quantize(64), "PNG"), "png"),
    "bilevel": (encoded(scene().convert("1"), "PNG"), "png"),
    "gif": (encoded(scene().quantize(64), "GIF"), "gif"),
    "webp": (encoded(scene(), "WEBP", lossless=True), "webp"),
    "bmp": (encoded(scene(), "BMP"), "bmp"),
    "tiff": (encoded(scene(), "TIFF", compression="tiff_lzw"), "tiff"),
    "avif": (encoded(scene(), "AVIF", quality=100, subsampling="4:4:4"), "avif"),
    "cmyk jpeg": (encoded(scene().convert("CMYK"), "JPEG", quality=100), "jpeg"),
}


@pytest.mark.parametrize("name", CONVERTED)
def test_all_else_becomes_a_jpeg_that_looks_the_same(child, name):
    data, kind = CONVERTED[name]
    verdict, row = alone(child, data, media_types=["image/jpeg"])
    assert verdict == ("split", None, None)
    assert row["facts"]["format"] == kind
    assert (row["media_type"], row["content_sha256"]) == ("image/jpeg", sha256(row["media"]))
    converted = Image.open(io.BytesIO(row["media"]))
    assert (converted.format, converted.mode, converted.size) == ("JPEG", "RGB", (90, 60))
    assert set(converted.info) == {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert np.abs(pixels(row["media"]).astype(int) - pixels(data)).mean() < (12 if name == "bilevel" else 5)


def test_a_conversion_is_exactly_what_the_stage_says(child):
    expected = encoded(scene(), "JPEG", quality=95, subsampling=0)
    assert alone(child, PNG)[1]["media"] == expected
    other = IMAGE_SPLIT.override({"quality": 60}, where="a test")
    assert alone(child, PNG, stage=other)[1]["media"] == encoded(scene(), "JPEG", quality=60, subsampling=0)


def test_equal_pixels_have_one_digest_whatever_the_file(child):
    files = [PNG, encoded(scene(), "BMP"), encoded(scene(), "TIFF"), encoded(scene(), "WEBP", lossless=True)]
    other = [encoded(scene(seed=1), "PNG"), encoded(scene(60, 90), "PNG")]
    digests = [facts_of(child, data)["pixels_sha256"] for data in files + other]
    assert len(set(digests[:4])) == 1
    assert len(set(digests)) == 3


def on_white(picture):
    alpha = np.asarray(picture.getchannel("A"), float)[..., None] / 255
    return np.asarray(picture.convert("RGB")) * alpha + 255 * (1 - alpha)


def test_transparency_is_put_on_white(child):
    clear = scene().quantize(16)
    tinted = encoded(clear, "PNG", transparency=clear.getpixel((0, 0)))
    for data in (
        encoded(HALF, "PNG"),
        encoded(HALF, "WEBP", lossless=True, exact=True),
        encoded(HALF.convert("LA"), "PNG"),
        tinted,
    ):
        picture = Image.open(io.BytesIO(data)).convert("RGBA")
        _, row = alone(child, data)
        assert row["facts"]["has_alpha"]
        assert np.abs(pixels(row["media"]) - on_white(picture)).mean() < 4


def test_what_is_all_light_is_put_on_black(child):
    ghost = Image.new("RGBA", (90, 60), (255, 255, 250, 0))
    ghost.paste((255, 255, 250, 255), (20, 20, 60, 50))
    _, row = alone(child, encoded(ghost, "PNG"))
    assert (row["facts"]["has_alpha"], row["facts"]["background"]) == (True, "black")
    shown = pixels(row["media"])
    assert (shown[5, 5].max() < 5, shown[30, 40].min() > 245, row["facts"]["entropy_bits"] > 0.5) == (True, True, True)
    assert facts_of(child, encoded(HALF, "PNG"))["background"] == "white"
    opaque = Image.new("RGBA", (9, 9), "white")  # nothing of it is transparent
    assert facts_of(child, encoded(opaque, "PNG"))["background"] == "white"


def test_sixteen_bit_grey_keeps_its_upper_bits_and_32_bit_pixels_are_refused(child):
    grey = np.linspace(0, 65535, 60 * 90).reshape(60, 90).astype(np.uint16)
    _, row = alone(child, encoded(Image.fromarray(grey), "PNG"))
    assert np.abs(pixels(row["media"])[..., 0].astype(int) - (grey >> 8)).max() <= 2
    verdict, _ = alone(child, encoded(Image.fromarray(grey.astype(np.float32)), "TIFF"))
    assert verdict == ("quarantine", "not_decodable", "the picture does not decode (ValueError)")


def test_the_first_frame_stands_for_all_and_they_are_counted(child):
    frames = [scene(seed=seed).quantize(64) for seed in range(3)]
    moving = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert facts_of(child, moving)["frames"] == 3
    assert facts_of(child, moving)["pixels_sha256"] == facts_of(child, encoded(frames[0], "GIF"))["pixels_sha256"]
    webp = encoded(scene(), "WEBP", save_all=True, append_images=[scene(seed=1)], lossless=True)
    assert facts_of(child, webp)["frames"] == 2
    assert facts_of(child, webp)["pixels_sha256"] == facts_of(child, PNG)["pixels_sha256"]


def test_one_colour_has_no_entropy(child):
    assert facts_of(child, encoded(Image.new("RGB", (9, 9), "red"), "PNG"))["entropy_bits"] == 0.0


CUT = {"jpeg": JPEG, "progressive": KEPT["progressive"]} | {
    name: CONVERTED[name][0] for name in ("png", "gif", "webp", "bmp", "tiff", "avif")
}


@pytest.mark.parametrize("name", CUT)
def test_a_file_that_is_cut_is_quarantined_wherever_it_is_cut(child, name):
    data = CUT[name]
    cuts = [data[: len(data) * tenths // 10] for tenths in range(2, 10)] + [data[:-5]]
    _, found = split(child, cuts)
    assert set(found["verdict"].to_pylist()) == {"quarantine"}
    assert set(found["reason"].to_pylist()) == {"not_decodable"}


def test_a_png_without_its_end_or_with_a_wrong_checksum_is_quarantined(child):
    at = PNG.index(b"IDAT") + 40
    flipped = PNG[:at] + bytes([PNG[at] ^ 1]) + PNG[at + 1 :]
    _, found = split(child, [PNG[:-12], flipped])
    assert found["reason"].to_pylist() == ["not_decodable"] * 2


@pytest.mark.parametrize(
    ("data", "media_type", "expected"),
    [
        (b"<?xml version='1.0'?><!-- x --><SVG/>", "image/png", ("drop", "format_not_supported")),
        (b"\0\0\1\0\1\0\x10\x10\0\0", "image/x-icon", ("drop", "format_not_supported")),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "image/heic", ("drop", "format_not_supported")),
        (b"\0\0\1\0\1\0\x10\x10\0\0", "image/png", ("quarantine", "not_decodable")),
        (b"<!doctype html><p>404", "image/jpeg", ("quarantine", "not_decodable")),
        (b"<!doctype html><p>404", "image/x-icon", ("quarantine", "not_decodable")),
        (b"%PDF-1.4", "image/jpeg", ("quarantine", "not_decodable")),
        (b"P6 9 9 255 " + bytes(243), None, ("quarantine", "not_decodable")),
    ],
)
def test_other_formats_are_dropped_and_what_is_no_picture_is_quarantined(child, data, media_type, expected):
    verdict, _ = alone(child, data, media_types=[media_type])
    assert verdict[:2] == expected


GIF_HEAD = b"GIF89a\1\0\1\0\x80\0\0" + b"\0\0\0\xff\xff\xff"
GIF_FRAME = b",\0\0\0\0\1\0\1\0\0\x02\x02\x44\x01\0"
TINY_WEBP = encoded(Image.new("RGB", (5, 5)), "WEBP", lossless=True)
TINY_JPEG = encoded(Image.new("RGB", (8, 8)), "JPEG")
AT = TINY_JPEG.index(b"\xff\xc0") + 5
TINY_TIFF = encoded(Image.new("RGB", (5, 5)), "TIFF")


def wider(tiff, side):
    """The TIFF with another width and height in its header."""
    for tag in (256, 257):
        for kind in (3, 4):
            tiff = tiff.replace(struct.pack("<HHII", tag, kind, 1, 5), struct.pack("<HHII", tag, 4, 1, side))
    return tiff


TOO_LARGE = {
    "png": png(50_000, 50_000, zlib.compress(bytes(1000))),
    "png, not by much": png(10_000, 4_001, zlib.compress(bytes(1000))),
    "png, too long": png(70_000, 9, zlib.compress(bytes(1000))),
    "gif": b"GIF89a\xff\xff\xff\xff\x80\0\0\0\0\0\xff\xff\xff" + GIF_FRAME + b";",
    "gif, its frame": GIF_HEAD + b",\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x44\x01\0;",
    "jpeg": TINY_JPEG[:AT] + struct.pack(">HH", 65_000, 65_000) + TINY_JPEG[AT + 4 :],
    "webp": TINY_WEBP[:21] + struct.pack("<I", 16_382 | 16_382 << 14) + TINY_WEBP[25:],
    "tiff": wider(TINY_TIFF, 50_000),
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_a_picture_with_too_many_pixels_is_quarantined_by_its_header(child, name):
    assert alone(child, TOO_LARGE[name])[0][:2] == ("quarantine", "too_large")


def test_files_over_the_cap_of_bytes_are_never_sent(child):
    small = IMAGE_SPLIT.override({"max_bytes": len(PNG) - 1}, where="a test")
    _, found = split(child, [PNG], stage=small)
    row = found.to_pylist()[0]
    assert (row["reason"], row["signal"], row["value"], row["threshold"]) == (
        "too_large",
        "size_bytes",
        len(PNG),
        len(PNG) - 1,
    )


def test_the_cap_of_pixels_is_a_setting(child):
    small = IMAGE_SPLIT.override({"max_pixels": 90 * 60 - 1}, where="a test")
    assert alone(child, PNG, stage=small)[0] == (
        "quarantine",
        "too_large",
        "90 x 60 pixels by its header; of PNG 5,399 pixels and a side of 65,500 at most are read",
    )


def zeros(count):
    deflate = zlib.compressobj(9)
    return (
        b"".join(deflate.compress(bytes(1 << 20)) for _ in range(count >> 20))
        + deflate.compress(bytes(count % (1 << 20)))
        + deflate.flush()
    )


def test_more_data_than_the_header_says_costs_no_memory_and_hidden_text_is_refused(child):
    text = png(60, 60, zeros(60 * 181)).replace(b"IDAT", b"IDAT", 1)
    text = text[:33] + chunk(b"zTXt", b"k\0\0" + zeros(100 << 20)) + text[33:]
    _, found = split(child, [png(100, 100, zeros(200 << 20)), text])
    assert found["reason"].to_pylist() == [None, "not_decodable"]


def test_the_largest_picture_that_is_read_fits_the_memory_of_the_child(child):
    whole = png(8_000, 5_000, zeros(5_000 * (8_000 * 4 + 1)), colour=6)
    assert alone(child, whole)[0] == ("split", None, None)


def test_a_film_of_many_frames_is_one_picture(child):
    assert facts_of(child, GIF_HEAD + GIF_FRAME * 100_000 + b";")["frames"] == 100_000


@pytest.mark.parametrize("cut", range(len(MIXED) + 1))
def test_batches_may_be_cut_anywhere(child, cut):
    items, data = roots(MIXED), payloads(MIXED, MIXED_WORDS)
    head = split_images(IMAGE_SPLIT, items.slice(0, cut), data.slice(0, cut), child)
    tail = split_images(IMAGE_SPLIT, items.slice(cut), data.slice(cut), child)
    whole = split_images(IMAGE_SPLIT, items, data, child)
    assert [pa.concat_batches(pair) for pair in zip(head, tail, strict=True)] == list(whole)


def test_an_empty_batch_gives_empty_batches_of_the_right_schemas(child):
    children, found = split(child, [])
    assert (children.schema.names[-1], found.schema, len(children), len(found)) == ("media", DECISION, 0, 0)


def test_the_languages_of_the_source_choose_the_caption(child):
    words = [[said("A frog.", language="en"), said("Ein Frosch.", language="de")]]
    german = IMAGE_SPLIT.override({"languages": ["de"]}, where="a test")
    assert alone(child, JPEG, words=words)[1]["text"] == "A frog."
    assert alone(child, JPEG, words=words, stage=german)[1]["text"] == "Ein Frosch."


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data is not beside this checkout")
def test_every_stamp_becomes_a_captioned_jpeg(child):
    with tarfile.open(SHARED / "images" / "stamps.tar") as tar:
        files = {member.name: tar.extractfile(member).read() for member in tar}
    rows = [json.loads(line) for line in (SHARED / "images" / "stamps_captions.jsonl").read_text("utf-8").splitlines()]
    captions = {row["file"]: row["caption"] for row in rows}
    names = list(files)[::5]
    children, found = split(child, [files[name] for name in names], words=[[said(captions[name])] for name in names])
    assert set(found["verdict"].to_pylist()) == {"split"}
    assert children["text"].to_pylist() == [" ".join(captions[name].split()) for name in names]
    sizes = [Image.open(io.BytesIO(jpeg)).size for jpeg in children["media"].to_pylist()]
    assert sizes == [Image.open(io.BytesIO(files[name])).size for name in names]
