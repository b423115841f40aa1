"""Contact sheets: what became of the pictures of a lane, in a PNG of bounded size."""

import io

import numpy as np
from PIL import Image

from dagster_project.pictures import FATE_ROWS, MOST_FATES, SHEET_COLUMNS, THUMB, Thumb, sheet_of_fates
from pipelines.kernels.thumbnail import SIDE


def thumb(colour, width=300, height=100, caption="A 青 frog"):
    return Thumb(bytes(colour) * (SIDE * SIDE), width, height, caption)


def page(found):
    return np.asarray(Image.open(io.BytesIO(sheet_of_fates(found))))


def test_every_fate_has_its_pictures_in_their_shape():
    shown = page(
        {"kept (2)": [thumb((255, 0, 0)), thumb((0, 255, 0), 100, 300)], "picture_blank (1)": [thumb((0, 0, 255))]}
    )
    assert shown.shape == (2 * (16 + THUMB + 16), SHEET_COLUMNS * THUMB, 3)
    first = shown[16 : 16 + THUMB]
    for colour, where, size in (
        ((255, 0, 0), first, (41, 124)),
        ((0, 255, 0), first, (124, 41)),
        ((0, 0, 255), shown[176:304], (41, 124)),
    ):
        rows, columns = np.nonzero((where == colour).all(axis=2))
        assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == size


def test_the_sheet_is_bounded_whatever_there_is():
    noise = np.random.default_rng(0)
    many = [Thumb(noise.bytes(SIDE * SIDE * 3), 100, 100, "x" * 99) for _ in range(100)]
    png = sheet_of_fates({f"reason_{n} (100)": many for n in range(99)})
    size = Image.open(io.BytesIO(png)).size
    assert size == (SHEET_COLUMNS * THUMB, MOST_FATES * (16 + FATE_ROWS * (THUMB + 16)))
    assert len(png) < 10 << 20
    assert Image.open(io.BytesIO(sheet_of_fates({}))).size[1] == 1
