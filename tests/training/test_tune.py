"""Tuning: the hold-out's loss falls, nothing of it was ever trained on, and it is measured once; then the model is asked."""

import json
import shutil

import pyarrow as pa
import pytest
import torch

from pipelines.shard.release import assemble_release
from schemas.errors import HoldoutLeak, InputError, PresetError, TrainingError, VocabularyMismatch
from schemas.exposure import seen
from schemas.shard import Split
from tests.training.conftest import ALONE
from tests.training.made import item_id, lane, picture, quiz, release, sample, sound, split_of
from training import config, evaluate, run
from training.generate import Sampling, draw, generate, prompt_ids, stream, voice
from training.pretrain import pretrain
from training.progress import silent
from training.tune import Task, check_holdout, question_answer, tune
from training.vocabulary import Special

QUIZ = Task(lane="quiz", sources=("quiz",))


@pytest.fixture(scope="module")
def tuned(trained, corpus, small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tuned") / "quiz"
    return folder, tune(trained[0], corpus, folder, QUIZ, small, ALONE, silent)


def test_the_loss_of_the_hold_out_falls(tuned):
    _, ended = tuned
    assert ended["hold_out"]["items"] == len([n for n in range(40) if split_of(n) is Split.TEST])
    before, after = (ended["hold_out"][when]["loss"] for when in ("before", "after"))
    assert after < before - 0.5
    assert ended["held_out"]["after"]["loss"] < ended["held_out"]["before"]["loss"]


def test_the_best_step_is_taken_and_kept(tuned):
    folder, ended = tuned
    looks = json.loads((folder / ended["checkpoint"] / "manifest.json").read_bytes())["looks"]
    assert looks[-1]["loss"] == min(look["loss"] for look in looks)
    assert run.chosen(folder)[1].checkpoint_id.hex() == ended["checkpoint_id"]


def test_the_hold_out_is_in_no_training_and_what_was_trained_is_known(tuned, trained):
    folder, ended = tuned
    record = run.lineage(folder)
    assert record["training_run"].column("kind").to_pylist() == ["pretrain", "tune"]
    ids = lambda split: {item_id("quiz", n) for n in range(40) if split_of(n) is split}  # noqa: E731
    saw = seen(bytes.fromhex(ended["checkpoint_id"]), record)
    assert saw.keys() >= ids(Split.TRAIN)
    assert not saw.keys() & (ids(Split.TEST) | ids(Split.VALIDATION))
    contents = {sample("quiz", n).meta["content_sha256"] for n in range(40) if split_of(n) is Split.TEST}
    assert not contents & set(record["document"].column("content_sha256").to_pylist())
    base = seen(bytes.fromhex(trained[1]["checkpoint_id"]), record)
    assert all(saw[item] >= times for item, times in base.items())


def test_a_complete_tuning_is_not_measured_again(tuned, trained, corpus, small):
    folder, ended = tuned
    written = (folder / "result.json").stat().st_mtime_ns
    again = tune(trained[0], corpus, folder, QUIZ, small, ALONE, silent)
    assert again == ended
    assert (folder / "result.json").stat().st_mtime_ns == written


def test_a_hold_out_that_the_base_was_trained_on_is_refused(trained, small, tmp_path):
    # The same quiz in another release, whose test split holds what the base's release had for training.
    turned = {Split.TRAIN: Split.TEST, Split.TEST: Split.TRAIN, Split.VALIDATION: Split.VALIDATION}
    lane(tmp_path / "r" / "quiz", "quiz", [(turned[split_of(n)], sample("quiz", n)) for n in range(40)])
    assemble_release(tmp_path / "r", ["quiz"])
    with pytest.raises(HoldoutLeak, match="in what the base was trained on \\(same item_id\\)"):
        tune(trained[0], tmp_path / "r", tmp_path / "out", QUIZ, small, ALONE, silent)
    assert not (tmp_path / "out" / "run.json").exists()


def test_a_hold_out_that_is_trained_on_under_another_id_is_refused():
    names = ("item_id", "content_sha256", "copies")
    held = pa.table(dict(zip(names, ([b"\1" * 32], [b"\2" * 32], [1]), strict=True)))
    other = pa.table(dict(zip(names, ([b"\3" * 32], [b"\2" * 32], [1]), strict=True)))
    nothing = held.slice(0, 0)
    with pytest.raises(HoldoutLeak, match="this tuning's train split \\(same content_sha256\\)"):
        check_holdout(held, other, nothing)
    with pytest.raises(HoldoutLeak, match="what the base was trained on"):
        check_holdout(held, nothing, other)
    check_holdout(held, nothing, other.set_column(2, "copies", pa.array([0])))  # held in the plan, never fed


def test_captions_are_a_task_too_and_without_a_test_split_validation_gives_half(trained, small, tmp_path):
    sides = {Split.TRAIN: Split.TRAIN, Split.TEST: Split.VALIDATION, Split.VALIDATION: Split.VALIDATION}
    pairs = [(sides[split_of(n)], sample("image_caption", n)) for n in range(48)]
    lane(tmp_path / "r" / "image_caption", "image_caption", pairs)
    assemble_release(tmp_path / "r", ["image_caption"])
    ended = tune(trained[0], tmp_path / "r", tmp_path / "out", Task(lane="image_caption"), small, ALONE, silent)
    assert ended["hold_out"]["items"] == 4
    assert ended["hold_out"]["after"]["by"].keys() == {"image.caption"}
    assert ended["hold_out"]["after"]["loss"] < ended["hold_out"]["before"]["loss"]


def test_what_cannot_be_tuned_is_refused(trained, corpus, small, made, tmp_path):
    def refused(error, match, *, base=trained[0], folder=corpus, task=QUIZ, preset=small):
        with pytest.raises(error, match=match):
            tune(base, folder, tmp_path / "out", task, preset, ALONE, silent)
        shutil.rmtree(tmp_path / "out", ignore_errors=True)

    refused(InputError, "has no lane books; it has audio, image_caption, quiz, web", task=Task(lane="books"))
    refused(InputError, "too few items of this task", task=Task(lane="quiz", sources=("nobody",)))
    refused(TrainingError, "55 of 60 items|60 of 60 items", task=Task(lane="web"))
    refused(PresetError, "are those of the base", preset=config.changed(small, ["model.layers=3"]))
    other = shutil.copytree(trained[0], tmp_path / "base")
    manifest = next((other / "checkpoints").glob("step-000024/manifest.json"))
    words = run.facts_of(other)["vocabulary"]
    manifest.write_text(manifest.read_text().replace(words, "00" * 32))
    refused(VocabularyMismatch, "was trained with vocabulary 0000", base=other)


@pytest.mark.parametrize(
    "text",
    [quiz(3), 'Question: Who?\nAnswer: The baker,\nof course.', "q:  Who? \n a: The baker,\nof course.\n"],
)  # fmt: skip
def test_a_question_and_its_answer_are_found(text):
    question, answer = question_answer(text)
    assert question.startswith("Who")
    assert answer.startswith("The")


@pytest.mark.parametrize(
    "text",
    ["", "A text.", '{"question": "Who?"}', '{"question": "", "answer": "x"}', "[1]", '{"question": 1, "answer": 2}'],
)
def test_a_text_without_both_is_none(text):
    with pytest.raises(ValueError, match="its text is no"):
        question_answer(text)


# --- asking ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def asked(trained):
    torch.set_num_threads(1)
    return voice(trained[0])


@pytest.mark.parametrize(
    "given",
    [
        {"text": "The baker of"}, {"question": "Who?"}, {"question": "Who?", "text": "The"}, {"image": picture(3)[0]},
        {"image": picture(3)[0], "text": "A red"}, {"sound": sound(3)[0]}, {},
    ],
    ids=lambda given: "+".join(given) or "nothing",
)  # fmt: skip
def test_only_text_is_said_and_never_more_than_asked(asked, given):
    prompt = prompt_ids(asked.encoders, **given)
    for most, heat in ((1, 0.0), (7, 2.0)):
        said = list(stream(asked, prompt, Sampling(max_tokens=most, temperature=heat)))
        assert len(said) <= most
        assert all(token in asked.encoders.vocabulary.text for token in said)


def test_the_likeliest_answer_is_that_of_reading_all_at_once(asked):
    prompt = prompt_ids(asked.encoders, text="Every morning the")
    said = list(stream(asked, prompt, Sampling(max_tokens=20)))
    ids = torch.tensor([[*prompt, *said]])
    mask = torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool).tril()[None, None]
    with torch.no_grad():
        logits, _, _ = asked.model(ids, torch.arange(ids.shape[1])[None], mask, torch.arange(ids.shape[1]))
    text = asked.encoders.vocabulary.text
    logits[:, : text.start] = logits[:, text.end :] = -torch.inf
    assert logits[len(prompt) - 1 : -1].argmax(-1).tolist() == said


