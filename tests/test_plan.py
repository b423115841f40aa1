"""What a plan estimates from a sample: against what the run then does, and where there is nothing to sample."""

import dataclasses

import pytest

from pipelines.capture.sample import UNREACHED
from pipelines.plan import _costs, estimate
from pipelines.recipe import load
from tests.conftest import recipe_over
from tests.corpus import archive
from tests.corpus.pages import pages


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plan")
    archive.write(folder / "all.warc.gz", pages())
    return folder


def timeless(found):
    return dataclasses.replace(found, expected_seconds=None)


@pytest.fixture(scope="module")
def whole(folder):
    """The estimate from a sample that holds everything."""
    return estimate(recipe_over(folder), 1000)


def test_a_sample_of_everything_says_what_the_run_does(whole, folder, curate):
    _, result = curate(folder)
    (lane,) = whole.lanes
    size = (folder / "all.warc.gz").stat().st_size
    (entry,) = whole.inputs
    assert (entry.files, entry.bytes, entry.sampled_bytes, entry.note) == (1, size, size, None)
    assert whole.captures == whole.expected_captures == len(pages())
    assert lane.items == result.balance.captured + result.balance.born - result.balance.split
    # Copies cannot be told from a sample: what the run merges counts as kept.
    assert lane.expected_kept == result.balance.kept + result.balance.merged
    assert sum(drop.items for drop in lane.drops) == result.balance.dropped + result.balance.quarantined
    assert lane.items_per_capture == round(lane.items / whole.captures, 4)
    assert whole.expected_seconds > 0


def test_the_yield_of_every_policy_is_there_and_a_stricter_one_keeps_no_more(whole):
    (lane,) = whole.lanes
    kept = {one.policy: one.kept for one in lane.policies}
    assert list(kept) == ["public_domain", "permissive", "open_sharealike", "opt_out_respected"]
    assert kept == {"public_domain": 0, "permissive": 16, "open_sharealike": 16, "opt_out_respected": 26}
    own = next(one for one in lane.policies if one.policy == "opt_out_respected")
    assert (own.share, own.expected_kept) == (lane.kept_share, lane.expected_kept)


def test_the_drops_name_stage_and_reason_the_most_frequent_first(whole):
    (lane,) = whole.lanes
    named = {(drop.stage, drop.reason): drop.items for drop in lane.drops}
    assert named["rights", "robots_disallowed"] == 2
    assert named["quality.gopher", "too_few_words"] == 1
    assert [drop.items for drop in lane.drops] == sorted(named.values(), reverse=True)


def test_a_part_stands_for_the_whole_by_its_bytes(folder, whole):
    found = estimate(recipe_over(folder), 20)
    (entry,) = found.inputs
    assert found.captures == 20
    assert found.expected_captures == round(20 * entry.bytes / entry.sampled_bytes)
    assert found.expected_captures == pytest.approx(whole.captures, rel=0.3)


def test_the_same_sample_says_the_same(folder, whole):
    assert timeless(estimate(recipe_over(folder), 1000)) == timeless(whole)


def test_urls_are_not_fetched_and_a_missing_input_is_no_error(tmp_path):
    recipe = load("demo")
    found = estimate(dataclasses.replace(recipe, sources=recipe.sources[:1]), 10)
    assert {one.note for one in found.inputs} == {UNREACHED}
    assert (found.captures, found.expected_captures, found.expected_seconds, found.lanes) == (0, None, None, ())
    (entry,) = estimate(recipe_over(tmp_path), 10).inputs
    assert "does not exist" in entry.note


def test_a_recipe_with_both_is_estimated_from_what_lies_here(folder):
    recipe = recipe_over(folder)
    source = dataclasses.replace(recipe.sources[0], inputs=("http://river.example/", "all.warc.gz", "none"))
    found = estimate(dataclasses.replace(recipe, sources=(source,)), 1000)
    assert [one.note and one.note[:11] for one in found.inputs] == ["not sampled", None, "source inpu"]
    assert found.expected_captures == len(pages())


@pytest.mark.parametrize(("order_s", "capture_s"), [(0.5, 0.01), (0.0, 2.0), (3.0, 0.0)])
def test_two_runs_tell_what_a_work_order_costs_and_what_a_capture(order_s, capture_s):
    few, many = ((n, rows, n * order_s + rows * capture_s) for n, rows in ((3, 4), (10, 200)))
    assert _costs(few, many) == pytest.approx((10 * order_s, capture_s))


@pytest.mark.parametrize("few", [(3, 4, 5.0), (1, 1, 0.0), (1, 200, 1.0)])
def test_runs_that_contradict_each_other_give_no_negative_costs(few):
    start_s, capture_s = _costs(few, (10, 20, 4.0))
    assert start_s >= 0
    assert capture_s >= 0
    assert start_s + 20 * capture_s == pytest.approx(4.0)
