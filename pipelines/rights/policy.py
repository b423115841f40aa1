"""Policies: which opt-outs count and which licences a corpus may hold. A policy is part of the recipe."""

from dataclasses import dataclass, replace

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


UNKNOWN = {
    "keep": "+unknown",
    "drop": "-unknown",
}  # what a recipe may say of unknown licences, and the end of the policy's name


def policy(name: str) -> Policy:
    """The preset of this name; `permissive+unknown` also keeps items of unknown licence, `opt_out_respected-unknown` drops them.

    Raises:
        RecipeError: there is none; the text lists those there are.
    """
    for preset in PRESETS:
        rest = tuple(one for one in preset.allowed if one is not LicenceClass.UNKNOWN)
        if name == preset.name:
            return preset
        if name == preset.name + UNKNOWN["keep"]:
            return replace(preset, name=name, allowed=(*rest, LicenceClass.UNKNOWN))
        if name == preset.name + UNKNOWN["drop"]:
            return replace(preset, name=name, allowed=rest)
    raise RecipeError(f"policy {name!r} is unknown; choose one of: {', '.join(preset.name for preset in PRESETS)}")


def policy_name(preset: str, unknown: str) -> str:
    """The name of a preset with what an unknown licence means to it: `keep`, `drop`, or empty for the preset's own answer.

    A preset that says so already keeps its name. Raises RecipeError.
    """
    plain = policy(preset)
    if unknown and unknown not in UNKNOWN:
        raise RecipeError(f"unknown = {unknown!r} is no answer; write one of: {', '.join(UNKNOWN)}")
    is_kept = LicenceClass.UNKNOWN in plain.allowed
    return plain.name + UNKNOWN[unknown] if unknown and is_kept != (unknown == "keep") else plain.name
