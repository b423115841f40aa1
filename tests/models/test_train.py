import dataclasses
import json
from contextlib import redirect_stdout
from io import StringIO

import pytest

from pipelines.cli import main
from pipelines.measures.quality import QUALITY_MEASURE
from pipelines.models import tasks
from pipelines.models.files import LID_176
from pipelines.models.labelled import File
from pipelines.models.train import train
from schemas.errors import DataError, ModelMissing
from tests.corpus.prose import paragraphs
from tests.measures.items import items_of

TINY = dataclasses.replace(
    tasks.QUALITY,
    fit=(*tasks.QUALITY.fit[:1], ("dim", 4), ("lr", 0.5), ("epoch", 30), ("bucket", 500), ("wordNgrams", 2)),
)
WEB = [
    "cheap offers here every day",
    "log in or register to vote",
    "share this page with friends",
    "all rights reserved by us",
]


def write(path, texts):
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), "utf-8")
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("labelled")
    good = write(folder / "good.jsonl", [f"{text} {n}" for n, text in enumerate(paragraphs("good", 60, 2))])
    web = write(folder / "web.jsonl", [f"{WEB[n % 4]} {WEB[(n * n + 1) % 4]} {n} {n * 37 % 11}" for n in range(60)])
    return [File(path=good, label="reference"), File(path=web, label="web")]


def test_the_same_texts_give_the_same_bytes_and_a_card_that_tells_them(data, tmp_path):
    first, second = (train(TINY, data, tmp_path / name) for name in ("a", "b"))
    assert first == second
    assert (tmp_path / "a" / "quality.ftz").read_bytes() == (tmp_path / "b" / "quality.ftz").read_bytes()
    assert json.loads((tmp_path / "a" / "quality.json").read_text("utf-8")) == first
    assert [(one["file"], one["texts"], one["sha256"]) for one in first["data"]] == [
        (file.path.name, 60, file.sha256) for file in data
    ]
    assert first["command"] == "headwater models train quality --data good.jsonl=reference web.jsonl=web"


def test_a_label_without_a_text_is_told(data, tmp_path):
    with pytest.raises(DataError, match=r"no text is labelled web; give a file of them: --data FILE=web"):
        train(TINY, data[:1], tmp_path)
    assert list(tmp_path.iterdir()) == []


def said(*words):
    with redirect_stdout(StringIO()) as out:
        code = main([*words, "--json"])
    return code, json.loads(out.getvalue())


def test_a_model_of_ones_own_is_trained_measured_and_used(data, tmp_path, monkeypatch):
    monkeypatch.setitem(tasks.TASKS, "quality", TINY)
    shown = [f"{file.path}={file.label}" for file in data]
    code, card = said("models", "train", "quality", "--data", *shown, "--out", str(tmp_path))
    assert (code, card["name"], card["bytes"]) == (0, "quality", (tmp_path / "quality.ftz").stat().st_size)
    _, found = said("models", "evaluate", "quality", "--model", str(tmp_path / "quality.ftz"), "--data", *shown)
    shares = [figures["flagged"] for figures in found.values()]
    assert shares[0]["reference"]["share"] > 0.9 > 0.1 > shares[1]["web"]["share"]

    stage = QUALITY_MEASURE.override({"model": card["sha256"]}, where="test")
    texts = [paragraphs("good again", 1, 3)[0], WEB[0], None]
    found = stage.fn(at(stage, tmp_path / "quality.ftz"), items_of(texts))
    like, unlike, null = (row["quality_probability"] for row in found.to_pylist())
    assert like > unlike
    assert null is None


def at(stage, path):
    return dataclasses.replace(stage, paths=(("quality", str(path)),))


def test_without_a_model_quality_is_off_and_says_so():
    found = QUALITY_MEASURE.fn(QUALITY_MEASURE, items_of(["a text", None]))
    assert found.to_pylist() == [{"quality_probability": None}] * 2
    assert "model is off; it takes quality under [models] in site.toml" in QUALITY_MEASURE.off[0]


def test_another_file_than_the_recipe_means_is_refused(tmp_path):
    model = tmp_path / "quality.ftz"
    model.write_bytes(b"other")
    stage = QUALITY_MEASURE.override({"model": "00" * 32}, where="test")
    with pytest.raises(ModelMissing, match="has sha256 d9298a10d1b07358"):
        stage.fn(at(stage, model), items_of(["a"]))
    with pytest.raises(ModelMissing, match="give its path as `quality` under"):
        stage.fn(stage, items_of(["a"]))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("train", "spam"), "name a classifier (spam, hate, quality) and its texts"),
        (("train",), "name a classifier"),
        (("evaluate", "hate"), "name a classifier"),
        (("train", "spam", "--data", "x.tsv"), "name a folder for the model with --out DIR"),
        (("train", "spam", "--data", "none.tsv", "--out", "out"), "none.tsv cannot be read"),
        (
            ("evaluate", "spam", "--data", "x.tsv", "--model", "none.ftz"),
            "none.ftz and its card none.json are not there",
        ),
    ],
)
def test_what_cannot_be_done_is_told_and_ends_with_2(words, told, capsys):
    code, found = said("models", *words)
    assert (code, found["error"]) == (2, "DataError")
    assert told in found["message"]


def test_the_table_of_files_is_listed():
    code, rows = said("models", "list")
    assert code == 0
    assert {row["name"] for row in rows if row["from"] == "shipped" and row["there"]} == {"spam.ftz", "hate.ftz"}
    assert LID_176.sha256 in {row["sha256"] for row in rows}
