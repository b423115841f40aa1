"""Presets: strict TOML; what could only fail later is refused at once."""

import pytest

from schemas.digest import plain
from schemas.errors import PresetError
from training import config


@pytest.mark.parametrize("name", ["nano", "mini"])
def test_a_shipped_preset_loads_and_comes_back_from_what_a_run_writes_down(name):
    found = config.load(name)
    assert config.from_plain(plain(found)) == found
    assert config.from_plain(plain(found)).digest == found.digest


def test_a_change_changes_one_value_and_the_digest():
    changed = config.load("nano", ["train.steps=7", "seed=3", "image.levels=[4, 4]", "train.learning_rate=1"])
    assert (changed.train.steps, changed.seed, changed.image.levels) == (7, 3, (4, 4))
    assert changed.train.learning_rate == 1.0
    assert changed.tune == config.load("nano").tune
    assert changed.digest != config.load("nano").digest


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("train.step=7", "unknown key 'step'; known keys: .*steps"),
        ("trian.steps=7", "unknown key 'trian'"),
        ("train.steps=many", "not valid TOML"),
        ('train.steps="7"', "steps must be a whole number"),
        ("train.steps", "write section.key=value"),
        ("a.b.c=1", "write section.key=value"),
        ("train.steps=0", "steps and rows must be 1 or more"),
        ("seed=-1", "seed must be 0 or more"),
        ("tokens.text=255", "every byte is a token"),
        ("tokens.pixels=25", "a multiple of tokens.patch"),
        ("tokens.sound_codes=100", "too small to repair 100 codes"),
        ("tokens.pair_text=100", "too small for a pair"),
        ("tokens.hidden=1.0", "between 0 and 1"),
        ("model.heads=3", "a multiple of model.heads"),
        ("model.kv_heads=3", "a multiple of model.kv_heads"),
    ],
)
def test_a_wrong_change_is_refused_with_its_reason(change, says):
    with pytest.raises(PresetError, match=says):
        config.load("nano", [change])


def test_a_preset_may_be_a_file_and_a_missing_one_names_the_known(tmp_path):
    (tmp_path / "own.toml").write_text("[train]\nsteps = 3\n")
    assert config.load(str(tmp_path / "own.toml")).train.steps == 3
    with pytest.raises(PresetError, match="give one of mini, nano, or a TOML file"):
        config.load("micro")
