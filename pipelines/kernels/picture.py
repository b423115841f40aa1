"""How alike two thumbnails are at their worst place, compiled; in integers until the last division, so that machines agree."""

import numpy as np

from pipelines.kernels.minhash import F64, I64
from pipelines.kernels.scan import U8, compiled
from pipelines.kernels.thumbnail import SIDE

# A thumbnail is compared in CELLS x CELLS cells: what differs in one of them must not drown in what is equal elsewhere.
CELLS = 8
# Chosen: what a copy may be cropped by at each edge, in 1/256 of its side: up to 5 %, in steps that a thumbnail can tell apart.
CUTS = (0, 2, 4, 6, 8, 10, 12)
# Chosen: a brighter or darker copy moves no grey level further (a factor of 1.25 moves white by 64).
TONE_LEVELS = 64
# Chosen, in grey levels: what makes a cell another one is a mean so far away, or a texture that differs by as much as the
# cell has contrast; contrast below this is what encoders add and lose.
CELL_SHIFT, CELL_CONTRAST = 60, 16


def similarity(thumbnails: U8, left: I64, right: I64) -> F64:
    """float64[pairs], 0..1: 1 less the flaw of the worst cell and colour, where the two fit best; 0.0 for any flaw above 1.

    The flaw of a cell is the larger of how far its mean is off, in CELL_SHIFT, and how much the rest of it differs on average,
    in its own contrast (at least CELL_CONTRAST). To fit, either picture may be cropped by CUTS, evenly or edge by edge, and the
    levels of one are mapped onto the other's by one rising curve for all colours; both are blurred a little. So brightness,
    crops and encodings count for little; a colour or a letter does not.

    Args:
        thumbnails: uint8[n, THUMBNAIL_BYTES].
        left: rows of `thumbnails`, int64[pairs].
        right: likewise.
    """
    worst = np.empty(len(left), np.float64)
    _worst(np.ascontiguousarray(thumbnails), left, right, np.array(CUTS), worst)
    return np.maximum(1.0 - worst, 0.0)


@compiled
def _worst(thumbnails: U8, left: I64, right: I64, cuts: I64, worst: F64) -> None:
    for pair in range(len(left)):
        one, other = thumbnails[left[pair]].astype(np.int64), thumbnails[right[pair]].astype(np.int64)
        worst[pair] = min(_worst_fitted(one, other, cuts), _worst_fitted(other, one, cuts))


@compiled
def _worst_fitted(picture: I64, other: I64, cuts: I64) -> float:
    """The least `_worst_toned` of the other and the picture, this cropped evenly, or edge by edge as fits best on the whole."""
    cropped, across, whole = np.empty_like(picture), np.empty_like(picture), other.copy()
    toned, edges, best = _tone_curve(picture, other)[picture], np.zeros(4, np.int64), np.zeros(4, np.int64)
    _blur(whole, across)
    worst, least = np.inf, 1 << 62
    for step in range(5 * len(cuts)):
        turn, cut = step // len(cuts), cuts[step % len(cuts)]
        edges[:] = best
        if turn == 0:
            edges[:] = cut
            _crop(picture, edges, cropped)
            _blur(cropped, across)
            worst = min(worst, _worst_toned(cropped, whole))
        else:
            edges[turn - 1] = cut
        _crop(toned, edges, cropped)
        _blur(cropped, across)
        total = np.abs(cropped - whole).sum()
        if total < least:
            least = total
            best[:] = edges
    _crop(picture, best, cropped)
    _blur(cropped, across)
    return min(worst, _worst_toned(cropped, whole))


@compiled
def _worst_toned(picture: I64, other: I64) -> float:
    """The smaller `_worst_cell` of the two, one of them seen through the tone curve to the other."""
    there, back = _tone_curve(picture, other), _tone_curve(other, picture)
    return min(_worst_cell(there[picture], other), _worst_cell(back[other], picture))


@compiled
def _crop(picture: I64, edges: I64, found: I64) -> None:
    """The picture without its edges, of SIDE pixels again, linear between pixels."""
    before, behind = np.empty((2, SIDE), np.int64), np.empty((2, SIDE), np.int64)
    for way in range(2):
        start, end = edges[2 * way] * SIDE, (256 - edges[2 * way + 1]) * SIDE  # in 1/256 pixel
        for at in range(SIDE):
            place = start + (2 * at + 1) * (end - start) // (2 * SIDE) - 128
            before[way, at] = min(max(place >> 8, 0), SIDE - 2)
            behind[way, at] = min(max(place - 256 * before[way, at], 0), 256)
    for y in range(SIDE):
        low = behind[1, y]
        for x in range(SIDE):
            far = behind[0, x]
            for colour in range(3):
                at = (before[1, y] * SIDE + before[0, x]) * 3 + colour
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
def _worst_cell(picture: I64, other: I64) -> float:
    """The largest flaw of a cell and colour."""
    worst = 0.0
    for cell in range(CELLS * CELLS * 3):
        worst = max(worst, _flaw(picture, other, cell // 3, cell % 3))
    return worst


@compiled
def _flaw(picture: I64, other: I64, cell: int, colour: int) -> float:
    size = SIDE // CELLS
    n, start = size * size, (cell // CELLS * size * SIDE + cell % CELLS * size) * 3 + colour
    ours, theirs, our_squares, their_squares, apart = 0, 0, 0, 0, 0
    for y in range(size):
        for at in range(start + y * SIDE * 3, start + (y * SIDE + size) * 3, 3):
            ours, our_squares = ours + picture[at], our_squares + picture[at] ** 2
            theirs, their_squares = theirs + other[at], their_squares + other[at] ** 2
    for y in range(size):
        for at in range(start + y * SIDE * 3, start + (y * SIDE + size) * 3, 3):
            apart += abs(n * (picture[at] - other[at]) - (ours - theirs))
    contrast = np.sqrt(max(n * our_squares - ours**2, n * their_squares - theirs**2)) / n
    return float(max(abs(ours - theirs) / n / CELL_SHIFT, apart / n**2 / max(contrast, CELL_CONTRAST)))


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
