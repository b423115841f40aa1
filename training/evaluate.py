"""The held-out loss, by what is asked: text, captions of images, transcripts of sounds, hidden codes, answers."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import torch

from schemas.digest import Json
from schemas.errors import InputError
from schemas.plan import Plan
from training import tokens
from training.cluster import Cluster, placed, settled
from training.config import Config
from training.documents import MEASURING, documents
from training.generate import voice
from training.loader import TASKS, Feed, step_rows
from training.model import Decoder, document_mask
from training.shards import open_release
from training.tokens import Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """`loss`: nats a token over all. `by`: (loss, tokens) by task, tasks without tokens left out."""

    loss: float
    by: dict[str, tuple[float, int]]

    def plain(self) -> dict[str, Json]:
        """As JSON."""
        tasks = {name: {"loss": loss, "tokens": tokens} for name, (loss, tokens) in self.by.items()}
        return {"loss": self.loss, "by": tasks}  # type: ignore[dict-item]


def evaluate(
    path: Path, release_folder: Path, split: str, lane: str | None, scratch: Path, cluster: Cluster
) -> dict[str, Json]:
    """The held-out loss of the model that a path names, on a split of a release. `scratch`: an empty folder for its tokens.

    Raises:
        InputError: there is no item to measure on.
    """
    one = voice(path)
    release = open_release(release_folder)
    words = one.encoders
    tokens.write(
        scratch,
        release.items(split, lane),
        lambda item: tokens.encode(item, words),
        release.root,
        words.vocabulary.digest,
        lambda done: None,
    )
    found = tokens.load(scratch, vocabulary=words.vocabulary.digest)
    feed = held_feed(found, documents(found.index, words.config), words.config)
    if feed is None:
        raise InputError(f"release {release_folder} has no item in its {split} split to measure on")
    model = placed(one.model, cluster)
    measured = held_out(model, feed, words.config.train.rows, cluster, words.config.bfloat16)
    ids = {"checkpoint_id": one.checkpoint_id.hex(), "release_root": release.root.hex(), "split": split}
    return {**ids, **measured.plain(), "items": len(found.index), "problems": list(found.problems)}


def held_feed(found: Tokens, docs: pa.Table, config: Config) -> Feed | None:
    """A feed to measure on: each document once, whatever the mix; None where there is none."""
    once = docs.set_column(docs.column_names.index("copies"), "copies", pa.array([1] * len(docs), pa.int32()))
    plan = Plan.of(once, seed=0, row_tokens=config.model.row_tokens)
    return Feed.of(found, once, plan, config.tokens.hidden, MEASURING) if plan.rows else None


@torch.no_grad()
def held_out(model: Decoder, feed: Feed, rows: int, cluster: Cluster, bfloat16: bool) -> HeldOut:
    """The loss over one epoch of a feed, `rows` at a time. Every process must call it."""
    model.eval()
    sums = torch.zeros(2, len(TASKS), dtype=torch.float64, device=cluster.device)
    for step in range(-(-feed.plan.rows // rows)):
        numbers = step_rows(step, rows, rank=cluster.rank, world=cluster.world)
        batch = feed.batch([row if row < feed.plan.rows else -1 for row in numbers]).to(cluster.device)
        with torch.autocast(cluster.device.type, torch.bfloat16, enabled=bfloat16):
            logits, _, _ = model(batch.ids, batch.positions, document_mask(batch.parts), batch.at)
        losses = torch.nn.functional.cross_entropy(logits.float(), batch.targets, reduction="none").double()
        sums[0].index_add_(0, batch.tasks, losses * batch.weights)
        sums[1].index_add_(0, batch.tasks, batch.weights.double())
    settled(model.train())
    losses, counts = cluster.summed(sums).tolist()
    by = {name: (loss / n, round(n)) for name, loss, n in zip(TASKS, losses, counts, strict=True) if n}
    return HeldOut(loss=sum(losses) / max(1.0, sum(counts)), by=by)
