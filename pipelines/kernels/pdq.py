"""PDQ: a perceptual hash of 256 bits by which lists of pictures are exchanged. Here without Arrow and compiler: for the child.

Source: Facebook, "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm", 2019 (hashing.pdf of ThreatExchange).
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

F64: TypeAlias = npt.NDArray[np.float64]

BITS = 256
_SMALL, _FREQUENCIES, _PASSES = (
    64,
    16,
    2,
)  # Source: the same, section "PDQ": 64 x 64 pixels, 16 x 16 frequencies, two passes
# The cosine transform of the lowest frequencies but for the mean. float64[16, 64]
_COSINES: F64 = np.sqrt(2 / _SMALL) * np.cos(
    np.pi / 2 / _SMALL * np.arange(1, _FREQUENCIES + 1)[:, None] * (2 * np.arange(_SMALL)[None, :] + 1)
)


def pdq(luma: F64) -> tuple[bytes, int]:
    """The hash of a picture, 32 bytes of which the first holds the highest bits, as it is written in hex; and its quality, 0..100.

    luma: float64[height, width], 0..255; at least one pixel. Hashes of a quality below 50 say little: the picture is flat.
    """
    small = _shrunk(luma)
    found = _COSINES @ small @ _COSINES.T
    # The median is the lower one of the two in the middle, so that a picture of noise has 128 bits set.
    bits = found > np.partition(found.ravel(), BITS // 2 - 1)[BITS // 2 - 1]
    return np.packbits(bits.ravel()[::-1]).tobytes(), _quality(small)


def _quality(small: F64) -> int:
    """How much detail there is: steps between neighbours in hundredths of the scale, each cut to a whole number."""
    steps = [np.trunc((small[1:] - small[:-1]) * 100 / 255), np.trunc((small[:, 1:] - small[:, :-1]) * 100 / 255)]
    return min(100, int(sum(np.abs(step).sum() for step in steps) / 90))


def _shrunk(luma: F64) -> F64:
    """float64[64, 64]: smoothed, then one pixel of each cell."""
    height, width = luma.shape
    for _ in range(_PASSES):
        luma = _boxed(_boxed(luma, _window(width)).T, _window(height)).T
    rows, columns = (((np.arange(_SMALL) + 0.5) * size / _SMALL).astype(np.int64) for size in (height, width))
    small: F64 = luma[rows[:, None], columns[None, :]]
    return small


def _window(size: int) -> int:
    return (size + 2 * _SMALL - 1) // (2 * _SMALL)


def _boxed(values: F64, window: int) -> F64:
    """Each value along the last axis becomes the mean of those in a window around it, as far as they are inside."""
    size = values.shape[1]
    ahead = (window + 2) // 2  # how many of the window lie at or behind a value
    sums = np.cumsum(values, axis=1)
    sums = np.concatenate([np.zeros((len(values), 1)), sums], axis=1)
    at = np.arange(size)
    end, start = np.minimum(at + ahead, size), np.maximum(at + ahead - window, 0)
    found: F64 = (sums[:, end] - sums[:, start]) / (end - start)
    return found