def test_a_stop_ends_the_answer_and_is_not_part_of_it(asked):
    prompt = prompt_ids(asked.encoders, text="Every morning the")
    whole = generate(asked, prompt, Sampling(max_tokens=30, temperature=1.0))
    stop = whole[4:7]
    cut = generate(asked, prompt, Sampling(max_tokens=30, temperature=1.0, stop=(stop, "zzz")))
    assert cut == whole[: whole.index(stop)]


def test_draws_follow_the_seed_and_top_p_leaves_out_the_unlikely(asked):
    prompt = prompt_ids(asked.encoders, text="The")
    warm = {seed: generate(asked, prompt, Sampling(temperature=1.5, seed=seed)) for seed in (0, 1)}
    assert warm[0] == generate(asked, prompt, Sampling(temperature=1.5, seed=0)) != warm[1]
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    generator = torch.Generator().manual_seed(0)
    drawn = {draw(logits, Sampling(temperature=1.0, top_p=0.7), generator) for _ in range(200)}
    assert drawn == {0, 1}
    assert {draw(logits, Sampling(temperature=1.0, top_p=0.01), generator) for _ in range(20)} == {0}


def test_a_row_is_a_hard_end(asked):
    row = asked.model.config.row_tokens
    prompt = [Special.BOS] + [asked.encoders.vocabulary.text.start + 65] * (row - 3)
    assert len(list(stream(asked, prompt, Sampling(max_tokens=50, temperature=1.0)))) <= 2
    with pytest.raises(InputError, match="the prompt takes 129 tokens; a row of this model has 128"):
        next(stream(asked, [*prompt, 70, 70, 70], Sampling()))


