"""Policies: which opt-outs count and which licences a corpus may hold. A policy is part of the recipe."""

from dataclasses import dataclass

from pipelines.rights.spdx import LicenceClass
from schemas.errors import RecipeError
from schemas.rights import Usage

# Search alone is left out: a corpus is no search engine, and `noindex` says nothing about training.
COUNTED = (Usage.TRAIN_AI, Usage.TDM, Usage.ALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What an item must show. Opt-outs about `usages` drop it under every policy, whatever its licence.

    `allowed`: the classes a licence may have. `unknown` among them keeps items without a licence.
    """

    name: str
    allowed: tuple[LicenceClass, ...]
    usages: tuple[Usage, ...] = COUNTED


PRESETS = (
    Policy(name="public_domain", allowed=(LicenceClass.PUBLIC_DOMAIN,)),
    Policy(name="permissive", allowed=(LicenceClass.PUBLIC_DOMAIN, LicenceClass.PERMISSIVE)),
    Policy(
        name="open_sharealike",
        allowed=(LicenceClass.PUBLIC_DOMAIN, LicenceClass.PERMISSIVE, LicenceClass.SHAREALIKE),
    ),
    # Does not look at licences at all: it rests on the text and data mining exception, which a reservation ends and a
    # licence (or its lack) does not touch. CC-BY-NC and pages without a licence are kept.
    Policy(name="opt_out_respected", allowed=tuple(LicenceClass)),
)


def policy(name: str) -> Policy:
    """The preset of this name.

    Raises:
        RecipeError: there is none; the text lists those there are.
    """
    for preset in PRESETS:
        if preset.name == name:
            return preset
    raise RecipeError(f"policy {name!r} is unknown; choose one of: {', '.join(preset.name for preset in PRESETS)}")
