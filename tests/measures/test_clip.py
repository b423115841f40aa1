"""CLIP by a tiny model that the test makes: real code all the way, no download; and off without one."""

import dataclasses
import hashlib
import io
import json

import pyarrow as pa
import pytest

from pipelines.audit.open import Ledger
from pipelines.cli import main
from pipelines.lanes.image_caption import IMAGE_CAPTION
from pipelines.measures.clip import CLIP, measure_clip
from pipelines.policies.image import CLIP_QUALITY
from pipelines.recipe import loads
from pipelines.rooms import measure
from pipelines.run import run
from pipelines.split.image import IMAGE_FACTS
from pipelines.stage import Reach
from schemas.errors import ModelMissing
from schemas.item import item_schema
from tests.conftest import site_at
from tests.split.pictures import encoded, recipe, roots, scene

torch = pytest.importorskip("torch")
CONFIG = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(stage, models of a site): a CLIP of one layer with random weights, and a linear head."""
    from safetensors.torch import save_file

    from pipelines.models.open_clip import open_clip

    folder = tmp_path_factory.mktemp("clip")
    torch.manual_seed(0)
    model = open_clip("open_clip.model").CLIP(**CONFIG)
    with torch.no_grad():
        model.token_embedding.weight.mul_(20)  # so that captions differ in what comes out
    files = {
        "clip": folder / "tiny.pt",
        "clip_config": folder / "config.json",
        "picture_safety": folder / "head.safetensors",
    }
    torch.save(model.state_dict(), files["clip"])
    files["clip_config"].write_text(json.dumps({"model_cfg": CONFIG}))
    save_file({"weight": torch.randn(1, 16) * 4, "bias": torch.zeros(1)}, files["picture_safety"])
    settings = {"checkpoint": "clip", "config": "clip_config", "safety_head": "picture_safety"}
    stage = CLIP.override({key: digest(files[name]) for key, name in settings.items()}, where="a test")
    return stage, {name: str(path) for name, path in files.items()}


FILES = [encoded(scene(seed=seed), kind) for seed, kind in enumerate(["JPEG", "JPEG", "JPEG", "PNG", "JPEG"])]
TEXTS = ["a frog", "a frog", None, "a red house by the river " * 20, "two ducks"]


def items(files=FILES, texts=TEXTS):
    rows = [row | {"text": text} for row, text in zip(roots(files).to_pylist(), texts, strict=True)]
    for row, data in zip(rows, files, strict=True):
        row["payload"] = row["payload"] if data is not None else None
    return pa.RecordBatch.from_pylist(rows, schema=item_schema(IMAGE_FACTS))


def at(stage, models):
    return dataclasses.replace(stage, paths=tuple(models.items()))


def reach(files=FILES):
    bytes_of = dict(zip(items(files, [None] * len(files)).column("item_id").to_pylist(), files, strict=True))
    return Reach(
        payloads=lambda rows: pa.array([bytes_of[key] for key in rows.column("item_id").to_pylist()], pa.large_binary())
    )


def scores(found):
    return [(row["clip_score"], row["unsafe_score"]) for row in found.to_pylist()]


def test_scores_are_those_of_open_clip_itself(made):
    from PIL import Image

    from pipelines.models.open_clip import open_clip

    stage, models = made
    found = scores(measure_clip(at(stage, models), items(), reach()))
    library = open_clip()
    model = open_clip("open_clip.model").CLIP(**CONFIG).eval()
    model.load_state_dict(torch.load(models["clip"], weights_only=True))
    look = open_clip("open_clip.transform").image_transform(32, is_train=False, resize_mode="shortest")
    with torch.no_grad():
        pixels = torch.stack([look(Image.open(io.BytesIO(data)).convert("RGB")) for data in FILES])
        pictures = model.encode_image(pixels, normalize=True)
        texts = model.encode_text(
            library.SimpleTokenizer(context_length=16)([text or "" for text in TEXTS]), normalize=True
        )
    expected = (pictures * texts).sum(dim=1).tolist()
    assert [None if text is None else round(value, 3) for value, text in zip(expected, TEXTS, strict=True)] == [
        pytest.approx(clip, abs=0.0011) if clip is not None else None for clip, _ in found
    ]
    assert len({clip for clip, _ in found}) == 5
    assert all(0 < unsafe < 1 for _, unsafe in found)


def test_a_score_does_not_depend_on_what_else_is_in_the_batch(made):
    stage, models, cut = *made, 2
    whole = scores(measure_clip(at(stage, models), items(), reach()))
    halves = [measure_clip(at(stage, models), items().slice(*part), reach()) for part in ((0, cut), (cut,))]
    assert [pair for half in halves for pair in scores(half)] == whole
    many = items(FILES * 4, TEXTS * 4)
    assert scores(measure_clip(at(stage, models), many, reach(FILES * 4))) == whole * 4


def test_what_is_no_picture_has_no_score(made):
    stage, models = made
    files = [None, b"no picture", FILES[0]]
    found = scores(measure_clip(at(stage, models), items(files, ["a", "b", "a frog"]), reach(files)))
    assert found[:2] == [(None, None)] * 2
    assert None not in found[2]


def test_off_means_null_and_says_so(made):
    assert scores(measure_clip(CLIP, items(), reach())) == [(None, None)] * 5
    assert [line.partition(" is off")[0] for line in CLIP.off] == [
        "measure.clip: checkpoint",
        "measure.clip: safety_head",
    ]
    stage, models = made
    assert stage.off == ()
    without = stage.override({"safety_head": ""}, where="a test")
    assert [unsafe for _, unsafe in scores(measure_clip(at(without, models), items(), reach()))] == [None] * 5
    signals, failed = measure(IMAGE_CAPTION, items())
    assert (signals.column("clip_score").null_count, len(failed)) == (5, 0)


def test_a_caption_that_does_not_fit_and_an_unsafe_picture_are_dropped_and_null_is_not():
    rows = items().to_pylist()
    batch = pa.RecordBatch.from_pylist([row | {"language": "en"} for row in rows], schema=item_schema(IMAGE_FACTS))
    columns = {"clip_score": [0.27, 0.28, None, 0.9, 0.9], "unsafe_score": [None, 0.5, None, 0.501, 0.1]}
    signals = pa.RecordBatch.from_pydict({key: pa.array(values, pa.float64()) for key, values in columns.items()})
    found = CLIP_QUALITY.fn(CLIP_QUALITY, batch, signals).column("reason").to_pylist()
    assert found == ["caption_mismatch", None, None, "picture_unsafe", None]


def test_a_file_that_is_missing_another_or_broken_is_named(made, tmp_path):
    stage, models = made

    def asked(settings, more):
        return measure_clip(at(stage.override(settings, where="a test"), models | more), items(), reach())

    with pytest.raises(ModelMissing, match="give its path as `clip` under"):
        measure_clip(at(stage, {}), items(), reach())
    with pytest.raises(ModelMissing, match="cannot be read: No such file"):
        asked({}, {"clip": str(tmp_path / "gone")})
    with pytest.raises(ModelMissing, match="but the recipe's checkpoint is"):
        asked({"checkpoint": "0" * 64}, {})
    (tmp_path / "x").write_bytes(b"nothing of the kind")
    other = digest(tmp_path / "x")
    for setting, name, said in (
        ("checkpoint", "clip", "is no checkpoint of"), ("config", "clip_config", "is no open_clip_config"),
        ("safety_head", "picture_safety", "is no linear head"),
    ):  # fmt: skip
        with pytest.raises(ModelMissing, match=said):
            asked({setting: other}, {name: str(tmp_path / "x")})
    with pytest.raises(ModelMissing, match="has no architecture 'ViT-B-31'"):
        asked({"config": "", "architecture": "ViT-B-31"}, {})


def test_plan_and_check_say_what_is_off_and_check_finds_the_files_of_what_is_on(made, tmp_path, capsys):
    stage, models = made
    (tmp_path / "held").mkdir()
    (tmp_path / "held" / "a.jpg").write_bytes(FILES[0])
    on = "".join(f'{key} = "{stage.settings[key]}"\n' for key in ("checkpoint", "config", "safety_head"))
    for name, more in (("off", ""), ("on", f'[stage."measure.clip"]\n{on}')):
        (tmp_path / f"{name}.toml").write_text(recipe(more=more))
    paths = "".join(f'{name} = "{path}"\n' for name, path in models.items())
    (tmp_path / "site.toml").write_text(f'[store]\nurl = "."\n[models]\n{paths}')

    def said(*words):
        code = main([*words, "--site", str(tmp_path)])
        return code, capsys.readouterr().out

    assert json.loads(said("plan", str(tmp_path / "off.toml"), "--sample", "0", "--json")[1])["off"] == list(CLIP.off)
    assert json.loads(said("plan", str(tmp_path / "on.toml"), "--sample", "0", "--json")[1])["off"] == []
    found = json.loads(said("check", str(tmp_path / "off.toml"), "--json")[1])["checked"]
    assert [one["found"] for one in found if one["what"] == "off"] == list(CLIP.off)
    assert "[models]" in said("check", str(tmp_path / "off.toml"))[1]
    found = json.loads(said("check", str(tmp_path / "on.toml"), "--json")[1])["checked"]
    assert {one["what"]: one["found"] for one in found if one["what"].removeprefix("model ") in models} == {
        f"model {name}": path for name, path in models.items()
    }
    (tmp_path / "site.toml").write_text('[store]\nurl = "."\n')
    assert said("check", str(tmp_path / "on.toml"))[0] != 0


def test_a_run_scores_what_it_publishes_and_balances_what_it_keeps(made, tmp_path):
    stage, models = made
    on = "".join(f'{key} = "{stage.settings[key]}"\n' for key in ("checkpoint", "config"))
    lines = f'[balance]\nentries = "words.txt"\nat_most = 3\n[stage."measure.clip"]\n{on}[stage."quality.clip"]\nmin_clip_score = -1\n'
    (tmp_path / "words.txt").write_text("frog\naxolotl\n")
    (tmp_path / "held").mkdir()
    for seed in range(12):
        (tmp_path / "held" / f"{seed}.png").write_bytes(encoded(scene(seed=seed), "PNG"))
        (tmp_path / "held" / f"{seed}.txt").write_text("an axolotl" if seed == 5 else f"a frog, photograph {seed}")
    site = dataclasses.replace(site_at(tmp_path / "site"), models=tuple(models.items()))
    done = run(loads(recipe(more=lines), base=tmp_path), site)
    assert done.balance.holds
    assert done.off == (CLIP.off[1],)
    rows = Ledger.open(site.store).db.rows(
        "SELECT d.state, d.stage, d.reason, s.clip_score, s.unsafe_score FROM disposition d JOIN signal_image_caption s USING (item_id)"
    )
    assert [row["unsafe_score"] for row in rows] == [None] * 12
    assert {row["clip_score"] is not None for row in rows} == {True}
    gone = [(row["state"], row["stage"], row["reason"]) for row in rows if row["state"] != "kept"]
    assert set(gone) == {("dropped", "mix.balance", "over_represented")}
    assert 4 <= len(gone) < 11


def test_the_digest_of_the_model_is_in_the_key_of_the_stage(made):
    stage, _ = made
    assert stage.op_id != CLIP.op_id
    assert stage.override({"checkpoint": "1" * 64}, where="a test").op_id != stage.op_id
