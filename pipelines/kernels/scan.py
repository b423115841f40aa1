"""What every compiled scan of text stands on: code points of UTF-8, and a hash's finish.

Numba keeps what it compiled by the file of the caller and does not see a change here: both functions are fixed by their sources, so none is
expected; after one, delete `pipelines/kernels/__pycache__`.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
from numba import njit

U8 = npt.NDArray[np.uint8]

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """The function as machine code, made at its first call and kept on disk; holds no lock while it runs."""
    return cast(Function, njit(cache=True, nogil=True)(function))


@compiled
def decode(data: U8, i: int, end: int) -> tuple[int, int]:
    """The code point at byte i and the byte after it; a sequence cut by `end` gives U+FFFD. Source: RFC 3629, section 3."""
    first = int(data[i])
    if first < 0x80:
        return first, i + 1
    length = 2 if first < 0xE0 else (3 if first < 0xF0 else 4)
    if i + length > end or first < 0xC0:
        return 0xFFFD, i + 1
    point = first & (0x7F >> length)
    for k in range(1, length):
        point = (point << 6) | (int(data[i + k]) & 0x3F)
    return min(point, 0x10FFFF), i + length


@compiled
def mix64(h: np.uint64) -> np.uint64:
    """A bijection that spreads every bit. Source: Appleby, MurmurHash3.cpp, fmix64 (public domain)."""
    h ^= h >> np.uint64(33)
    h *= np.uint64(0xFF51AFD7ED558CCD)
    h ^= h >> np.uint64(33)
    h *= np.uint64(0xC4CEB9FE1A85EC53)
    return h ^ (h >> np.uint64(33))