@pytest.mark.parametrize("bad", [{"max_tokens": 0}, {"temperature": -1.0}, {"top_p": 0.0}, {"stop": ("",)}])
def test_a_sampling_that_makes_no_sense_is_refused(bad):
    with pytest.raises(InputError):
        Sampling(**bad)


def test_measuring_again_gives_what_the_run_said(trained, corpus, tmp_path):
    folder, ended = trained
    told = evaluate.evaluate(folder, corpus, "validation", None, tmp_path, ALONE)
    assert told["loss"] == pytest.approx(ended["held_out"]["after"]["loss"], rel=1e-6)
    assert told["by"].keys() == ended["held_out"]["after"]["by"].keys()
    with pytest.raises(InputError, match="no item in its test split"):
        evaluate.evaluate(folder, release(tmp_path / "r", {"web": 4}), "test", None, tmp_path / "t", ALONE)


def test_a_model_without_pictures_says_so(small, tmp_path):
    quick = config.load("nano", ["model.layers=1", "model.width=32", "train.steps=1", "train.rows=4"])
    pretrain(release(tmp_path / "made", {"web": 16}), tmp_path / "run", quick, ALONE, silent)
    with pytest.raises(TrainingError, match="has learned no image codes"):
        prompt_ids(voice(tmp_path / "run").encoders, image=picture(1)[0])
