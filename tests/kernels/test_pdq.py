"""PDQ: the published hash of a picture that can be made anew, and what the spec says of hashes."""

import numpy as np
import pytest

from pipelines.kernels.pdq import pdq


def smooth(height, width, seed=0):
    """A luma with a lot in it that is not fine."""
    noise = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / np.array([height, width])[:, None, None]
    waves = noise.normal(size=(60, 2)) * 12
    found = sum(np.sin(a * y + b * x + n) for n, (a, b) in enumerate(waves))
    return 255 * (found - found.min()) / np.ptp(found)


def apart(one, other):
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


def slow(luma):
    """The hash by the letter of the paper: loops, and a window that is counted value by value."""

    def box(row, window):
        ahead = (window + 2) // 2
        return [np.mean(row[max(at + ahead - window, 0) : min(at + ahead, len(row))]) for at in range(len(row))]

    height, width = luma.shape
    for _ in range(2):
        luma = np.array([box(row, (width + 127) // 128) for row in luma])
        luma = np.array([box(column, (height + 127) // 128) for column in luma.T]).T
    small = np.array(
        [[luma[int((i + 0.5) * height / 64), int((j + 0.5) * width / 64)] for j in range(64)] for i in range(64)]
    )
    cosines = np.array(
        [[np.sqrt(2 / 64) * np.cos(np.pi / 128 * i * (2 * j + 1)) for j in range(64)] for i in range(1, 17)]
    )
    values = (cosines @ small @ cosines.T).ravel()
    return sum(1 << at for at, value in enumerate(values) if value > sorted(values)[127])


@pytest.mark.parametrize(("height", "width"), [(64, 64), (200, 300), (131, 77)])
def test_the_hash_is_that_of_the_paper(height, width):
    luma = smooth(height, width)
    found, quality = pdq(luma)
    assert int.from_bytes(found) == slow(luma)
    assert (found.hex().__len__(), int.from_bytes(found).bit_count(), quality) == (64, 128, 100)


def test_a_smaller_darker_copy_is_near_and_another_picture_is_not():
    luma = smooth(400, 600)
    hashes = [pdq(one)[0] for one in (luma, luma[::2, ::2], luma * 0.8, smooth(400, 600, seed=1))]
    assert [apart(hashes[0], other) <= 31 for other in hashes] == [True, True, True, False]


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (3, 5)])
def test_flat_and_tiny_pictures_have_no_quality(shape):
    assert pdq(np.full(shape, 200.0))[1] == 0
