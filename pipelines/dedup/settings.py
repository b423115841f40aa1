"""The settings of a dedup stage, checked, and those of texts typed."""

from dataclasses import dataclass
from typing import Any

from pipelines.stage import Stage
from schemas.errors import RecipeError


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a recipe may override under `[stage."dedup.text"]`.

    threshold: the least Jaccard similarity of shingles that makes a near-duplicate, 0 < threshold <= 1.
    shingle_words: words a shingle. punctuation: whether marks are words too (not for every stage). permutations: MinHash values a signature.
    min_shingles: a text of fewer distinct shingles is only compared for equality.
    hot_bucket_cap: the most texts of one bucket that are all paired with each other.
    max_removed_share: the share of a source's items that may be removed before the run fails; 1.0 never fails.
    """

    threshold: float
    shingle_words: int
    permutations: int
    min_shingles: int
    hot_bucket_cap: int
    max_removed_share: float
    punctuation: bool = False


# Chosen: where half of a source goes, a boilerplate page or a wrong setting is likelier than that many copies.
MAX_REMOVED_SHARE = 0.5

Bounds = dict[str, tuple[float, float]]
# Inclusive. Chosen: below 0.1 the bands would pair nearly all texts; the others keep arithmetic and memory sane.
GROUP_BOUNDS: Bounds = {"hot_bucket_cap": (2, 10_000), "max_removed_share": (0.0, 1.0)}
_BOUNDS: Bounds = {
    "threshold": (0.1, 1.0),
    "shingle_words": (1, 100),
    "permutations": (16, 1024),
    "min_shingles": (1, 1_000_000),
    **GROUP_BOUNDS,
}


def settings(stage: Stage) -> Settings:
    """The stage's settings.

    Raises:
        RecipeError: a value lies outside its bounds.
    """
    check_bounds(stage, _BOUNDS)
    found: dict[str, Any] = stage.settings
    return Settings(**found)


def check_bounds(stage: Stage, bounds: Bounds) -> None:
    """Refuse a setting that lies outside its bounds, which are inclusive.

    Raises:
        RecipeError: a value lies outside its bounds.
    """
    for name, (least, most) in bounds.items():
        value = stage.number(name)
        if not least <= value <= most:
            raise RecipeError(
                f"stage {stage.name}, {name} = {value}: must lie between {least} and {most}; "
                f'see [stage."{stage.name}"] in the recipe'
            )
