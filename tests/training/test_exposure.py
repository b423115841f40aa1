"""Exposure: what the plan says a checkpoint saw is what the batches held, told from the ids that were really fed."""

import subprocess
import sys
from collections import Counter

import pyarrow as pa
import pytest

from schemas.exposure import EXPOSURE, exposure, seen
from schemas.training import RECORD
from tests.training.conftest import ROOT
from tests.training.made import item_id, lane, sample
from training import config, run, trainer
from training.model import new_model
from training.pretrain import checkpoint_facts, ready
from training.progress import silent
from training.shards import open_release

NUMBERED = 140
STEPS, ROWS = 18, 5


class Logging:
    """A feed that tells which parts of rows it gave."""

    def __init__(self, feed):
        self.plan, self._feed, self.parts = feed.plan, feed, []

    def batch(self, rows):
        given = self._feed.batch(rows)
        for ids, parts in zip(given.ids.tolist(), given.parts.tolist(), strict=True):
            for part in sorted({part for part in parts if part}):
                self.parts.append([one for one, own in zip(ids, parts, strict=True) if own == part])
        return given


@pytest.fixture(scope="module")
def fed(tmp_path_factory):
    """(run folder, Counter of item number by step of checkpoint), told from the text in every row that was fed."""
    from pipelines.shard.release import assemble_release
    from schemas.shard import Split
    from training.cluster import cluster
    from training.pretrain import tokenise

    release, folder = tmp_path_factory.mktemp("numbered"), tmp_path_factory.mktemp("run")
    # Each item has a letter of its own, so that every piece of a text, however it is cut, says whose it is.
    texts = [" ".join(letter(n) * (5 + n * 37 % 300)) for n in range(NUMBERED)]
    lane(release / "web", "web", [(Split.TRAIN, sample("web", n, text)) for n, text in enumerate(texts)])
    pictures = [(Split.TRAIN, sample("image_caption", n, " ".join(letter(NUMBERED + n) * 5))) for n in range(20)]
    lane(release / "image_caption", "image_caption", pictures)
    assemble_release(release, ["web", "image_caption"])
    tiny = config.load("nano", [
        "model.layers=1", "model.width=32", "model.heads=2", "model.kv_heads=1", "image.steps=2", "image.width=16",
        f"train.steps={STEPS}", f"train.rows={ROWS}", "train.every=6", "train.keep=9", "mix.repair=0.0", "mix.text=0.9",
        "mix.caption=1.5", "mix.pair=1.0", "tokens.text=600",
    ])  # fmt: skip
    with cluster(1) as here:
        tokenise(open_release(release), folder, tiny, silent)
        prepared = ready(open_release(release), folder, folder / "tokens", tiny)
        run.begin(folder, prepared.setup, prepared.documents, run.clock())
        logging = Logging(prepared.feed)
        counted = {}

        def tell(stage, step, steps, **numbers):
            if step % 6 == 0 and step not in counted:
                counted[step] = _items(logging.parts, prepared.encoders)

        stage = trainer.Stage(
            folder=folder, name="train", config=tiny.train, bfloat16=True, feed=logging, held=None,
            facts=checkpoint_facts(prepared.setup),
        )  # fmt: skip
        trainer.fit(stage, new_model(tiny.model, prepared.encoders.vocabulary.size, 0), here, tell)
    return folder, counted


def letter(n):
    return chr(0x100 + n)


def _items(parts, known):
    """How many documents of each item: a pair's halves are one document, told by the half that has a text."""
    counts = Counter()
    for ids in parts:
        letters = set(known.spelled(ids).decode()) - {" "}
        assert len(letters) <= 1  # no part mixes two items
        counts.update(ord(one) - 0x100 for one in letters)
    return counts


def ids_of(counts):
    number = lambda n: item_id("web", n) if n < NUMBERED else item_id("image_caption", n - NUMBERED)  # noqa: E731
    return {number(n): times for n, times in counts.items()}


@pytest.mark.parametrize("step", [6, 12, 18])
def test_what_a_checkpoint_saw_is_what_was_fed(fed, step):
    folder, counted = fed
    record = run.lineage(folder)
    (one,) = [row for row in record["checkpoint"].to_pylist() if row["step"] == step]
    said = seen(one["checkpoint_id"], record)
    assert said == ids_of(counted[step])
    assert len(said) >= 100 or step < 18


def test_the_checkpoints_of_an_item_are_told_and_no_others(fed):
    folder, counted = fed
    record = run.lineage(folder)
    asked = [item_id("web", n) for n in range(100)]
    table = exposure(asked, record)
    assert table.schema == EXPOSURE
    found = {(row["item_id"], row["step"]): row["times"] for row in table.to_pylist()}
    expected = {
        (item, step): times
        for step, counts in counted.items()
        for item, times in ids_of(counts).items()
        if item in asked
    }
    assert found == expected
    assert exposure([b"\7" * 32], record).num_rows == 0


def test_where_consumption_was_not_recorded_the_answer_is_unknown(fed):
    record = run.lineage(fed[0])
    for table in ("consumption", "document"):
        empty = record | {table: RECORD[table].empty_table()}
        told = exposure([item_id("web", 1), b"\7" * 32], empty).to_pylist()
        assert {row["times"] for row in told} == {None}
        assert len(told) == 2 * 3  # for every checkpoint: it may have seen anything
    cut = record["consumption"].set_column(4, "last_row", pa.array([ROWS * 6 - 1], pa.int64()))
    steps = {row["step"]: row["times"] for row in exposure([b"\7" * 32], record | {"consumption": cut}).to_pylist()}
    assert steps == {12: None, 18: None}  # as far as it is recorded it is known


def test_what_a_checkpoint_saw_its_children_saw_too(fed):
    record = run.lineage(fed[0])
    parent = record["checkpoint"].to_pylist()[0]
    (row,) = record["training_run"].to_pylist()
    child = {
        "training_run": row | {"training_run": "tune-1", "init_checkpoint": parent["checkpoint_id"]},
        "consumption": record["consumption"].to_pylist()[0] | {"training_run": "tune-1"},
        "checkpoint": parent | {"training_run": "tune-1", "checkpoint_id": b"\5" * 32},
    }
    grown = record | {
        name: pa.concat_tables([record[name], pa.Table.from_pylist([of], RECORD[name])]) for name, of in child.items()
    }
    own = seen(parent["checkpoint_id"], record)
    assert seen(b"\5" * 32, grown) == {item: 2 * times for item, times in own.items()}
    orphan = grown | {"checkpoint": grown["checkpoint"].slice(1)}
    assert seen(b"\5" * 32, orphan) is None


def test_exposure_is_answered_without_torch():
    code = "import sys, schemas.exposure; print([name for name in ('torch', 'training', 'pipelines') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True).stdout == "[]\n"
