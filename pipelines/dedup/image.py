"""Deduplication of pictures: exact by their pixels, near by a perceptual hash, verified by the pictures' own thumbnails.

    thumbnail -> phash -> buckets -> pairs at most `max_distance` bits apart -> similarity of the thumbnails -> edges

No distance of hashes tells copies from look-alikes: of 591 Tux Paint stamps two that differ in one letter have equal hashes,
while a copy cropped by 2 % is 6 bits away. So hashes only choose what is compared, and the thumbnails decide.
"""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.dedup.candidates import HOT_BUCKET_CAP, bucket_chunks, first_8_bytes, mix, row_numbers
from pipelines.dedup.duplicates import Chunks, Dedup, LoadTexts
from pipelines.dedup.settings import GROUP_BOUNDS, MAX_REMOVED_SHARE, check_bounds
from pipelines.dedup.signatures import RANKS, check_ranks
from pipelines.dedup.verify import EDGES
from pipelines.kernels import picture as kernels
from pipelines.kernels.minhash import F64, I64, U64
from pipelines.kernels.scan import U8
from pipelines.kernels.thumbnail import SIDE, THUMBNAIL, THUMBNAIL_BYTES
from pipelines.stage import Shape, Stage
from schemas.item import ID

SIGNATURE = pa.schema(
    [
        pa.field("item_id", ID, nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("exact_sha256", ID),  # of the pixels; null: not decoded, never a duplicate
        pa.field("phash", pa.uint64()),  # null: too flat to compare other than for equality
        pa.field("thumbnail", THUMBNAIL),  # null where phash is
        *list(RANKS)[1:],
    ]
)

HASH_BITS = 64
# The lowest frequencies of a picture but for its mean, in zigzag order. Source: ITU-T T.81, figure A.6 (the order).
_ZIGZAG = sorted(((y, x) for y in range(SIDE) for x in range(SIDE)), key=lambda at: (sum(at), at))[1 : HASH_BITS + 1]
_FREQUENCIES = 1 + max(max(at) for at in _ZIGZAG)
# The discrete cosine transform (DCT-II) in integers, so that every machine finds the same signs. int64[frequencies, SIDE]
_COSINES = np.rint(
    4096 * np.cos(np.pi / SIDE * np.arange(_FREQUENCIES)[:, None] * (np.arange(SIDE)[None, :] + 0.5))
).astype(np.int64)
# Source: ITU-R BT.601, luma, in thousandths.
_LUMA = np.array([299, 587, 114])

# Chosen: of 64 bits in max_distance + 3 blocks at least 3 blocks are equal, 17 bits at 8; buckets stay small for a million
# pictures. With one block (the plain pigeonhole) they hold 7 bits, and a thousand pictures each.
_EQUAL_BLOCKS = 3
_BOUNDS = GROUP_BOUNDS | {
    "threshold": (0.3, 1.0),
    "max_distance": (0, 16),
    "min_contrast": (0, 128),
}


def image_signatures(stage: Stage, items: pa.RecordBatch, ranks: pa.RecordBatch) -> pa.RecordBatch:
    """One row of `SIGNATURE` an item, in item order; of equal rights the picture with the most pixels is the best.

    Args:
        stage: whose `min_contrast` and `rotations` apply.
        items: with item_id, source and the facts `pixels_sha256`, `thumbnail`, `width`, `height`.
        ranks: `RANKS` of the same items in the same order.

    Raises:
        StageError: ranks are not those of the items, row by row.
        RecipeError: a setting lies outside its bounds.
    """
    check_bounds(stage, _BOUNDS)
    check_ranks(stage, items, ranks)
    facts = {
        name: pc.struct_field(items.column("facts"), name) for name in ("pixels_sha256", "thumbnail", "width", "height")
    }
    pixels = pc.multiply(*(facts[name].cast(pa.float64()) for name in ("width", "height"))).fill_null(0.0)
    hashes, thumbnails = _hashed(stage, facts["thumbnail"])
    columns = {name: ranks.column(name) for name in RANKS.names} | {
        "source": items.column("source"),
        "exact_sha256": facts["pixels_sha256"],
        "phash": hashes,
        "thumbnail": thumbnails,
        "quality": pixels,
    }
    return pa.RecordBatch.from_arrays([columns[f.name].cast(f.type) for f in SIGNATURE], schema=SIGNATURE)


def _hashed(stage: Stage, thumbnails: pa.Array) -> tuple[pa.Array, pa.Array]:
    """The hash and the thumbnail of each row, both null where there is none or it is flat."""
    rows = np.flatnonzero(thumbnails.is_valid().to_numpy(zero_copy_only=False))
    pictures = _pixels(thumbnails.take(pa.array(rows)))
    good = contrast(pictures) >= max(stage.number("min_contrast"), 1.0)
    rows, pictures = rows[good], pictures[good]
    if stage.settings["rotations"]:
        pictures = upright(pictures)
    at = np.full(len(thumbnails), -1, np.int64)
    at[rows] = np.arange(len(rows))
    places = pa.array(at, mask=at < 0)
    packed = pa.Array.from_buffers(THUMBNAIL, len(rows), [None, pa.py_buffer(np.ascontiguousarray(pictures))])
    return pa.array(phash(pictures), pa.uint64()).take(places), packed.take(places)


def _pixels(thumbnails: pa.Array) -> U8:
    """uint8[n, SIDE, SIDE, 3] of an array without nulls."""
    return np.frombuffer(b"".join(thumbnails.to_pylist()), np.uint8).reshape(-1, SIDE, SIDE, 3)


def contrast(pictures: U8) -> F64:
    """float64[n], grey levels 0..127.5: the standard deviation of the luma; half black, half white is 127.5."""
    luma = (pictures @ _LUMA).reshape(len(pictures), SIDE * SIDE)
    n = SIDE * SIDE
    found: F64 = np.sqrt(n * (luma * luma).sum(axis=1) - luma.sum(axis=1) ** 2) / (1000 * n)
    return found


def _spectrum(pictures: U8) -> I64:
    """int64[n, frequencies, frequencies], down and across: the scaled DCT of the luma."""
    found: I64 = _COSINES @ (pictures @ _LUMA) @ _COSINES.T
    return found


def phash(pictures: U8) -> U64:
    """uint64[n]: the signs of the 64 lowest frequencies but for the mean, the lowest in the highest bit; 1 is positive."""
    spectrum = _spectrum(pictures)
    bits = np.stack([spectrum[:, y, x] > 0 for y, x in _ZIGZAG], axis=1)
    return np.packbits(bits, axis=1).view(">u8").astype(np.uint64).reshape(len(pictures))


def upright(pictures: U8) -> U8:
    """The pictures turned and mirrored so that all eight ways of holding one become the same.

    The stronger slope of brightness goes across, and both slopes rise to the left and to the top.
    """
    slopes = _spectrum(pictures)[:, :2, :2]
    across, down = slopes[:, 0, 1], slopes[:, 1, 0]
    is_turned = np.abs(down) > np.abs(across)
    across, down = np.where(is_turned, down, across), np.where(is_turned, across, down)
    found = _where(is_turned, pictures.transpose(0, 2, 1, 3), pictures)
    found = _where(across < 0, found[:, :, ::-1], found)
    return _where(down < 0, found[:, ::-1], found)


def _where(mask: np.ndarray, changed: U8, pictures: U8) -> U8:
    return np.where(mask[:, None, None, None], changed, pictures)


def masks(max_distance: int) -> list[np.uint64]:
    """The bits that are compared in each band: two hashes at most so many bits apart agree in one of them at least.

    Pigeonhole: so many bits lie in at most as many of the max_distance + 3 blocks, and 3 blocks are left.
    """
    blocks = np.array_split(np.arange(HASH_BITS), max_distance + _EQUAL_BLOCKS)
    values = [sum(1 << int(bit) for bit in block) for block in blocks]
    return [np.uint64(sum(chosen)) for chosen in combinations(values, _EQUAL_BLOCKS)]


def image_chunks(stage: Stage, table: pa.Table, part: int, partitions: int) -> Chunks:
    """The places of one part's pictures in the buckets, as `candidates.CHUNK` batches; flat pictures take none."""
    column = table.column("phash").combine_chunks()
    rows = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))
    hashes = column.fill_null(0).to_numpy()[rows]
    content = first_8_bytes(table.column("exact_sha256"))[rows]

    def bands() -> Iterator[U64]:
        for band, mask in enumerate(masks(int(stage.number("max_distance")))):
            yield mix((hashes & mask) ^ mix(np.full(len(hashes), band + 1, np.uint64)))

    return bucket_chunks(bands(), row_numbers(rows, part), content, partitions)


