"""Policies: what each preset allows, and the error for a name there is no preset of."""

import itertools

import pytest

from pipelines.rights.policy import COUNTED, PRESETS, policy
from pipelines.rights.spdx import LicenceClass
from schemas.errors import RecipeError
from schemas.rights import Usage


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
