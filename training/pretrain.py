"""Pretraining: a release, a preset and an empty folder to a run. What is there already is not made again."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from schemas.digest import plain
from schemas.errors import TrainingError
from schemas.plan import BLOCK, Plan, plan_digest
from training import checkpoint, curve, encoders, run, tokens, trainer
from training.cluster import Cluster, placed
from training.config import Config
from training.documents import documents
from training.encoders import Encoders
from training.evaluate import held_feed
from training.files import write_json
from training.loader import Feed
from training.model import new_model
from training.progress import Tell
from training.run import Setup
from training.shards import Release, open_release
from training.tokens import Tokens
from training.trainer import Look


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """Everything a loop needs. `held`: the documents of the validation split; None where there is none."""

    setup: Setup
    encoders: Encoders
    documents: pa.Table
    feed: Feed
    held: Feed | None


def tokenise(release: Release, folder: Path, config: Config, tell: Tell) -> None:
    """Make <folder>/vocabulary and <folder>/tokens of a release; what is there and of this release is kept."""
    words, store = folder / "vocabulary", folder / "tokens"
    if not (words / "vocabulary.json").is_file():
        found, reports = encoders.learn(release, config, lambda stage, at, of, loss: tell(stage, at, of, loss=loss))
        encoders.save_reports(words, reports)
        found.save(words)
    if not (store / tokens.MANIFEST).is_file():
        known = encoders.load(words, config)
        tokens.encode_release(release, known, store, lambda done: tell("tokens", done, 0))


def pretrain(
    release_folder: Path, folder: Path, config: Config, cluster: Cluster, tell: Tell, *, made: Path | None = None
) -> dict[str, Any]:
    """How the run in `folder` ended, after training it as far as it was not yet. `made`: a folder `tokenise` wrote.

    Raises:
        PresetError: the folder holds another run.
        TrainingError: there is nothing to train on, or a file in the folder was changed.
        VocabularyMismatch: `made` is of another vocabulary than it says.
    """
    started = time.monotonic()
    release = open_release(release_folder)
    if cluster.is_first:
        tokenise(release, made or folder, config, tell)
        if made is not None:
            encoders.load(made / "vocabulary", config).save(folder / "vocabulary")
    cluster.wait()
    prepared = ready(release, folder, (made or folder) / "tokens", config)
    if cluster.is_first:
        run.begin(folder, prepared.setup, prepared.documents, run.clock())
    cluster.wait()
    if (ended := run.result_of(folder)) is not None:
        return ended
    model = placed(new_model(config.model, prepared.encoders.vocabulary.size, config.seed), cluster)
    stage = trainer.Stage(
        folder=folder,
        name="train",
        config=config.train,
        bfloat16=config.bfloat16,
        feed=prepared.feed,
        held=prepared.held,
        facts=checkpoint_facts(prepared.setup),
    )
    looks = trainer.fit(stage, model, cluster, tell)
    return finish(folder, looks, looks[-1]["step"], prepared.feed.tokens, cluster, time.monotonic() - started)


def ready(release: Release, folder: Path, store: Path, config: Config) -> Ready:
    """What a run in `folder` needs, with the token store in `store`.

    Raises:
        TrainingError: there is nothing to train on.
        VocabularyMismatch: store and folder are of different vocabularies.
    """
    known = encoders.load(folder / "vocabulary", config)
    found = tokens.load(store, release_root=release.root, vocabulary=known.vocabulary.digest)
    docs = documents(trainable(found.index), config)
    plan = Plan.of(docs, seed=config.seed, row_tokens=config.model.row_tokens)
    if not plan.rows:
        raise TrainingError(f"release {release.folder} has no item to train on in its train split")
    row, words = config.model.row_tokens, known.vocabulary.digest
    setup = Setup(
        kind="pretrain",
        config=config,
        release_root=release.root,
        vocabulary=words,
        plan=plan_digest(docs, release_root=release.root, vocabulary=words, row_tokens=row),
        block=BLOCK,
    )
    feed = Feed.of(found, docs, plan, config.tokens.hidden)
    held = held_feed(found, documents(of_split(found.index, "validation"), config), config)
    return Ready(setup=setup, encoders=known, documents=docs, feed=feed, held=held)


def of_split(index: pa.Table, split: str) -> pa.Table:
    """The rows of a token index in one split."""
    return index.filter(pc.equal(index.column("split"), split))


def trainable(index: pa.Table) -> pa.Table:
    """The rows of the train split, but for those whose content is held out too: what is held out is trained on nowhere.

    Deduplication keeps such apart within a lane; another lane may hold the same bytes.
    """
    train = of_split(index, "train")
    held = index.filter(pc.not_equal(index.column("split"), "train")).column("content_sha256").combine_chunks()
    return train.filter(pc.invert(pc.is_in(train.column("content_sha256"), held)))


def checkpoint_facts(setup: Setup) -> Mapping[str, Any]:
    """What every checkpoint of a run says beside its step."""
    return {
        "training_run": setup.training_run,
        "kind": setup.kind,
        "config": plain(setup.config),
        "release_root": setup.release_root.hex(),
        "vocabulary": setup.vocabulary.hex(),
        "plan": setup.plan.hex(),
        "init": setup.init.hex() if setup.init else None,
    }


def finish(
    folder: Path,
    looks: Sequence[Look],
    step: int,
    found: Tokens,
    cluster: Cluster,
    seconds: float,
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """How a run ended, now written down: its checkpoint of `step`, the held-out loss before and after, the curve drawn."""
    one = checkpoint.read(folder / checkpoint.FOLDER / f"step-{step:06d}")
    by_step = {look["step"]: look for look in looks}
    ended = {
        "training_run": run.facts_of(folder)["training_run"],
        "checkpoint": one.path.relative_to(folder).as_posix(),
        "checkpoint_id": one.checkpoint_id.hex(),
        "steps": looks[-1]["step"],
        "rows": one.facts["rows"],
        "held_out": {"before": _told(by_step[0]), "after": _told(by_step[step])},
        "items": len(found.index),
        "held_back": len(of_split(found.index, "train")) - len(trainable(found.index)),
        "problems": found.problems,
        "seconds": round(seconds, 1),
        **(more or {}),
    }
    if cluster.is_first:
        curve.draw(folder, curve.read(folder, looks[-1]["step"]), _measured(looks))
        run.write_record(folder)  # a run that was killed behind its last checkpoint has not written it
        write_json(folder / run.RESULT, ended)
    cluster.wait()
    return ended


def _told(look: Look) -> dict[str, Any]:
    return {"loss": look["loss"], "by": look["by"]}


def _measured(looks: Sequence[Look]) -> list[tuple[int, float]]:
    return [(look["step"], look["loss"]) for look in looks if look["loss"] is not None]
