"""A run from release to model: what it learns, what it leaves behind, and that it goes on exactly where it stopped."""

import hashlib
import json
import shutil
import subprocess

import pyarrow.parquet as pq
import pytest

from pipelines.shard.release import assemble_release
from schemas.errors import InputError, PresetError, ShardError, TrainingError, VocabularyMismatch
from schemas.exposure import seen
from schemas.shard import Split
from schemas.training import RECORD
from tests.training.conftest import ALONE, ROOT, changes, command, ran
from tests.training.made import SIZES, item_id, lane, release, sample, sentence, split_of
from training import checkpoint, config, encoders, run, tokens
from training.curve import CURVE
from training.pretrain import pretrain
from training.progress import silent
from training.shards import open_release


def weights(folder):
    """Digest of the weights of each checkpoint."""
    return {
        path.parent.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (folder / "checkpoints").glob("*/model.safetensors")
    }


def test_the_held_out_loss_of_every_modality_goes_down(trained):
    _, ended = trained
    before, after = (ended["held_out"][when] for when in ("before", "after"))
    assert after["loss"] < before["loss"] - 1
    assert set(before["by"]) == {"text", "image.caption", "image.repair", "audio.transcribe", "audio.repair"}
    assert [name for name in before["by"] if after["by"][name]["loss"] >= before["by"][name]["loss"]] == []


def test_the_codecs_are_measured_on_held_out_items(made):
    report = json.loads((made / "vocabulary" / "report.json").read_bytes())
    held = sum(1 for n in range(SIZES["image_caption"]) if split_of(n) != "train")
    assert report["image"]["examples"] == held
    assert report["image"]["error"] < report["image"]["baseline"]


def test_the_tokens_come_back_to_the_text_they_were(corpus, made, small):
    known, store = encoders.load(made / "vocabulary", small), tokens.load(made / "tokens")
    items = {
        item.item_id: item for split in ("train", "validation", "test") for item in open_release(corpus).items(split)
    }
    assert len(items) == sum(SIZES.values()) == len(store.index)
    for row in store.index.to_pylist():
        span = store.ids[row["text_start"] : row["text_start"] + row["text_length"]]
        assert known.spelled(span.tolist()).decode() == items[row["item_id"]].text
    assert store.problems == []


def test_a_run_leaves_a_record_a_curve_and_checkpoints(trained, small):
    folder, ended = trained
    tables = run.read_record(folder / "record")
    assert {name: table.schema for name, table in tables.items()} == dict(RECORD)
    (row,) = tables["training_run"].to_pylist()
    assert (row["training_run"], row["kind"], row["seed"]) == (ended["training_run"], "pretrain", 0)
    assert row["release_root"] == open_release_root(folder)
    (fed,) = tables["consumption"].to_pylist()
    assert (fed["first_row"], fed["last_row"], fed["plan_digest"]) == (0, 24 * 16 - 1, row["plan_digest"])
    kept = tables["checkpoint"].to_pylist()
    assert [(one["step"], one["rows"]) for one in kept] == [(16, 256), (24, 384)]
    assert kept[-1]["checkpoint_id"].hex() == ended["checkpoint_id"]
    assert kept[-1]["weights_sha256"].hex() == weights(folder)["step-000024"]
    curve = pq.read_table(folder / "curve.parquet")
    assert (curve.schema, curve.column("step").to_pylist()) == (CURVE, list(range(1, 25)))
    assert (folder / "curve.png").read_bytes()[:4] == b"\x89PNG"
    told = json.loads((folder / "record" / "record.json").read_bytes())
    assert told["checkpoint"][-1]["checkpoint_id"] == ended["checkpoint_id"]


def open_release_root(folder):
    return bytes.fromhex(run.facts_of(folder)["release_root"])


def test_a_complete_run_is_not_trained_again(corpus, trained, small, made):
    folder, ended = trained
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    assert pretrain(corpus, folder, small, ALONE, silent, made=made) == ended
    unchanged = {path: path.stat().st_mtime_ns for path in before if path.parent.name != "vocabulary"}
    assert {path: before[path] for path in unchanged} == unchanged