def verify_images(stage: Stage, pairs: pa.RecordBatch, table: pa.Table, load_texts: LoadTexts) -> pa.RecordBatch:
    """`EDGES` of the pairs whose hashes are near and whose thumbnails are alike enough; nothing is read but the table."""
    a, b = (pairs.column(name).to_numpy() for name in ("a", "b"))
    column = table.column("phash").combine_chunks()
    hashes, is_hashed = column.fill_null(0).to_numpy(), column.is_valid().to_numpy(zero_copy_only=False)
    is_near = np.bitwise_count(hashes[a] ^ hashes[b]) <= stage.number("max_distance")
    near = np.flatnonzero(is_near & is_hashed[a] & is_hashed[b])
    rows, sides = np.unique(np.concatenate([a[near], b[near]]), return_inverse=True)
    pictures = _pixels(table.column("thumbnail").take(pa.array(rows)).combine_chunks())
    thumbnails = pictures.reshape(len(pictures), THUMBNAIL_BYTES)
    similarity = kernels.similarity(thumbnails, sides[: len(near)], sides[len(near) :])
    is_edge = similarity >= stage.number("threshold")
    columns = [a[near][is_edge], b[near][is_edge], similarity[is_edge]]
    return pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=EDGES)


IMAGE_DEDUP = Stage(
    name="dedup.image",
    version=1,
    shape=Shape.GROUP,
    fn=image_signatures,
    parameters=(
        # Chosen on 591 stamps: the most alike that are different pictures (a letter differs) reach 0.55, the next 0.34; slides
        # with one header and other words 0.61 at most. Copies are in docs/image_caption.md.
        ("threshold", 0.6),
        # Chosen on the same: bits of 64 within which lie 96 % of copies at quality 50, 98 % at half the size or brighter
        # by a fifth, 93 % and 82 % cropped by 1 and 2 %.
        ("max_distance", 8),
        # Chosen: grey levels of luma. Pages of text have 15 to 17, thin diagrams 6, and all look the same at this size.
        ("min_contrast", 20),
        # Whether a turned or mirrored picture is a copy. Off: writing, hands and traffic signs mean another thing in a mirror.
        ("rotations", False),
        ("hot_bucket_cap", HOT_BUCKET_CAP),
        ("max_removed_share", MAX_REMOVED_SHARE),
    ),
)


def image_dedup(stage: Stage) -> Dedup:
    """The dedup of pictures under this stage: `IMAGE_DEDUP`, or one with a name and numbers of its own."""
    return Dedup(stage=stage, method="phash", table=SIGNATURE, chunks=image_chunks, verify=verify_images)
