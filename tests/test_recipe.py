import dataclasses
from pathlib import Path

import pytest

from pipelines.recipe import SHIPPED, dump, for_source, load, loads
from pipelines.site import load_site
from pipelines.stage import Rule, rule_judge
from schemas.errors import CardError, InputError, RecipeError, SiteError
from schemas.reasons import Reason

RECIPE = """
format = 1
name = "ours"
policy = "opt_out_respected"
[[source]]
lane = "web"
from = "archives"
[source.card]
name = "example"
kind = "web_crawl"
title = "Example"
provider = "someone"
contact = "you@example.org"
"""


def read(text):
    return loads(text, base=Path())


@pytest.mark.parametrize("name", sorted(file.stem for file in SHIPPED.glob("*.toml")))
def test_a_shipped_recipe_survives_being_written_and_read(name):
    recipe = load(name)
    again = loads(dump(recipe), base=recipe.base)
    assert again == recipe
    assert again.digest == recipe.digest


def test_a_threshold_of_the_recipe_changes_the_stage_and_the_digest():
    plain, tuned = read(RECIPE), read(RECIPE + '[stage."quality.gopher"]\nmin_words = 7\n')
    stage = next(s for s in tuned.lanes[0].stages if s.name == "quality.gopher")
    assert stage.settings["min_words"] == 7
    assert tuned.digest != plain.digest
    assert read(dump(tuned)) == tuned


def test_the_folder_of_a_recipe_is_no_part_of_it():
    assert loads(RECIPE, base=Path("a")).digest == loads(RECIPE, base=Path("b")).digest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("format = 1", "format = 2"), "format must be 1"),
        (('name = "ours"', 'name = "o u r s"'), "name 'o u r s'"),
        (('name = "ours"', 'nmae = "ours"'), "name is missing"),
        (('policy = "opt_out_respected"', 'policy = "yolo"'), "opt_out_respected"),
        (('lane = "web"', 'lane = "smell"'), "lane 'smell' is not one of"),
        (('from = "archives"', "from = 3"), "from must be a string"),
        (('from = "archives"', 'from = "a"\nsample = 0.0'), "sample must be above 0"),
        (('from = "archives"', 'from = "a"\nfrm = "b"'), "unknown key 'frm'"),
        (('kind = "web_crawl"', 'kind = "loot"'), "kind 'loot' is not one of"),
        (('contact = "you@example.org"', ""), "'contact' is missing"),
    ],
)
def test_a_wrong_recipe_says_what_and_where(change, message):
    with pytest.raises(InputError, match=message):
        read(RECIPE.replace(*change))


def test_a_setting_that_no_stage_has_is_refused_with_those_it_has():
    with pytest.raises(RecipeError, match=r"no setting 'min_wrods'; it has: .*min_words"):
        read(RECIPE + '[stage."quality.gopher"]\nmin_wrods = 7\n')
    with pytest.raises(RecipeError, match="is no stage of its lanes"):
        read(RECIPE + '[stage."quality.goffer"]\nmin_words = 7\n')


def test_a_rule_on_a_signal_that_the_lane_does_not_measure_is_refused_when_the_lane_is_built():
    lane = read(RECIPE).lanes[0]
    odd = Rule(name="min_shine", signal="shine", reason=Reason.TOO_FEW_WORDS, source="Chosen: a test", at_least=1.0)
    with pytest.raises(
        RecipeError, match=r"rule min_shine of quality\.shine reads the signal 'shine'.*give: .*word_count"
    ):
        dataclasses.replace(lane, judges=(*lane.judges, rule_judge("quality.shine", 1, [odd])))
    with pytest.raises(RecipeError, match="which no measure of the lane gives; they give: none"):
        dataclasses.replace(lane, measures=())


def test_a_missing_recipe_or_card_names_the_cure(tmp_path):
    with pytest.raises(RecipeError, match="headwater init"):
        load(tmp_path / "none.toml")
    (tmp_path / "r.toml").write_text(
        'format = 1\nname = "a"\npolicy = "permissive"\n[[source]]\ncard = "c.toml"\nlane = "web"\nfrom = "x"\n'
    )
    with pytest.raises(CardError, match=r"c\.toml does not exist"):
        load(tmp_path / "r.toml")


def test_an_empty_folder_is_a_site_with_everything_under_it(tmp_path):
    site = load_site(tmp_path)
    assert (site.store.root, site.runner) == (str(tmp_path), "local")


def test_a_site_with_an_unknown_key_or_a_bad_host_is_refused(tmp_path):
    file = tmp_path / "site.toml"
    file.write_text("[run]\nwrokers = 3\n")
    with pytest.raises(SiteError, match="unknown key 'wrokers'"):
        load_site(file)
    file.write_text('[hosts]\n"a.example" = "127.0.0.1"\n')
    with pytest.raises(SiteError, match="address:port"):
        load_site(file)


def test_a_recipe_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        read(RECIPE).name = "other"


def test_a_setting_of_one_source_holds_for_that_source_alone():
    text = RECIPE + '[source.stage."quality.gopher"]\nmin_words = 5\n'
    text += RECIPE.partition("[[source]]")[2].replace('"example"', '"other"').join(["[[source]]", ""])
    recipe = read(text)
    words = {
        source.card.name: next(s for s in for_source(recipe.lanes[0], source).judges if s.name == "quality.gopher")
        for source in recipe.sources
    }
    assert [words[name].number("min_words") for name in ("example", "other")] == [5, 50]
    assert read(dump(recipe)) == recipe
    assert read(dump(recipe)).digest == recipe.digest != read(text.replace("min_words = 5", "min_words = 6")).digest


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('[source.stage."quality.gopher"]\nmin_wrods = 5', "has no setting 'min_wrods'"),
        ('[source.stage."quality.gopher"]\nmin_words = "five"', "expected float, got 'five'"),
        ('[source.stage."quality.code"]\nmax_vendored = 1', r"no stage of its lanes; they have: .*quality\.gopher"),
        ('[source.stage]\n"quality.gopher" = 3', r"stage\.quality\.gopher must be a table"),
    ],
)
def test_a_wrong_setting_of_a_source_says_so(more, message):
    with pytest.raises(InputError, match=message):
        read(f"{RECIPE}\n{more}\n")
