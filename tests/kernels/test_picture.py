"""The worst difference of thumbnails, against a slow reference, and what it does and does not see."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance

from pipelines.kernels.picture import CELLS, TONE_LEVELS, ZOOMS, worst_difference
from pipelines.kernels.thumbnail import SIDE
from tests.split.pictures import scene

PIXEL = np.arange(SIDE)


def thumbnail(picture):
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def difference(a, b):
    both = np.stack([a, b]).reshape(2, -1)
    return float(worst_difference(both, np.array([0]), np.array([1]))[0])


def zoomed(picture, share):
    """The picture between share and 1 - share, linear between pixels, in 1/256 of a pixel."""
    at = share * SIDE + (PIXEL + 0.5) * (1 - 2 * share) - 0.5
    before = np.clip(np.floor(at), 0, SIDE - 2).astype(int)
    behind = np.rint(256 * np.clip(at - before, 0, 1)).astype(int)
    wide = picture.astype(int)
    across = wide[:, before] * (256 - behind)[None, :, None] + wide[:, before + 1] * behind[None, :, None]
    down = across[before] * (256 - behind)[:, None, None] + across[before + 1] * behind[:, None, None]
    return (down + 32768) >> 16


def blurred(picture):
    padded = np.pad(picture.astype(int), ((1, 1), (1, 1), (0, 0)), "edge")
    down = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    return (down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:] + 8) >> 4


def toned(picture, other):
    order = np.sort(other, axis=None)
    curve, rank = np.arange(256), 0
    for level, count in zip(*np.unique(picture, return_counts=True), strict=True):
        mean = (2 * order[rank : rank + count].sum() + count) // (2 * count)
        curve[level] = np.clip(mean, level - TONE_LEVELS, level + TONE_LEVELS)
        rank += count
    return curve[picture]


def worst_cell(picture, other):
    size = SIDE // CELLS
    cells = np.abs(toned(picture, other) - other).reshape(CELLS, size, CELLS, size, 3)
    return cells.mean(axis=(1, 3)).max()


def slow(a, b):
    pairs = [(blurred(a), blurred(b))]
    for share in ZOOMS:
        pairs += [(blurred(zoomed(a, share)), blurred(b)), (blurred(zoomed(b, share)), blurred(a))]
    return min(min(worst_cell(one, two), worst_cell(two, one)) for one, two in pairs)


pictures = st.builds(
    lambda seed, levels, shades: (
        np.random.default_rng(seed).integers(levels[0], levels[1] + 1, (SIDE, SIDE, 3)) // shades * shades
    ).astype(np.uint8),
    st.integers(0, 9),
    st.sampled_from([(0, 255), (0, 0), (255, 255), (100, 140), (0, 1)]),
    st.sampled_from([1, 16, 128]),
)


@settings(max_examples=8)
@given(pictures, pictures)
def test_it_is_what_the_slow_reference_says_either_way_round(a, b):
    assert difference(a, b) == difference(b, a) == slow(a, b)


def test_either_picture_may_be_the_one_that_is_seen_through_the_tone_curve():
    picture = scene(400, 300)
    clipped = thumbnail(ImageEnhance.Brightness(picture).enhance(1.25))
    found = [
        worst_cell(*pair)
        for pair in ((blurred(thumbnail(picture)), blurred(clipped)), (blurred(clipped), blurred(thumbnail(picture))))
    ]
    assert found[0] != found[1]
    assert difference(thumbnail(picture), clipped) == slow(thumbnail(picture), clipped) == min(found)
    assert difference(clipped, thumbnail(picture)) == min(found)


def test_the_tone_curve_bends_no_level_too_far():
    grey, dark = np.full((2, SIDE, SIDE, 3), [[[[200]]], [[[200 - TONE_LEVELS - 9]]]], np.uint8)
    assert difference(grey, dark) == 9
    assert TONE_LEVELS == 64


@given(pictures)
def test_a_picture_does_not_differ_from_itself(picture):
    assert difference(picture, picture) == 0


def test_pairs_are_rows_and_each_is_compared_alone():
    thumbnails = np.stack([thumbnail(scene(seed=seed)) for seed in range(3)]).reshape(3, -1)
    left, right = np.array([0, 2, 0]), np.array([1, 0, 0])
    found = worst_difference(thumbnails, left, right).tolist()
    shaped = thumbnails.reshape(3, SIDE, SIDE, 3)
    assert found == [difference(shaped[0], shaped[1]), difference(shaped[2], shaped[0]), 0.0]


def test_brightness_contrast_and_a_crop_count_for_little_and_one_changed_cell_for_much():
    picture = scene(400, 300)
    spotted = picture.copy()
    ImageDraw.Draw(spotted).ellipse((180, 130, 220, 170), "white")
    copies = [
        ImageEnhance.Brightness(picture).enhance(1.15),
        ImageEnhance.Contrast(picture).enhance(0.8),
        picture.crop((8, 6, 392, 294)),
        picture.resize((100, 75)),
    ]
    found = [difference(thumbnail(picture), thumbnail(copy)) for copy in copies]
    assert max(found) < 6
    assert difference(thumbnail(picture), thumbnail(spotted)) > 30


def test_a_colour_is_not_hidden_by_the_tone_curve():
    red, green = Image.new("RGB", (90, 60), "white"), Image.new("RGB", (90, 60), "white")
    ImageDraw.Draw(red).rectangle((20, 20, 70, 40), "red")
    ImageDraw.Draw(green).rectangle((20, 20, 70, 40), (0, 255, 0))
    assert difference(thumbnail(red), thumbnail(green)) > 200
