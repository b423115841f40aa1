"""How much two thumbnails differ at their worst place, compiled; in integers, so that every machine finds the same."""

import numpy as np

from pipelines.kernels.minhash import F64, I64, U8, compiled
from pipelines.kernels.thumbnail import SIDE

# A thumbnail is compared in CELLS x CELLS cells: what differs in one of them must not drown in what is equal elsewhere.
CELLS = 8
# Chosen: what a copy may be cropped by, as a share of its side, at each end.
ZOOMS = (0.01, 0.02, 0.03, 0.05)
# Chosen: a brighter or darker copy moves no grey level further (a factor of 1.25 moves white by 64).
TONE_LEVELS = 64


def worst_difference(thumbnails: U8, left: I64, right: I64) -> F64:
    """float64[pairs], grey levels 0..255: the largest mean difference of any cell and colour, where they fit best.

    One picture may be zoomed by one of ZOOMS, both are blurred a little, and the levels of one are mapped onto the other's by
    one rising curve for all colours. So crops, brightness and encodings count for little; a colour or a letter does not.

    Args:
        thumbnails: uint8[n, THUMBNAIL_BYTES].
        left: rows of `thumbnails`, int64[pairs].
        right: likewise.
    """
    middle = np.arange(SIDE) + 0.5
    at = np.array([share * SIDE + middle * (1 - 2 * share) for share in ZOOMS]) - 0.5
    before = np.clip(np.floor(at), 0, SIDE - 2).astype(np.int64)
    behind = np.rint(256 * np.clip(at - before, 0, 1)).astype(np.int64)
    worst = np.empty(len(left), np.int64)
    _worst(np.ascontiguousarray(thumbnails), left, right, before, behind, worst)
    return worst / (SIDE // CELLS) ** 2


@compiled
def _worst(thumbnails: U8, left: I64, right: I64, before: I64, behind: I64, worst: I64) -> None:
    size = thumbnails.shape[1]
    zoomed, across, whole = np.empty(size, np.int64), np.empty(size, np.int64), np.empty((2, size), np.int64)
    for pair in range(len(left)):
        sides = (left[pair], right[pair])
        for side in range(2):
            whole[side] = thumbnails[sides[side]]
            _blur(whole[side], across)
        worst[pair] = min(_worst_cell(whole[0], whole[1]), _worst_cell(whole[1], whole[0]))
        for zoom in range(len(before)):
            for side in range(2):
                _zoomed(thumbnails[sides[side]], before[zoom], behind[zoom], zoomed)
                _blur(zoomed, across)
                other = whole[1 - side]
                worst[pair] = min(worst[pair], _worst_cell(zoomed, other), _worst_cell(other, zoomed))


@compiled
def _zoomed(picture: U8, before: I64, behind: I64, found: I64) -> None:
    """The picture at places that lie `behind`/256 of a pixel behind `before`, both ways, linear between pixels."""
    for y in range(SIDE):
        low = behind[y]
        for x in range(SIDE):
            far = behind[x]
            for colour in range(3):
                at = (before[y] * SIDE + before[x]) * 3 + colour
                upper = picture[at] * (256 - far) + picture[at + 3] * far
                lower = picture[at + SIDE * 3] * (256 - far) + picture[at + SIDE * 3 + 3] * far
                found[(y * SIDE + x) * 3 + colour] = (upper * (256 - low) + lower * low + 32768) >> 16


@compiled
def _blur(picture: I64, across: I64) -> None:
    """Each value becomes the mean of it, twice, and its neighbours, each way; the border repeats."""
    row = SIDE * 3
    for y in range(SIDE):
        start, end = y * row, y * row + row
        for at in range(start, end):
            near, far = max(at - 3, start + (at - start) % 3), min(at + 3, end - 3 + (at - start) % 3)
            across[at] = picture[near] + 2 * picture[at] + picture[far]
    for y in range(SIDE):
        above, below = (max(y - 1, 0) - y) * row, (min(y + 1, SIDE - 1) - y) * row
        for at in range(y * row, y * row + row):
            picture[at] = (across[at + above] + 2 * across[at] + across[at + below] + 8) >> 4


@compiled
def _worst_cell(picture: I64, other: I64) -> int:
    """The largest sum of differences of a cell and colour, the picture seen through its tone curve."""
    curve = _tone_curve(picture, other)
    size, worst = SIDE // CELLS, 0
    for cell in range(CELLS * CELLS):
        top, near = cell // CELLS * size, cell % CELLS * size
        for colour in range(3):
            total = 0
            for y in range(top, top + size):
                for x in range(near, near + size):
                    at = (y * SIDE + x) * 3 + colour
                    total += abs(curve[picture[at]] - other[at])
            worst = max(worst, total)
    return worst


@compiled
def _tone_curve(picture: I64, other: I64) -> I64:
    """int64[256]: the mean of the other's values that have the ranks of this level, at most TONE_LEVELS away."""
    levels, others = np.zeros(256, np.int64), np.zeros(256, np.int64)
    for at in range(len(picture)):
        levels[picture[at]] += 1
        others[other[at]] += 1
    curve = np.arange(256)
    value = 0
    for level in range(256):
        count, total = levels[level], 0
        while count > 0:
            part = min(count, others[value])
            total += part * value
            count -= part
            others[value] -= part
            if others[value] == 0 and value < 255:
                value += 1
        if levels[level]:
            mean = (2 * total + levels[level]) // (2 * levels[level])
            curve[level] = min(max(mean, level - TONE_LEVELS), level + TONE_LEVELS)
    return curve
