"""The command as a user, Dagster and `headwater` start it."""

import json
import shlex
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

import pytest

from pipelines.cli import main as headwater
from pipelines.cli import parser as headwater_parser
from tests.training.conftest import ROOT, ran
from tests.training.made import picture
from training.__main__ import VERBS, main, parser
from training.progress import progress


@pytest.mark.parametrize("verb", VERBS, ids=[verb.name for verb in VERBS])
def test_every_verb_explains_itself_with_an_example(verb):
    with redirect_stdout(StringIO()) as out, pytest.raises(SystemExit) as ended:
        main([verb.name, "--help"])
    assert ended.value.code == 0
    assert " ".join(verb.example.split()) in " ".join(out.getvalue().split())


def test_every_command_of_the_page_parses():
    page = (ROOT / "docs" / "train.md").read_text("utf-8")
    lines = [
        shlex.split(line) for line in page.splitlines() if line.startswith(("headwater ", "python -m ", "torchrun "))
    ]
    asked = [
        headwater_parser().parse_args(words[1:])
        if words[0] == "headwater"
        else parser().parse_args(words[words.index("training") + 1 :])
        for words in lines
    ]
    verbs = ["train", "tune", "generate", "generate", "evaluate", "tokenize", "train", "train"]
    assert [one.verb for one in asked] == verbs


def test_headwater_starts_the_command_and_passes_on_its_answer(trained, corpus, tmp_path, capfd):
    (tmp_path / "photo.jpg").write_bytes(picture(3)[0])
    arguments = ["generate", str(trained[0]), "--image", str(tmp_path / "photo.jpg"), "--max-tokens", "3", "--json"]
    assert headwater(arguments) == 0
    told = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert told.keys() == {"text", "checkpoint_id"}
    assert told["checkpoint_id"] == trained[1]["checkpoint_id"]
    with pytest.raises(SystemExit) as ended:
        headwater(["evaluate", str(trained[0]), str(tmp_path), "--json"])
    assert ended.value.code == 2
    out, err = capfd.readouterr()
    assert json.loads(out)["error"] == "InputError"
    assert "headwater evaluate: " in err
    assert "is no release" in err


def test_evaluate_answers_with_one_object(trained, corpus):
    code, told, errors = ran("evaluate", trained[0], corpus, "--lane", "web")
    assert (code, errors) == (0, "")
    assert (told["split"], told["by"].keys()) == ("validation", {"text"})


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["train", "nowhere", "--out", "x"], 2, "nowhere is no release"),
        (["train", "nowhere", "--out", "x", "--preset", "micro"], 2, "preset micro does not exist"),
        (["tune", "nowhere", "r", "--out", "x", "--lane", "web"], 1, "nowhere holds no checkpoint"),
        (["generate", "nowhere"], 1, "nowhere holds no checkpoint"),
    ],
)
def test_bad_input_is_said_in_one_line_and_as_json(arguments, code, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        assert main([*arguments, "--json"]) == code
    assert says in json.loads(out.getvalue().splitlines()[-1])["message"]
    assert err.getvalue().startswith(f"headwater {arguments[0]}: ")
    assert err.getvalue().count("\n") == 1


def test_a_missing_package_names_the_extra_that_brings_it():
    code = "import sys; sys.modules['torch'] = None; from training.__main__ import main; sys.exit(main(sys.argv[1:]))"
    ended = subprocess.run([sys.executable, "-c", code, "generate", "x"], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stderr == "headwater generate: torch is not installed: pip install 'headwater[train]'\n"


def test_a_file_that_is_no_picture_is_said(trained, tmp_path):
    (tmp_path / "x.jpg").write_bytes(b"no")
    for name, says in (("x.jpg", "no image"), ("none.jpg", "cannot be read")):
        with redirect_stderr(StringIO()) as err:
            assert main(["generate", str(trained[0]), "--image", str(tmp_path / name)]) == 2
        assert says in err.getvalue()


def test_progress_is_a_line_of_json_for_the_first_and_last_step_of_a_stage(tmp_path):
    with progress(tmp_path / "deep" / "p.jsonl") as tell:
        for stage in ("a", "b"):
            for step in range(1, 100):
                tell(stage, step, 99, loss=step / 2)
    lines = [json.loads(line) for line in (tmp_path / "deep" / "p.jsonl").read_text().splitlines()]
    assert [(line["stage"], line["step"]) for line in lines] == [("a", 1), ("a", 99), ("b", 1), ("b", 99)]
    assert lines[-1] == {"stage": "b", "step": 99, "steps": 99, "loss": 49.5}
    with progress(tmp_path / "none", is_first=False) as tell:
        tell("a", 1, 1)
    assert not (tmp_path / "none").exists()


def test_the_verbs_of_headwater_import_no_torch():
    code = "import sys, pipelines.cli; print([name for name in ('torch', 'training') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True).stdout == "[]\n"
