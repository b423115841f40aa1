"""Pictures: hashes, buckets and verification; copies join, look-alikes do not."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance

from pipelines.dedup.candidates import PAIRS, bucket_pairs, merge
from pipelines.dedup.duplicates import find_duplicates
from pipelines.dedup.image import (
    IMAGE_DEDUP,
    SIGNATURE,
    contrast,
    image_chunks,
    image_dedup,
    image_signatures,
    masks,
    phash,
    upright,
    verify_images,
)
from pipelines.dedup.signatures import RANKS
from pipelines.kernels.thumbnail import SIDE, THUMBNAIL
from schemas.digest import sha256
from schemas.errors import RecipeError, StageError
from schemas.item import ID
from tests.split.pictures import encoded, scene

SHARED = Path(__file__).parents[3] / "shared" / "data"
TURNING = IMAGE_DEDUP.override({"rotations": True}, where="a test")
FACTS = pa.struct([("pixels_sha256", ID), ("thumbnail", THUMBNAIL), ("width", pa.int32()), ("height", pa.int32())])


def thumbnail(picture):
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def ids_of(names):
    return pa.array([sha256(str(name).encode()) for name in names], ID)


def ranks_of(names):
    n = len(names)
    ranks = [ids_of(names), pa.array([0] * n, pa.int8()), pa.array([0.0] * n), pa.nulls(n, RANKS.field(3).type)]
    return pa.RecordBatch.from_arrays(ranks, schema=RANKS)


def signed(pictures, stage=IMAGE_DEDUP):
    """The signature table of {name: picture}; null for a picture that was not decoded."""
    names = list(pictures)
    facts = [
        None if picture is None else {
            "pixels_sha256": sha256(repr(picture.size).encode() + picture.tobytes()),
            "thumbnail": thumbnail(picture).tobytes(), "width": picture.width, "height": picture.height,
        }
        for picture in pictures.values()
    ]  # fmt: skip
    columns = [ids_of(names), pa.array(["s"] * len(names)), pa.array(facts, FACTS)]
    items = pa.RecordBatch.from_arrays(columns, names=["item_id", "source", "facts"])
    return pa.Table.from_batches([image_signatures(stage, items, ranks_of(names))])


def merges(pictures, stage=IMAGE_DEDUP):
    """{merged: (witness, method)} among {name: picture}."""
    names = dict(zip(ids_of(pictures).to_pylist(), pictures, strict=True))
    found = find_duplicates(image_dedup(stage), [signed(pictures, stage)], lambda ids: ids)
    return {names[row["item_id"]]: (names[row["witness_id"]], row["method"]) for row in found.duplicates.to_pylist()}


def held(picture):
    """The picture held in all eight ways."""
    ways = [None, *Image.Transpose]
    return [picture if way is None else picture.transpose(way) for way in ways]


def stored(picture, **options):
    return Image.open(io.BytesIO(encoded(picture, "JPEG", **options))).convert("RGB")


BIG = scene(400, 300)
COPIES = {
    "encoded again": stored(BIG, quality=40),
    "half the size": BIG.resize((200, 150), Image.Resampling.LANCZOS),
    "another shape": BIG.resize((300, 280)),
    "brighter": ImageEnhance.Brightness(BIG).enhance(1.15),
    "darker": ImageEnhance.Brightness(BIG).enhance(0.8),
    "cropped": BIG.crop((8, 6, 392, 294)),
    "few colours": BIG.quantize(256).convert("RGB"),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_joins_the_larger_picture(name):
    others = {f"other {seed}": scene(300, 200, seed) for seed in range(1, 9)}
    assert merges({"copy": COPIES[name], **others, "best": BIG.resize((500, 400))}) == {"copy": ("best", "phash")}


def test_equal_pixels_are_exact_however_flat_and_flat_pictures_are_never_near():
    flat, flatter = Image.new("RGB", (40, 40), (200, 200, 200)), Image.new("RGB", (40, 40), (201, 200, 200))
    found = merges({"a": flat, "b": flat, "c": flatter, "d": None, "e": None})
    assert sorted(found.items())[0][1][1] == "exact"
    assert set(found) | {witness for witness, _ in found.values()} == {"a", "b"}


def test_a_picture_that_differs_in_one_letter_stays():
    one, other = BIG.copy(), BIG.copy()
    ImageDraw.Draw(one).rectangle((180, 120, 190, 180), "white")
    ImageDraw.Draw(other).rectangle((210, 120, 220, 180), "white")
    bits = np.bitwise_count(phash(np.stack([thumbnail(one)])) ^ phash(np.stack([thumbnail(other)])))
    assert bits[0] <= 8
    assert merges({"one": one, "other": other}) == {}


def test_the_rights_come_before_the_size_and_of_equal_rights_the_largest_picture_is_the_best():
    table = signed({"a": BIG, "b": BIG.resize((200, 150)), "c": None})
    assert table.schema == SIGNATURE
    assert table.column("quality").to_pylist() == [120_000.0, 30_000.0, 0.0]
    row = table.slice(2).to_pylist()[0]
    assert (row["exact_sha256"], row["phash"], row["thumbnail"]) == (None, None, None)


def test_ranks_of_other_items_are_refused():
    items = pa.RecordBatch.from_arrays(
        [ids_of("ab"), pa.array(["s"] * 2), pa.nulls(2, FACTS)], names=["item_id", "source", "facts"]
    )
    with pytest.raises(StageError, match="ranks are of other items"):
        image_signatures(IMAGE_DEDUP, items, ranks_of("ba"))


@pytest.mark.parametrize(("setting", "value"), [("threshold", 0.29), ("max_distance", 17), ("min_contrast", -1)])
def test_a_setting_outside_its_bounds_is_refused_by_name(setting, value):
    with pytest.raises(RecipeError, match=rf"dedup\.image, {setting} = {value}"):
        signed({"a": BIG}, IMAGE_DEDUP.override({setting: value}, where="a test"))


def test_a_row_depends_on_its_own_item_alone():
    pictures = {seed: scene(seed=seed) for seed in range(4)} | {"none": None, "flat": Image.new("RGB", (9, 9))}
    for stage in (IMAGE_DEDUP, TURNING):
        whole = signed(pictures, stage)
        alone = [signed({name: picture}, stage) for name, picture in pictures.items()]
        assert pa.concat_tables(alone).combine_chunks() == whole.combine_chunks()
        assert signed({}, stage).num_rows == 0


def test_contrast_is_the_spread_of_the_luma():
    halves = np.zeros((SIDE, SIDE, 3), np.uint8)
    halves[: SIDE // 2] = 255
    assert contrast(np.stack([halves, np.full_like(halves, 77)])).tolist() == [127.5, 0.0]


def test_the_hash_is_the_signs_of_the_cosine_transform():
    picture = thumbnail(scene(seed=3))
    luma = picture.astype(float) @ [0.299, 0.587, 0.114]
    waves = np.cos(np.pi / SIDE * np.arange(SIDE)[:, None] * (np.arange(SIDE)[None, :] + 0.5))
    spectrum = waves @ luma @ waves.T
    found = int(phash(picture[None])[0])
    lowest = [(0, 1), (1, 0), (0, 2), (1, 1), (2, 0)]
    assert [found >> (63 - bit) & 1 for bit in range(5)] == [int(spectrum[y, x] > 0) for y, x in lowest]
    mirrored = int(phash(picture[None, :, ::-1])[0])
    assert [mirrored >> (63 - bit) & 1 for bit in (0, 1, 2)] == [1 - (found >> 63), found >> 62 & 1, found >> 61 & 1]


@pytest.mark.parametrize("distance", [0, 1, 8, 16])
def test_every_bit_is_compared_in_equally_many_bands(distance):
    found = masks(distance)
    bands = (distance + 3) * (distance + 2) * (distance + 1) // 6
    assert len(set(found)) == len(found) == bands
    counts = [sum(int(mask) >> bit & 1 for mask in found) for bit in range(64)]
    assert set(counts) == {3 * bands // (distance + 3)}


hashes = st.integers(0, 2**64 - 1)


def table_of(values):
    """A signature table that holds nothing but hashes."""
    n = len(values)
    columns = {field.name: pa.nulls(n, field.type) for field in SIGNATURE}
    columns |= {
        "item_id": ids_of(range(n)),
        "source": pa.array(["s"] * n),
        "exact_sha256": ids_of(range(n)),
        "phash": pa.array(values, pa.uint64()),
        "rights_rank": pa.array([0] * n, pa.int8()),
        "quality": pa.array([0.0] * n),
    }
    return pa.table(columns, schema=SIGNATURE)


@settings(max_examples=60)
@given(hashes, st.integers(0, 16), st.data())
def test_hashes_within_the_distance_always_share_a_bucket(value, distance, data):
    flips = data.draw(st.sets(st.integers(0, 63), max_size=distance))
    other = value ^ sum(1 << bit for bit in flips)
    assert any((value ^ other) & int(mask) == 0 for mask in masks(distance))


@settings(max_examples=15)
@given(st.lists(hashes, min_size=2, max_size=6), st.integers(1, 3), st.data())
def test_the_chunks_make_a_pair_of_them_whatever_the_partitions(values, partitions, data):
    flips = data.draw(st.sets(st.integers(0, 63), max_size=8))
    values = [*values, values[0] ^ sum(1 << bit for bit in flips), None]
    chunks = image_chunks(IMAGE_DEDUP, table_of(values), 2, partitions)
    assert {key % partitions for key, _ in chunks} <= set(range(partitions))
    by_key = {}
    for key, batch in chunks:
        by_key.setdefault(key, []).append(batch)
    pairs = merge(bucket_pairs(batches) for batches in by_key.values()).pairs.to_pylist()
    assert {"a": 2 << 32, "b": 2 << 32 | len(values) - 2} in pairs
    assert all(pair["b"] != 2 << 32 | len(values) - 1 for pair in pairs)


def test_a_pair_further_apart_than_the_distance_is_no_edge_however_it_was_found():
    table = signed({"a": BIG, "b": COPIES["cropped"], "flat": Image.new("RGB", (9, 9))})
    pairs = pa.RecordBatch.from_pylist([{"a": 0, "b": 1}, {"a": 0, "b": 2}, {"a": 1, "b": 2}], schema=PAIRS)
    edges = verify_images(IMAGE_DEDUP, pairs, table, lambda ids: ids)
    assert [(row["a"], row["b"]) for row in edges.to_pylist()] == [(0, 1)]
    assert 0.6 <= edges.column("similarity")[0].as_py() < 1
    strict = IMAGE_DEDUP.override({"max_distance": 0}, where="a test")
    assert verify_images(strict, pairs, table, lambda ids: ids).num_rows == 0


def test_a_turned_picture_is_a_copy_only_where_the_recipe_says_so():
    pictures = dict(enumerate(held(BIG)))
    assert merges(pictures) == {}
    assert len(merges(pictures, TURNING)) == 7


@given(st.integers(0, 50))
def test_all_ways_of_holding_a_picture_are_one_upright(seed):
    ways = np.stack([thumbnail(scene(64, 64, seed))] * 8)
    square = ways[0]
    turned = [square, square.transpose(1, 0, 2)]
    ways = np.stack([one[::y, ::x] for one in turned for y in (1, -1) for x in (1, -1)])
    found = upright(ways)
    assert (found == found[0]).all()
    assert any((found[0] == way).all() for way in ways)


def stamps():
    with tarfile.open(SHARED / "images" / "stamps.tar") as tar:
        for member in tar:
            picture = Image.open(io.BytesIO(tar.extractfile(member).read())).convert("RGBA")
            white = Image.new("RGB", picture.size, "white")
            white.paste(picture, mask=picture)
            yield member.name, white


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data is not beside this checkout")
def test_no_two_stamps_join_but_the_one_that_is_there_twice_and_their_copies_do():
    pictures = dict(stamps())
    assert len(pictures) == 591
    twice = {"military__fireman240a.png", "people__fireman240a.png"}
    found = merges(pictures)
    assert {*found, *(witness for witness, _ in found.values())} == twice
    assert {method for _, method in found.values()} == {"exact"}

    # Turned and mirrored ones: only letters that are one another, held another way.
    turned = {tuple(sorted((a, witness))) for a, (witness, _) in merges(pictures, TURNING).items() if a not in twice}
    assert {tuple(name.rpartition("__")[2][0] for name in pair) for pair in turned} == {
        ("b", "p"),
        ("b", "q"),
        ("n", "u"),
    }

    some = {name: picture for name, picture in list(pictures.items())[::3] if name not in twice}
    changes = {  # each with the least share of copies that must join; the shares of all 591 are in docs/image_caption.md
        "quality 50": (lambda picture: stored(picture, quality=50), 0.88),
        "half": (lambda picture: picture.resize([max(1, side // 2) for side in picture.size]), 0.92),
        "crop": (lambda picture: picture.crop((*[max(1, side // 100) for side in picture.size],
                                               *[side - max(1, side // 100) for side in picture.size])), 0.8),
        "brighter": (lambda picture: ImageEnhance.Brightness(picture).enhance(1.1), 0.94),
    }  # fmt: skip
    for change, (make, share) in changes.items():
        copies = {f"{change} of {name}": make(picture) for name, picture in some.items()}
        joined = [(a, witness) for a, (witness, _) in merges(pictures | copies).items() if {a, witness} != twice]
        right = [pair for pair in joined if any(name.endswith(other) for name, other in (pair, pair[::-1]))]
        assert joined == right, change
        assert len(right) >= share * len(some), change


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data is not beside this checkout")
def test_eight_files_of_one_photograph_held_in_every_way_are_one_where_rotations_count():
    with tarfile.open(SHARED / "neardup" / "images_dihedral.tar") as tar:
        pictures = {m.name: Image.open(io.BytesIO(tar.extractfile(m).read())).convert("RGB") for m in tar}
    assert (len(merges(pictures)), len(merges(pictures, TURNING))) == (0, 7)


def test_the_gold_of_the_stamps_is_what_the_tests_say_of_it():
    path = SHARED / "images" / "stamps_captions.jsonl"
    if not path.exists():
        pytest.skip("the shared data is not beside this checkout")
    rows = {row["file"]: row["caption"] for row in map(json.loads, path.read_text("utf-8").splitlines())}
    assert rows["military__fireman240a.png"] == rows["people__fireman240a.png"]
