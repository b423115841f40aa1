"""The loop that pretraining and tuning share: rows of a plan, one loss, a look at the held-out items, a checkpoint."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from schemas.errors import TrainingError
from training import checkpoint, curve, objective
from training.cluster import Cluster
from training.config import TrainConfig
from training.evaluate import held_out
from training.loader import Feed, step_rows
from training.model import Decoder
from training.optimise import optimiser, rate, set_rate
from training.progress import Tell
from training.run import write_record

Look = Mapping[str, Any]  # step, loss (None: nothing is held out), by (task -> loss, tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What a loop works on. `facts`: what every checkpoint says beside its step; `held`: None where nothing is held out."""

    folder: Path
    name: str
    config: TrainConfig
    bfloat16: bool
    feed: Feed
    held: Feed | None
    facts: Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class _State:
    """Where a loop is: all of it but weights and moments. Every process has the same."""

    step: int = 0
    looks: list[Look] = field(default_factory=list)
    points: list[curve.Point] = field(default_factory=list)


def fit(stage: Stage, model: Decoder, cluster: Cluster, tell: Tell) -> list[Look]:
    """The looks at the held-out items, first to last; the model is trained, and checkpoints are in the folder.

    Goes on from the last checkpoint in the folder, to the same bits as if it had never stopped. `model` must be placed.

    Raises:
        TrainingError: the loss is no number any more, or a checkpoint was changed.
    """
    config = stage.config
    optim = optimiser(model, config)
    state = _restored(stage, model, optim)
    if not state.looks:
        state.looks.append(_look(stage, model, cluster, 0))
    while state.step < config.steps and not _is_enough(state.looks, config.patience):
        point = _step(stage, model, optim, cluster, state.step)
        state.step += 1
        state.points.append({"step": state.step} | point)
        tell(stage.name, state.step, config.steps, loss=point["loss"], ce=point["ce"])
        if state.step % config.every == 0 or state.step == config.steps:
            state.looks.append(_look(stage, model, cluster, state.step))
            _keep(stage, state, model, optim, cluster)
    tell(stage.name, state.step, state.step)
    return state.looks


def best(looks: Sequence[Look]) -> int | None:
    """The step of the lowest held-out loss, the earliest of equals; None where nothing was held out."""
    measured = [look for look in looks if look["loss"] is not None and look["step"]]
    return min(measured, key=lambda look: (look["loss"], look["step"]))["step"] if measured else None


def _restored(stage: Stage, model: Decoder, optim: torch.optim.Optimizer) -> _State:
    """The state of the last checkpoint, with its weights and moments; a new one where there is none."""
    found = checkpoint.checkpoints(stage.folder)
    if not found:
        return _State()
    last = found[-1]
    checkpoint.load_weights(last, model)
    checkpoint.load_optimiser(last, model, optim)
    return _State(step=last.step, looks=list(last.facts["looks"]), points=curve.read(stage.folder, last.step))


def _is_enough(looks: Sequence[Look], patience: int) -> bool:
    """Whether none of the last `patience` looks was better than all before them."""
    losses = [look["loss"] for look in looks if look["loss"] is not None]
    return bool(patience) and len(losses) > patience and min(losses[-patience:]) >= min(losses[:-patience])


def _step(
    stage: Stage, model: Decoder, optim: torch.optim.Optimizer, cluster: Cluster, step: int
) -> dict[str, float | int]:
    """One step of all processes; what the curve says of it."""
    config, lr = stage.config, rate(step, stage.config)
    batch = stage.feed.batch(step_rows(step, config.rows, rank=cluster.rank, world=cluster.world)).to(cluster.device)
    whole = max(float(cluster.summed(batch.weights.sum())), 1e-9)  # rows of pairs alone ask for no next token
    with torch.autocast(cluster.device.type, torch.bfloat16, enabled=stage.bfloat16):
        loss = objective.share(model, batch, whole_weight=whole, contrast=config.contrast, z_loss=config.z_loss)
    (loss.total * cluster.world).backward()  # FSDP takes the mean of the gradients; the shares must add up
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
    set_rate(optim, lr)
    optim.step()
    optim.zero_grad()
    total, ce, contrast = cluster.summed(torch.stack((loss.total.detach(), loss.ce, loss.contrast))).tolist()
    if not math.isfinite(total):
        raise TrainingError(
            f"the loss of step {step + 1} is {total}; lower learning_rate in the preset and begin in another folder "
            f"(what {stage.folder} holds up to its last checkpoint is sound)"
        )
    full = norm.full_tensor() if hasattr(norm, "full_tensor") else norm
    return {
        "loss": total, "ce": ce, "contrast": contrast, "pairs": loss.pairs, "norm": float(full), "rate": lr,
    }  # fmt: skip


def _look(stage: Stage, model: Decoder, cluster: Cluster, step: int) -> Look:
    if stage.held is None:
        return {"step": step, "loss": None, "by": {}}
    return {"step": step} | held_out(model, stage.held, stage.config.rows, cluster, stage.bfloat16).plain()


def _keep(stage: Stage, state: _State, model: Decoder, optim: torch.optim.Optimizer, cluster: Cluster) -> None:
    """A checkpoint of this step, the curve up to it, and the record of the run."""
    if cluster.is_first:
        curve.write(stage.folder, state.points)
    facts = {**stage.facts, "step": state.step, "rows": state.step * stage.config.rows, "looks": state.looks}
    checkpoint.save(stage.folder, facts, model, optim, cluster)
    if cluster.is_first:
        checkpoint.prune(stage.folder, stage.config.keep, best(state.looks))
        write_record(stage.folder)
