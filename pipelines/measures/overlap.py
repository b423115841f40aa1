"""What items share with the evaluation sets and protected works that a recipe names.

    [stage."measure.overlap"]
    evaluation_sets = ["evals/gsm8k.jsonl", "evals/HumanEval.jsonl.gz"]
    protected_works = ["works"]

Off without them: every signal is null. What a set is, and what counts as shared: `pipelines.dedup.sets`, `pipelines.dedup.overlap`.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

from pipelines.dedup.overlap import NGRAM, Hit, Sets, batch_overlaps, known_sets
from pipelines.dedup.sets import entries, set_digest, set_files
from pipelines.stage import Shape, Stage
from schemas.errors import InputError, RecipeError

EVALUATION, PROTECTED = "evaluation_sets", "protected_works"
NGRAMS = (5, 1000)  # Chosen: fewer words stand in any text; a run of more is no n-gram
HITS_NAMED = 5  # Chosen: enough to see what is wrong

_SIGNALS = pa.struct(
    [
        ("evaluation_entries", pa.int32()),
        ("evaluation_overlap", pa.string()),
        ("protected_words", pa.int32()),
        ("protected_share", pa.float64()),
        ("protected_overlap", pa.string()),
    ]
)


def measure_overlap(stage: Stage, items: pa.RecordBatch) -> pa.StructArray:
    """What each text shares with the sets.

    evaluation_entries: int32, entries of evaluation sets found in it. protected_words: int32, words of the longest run shared with a
    work. protected_share: double 0..1, characters of the text that lie in such runs. Null where no sets are named, and without text.
    evaluation_overlap, protected_overlap: string, the first hits by set, entry, words and place (characters, from and up to); null
    where there is none.
    """
    texts = items.column("text")
    rows: list[dict[str, object]] = [{} for _ in range(len(items))]
    for setting in (EVALUATION, PROTECTED):
        sets = _sets(setting, _names(stage, setting), stage.base, stage.files, int(stage.number("ngram")))
        if sets is None:
            continue
        for row, (text, hits) in enumerate(zip(texts.to_pylist(), batch_overlaps(sets, texts), strict=True)):
            if text is not None:
                rows[row] |= _evaluation(hits) if setting == EVALUATION else _protected(hits, len(text))
    return pa.array(rows, _SIGNALS)


def _evaluation(hits: Sequence[Hit]) -> dict[str, object]:
    return {"evaluation_entries": len({(hit.set, hit.item) for hit in hits}), "evaluation_overlap": _told(hits)}


def _protected(hits: Sequence[Hit], characters: int) -> dict[str, object]:
    covered, reach = 0, 0
    for first, last in sorted(hit.place for hit in hits):
        covered += max(0, last - max(first, reach))
        reach = max(reach, last)
    return {
        "protected_words": max((hit.length for hit in hits), default=0),
        "protected_share": covered / max(1, characters),
        "protected_overlap": _told(hits),
    }


def _told(hits: Sequence[Hit]) -> str | None:
    named = [f"{hit.set} {hit.item}: {hit.length} words at {hit.place[0]}-{hit.place[1]}" for hit in hits[:HITS_NAMED]]
    more = [f"{len(hits) - HITS_NAMED} more"] if len(hits) > HITS_NAMED else []
    return "; ".join(named + more) or None


def _names(stage: Stage, setting: str) -> tuple[str, ...]:
    values = stage.settings[setting]
    assert isinstance(values, tuple)
    return values


@lru_cache(maxsize=4)
def _sets(
    setting: str, names: tuple[str, ...], base: Path, files: tuple[tuple[str, str], ...], ngram: int
) -> Sets | None:
    """The sets of a setting, indexed; null where it names none. Raises RecipeError where they are no longer what the recipe read."""
    if not names:
        return None
    if not set(_digests(setting, names, base)) <= set(files):
        raise RecipeError(f"stage measure.overlap: {setting} have changed since the recipe was read; run it again")
    return known_sets(entries(set_files(names, base)), ngram)


def _digests(setting: str, names: tuple[str, ...], base: Path) -> list[tuple[str, str]]:
    try:
        return [
            (f"{setting} {file.set} {file.item or ''}".strip(), set_digest(file)) for file in set_files(names, base)
        ]
    except InputError as error:
        raise RecipeError(f"stage measure.overlap, {setting}: {error}") from error


def find_sets(stage: Stage, base: Path) -> tuple[tuple[str, str], ...]:
    """The files of the sets that the settings name, with their digests, after a look at their entries.

    Raises:
        RecipeError: one is not there, cannot be read, or is no set.
    """
    found: list[tuple[str, str]] = []
    for setting in (EVALUATION, PROTECTED):
        if names := _names(stage, setting):
            found += _digests(setting, names, base)
            try:
                entries(set_files(names, base))
            except InputError as error:
                raise RecipeError(f"stage measure.overlap, {setting}: {error}") from error
    return tuple(found)


def check_ngram(stage: Stage) -> None:
    """Raises RecipeError for a run of words that is too short to say anything, or no n-gram."""
    if not NGRAMS[0] <= stage.number("ngram") <= NGRAMS[1]:
        raise RecipeError(
            f"stage {stage.name}: ngram must be from {NGRAMS[0]} to {NGRAMS[1]}, is {stage.settings['ngram']}"
        )


OVERLAP_MEASURE = Stage(
    name="measure.overlap",
    version=1,
    shape=Shape.MEASURE,
    fn=measure_overlap,
    parameters=((EVALUATION, ()), (PROTECTED, ()), ("ngram", NGRAM)),
    signals=tuple(field.name for field in _SIGNALS),
    check=check_ngram,
    find_files=find_sets,
)
