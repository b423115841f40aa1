"""The likeness of thumbnails, against a slow reference, and what it does and does not see."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance

from pipelines.kernels.picture import CELL_CONTRAST, CELL_SHIFT, CELLS, CUTS, TONE_LEVELS, similarity
from pipelines.kernels.thumbnail import SIDE
from tests.split.pictures import scene

SIZE = SIDE // CELLS


def thumbnail(picture):
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def alike(a, b):
    both = np.stack([a, b]).reshape(2, -1)
    return float(similarity(both, np.array([0]), np.array([1]))[0])


def cropped(picture, edges):
    """The picture without its edges (left, right, top, bottom, in 1/256), linear between pixels, in 1/256 of a pixel."""
    ways = []
    for first, last in (edges[:2], edges[2:]):
        start, end = first * SIDE, (256 - last) * SIDE
        at = start + (2 * np.arange(SIDE) + 1) * (end - start) // (2 * SIDE) - 128
        before = np.clip(at >> 8, 0, SIDE - 2)
        ways.append((before, np.clip(at - 256 * before, 0, 256)))
    (x, far), (y, low) = ways
    wide = picture.astype(int)
    across = wide[:, x] * (256 - far)[None, :, None] + wide[:, x + 1] * far[None, :, None]
    down = across[y] * (256 - low)[:, None, None] + across[y + 1] * low[:, None, None]
    return (down + 32768) >> 16


def blurred(picture):
    padded = np.pad(picture.astype(int), ((1, 1), (1, 1), (0, 0)), "edge")
    down = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    return (down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:] + 8) >> 4


def toned(picture, other):
    order = np.sort(other, axis=None)
    curve, rank = np.arange(256), 0
    for level, count in zip(*(found.tolist() for found in np.unique(picture, return_counts=True)), strict=True):
        mean = (2 * order[rank : rank + count].sum() + count) // (2 * count)
        curve[level] = np.clip(mean, level - TONE_LEVELS, level + TONE_LEVELS)
        rank += count
    return curve[picture]


def worst_cell(picture, other):
    one, two = (
        part.reshape(CELLS, SIZE, CELLS, SIZE, 3).swapaxes(1, 2).reshape(CELLS * CELLS, SIZE * SIZE, 3)
        for part in (toned(picture, other), other)
    )
    shift = (one - two).mean(axis=1)
    texture = np.abs(one - two - shift[:, None]).mean(axis=1)
    contrast = np.maximum(np.maximum(one.std(axis=1), two.std(axis=1)), CELL_CONTRAST)
    return np.maximum(np.abs(shift) / CELL_SHIFT, texture / contrast).max()


def worst_fitted(picture, other):
    whole, tried = blurred(other), []
    best, least = [0] * 4, np.inf
    for turn in range(5):
        for cut in CUTS:
            edges = [cut] * 4 if turn == 0 else [cut if edge == turn - 1 else best[edge] for edge in range(4)]
            if turn == 0:
                tried.append(edges)
            total = np.abs(blurred(cropped(toned(picture, other), edges)) - whole).sum()
            if total < least:
                best, least = edges, total
    parts = [blurred(cropped(picture, edges)) for edges in [*tried, best]]
    return min(min(worst_cell(part, whole), worst_cell(whole, part)) for part in parts)


def slow(a, b):
    return max(1 - min(worst_fitted(a, b), worst_fitted(b, a)), 0)


pictures = st.builds(
    lambda seed, levels, shades: (
        np.random.default_rng(seed).integers(levels[0], levels[1] + 1, (SIDE, SIDE, 3)) // shades * shades
    ).astype(np.uint8),
    st.integers(0, 9),
    st.sampled_from([(0, 255), (0, 0), (255, 255), (100, 140), (0, 1)]),
    st.sampled_from([1, 16, 128]),
)

PICTURE = scene(400, 300)
COPIES = {
    "brighter": ImageEnhance.Brightness(PICTURE).enhance(1.15),
    "clipped": ImageEnhance.Brightness(PICTURE).enhance(1.3),
    "flatter": ImageEnhance.Contrast(PICTURE).enhance(0.8),
    "cropped": PICTURE.crop((8, 6, 392, 294)),
    "cropped on one side": PICTURE.crop((12, 0, 400, 300)),
    "half the size": PICTURE.resize((200, 150)),
}


@settings(max_examples=2)
@given(pictures, pictures)
def test_it_is_what_the_slow_reference_says_either_way_round(a, b):
    assert alike(a, b) == alike(b, a) == pytest.approx(slow(a, b), abs=1e-9)


@pytest.mark.parametrize("name", COPIES)
def test_copies_are_alike_as_the_slow_reference_says(name):
    one, other = thumbnail(PICTURE), thumbnail(COPIES[name])
    assert alike(one, other) == alike(other, one) == pytest.approx(slow(one, other), abs=1e-9)
    assert alike(one, other) > 0.7


@given(pictures)
def test_a_picture_is_all_like_itself(picture):
    assert alike(picture, picture) == 1


def test_pairs_are_rows_and_each_is_compared_alone():
    shown = [thumbnail(COPIES["cropped"]), thumbnail(PICTURE), thumbnail(COPIES["clipped"])]
    found = similarity(np.stack(shown).reshape(3, -1), np.array([0, 2, 0]), np.array([1, 0, 0])).tolist()
    assert found == [alike(shown[0], shown[1]), alike(shown[2], shown[0]), 1.0]


def test_the_tone_curve_bends_no_level_too_far():
    grey, dark = np.full((2, SIDE, SIDE, 3), [[[[200]]], [[[200 - TONE_LEVELS - 9]]]], np.uint8)
    assert alike(grey, dark) == 1 - 9 / CELL_SHIFT


def test_a_changed_cell_counts_however_alike_the_rest_is():
    spotted = PICTURE.copy()
    ImageDraw.Draw(spotted).ellipse((180, 130, 220, 170), "white")
    assert alike(thumbnail(PICTURE), thumbnail(spotted)) < 0.4


def test_lines_of_writing_count_beside_strong_contrast():
    slides = [Image.new("RGB", (640, 480), "white") for _ in range(2)]
    for slide, words in zip(slides, ("a river rose in the night", "mills stood"), strict=True):
        ImageDraw.Draw(slide).rectangle((0, 0, 640, 90), "navy")
        for line in range(5):
            ImageDraw.Draw(slide).text((60 + 20 * line, 130 + 60 * line), words, "black", font_size=36)
    assert alike(*map(thumbnail, slides)) < 0.55


def test_a_colour_is_not_hidden_by_the_tone_curve():
    red, green = Image.new("RGB", (90, 60), "white"), Image.new("RGB", (90, 60), "white")
    ImageDraw.Draw(red).rectangle((20, 20, 70, 40), "red")
    ImageDraw.Draw(green).rectangle((20, 20, 70, 40), (0, 255, 0))
    assert alike(thumbnail(red), thumbnail(green)) == 0
