"""Tuning: a checkpoint goes on with a small task, stops when its validation items say so, and is measured once on a hold-out.

The task is questions and answers: a lane's images or sounds with their texts, or text items that hold a question and an
answer, either as JSON ({"question": ..., "answer": ...}) or as lines "Question: ..." and "Answer: ...".

    train split                 -> trained on
    validation split            -> when to stop; without a test split its second half is the hold-out
    test split                  -> hold-out

No part of the hold-out may lie in the train split or have been fed to any run the checkpoint comes from: refused if so.
"""

import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import HoldoutLeak, InputError, PresetError, VocabularyMismatch
from schemas.plan import BLOCK, Plan, plan_digest
from schemas.training import Kind
from training import checkpoint, encoders, run, tokens, trainer
from training.cluster import Cluster, placed
from training.config import Config
from training.documents import documents
from training.encoders import Encoders
from training.evaluate import held_feed, held_out
from training.loader import Feed
from training.model import new_model
from training.pretrain import checkpoint_facts, finish, of_split, trainable
from training.progress import Tell
from training.run import Setup
from training.shards import SPLITS, Item, Release, open_release
from training.tokens import Encoded

# What a tuning trains on: one thing only, whatever the mix of the preset.
_KINDS = (Kind.CAPTION, Kind.TRANSCRIBE, Kind.ANSWER)
_LINES = re.compile(r"\s*(?:question|q)\s*:\s*(.+?)\s*\n\s*(?:answer|a)\s*:\s*(.+?)\s*", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Which items of a release are the task. `sources`: names of source cards; empty takes the whole lane."""

    lane: str
    sources: tuple[str, ...] = ()

    def items(self, release: Release, split: str) -> Iterator[Item]:
        """The items of the task in a split."""
        return (item for item in release.items(split, self.lane) if item.source in self.sources or not self.sources)


def question_answer(text: str) -> tuple[str, str]:
    """The question and the answer that a text holds.

    Raises:
        ValueError: it holds none.
    """
    try:
        found = json.loads(text)
        question, answer = found["question"], found["answer"]
    except (ValueError, TypeError, KeyError):
        match = _LINES.fullmatch(text)
        question, answer = match.groups() if match else ("", "")
    if not (isinstance(question, str) and isinstance(answer, str) and question.strip() and answer.strip()):
        raise ValueError('its text is no {"question": ..., "answer": ...} and no lines "Question: ..." "Answer: ..."')
    return question.strip(), answer.strip()


def encode(item: Item, known: Encoders, row_tokens: int) -> Encoded:
    """An item of a task as ids. Raises ValueError, with what is wrong, where it is none."""
    if item.modality != "text":
        return tokens.encode(item, known)
    question, answer = (known.text_ids(part) for part in question_answer(item.text))
    if len(question) + len(answer) + 4 > row_tokens:
        raise ValueError(f"its question and answer take {len(question) + len(answer)} tokens of {row_tokens - 4}")
    return "question", answer, question, True


def tune(
    base: Path, release_folder: Path, folder: Path, task: Task, config: Config, cluster: Cluster, tell: Tell
) -> dict[str, Any]:
    """How the tuning in `folder` ended, after doing what was not done yet.

    `base`: a run folder or one checkpoint's. `config`: the preset of the base, perhaps with another seed or `tune`.

    Raises:
        InputError: the release has no such lane, or too few items of the task.
        HoldoutLeak: part of the hold-out was, or would be, trained on.
        VocabularyMismatch: the base's encoders are not those its weights were trained with.
    """
    started = time.monotonic()
    base_run, init = run.chosen(base)
    release = open_release(release_folder)
    known = encoders.load(base_run / "vocabulary", run.config_of(base_run))
    _check_base(init, known, config)
    if cluster.is_first:
        _encode_task(release, task, known, config, folder / "tokens", tell)
        known.save(folder / "vocabulary")
        run.write_base(folder, base_run)
    cluster.wait()
    found = tokens.load(folder / "tokens", release_root=release.root, vocabulary=known.vocabulary.digest)
    docs = task_documents(found.index, config)
    train = _of_items(docs, trainable(found.index))
    validation, holdout = _held(docs, found.index, task)
    check_holdout(holdout, train, run.read_record(folder / "base")["document"])
    plan = Plan.of(train, seed=config.seed, row_tokens=config.model.row_tokens)
    setup = _setup(release, known, config, train, init, task)
    if cluster.is_first:
        run.begin(folder, setup, train, run.clock())
    cluster.wait()
    if (ended := run.result_of(folder)) is not None:
        return ended
    model = placed(new_model(config.model, known.vocabulary.size, config.seed), cluster)
    checkpoint.load_weights(init, model)
    hidden = config.tokens.hidden
    stage = trainer.Stage(
        folder=folder,
        name="tune",
        config=config.tune,
        bfloat16=config.bfloat16,
        feed=Feed.of(found, train, plan, hidden),
        held=held_feed(found, validation, config),
        facts=checkpoint_facts(setup),
    )
    looks = trainer.fit(stage, model, cluster, tell)
    step = trainer.best(looks) or looks[-1]["step"]
    once = _measure_once(folder, init, step, held_feed(found, holdout, config), model, config, cluster)
    return finish(folder, looks, step, found, cluster, time.monotonic() - started, {"hold_out": once})


def _check_base(init: checkpoint.Checkpoint, known: Encoders, config: Config) -> None:
    if init.facts["vocabulary"] != known.vocabulary.digest.hex():
        raise VocabularyMismatch(
            f"{init.path} was trained with vocabulary {init.facts['vocabulary'][:12]}, the folder has another"
        )
    if (config.model, config.tokens) != (known.config.model, known.config.tokens):
        raise PresetError(
            "[model] and [tokens] are those of the base; tuning goes on with the same model: --set tune.* only"
        )


def _encode_task(release: Release, task: Task, known: Encoders, config: Config, store: Path, tell: Tell) -> None:
    if (store / tokens.MANIFEST).is_file():
        return
    if task.lane not in {lane.name for lane in release.lanes}:
        lanes = ", ".join(lane.name for lane in release.lanes)
        raise InputError(f"release {release.folder} has no lane {task.lane}; it has {lanes}")
    items = (item for split in SPLITS for item in task.items(release, split))
    row = config.model.row_tokens
    tokens.write(
        store,
        items,
        lambda item: encode(item, known, row),
        release.root,
        known.vocabulary.digest,
        lambda done: tell("tokens", done, 0),
    )


def task_documents(index: pa.Table, config: Config) -> pa.Table:
    """The documents of a task's token index: those that ask for its texts, each once an epoch."""
    found = documents(index, config)
    mine = found.filter(pc.is_in(found.column("kind"), pa.array([kind.value for kind in _KINDS])))
    ones = pa.array([1] * len(mine), pa.int32())
    return mine.set_column(mine.column_names.index("copies"), "copies", ones)


def _of_items(docs: pa.Table, index: pa.Table) -> pa.Table:
    """The documents of the items of an index."""
    return docs.filter(pc.is_in(docs.column("item_id"), index.column("item_id").combine_chunks()))


def _held(docs: pa.Table, index: pa.Table, task: Task) -> tuple[pa.Table, pa.Table]:
    """The documents to stop by, and the hold-out. Raises InputError where there are too few."""
    validation, test = (_of_items(docs, of_split(index, split)) for split in ("validation", "test"))
    if not len(test):
        half = len(validation) // 2
        validation, test = validation.slice(0, half), validation.slice(half)
    if not len(validation) or not len(test) or not len(of_split(index, "train")):
        raise InputError(
            f"lane {task.lane} has too few items of this task outside its train split, or none in it: tuning needs one to "
            "stop by and one as hold-out; raise `validation` or `test` in the recipe's [shards]"
        )
    return validation, test


def check_holdout(holdout: pa.Table, train: pa.Table, fed: pa.Table) -> None:
    """Nothing, if no item of the hold-out, by id or by content, is among `train` or what was fed before (DOCUMENTs).

    Raises:
        HoldoutLeak: naming the first that is.
    """
    for where, table in (("this tuning's train split", train), ("what the base was trained on", fed)):
        trained = table.filter(pc.greater(table.column("copies"), 0))
        for column in ("item_id", "content_sha256"):
            known = set(trained.column(column).to_pylist())
            for item_id, value in zip(*_columns(holdout, ("item_id", column)), strict=True):
                if value in known:
                    raise HoldoutLeak(
                        f"item {item_id.hex()} of the hold-out is in {where} (same {column}); take a release whose "
                        "held-out items were held out from the start, or another base"
                    )


def _columns(table: pa.Table, names: Sequence[str]) -> list[list[Any]]:
    return [table.column(name).to_pylist() for name in names]


def _setup(
    release: Release, known: Encoders, config: Config, train: pa.Table, init: checkpoint.Checkpoint, task: Task
) -> Setup:
    row, words = config.model.row_tokens, known.vocabulary.digest
    return Setup(
        kind="tune",
        config=config,
        release_root=release.root,
        vocabulary=words,
        plan=plan_digest(train, release_root=release.root, vocabulary=words, row_tokens=row),
        block=BLOCK,
        init=init.checkpoint_id,
        task={"lane": task.lane, "sources": list(task.sources)},
    )


def _measure_once(
    folder: Path,
    init: checkpoint.Checkpoint,
    step: int,
    held: Feed | None,
    model: Any,
    config: Config,
    cluster: Cluster,
) -> dict[str, Any]:
    """The loss on the hold-out before and after. Asked for once, when all choices are made."""
    assert held is not None  # `_held` found items for it
    told = {}
    for name, one in (("before", init), ("after", checkpoint.read(folder / checkpoint.FOLDER / f"step-{step:06d}"))):
        checkpoint.load_weights(one, model)
        told[name] = held_out(model, held, config.tune.rows, cluster, config.bfloat16).plain()
    return told | {"items": len({row["item_id"] for row in held.documents})}
