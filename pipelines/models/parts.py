"""Which texts are trained on and which are kept for figures: near copies always go together.

A copy in the test part of what was trained on is a question whose answer was told: it makes every figure better than it is.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.kernels.minhash import jaccard, minhash, normalise, shingles
from pipelines.models.frames import PARTS
from schemas.digest import sha256

PERMUTATIONS, ROWS = 126, 3  # 42 bands: texts that share half of their words meet in one with probability 0.996
SIMILAR = 0.5  # exact Jaccard similarity of their words, digits alike


def parts(views: pa.Array) -> list[str]:
    """train, validation or test for each text (in its view, large_string[n]); which, depends on the texts alone."""
    groups = components(views)
    names = [sha256(text.encode()) for text in views.to_pylist()]
    least: dict[int, bytes] = {}
    for group, name in zip(groups.tolist(), names, strict=True):
        least[group] = min(least.get(group, name), name)
    return [PARTS[int.from_bytes(least[group][:8], "big") % len(PARTS)] for group in groups.tolist()]


def components(views: pa.Array) -> npt.NDArray[np.int64]:
    """int64[n]: the number of the group of near copies that each text is in, the place of its first member."""
    hashes = shingles(normalise(views), 1)
    signatures = minhash(hashes, PERMUTATIONS)
    parent = np.arange(len(views))
    for band in range(0, PERMUTATIONS, ROWS):
        keys = np.ascontiguousarray(signatures[:, band : band + ROWS]).view(np.dtype((np.void, 4 * ROWS))).ravel()
        order = np.argsort(keys, kind="stable")
        together = np.flatnonzero(keys[order][1:] == keys[order][:-1])
        left, right = order[together], order[together + 1]
        alike = jaccard(hashes, left, right) >= SIMILAR
        for one, other in zip(left[alike].tolist(), right[alike].tolist(), strict=True):
            _join(parent, one, other)
    return np.array([_root(parent, n) for n in range(len(views))], np.int64)


def _root(parent: npt.NDArray[np.int64], n: int) -> int:
    while parent[n] != n:
        parent[n] = parent[parent[n]]
        n = int(parent[n])
    return n


def _join(parent: npt.NDArray[np.int64], one: int, other: int) -> None:
    first, second = sorted((_root(parent, one), _root(parent, other)))
    parent[second] = first
