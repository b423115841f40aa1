"""Policies: what each preset allows, and the error for a name there is no preset of."""

import itertools
from pathlib import Path

import pytest

from pipelines import recipe as recipes
from pipelines.rights.policy import COUNTED, PRESETS, policy, policy_name
from pipelines.rights.spdx import LicenceClass
from schemas.errors import RecipeError
from schemas.rights import Usage
from tests.test_recipe import RECIPE


def test_presets_allow_ever_more() -> None:
    assert [preset.name for preset in PRESETS] == [
        "public_domain",
        "permissive",
        "open_sharealike",
        "opt_out_respected",
    ]
    for narrow, wide in itertools.pairwise(PRESETS):
        assert set(narrow.allowed) < set(wide.allowed)


def test_opt_outs_about_training_count_in_every_preset_and_search_in_none() -> None:
    assert {preset.usages for preset in PRESETS} == {COUNTED}
    assert set(Usage) - set(COUNTED) == {Usage.SEARCH}


def test_only_opt_out_respected_keeps_what_has_no_licence() -> None:
    assert [p.name for p in PRESETS if LicenceClass.UNKNOWN in p.allowed] == ["opt_out_respected"]


def test_an_unknown_policy_is_refused_with_the_list() -> None:
    with pytest.raises(
        RecipeError, match="'free' is unknown; choose one of: public_domain, permissive, open_sharealike"
    ):
        policy("free")


@pytest.mark.parametrize(
    ("preset", "unknown", "name", "is_kept"),
    [
        ("permissive", "", "permissive", False),
        ("permissive", "drop", "permissive", False),
        ("permissive", "keep", "permissive+unknown", True),
        ("opt_out_respected", "keep", "opt_out_respected", True),
        ("opt_out_respected", "drop", "opt_out_respected-unknown", False),
    ],
)
def test_a_recipe_may_say_what_unknown_means(preset, unknown, name, is_kept):
    assert policy_name(preset, unknown) == name
    assert (LicenceClass.UNKNOWN in policy(name).allowed) is is_kept
    assert set(policy(name).allowed) - {LicenceClass.UNKNOWN} == set(policy(preset).allowed) - {LicenceClass.UNKNOWN}


def test_another_answer_is_an_error():
    with pytest.raises(RecipeError, match="keep, drop"):
        policy_name("permissive", "perhaps")


def test_the_answer_is_part_of_the_recipe_and_survives_being_written():
    made = recipes.loads(RECIPE.replace("[[source]]", 'unknown = "drop"\n[[source]]', 1), base=Path())
    assert made.policy == "opt_out_respected-unknown"
    again = recipes.loads(recipes.dump(made), base=Path())
    assert (again, again.digest) == (made, made.digest)
    assert made.digest != recipes.loads(RECIPE, base=Path()).digest
