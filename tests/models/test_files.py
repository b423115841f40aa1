import hashlib
import sys
from dataclasses import replace
from types import ModuleType

import pytest

from pipelines.lanes import LANES
from pipelines.models import fasttext
from pipelines.models.files import LID_176, ModelFile, fetch, folder, model_path
from pipelines.recipe import check_models, load, with_models
from pipelines.run import run
from schemas.errors import ModelMissing, SiteError
from tests.conftest import site_at
from tests.measures.items import items_of

DATA = b"weights"
TINY = ModelFile(
    name="tiny.bin", sha256=hashlib.sha256(DATA).hexdigest(), size_bytes=len(DATA), licence="CC0-1.0",
    url="https://models.example/tiny.bin", wheel="tiny==1", member="tiny/tiny.bin",
)  # fmt: skip


def right(model):
    return DATA


def wrong(model):
    return b"<html>404</html>"


def unreachable(model):
    raise ModelMissing("no network")


def unused(model):
    raise AssertionError("must not be asked")


def test_a_missing_file_is_fetched_whole_and_once(tmp_path):
    into = tmp_path / "models"
    assert fetch(TINY, into, ways=(right,)) is True
    assert fetch(TINY, into, ways=(unused,)) is False
    assert {path.name: path.read_bytes() for path in into.iterdir()} == {"tiny.bin": DATA}


def test_the_next_way_is_tried_when_one_fails_or_gives_another_file(tmp_path):
    assert fetch(TINY, tmp_path, ways=(unreachable, wrong, right, unused)) is True
    assert (tmp_path / "tiny.bin").read_bytes() == DATA


def test_a_damaged_file_is_fetched_again(tmp_path):
    (tmp_path / "tiny.bin").write_bytes(b"weig")
    assert fetch(TINY, tmp_path, ways=(right,)) is True
    assert (tmp_path / "tiny.bin").read_bytes() == DATA


def test_without_a_right_file_nothing_is_left_and_the_error_tells_each_way_and_the_cure(tmp_path):
    with pytest.raises(
        ModelMissing, match=r"tiny.bin cannot be had \(no network; wrong gave 16 bytes .*put a copy of https"
    ):
        fetch(TINY, tmp_path, ways=(unreachable, wrong))
    assert list(tmp_path.iterdir()) == []


def test_models_lie_where_the_environment_says_or_beside_python(monkeypatch, tmp_path):
    monkeypatch.setenv("HEADWATER_MODELS", str(tmp_path))
    assert folder() == tmp_path
    monkeypatch.delenv("HEADWATER_MODELS")
    assert folder().is_relative_to(sys.prefix)


def test_a_missing_model_names_the_file_and_the_command(monkeypatch, tmp_path):
    monkeypatch.setenv("HEADWATER_MODELS", str(tmp_path))
    with pytest.raises(ModelMissing, match=r"lid.176.ftz is missing: `headwater models fetch`"):
        model_path(LID_176.name)
    with pytest.raises(ModelMissing, match=r"no model file is named other\.bin"):
        model_path("other.bin")


def test_another_file_at_the_place_of_a_model_is_refused(tmp_path):
    other = tmp_path / "mine.ftz"
    other.write_bytes(DATA)
    with pytest.raises(ModelMissing, match=f"mine.ftz has sha256 {TINY.sha256}, not {LID_176.sha256}"):
        model_path(LID_176.name, ((LID_176.name, str(other)),))


def test_a_module_that_is_not_the_one_of_fasttext_wheel_is_named(monkeypatch, tmp_path):
    clash = ModuleType("fasttext")
    clash.__file__ = "elsewhere/fasttext.py"
    monkeypatch.setitem(sys.modules, "fasttext", clash)
    with pytest.raises(ModelMissing, match=r"elsewhere/fasttext\.py is not that of fasttext-wheel"):
        fasttext.load(tmp_path / "any.ftz")


def test_a_file_that_is_no_model_is_named(tmp_path):
    (tmp_path / "bad.ftz").write_bytes(DATA)
    with pytest.raises(ModelMissing, match=r"bad.ftz cannot be read as a fastText model"):
        fasttext.load(tmp_path / "bad.ftz")


def test_newlines_and_empty_texts_are_safe_to_ask_about():
    try:
        path = model_path(LID_176.name)
    except ModelMissing as error:
        pytest.skip(str(error))
    one, two, empty = fasttext.predict(path, ["one line\nof English text", "one line of English text", ""])
    assert one == two
    assert one[0] == "en"
    assert empty is None or 0 <= empty[1] <= 1


MODELLED = {stage.name: stage for lane in LANES for stage in lane.measures if stage.models}


@pytest.mark.parametrize("name", MODELLED)
def test_a_copy_that_the_site_names_is_what_a_measure_reads(tmp_path, name):
    own = tmp_path / "own.ftz"
    own.write_bytes(DATA)
    stage = MODELLED[name].override({"languages": True} if name == "measure.sentences" else {}, where="a test")
    with pytest.raises(ModelMissing, match=f"{own} has sha256 {TINY.sha256}"):
        stage.fn(replace(stage, paths=((stage.models[0][0], str(own)),)), items_of(["A text of some words."]))


def test_a_lane_is_told_where_the_site_has_models_and_stays_what_it_is():
    for lane in LANES:
        told = with_models(lane, (("lid.176.ftz", "/there"),))
        assert {stage.paths for stage in told.stages} == {(("lid.176.ftz", "/there"),)}
        assert told == lane
        assert [stage.op_id for stage in told.stages] == [stage.op_id for stage in lane.stages]


def test_a_model_of_the_site_that_no_stage_asks_for_is_refused(tmp_path):
    recipe = load("web")
    check_models(recipe, (("lid.176.ftz", "x"), ("quality", "y"), ("recogniser_tokens", "z")))
    with pytest.raises(
        SiteError, match=r"names 'lid\.176\.bin', which no stage asks for; they ask for: clip, .*lid\.176\.ftz"
    ):
        check_models(recipe, (("lid.176.bin", "x"),))
    with pytest.raises(SiteError, match="names 'klip'"):
        run(recipe, replace(site_at(tmp_path), models=(("klip", "x"),)))
