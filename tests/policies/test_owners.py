"""Owners who want to be left out: whose a file is, the list, and what it drops."""

import pyarrow as pa
import pytest

from pipelines.capture.owner import repository_of
from pipelines.lanes import LANES
from pipelines.policies.owners import CODE_OWNERS, judge_owners, read_owners
from pipelines.recipe import dump, load, loads
from pipelines.split.code import CODE_FACTS
from schemas.errors import RecipeError
from tests.laws.batches import items_of

CODE = next(lane for lane in LANES if lane.name == "code")


@pytest.mark.parametrize(
    ("uri", "repository"),
    [
        ("upload://s/github.com/River/Ferry@0123456789ab!/src/main.go", "github.com/river/ferry"),
        ("upload://s/git.mill.example/tools/deep/weir@0123456789ab!/a.c", "git.mill.example/deep/weir"),
        ("upload://s/all.tar.gz!/github.com/river/ferry/main.go", "github.com/river/ferry"),
        ("upload://s/a.tar!/app/vendor/github.com/mill/wheel/wheel.go", "github.com/mill/wheel"),
        ("https://raw.githubusercontent.com/river/ferry/main/main.go", "github.com/river/ferry"),
        ("https://gitlab.com/river/ferry.git/x", "gitlab.com/river/ferry"),
        ("upload://s/ferry@0123456789ab!/main.go", None),
        ("upload://s/notgithub.com/river/ferry/main.go", None),
        ("https://river.example/ferry/main.go", None),
        (None, None),
    ],
)
def test_a_repository_is_what_the_uri_says(uri, repository):
    assert repository_of(uri) == repository


def left_out(owners, repositories):
    items = items_of(CODE, ["x"] * len(repositories))
    facts = pa.array([one and {"repository": one} for one in repositories], CODE_FACTS)
    items = items.set_column(items.schema.get_field_index("facts"), items.schema.field("facts"), facts)
    stage = CODE_OWNERS.override({"owners": owners}, where="a test")
    return [(row["reason"], row["detail"]) for row in judge_owners(stage, items, items).to_pylist()]


@pytest.mark.parametrize("entry", ["river", "river/ferry", "github.com/river/ferry", "github.com/river"])
def test_an_entry_means_an_owner_or_a_repository_with_or_without_its_host(entry):
    repositories = ["github.com/river/ferry", "github.com/upriver/ferry", "github.com/ferry/river", None]
    assert left_out([entry], repositories) == [
        ("owner_opt_out", "github.com/river/ferry"),
        (None, None),
        (None, None),
        (None, None),
    ]


def test_a_list_is_read_line_by_line(tmp_path):
    (tmp_path / "out.txt").write_text("# who asked\nRiver\n\nhttps://github.com/Mill/Wheel.git  # by mail\n@penn\n")
    assert read_owners(tmp_path / "out.txt") == ("github.com/mill/wheel", "penn", "river")


@pytest.mark.parametrize("line", ["two words", "a/b/c/d", "x@y", "https://"])
def test_a_line_that_is_no_entry_is_refused_with_its_number(tmp_path, line):
    (tmp_path / "out.txt").write_text(f"river\n{line}\n")
    if line == "https://":
        pytest.skip("an empty address is an empty line")
    with pytest.raises(RecipeError, match=r"out\.txt, line 2: .* is neither an owner nor owner/name"):
        read_owners(tmp_path / "out.txt")


def recipe(folder, more, lane="code"):
    text = dump(load("code" if lane == "code" else "web"))
    return loads(text.replace("format = 1", f"format = 1\n{more}", 1), base=folder)


def test_a_list_becomes_part_of_the_recipe(tmp_path):
    (tmp_path / "out.txt").write_text("river\n")
    with_list, without = recipe(tmp_path, 'owner_opt_outs = "out.txt"'), recipe(tmp_path, "")
    (judge,) = [stage for stage in with_list.lane("code").stages if stage.name == "owners.code"]
    assert judge.settings["owners"] == ("river",)
    assert with_list.digest != without.digest
    (tmp_path / "out.txt").unlink()
    assert loads(dump(with_list), base=tmp_path) == with_list


def test_a_list_that_is_not_there_stops_the_recipe(tmp_path):
    with pytest.raises(RecipeError, match=r"owner_opt_outs .*gone\.txt cannot be read .* so nothing runs"):
        recipe(tmp_path, 'owner_opt_outs = "gone.txt"')


def test_a_list_without_the_lane_it_is_for_is_refused(tmp_path):
    with pytest.raises(RecipeError, match="no source has the lane code"):
        recipe(tmp_path, 'owner_opt_outs = "out.txt"', lane="web")