def test_a_run_that_was_killed_goes_on_to_the_same_weights(corpus, made, trained, tmp_path):
    options = [
        "train",
        corpus,
        "--out",
        tmp_path / "run",
        "--tokens",
        made,
        *changes("train.every=1", "train.keep=100"),
    ]
    child = subprocess.Popen(command(*options), cwd=ROOT, stderr=subprocess.PIPE, text=True)
    for line in child.stderr:
        told = json.loads(line)
        if told["stage"] == "train" and told["step"] > 4:
            break
    child.kill()
    child.wait()
    child.stderr.close()
    reached = len(checkpoint.checkpoints(tmp_path / "run"))
    assert 2 <= reached < 12
    code, ended, _ = ran(*options)
    assert (code, ended["steps"]) == (0, 24)
    same = trained[0]  # never interrupted, and in this process
    assert weights(tmp_path / "run")["step-000024"] == weights(same)["step-000024"]
    assert weights(tmp_path / "run")["step-000016"] == weights(same)["step-000016"]
    curves = [pq.read_table(folder / "curve.parquet") for folder in (tmp_path / "run", same)]
    assert curves[0] == curves[1]
    moments = [next((f / "checkpoints" / "step-000024").glob("opt*")).read_bytes() for f in (tmp_path / "run", same)]
    assert moments[0] == moments[1]


def test_two_processes_train_as_one_does_and_one_goes_on_from_them(corpus, made, trained, tmp_path):
    folder = tmp_path / "run"
    # Rows that two cannot share evenly, and no bfloat16, whose rounding would soon lead two sums apart.
    few = changes("train.rows=15", "train.steps=6", "train.every=3", "bfloat16=false")
    options = ["train", corpus, "--out", folder, "--tokens", made, *few, "--progress-file", tmp_path / "progress"]
    code, ended, errors = ran(*options, processes=2)
    assert code == 0, errors
    told = [json.loads(line) for line in (tmp_path / "progress").read_text().splitlines()]
    assert [one["step"] for one in told if one["step"] in (1, 6)] == [1, 6, 6]  # one process tells
    preset = config.load("nano", few[1::2])
    alone = pretrain(corpus, tmp_path / "alone", preset, ALONE, silent, made=made)
    assert alone["training_run"] == ended["training_run"]
    both, one = (pq.read_table(path / "curve.parquet").to_pylist() for path in (folder, tmp_path / "alone"))
    for column in ("loss", "ce", "contrast", "norm"):
        assert both[0][column] == pytest.approx(one[0][column], rel=1e-4), column
        # Sums in another order differ in the last bits, and every step makes more of it.
        assert [step[column] for step in both] == pytest.approx([step[column] for step in one], rel=1e-2), column
    assert [step["pairs"] for step in both] == [step["pairs"] for step in one]
    # Elastic: one process takes over from two.
    (folder / run.RESULT).unlink()
    shutil.rmtree(folder / "checkpoints" / "step-000006")
    again = pretrain(corpus, folder, preset, ALONE, silent, made=made)
    assert again["held_out"]["after"]["loss"] == pytest.approx(ended["held_out"]["after"]["loss"], rel=1e-4)


def test_a_checkpoint_that_was_changed_is_not_gone_on_with(corpus, trained, small, made, tmp_path):
    folder = shutil.copytree(trained[0], tmp_path / "run")
    (folder / run.RESULT).unlink()
    path = folder / "checkpoints" / "step-000024" / "optimiser.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(TrainingError, match=r"delete .*step-000024 to go on from the checkpoint before it"):
        pretrain(corpus, folder, small, ALONE, silent, made=made)
    shutil.rmtree(path.parent)
    assert pretrain(corpus, folder, small, ALONE, silent, made=made)["checkpoint_id"] == trained[1]["checkpoint_id"]


def test_a_folder_of_another_run_is_refused(corpus, trained, made):
    with pytest.raises(PresetError, match="which differs in config; give another --out"):
        pretrain(corpus, trained[0], config.load("nano", ["train.steps=25"]), ALONE, silent, made=made)


