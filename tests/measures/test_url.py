"""Addresses against the lists of a recipe: what an entry names, and what is wrong with a list."""

import dataclasses

import pyarrow as pa
import pytest

from pipelines.measures.url import URL_CATEGORY, url_list
from pipelines.policies.url import URL_LISTED
from pipelines.recipe import dump, for_source, loads
from schemas.decision import Verdict
from schemas.errors import RecipeError
from schemas.reasons import Reason
from tests.conftest import RECIPE, recipe_over
from tests.measures.items import items_of

LISTS = '[stage."measure.url"]\nurl_lists = ["adult=adult.txt", "ads=sub/ads"]\nword_lists = ["gambling=words"]'


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "adult.txt").write_text("# a list\nbad.example\nHTTP://www.blog.example/Dark/  # a page\n\n", "utf-8")
    (tmp_path / "sub" / "ads").write_text("ads.example\nbad.example\n", "utf-8")
    (tmp_path / "words").write_text("casino\npoker\n", "utf-8")
    return tmp_path


def stage_of(folder, more=LISTS):
    (lane,) = recipe_over(folder, more).lanes
    return next(stage for stage in lane.measures if stage.name == "measure.url")


def categories(stage, uris):
    items = items_of([""] * len(uris)).append_column("uri", pa.array(uris, pa.string()))
    return [row["url_category"] for row in stage.fn(stage, items).to_pylist()]


@pytest.mark.parametrize(
    ("uri", "category"),
    [
        ("http://bad.example/", "adult"),
        ("https://www.deep.BAD.example:8080/x", "adult"),
        ("http://notbad.example/", None),
        ("http://bad.example.org/", None),
        ("http://blog.example/dark", "adult"),
        ("https://www.blog.example/dark/a?b", "adult"),
        ("http://blog.example/darkness", None),
        ("http://blog.example/", None),
        ("http://ads.example/casino", "ads"),
        ("http://play.example/online-Casino.html", "gambling"),
        ("http://play.example/casinos", None),
        ("upload://x/poker.txt", "gambling"),
        ("not a uri", None),
        (None, None),
    ],
)
def test_an_entry_names_a_host_and_those_below_a_page_and_those_below_or_a_whole_word(folder, uri, category):
    assert categories(stage_of(folder), [uri]) == [category]


def test_every_row_has_its_own_answer(folder):
    uris = ["http://bad.example/", None, "http://a.example/poker", "http://bad.example/"]
    assert categories(stage_of(folder), uris) == ["adult", None, "gambling", "adult"]


def test_without_a_list_nothing_is_listed_and_without_addresses_neither(folder):
    assert categories(URL_CATEGORY, ["http://bad.example/"]) == [None]
    stage = stage_of(folder)
    assert stage.fn(stage, items_of(["a"])).to_pylist() == [{"url_category": None}]


def test_the_content_of_a_list_is_in_the_key_of_its_stage_and_its_folder_is_not(folder, tmp_path_factory):
    first = stage_of(folder)
    assert [entry for entry, _ in first.files] == ["adult=adult.txt", "ads=sub/ads", "gambling=words"]
    assert first.op_id == dataclasses.replace(first, base=tmp_path_factory.mktemp("else")).op_id
    (folder / "words").write_text("casino\n", "utf-8")
    assert stage_of(folder).op_id != first.op_id
    assert stage_of(folder, "").op_id != first.op_id


def test_a_recipe_with_lists_is_written_and_read_back(folder):
    recipe = recipe_over(folder, LISTS)
    again = loads(dump(recipe), base=folder)
    assert (again, again.digest) == (recipe, recipe.digest)


def test_a_source_may_have_lists_of_its_own(folder):
    source = '[source.stage."measure.url"]\nurl_lists = ["ads=sub/ads"]\n'
    recipe = loads(RECIPE.format(more="").replace("[shards]", source + "[shards]"), base=folder)
    stage = next(one for one in for_source(recipe.lanes[0], recipe.sources[0]).measures if one.name == "measure.url")
    assert categories(stage, ["http://ads.example/"]) == ["ads"]
    assert [entry for entry, _ in stage.files] == ["ads=sub/ads"]


def test_a_list_that_changes_between_recipe_and_run_is_an_error(folder):
    (folder / "late").write_text("a.example")
    stage = stage_of(folder, '[stage."measure.url"]\nurl_lists = ["late=late"]')
    (folder / "late").write_text("b.example")
    url_list.cache_clear()
    with pytest.raises(RecipeError, match="list late=late has changed since the recipe was read"):
        categories(stage, ["http://a.example/"])


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("ads=none", "list ads cannot be read: .*none: No such file"),
        ("none", 'must be "category=path'),
        ("=sub/ads", 'must be "category=path'),
        ("ads=sub", "list ads cannot be read"),
        ("ads=empty", "list ads=empty has no entry"),
        ("ads=bytes", "list ads=bytes is not UTF-8"),
    ],
)
def test_a_list_that_is_none_is_an_error_when_the_recipe_is_read(folder, entry, told):
    (folder / "empty").write_text("# nothing\n\n")
    (folder / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match=told):
        stage_of(folder, f'[stage."measure.url"]\nurl_lists = ["{entry}"]')


def test_a_listed_address_is_dropped_with_its_category_and_only_of_the_categories_asked_for():
    items, signals = (
        items_of(["a", "b"]),
        pa.RecordBatch.from_pydict({"url_category": pa.array(["ads", None], pa.string())}),
    )
    first, second = URL_LISTED.fn(URL_LISTED, items, signals).to_pylist()
    assert (first["verdict"], first["reason"], first["detail"]) == (Verdict.DROP, Reason.URL_LISTED, "ads")
    assert second["verdict"] == Verdict.KEEP
    lenient = URL_LISTED.override({"categories": ("adult",)}, where="test")
    assert set(lenient.fn(lenient, items, signals).column("verdict").to_pylist()) == {Verdict.KEEP}
