"""The page of the exports does what it says, command by command, on the release of the demo."""

import json
import re
import shlex

import pytest

from pipelines.cli import main
from pipelines.exports.said import FIELDS, OPTIONAL
from pipelines.verbs.exports import KINDS
from tests.exports.conftest import PAGE, WORDS

COMMANDS = re.findall(r"^\$ headwater (export .*)$", PAGE, re.MULTILINE)
(CERTIFY,) = re.findall(r"^\$ headwater (certify .*)$", PAGE, re.MULTILINE)


@pytest.fixture
def typed(released, tmp_path, monkeypatch):
    """`typed(command)` runs one of the page's commands in a folder with its files, on the release of the demo; gives the exit code."""
    ledger, name, _ = released
    monkeypatch.chdir(tmp_path)
    (tmp_path / "eu-summary.toml").write_text(WORDS)
    (tmp_path / "without-provider.toml").write_text(re.sub("provider_name.*\n", "", WORDS))
    site = ["--site", ledger.store.root]
    return lambda command: main([name if word.startswith("demo-") else word for word in shlex.split(command)] + site)


@pytest.mark.parametrize("command", [one for one in COMMANDS if "without-provider" not in one])
def test_a_command_of_the_page_writes_its_file(command, typed, tmp_path, capsys):
    assert typed(f"{command} --json") == 0
    report = json.loads(capsys.readouterr().out)
    assert (tmp_path / report["out"]).stat().st_size == report["bytes"] > 1000


def test_the_page_shows_every_export():
    assert {shlex.split(command)[1] for command in COMMANDS} == set(KINDS)
    assert [kind for kind in KINDS if f"| `{kind}` |" not in PAGE] == []


def test_the_page_says_when_each_field_is_needed():
    table = PAGE.partition("| field | needed |")[2]
    assert [name for name in (*(field.name for field in FIELDS), *OPTIONAL) if f"`{name}`" not in table] == []


def test_the_refusal_is_that_of_the_page_and_leaves_no_file(typed, tmp_path, capsys, released):
    (command,) = [one for one in COMMANDS if "without-provider" in one]
    assert typed(command) == 2
    (shown,) = re.findall(r"^headwater export: .*$", PAGE, re.MULTILINE)
    assert capsys.readouterr().err.strip() == re.sub(r"demo-\w+", released[1], shown)
    assert not (tmp_path / "summary.html").exists()


def test_items_of_every_lane_of_the_demo_are_derived_again_and_agree(typed, tmp_path, capsys):
    assert typed(f"{CERTIFY} --json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["agree"], found["differ"], found["not_rederived"]) == (10, 0, 0)
    assert found == json.loads((tmp_path / "certificate.json").read_text())


def test_what_cannot_be_done_is_said(typed, tmp_path, capsys):
    assert typed("export parquet demo-x") == 2
    assert "name one with --out" in capsys.readouterr().err
    assert typed("export eu-summary demo-x") == 2
    assert "needs --words FILE.toml" in capsys.readouterr().err
    assert typed("export eu-summary demo-x --words eu-summary.toml --out summary.pdf") == 2
    assert "written as .md or .html or .json; summary.pdf says none" in capsys.readouterr().err
    assert typed("export croissant demo-x --out croissant.xml") == 2
    assert "croissant is written as .json; croissant.xml says none" in capsys.readouterr().err
    assert typed(f"export card demo-x --out {tmp_path}") == 2
    assert "is a folder; name a file" in capsys.readouterr().err


def test_an_unknown_release_is_named(typed, capsys):
    assert typed("export card ours-0") == 4
    assert "holds no release 'ours-0'; there are: demo-" in capsys.readouterr().err


def test_the_card_goes_to_standard_output(typed, capsysbinary):
    assert typed("export card demo-x") == 0
    assert capsysbinary.readouterr().out.startswith(b"---\npretty_name:")