def test_tokens_of_another_vocabulary_or_release_are_refused(corpus, made, small, tmp_path):
    words = encoders.load(made / "vocabulary", small).vocabulary.digest
    with pytest.raises(VocabularyMismatch, match="tokenise the release with the model's own encoders"):
        tokens.load(made / "tokens", vocabulary=b"\1" * 32)
    with pytest.raises(TrainingError, match="of another release"):
        tokens.load(made / "tokens", vocabulary=words, release_root=b"\1" * 32)
    mixed = shutil.copytree(made, tmp_path / "mixed")
    content = json.loads((mixed / "tokens" / "manifest.json").read_bytes())
    (mixed / "tokens" / "manifest.json").write_text(json.dumps(content | {"vocabulary": "00" * 32}))
    with pytest.raises(VocabularyMismatch):
        pretrain(corpus, tmp_path / "run", small, ALONE, silent, made=mixed)
    with pytest.raises(VocabularyMismatch, match="names other files or another preset"):
        pretrain(corpus, tmp_path / "other", config.load("nano", ["tokens.pixels=20"]), ALONE, silent, made=made)


def test_a_changed_codec_is_refused(made, small, tmp_path):
    words = shutil.copytree(made / "vocabulary", tmp_path / "words")
    other = encoders.codec.Codec(encoders._image_shape(small))
    (words / encoders.FILES["image"]).write_bytes(encoders.codec.dump(other))
    with pytest.raises(VocabularyMismatch):
        encoders.load(words, small)


def test_a_release_whose_bytes_were_changed_is_refused(small, tmp_path):
    folder = release(tmp_path / "made", {"web": 16})
    tar = next((folder / "web" / "data").glob("train-*.tar"))
    content = tar.read_bytes()
    tar.write_bytes(content.replace(b"market", b"basket", 1))
    with pytest.raises(ShardError, match="__trailer__ disagrees"):
        pretrain(folder, tmp_path / "run", small, ALONE, silent)
    with pytest.raises(InputError, match="is no release"):
        open_release(tmp_path)


def test_a_release_of_text_alone_trains_and_one_without_text_does_not(small, tmp_path):
    folder = release(tmp_path / "made", {"web": 16})
    quick = config.load("nano", ["model.layers=1", "model.width=32", "train.steps=2", "train.rows=4"])
    ended = pretrain(folder, tmp_path / "run", quick, ALONE, silent)
    assert set(ended["held_out"]["after"]["by"]) == {"text"}
    with pytest.raises(TrainingError, match="no text in its train split"):
        pretrain(release(tmp_path / "none", {"web": 1}), tmp_path / "other", quick, ALONE, silent)


def test_what_is_held_out_is_not_trained_on_in_another_lane_either(tmp_path):
    held, other = sample("web", 0), sample("quiz", 1, sentence(0))  # the same text
    assert held.meta["content_sha256"] == other.meta["content_sha256"]
    lane(tmp_path / "r" / "web", "web", [(split_of(n), sample("web", n)) for n in range(16)])
    lane(tmp_path / "r" / "quiz", "quiz", [(Split.TRAIN, other), (Split.TRAIN, sample("quiz", 2))])
    assemble_release(tmp_path / "r", ["web", "quiz"])
    quick = config.load("nano", ["model.layers=1", "model.width=32", "train.steps=2", "train.rows=4"])
    ended = pretrain(tmp_path / "r", tmp_path / "run", quick, ALONE, silent)
    assert ended["held_back"] == 1
    saw = seen(bytes.fromhex(ended["checkpoint_id"]), run.lineage(tmp_path / "run"))
    assert item_id("quiz", 2) in saw
    assert not saw.keys() & {item_id("quiz", 1), item_id("web", 0)}


def test_items_that_cannot_be_decoded_are_named_and_too_many_fail(tmp_path, small, made):
    known = encoders.load(made / "vocabulary", small)
    items = list(open_release(release(tmp_path / "made", {"image_caption": 30})).items("train"))
    broken = [
        encoders.Item(**{name: getattr(item, name) for name in item.__slots__} | {"payload": b"x"}) for item in items
    ]

    def write(given):
        tokens.write(
            tmp_path / "t", given, lambda item: tokens.encode(item, known), bytes(32), bytes(32), lambda n: None
        )

    write(items[2:] + broken[:2])
    found = tokens.load(tmp_path / "t").problems
    assert len(found) == 2
    assert found[0].startswith(f"item {broken[0].item_id.hex()} of lane image_caption: the bytes are no image")
    first = (tmp_path / "t" / "index.parquet").read_bytes()
    write(items[2:] + broken[:2])
    assert (tmp_path / "t" / "index.parquet").read_bytes() == first
    with pytest.raises(TrainingError, match="25 of 25 items cannot be used"):
        write(broken)
