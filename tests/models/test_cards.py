"""What is shipped is what its card says, and the rules take their bounds from there."""

import hashlib
import json
from pathlib import Path

import pytest

from pipelines.models.files import HATE_FTZ, SHIPPED, SPAM_FTZ
from pipelines.models.labelled import File
from pipelines.models.tasks import TASKS
from pipelines.models.train import evaluate
from pipelines.policies.harm import HATE_CLASSIFIER, SPAM_CLASSIFIER
from tests.measures.items import SHARED

FILES = (SPAM_FTZ, HATE_FTZ)
DOC = (Path(__file__).resolve().parents[2] / "docs" / "models.md").read_text("utf-8")
MIB = 2**20


def card(model):
    return json.loads((SHIPPED / model.name).with_suffix(".json").read_text("utf-8"))


@pytest.mark.parametrize("model", FILES, ids=lambda model: model.name)
def test_file_table_and_card_are_of_the_same_bytes(model):
    data, told = (SHIPPED / model.name).read_bytes(), card(model)
    digest = hashlib.sha256(data).hexdigest()
    assert (digest, len(data)) == (model.sha256, model.size_bytes) == (told["sha256"], told["bytes"])


@pytest.mark.parametrize("model", FILES, ids=lambda model: model.name)
def test_a_card_names_its_data_their_licences_and_the_command(model):
    told, task = card(model), TASKS[model.name.removesuffix(".ftz")]
    assert told["labels"] == list(task.every)
    assert {key: told["fit"][key] for key in dict(task.fit)} == dict(task.fit)
    assert all(
        one["licence"] in ("MIT", "CC-BY-4.0", "public domain", "Apache-2.0") and one["origin"] for one in told["data"]
    )
    assert told["command"] in DOC


def test_nothing_is_learnt_from_tweets():
    assert not [one for model in FILES for one in card(model)["data"] if "davidson" in one["file"]]


def test_the_rules_have_the_bounds_of_the_cards():
    assert [rule.threshold for rule in SPAM_CLASSIFIER.rules] == list(card(SPAM_FTZ)["thresholds"].values())
    bounds = card(HATE_FTZ)["thresholds"]
    assert {
        rule.name.removeprefix("max_"): rule.threshold for rule in HATE_CLASSIFIER.rules if rule.name != "max_peak"
    } == bounds


def test_spam_is_as_good_as_is_claimed_on_messages_kept_apart():
    assert card(SPAM_FTZ)["figures"]["sms_spam.tsv"]["faulty"]["f1"] >= 0.94


def test_the_weights_are_small():
    assert sum(one.stat().st_size for one in SHIPPED.iterdir()) < 3 * MIB


def test_captions_are_not_taken_for_spam_or_hate():
    captions = SHARED / "images" / "stamps_captions.jsonl"
    if not captions.exists():
        pytest.skip("no captions under shared/data")
    texts = [json.loads(line)["caption"] for line in captions.read_text("utf-8").split("\n") if line]
    given = "".join(json.dumps({"text": text, "label": "caption"}) + "\n" for text in texts)
    for model in FILES:
        told = card(model)
        assert flagged(told, given) == 0.0


def flagged(told, lines):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "given.jsonl")
        path.write_text(lines, "utf-8")
        return evaluate(TASKS[told["name"]], SHIPPED / told["file"], File(path=path), told["thresholds"])["caption"][
            "share"
        ]
