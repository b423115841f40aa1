"""Which languages a source wants, and how sure the detector must be. Without a list every language is wanted."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.stage import Shape, Stage, decisions
from schemas.decision import Verdict
from schemas.errors import RecipeError
from schemas.reasons import Reason


def judge_language(stage: Stage, items: pa.RecordBatch, signals: pa.RecordBatch) -> pa.RecordBatch:
    """One decision a row: `drop` below `min_confidence`, else where the language is none of `languages`.

    `min_confidence_of`: "de=0.65" and the like, for languages that need another. An undecided (null) language meets all, as
    every null signal does. `detail` of `language_not_wanted` is the language.
    """
    language, confidence = signals.column("language"), signals.column("language_confidence")
    wanted = stage.settings["languages"]
    found = decisions(items.column("item_id"), stage.name)
    values = confidence.to_numpy(zero_copy_only=False).astype(object)
    own = _own(stage)
    at = pc.index_in(language, value_set=pa.array(list(own), pa.string()))
    least = pc.coalesce(pa.array(list(own.values()), pa.float64()).take(at), pa.scalar(stage.number("min_confidence")))
    found.set(
        _true(pc.less(confidence, least)), Verdict.DROP, Reason.LANGUAGE_UNCERTAIN,
        signal="language_confidence", value=values, threshold=least.to_numpy(zero_copy_only=False).astype(object),
    )  # fmt: skip
    if wanted:
        is_wanted = pc.is_in(language, value_set=pa.array(wanted, pa.string()))
        found.set(
            _true(pc.and_(language.is_valid(), pc.invert(is_wanted))), Verdict.DROP, Reason.LANGUAGE_NOT_WANTED,
            signal="language", detail=language.to_numpy(zero_copy_only=False),
        )  # fmt: skip
    return found.batch()


def check_language(stage: Stage) -> None:
    """Nothing, if every `min_confidence_of` is a language and a number of 0 to 1.

    Raises:
        RecipeError: one is not, or a language has two.
    """
    entries = stage.settings["min_confidence_of"]
    assert isinstance(entries, tuple)
    try:
        good = all(0 <= least <= 1 for least in _own(stage).values()) and len(_own(stage)) == len(entries)
    except ValueError:
        good = False
    if not good:
        raise RecipeError(
            f'stage {stage.name}: min_confidence_of must be like ["de=0.65"], each language once, 0 to 1; is {list(entries)}'
        )


def _own(stage: Stage) -> dict[str, float]:
    """Language -> its own least confidence; raises ValueError for an entry that is none."""
    entries = stage.settings["min_confidence_of"]
    assert isinstance(entries, tuple)
    pairs = [entry.partition("=") for entry in entries]
    return {language.strip(): float(least) for language, _, least in pairs}


def _true(mask: pa.Array) -> np.ndarray:
    return mask.fill_null(False).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


LANGUAGE_WANTED = Stage(
    name="language",
    version=3,
    shape=Shape.JUDGE,
    fn=judge_language,
    parameters=(
        ("languages", ()),
        # Chosen: lid.176 gives 8 % of the UDHR sentences it gets right less than 0.5, most of them in small languages;
        # they would go first. Raise it where one language must be pure.
        ("min_confidence", 0.0),
        ("min_confidence_of", ()),
    ),
    check=check_language,
)
