"""What a classifier says of whole texts: the mean and the peak over their windows."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.models.fasttext import scores
from pipelines.models.view import window_lines

F64 = npt.NDArray[np.float64]


class Found(NamedTuple):
    """Probabilities of labels, 0..1, rounded to 0.001; NaN for a text without windows (null or empty)."""

    mean: F64  # [texts, labels]: over the windows of a text, so that one line does not condemn a book
    peak: F64  # [texts, labels]: of the window that has most


def classify(path: Path, texts: pa.Array, *, name: str, labels: Sequence[str]) -> Found:
    """The probabilities of these labels for each text, by the model in a file, in the view of the task `name`."""
    lines, rows = window_lines(texts, name=name)
    of_windows = scores(path, lines.to_pylist(), labels)
    counts = np.bincount(rows, minlength=len(texts))
    mean, peak = (np.zeros((len(texts), len(labels))) for _ in range(2))
    np.add.at(mean, rows, of_windows)
    np.maximum.at(peak, rows, of_windows)
    mean /= np.maximum(counts, 1)[:, None]
    for values in (mean, peak):
        values[counts == 0] = np.nan
    return Found(np.round(mean, 3), np.round(peak, 3))
