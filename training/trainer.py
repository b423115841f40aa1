"""The loop that pretraining and tuning share: rows of a plan, one loss, a look at the held-out items, a checkpoint."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from training import checkpoint, curve, objective
from training.cluster import Cluster
from training.config import TrainConfig
from training.evaluate import HeldOut, held_out
from training.loader import Feed, step_rows
from training.model import Decoder
from training.optimise import optimiser, rate, set_rate
from training.progress import Tell
from training.run import write_record


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


def fit(stage: Stage, model: Decoder, cluster: Cluster, tell: Tell) -> list[dict[str, Any]]:
    """The looks at the held-out items, first to last; the model is trained, and checkpoints are in the folder.

    Goes on from the last checkpoint in the folder, to the same bits as if it had never stopped. `model` must be placed.
    """
    optim = optimiser(model, stage.config)
    found = checkpoint.checkpoints(stage.folder)
    looks: list[dict[str, Any]] = []
    step = 0
    if found:
        checkpoint.load_weights(found[-1], model)
        checkpoint.load_optimiser(found[-1], model, optim)
        step, looks = found[-1].step, list(found[-1].facts["looks"])
    else:
        looks.append(_look(stage, model, cluster, 0))
    points = curve.read(stage.folder, step)
    while step < stage.config.steps and not _is_enough(looks, stage.config.patience):
        point = _step(stage, model, optim, cluster, step)
        step += 1
        points.append({"step": step} | point)
        tell(stage.name, step, stage.config.steps, loss=point["loss"], ce=point["ce"])
        if step % stage.config.every == 0 or step == stage.config.steps:
            looks.append(_look(stage, model, cluster, step))
            _keep(stage, model, optim, cluster, step, looks, points)
    tell(stage.name, step, step)
    return looks


def best(looks: list[dict[str, Any]]) -> int | None:
    """The step of the lowest held-out loss, the earliest of equals; None where nothing was held out."""
    measured = [look for look in looks if look["loss"] is not None and look["step"]]
    return min(measured, key=lambda look: (look["loss"], look["step"]))["step"] if measured else None


def _is_enough(looks: list[dict[str, Any]], patience: int) -> bool:
    """Whether the last `patience` looks were none better than the one before them."""
    losses = [look["loss"] for look in looks if look["loss"] is not None]
    return bool(patience) and len(losses) > patience and min(losses[-patience:]) >= min(losses[:-patience])


def _step(
    stage: Stage, model: Decoder, optim: torch.optim.Optimizer, cluster: Cluster, step: int
) -> dict[str, float | int]:
    config = stage.config
    rows = step_rows(step, config.rows, rank=cluster.rank, world=cluster.world)
    batch = stage.feed.batch(rows).to(cluster.device)
    whole = float(cluster.summed(batch.weights.sum()))
    with torch.autocast(cluster.device.type, torch.bfloat16, enabled=stage.bfloat16):
        loss = objective.share(
            model, batch, whole_weight=max(whole, 1e-9), contrast=config.contrast, z_loss=config.z_loss
        )
    (loss.total * cluster.world).backward()  # FSDP takes the mean of the gradients; the shares must add up
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
    set_rate(optim, rate(step, config))
    optim.step()
    optim.zero_grad()
    said = cluster.summed(torch.stack((loss.total.detach(), loss.ce, loss.contrast)))
    total, ce, contrast = said.tolist()
    full = norm.full_tensor() if hasattr(norm, "full_tensor") else norm
    return {
        "loss": total, "ce": ce, "contrast": contrast, "pairs": loss.pairs, "norm": float(full), "rate": rate(step, config),
    }  # fmt: skip


def _look(stage: Stage, model: Decoder, cluster: Cluster, step: int) -> dict[str, Any]:
    seen = HeldOut(loss=0.0, by={})
    if stage.held is not None:
        seen = held_out(model, stage.held, stage.config.rows, cluster, stage.bfloat16)
    return {"step": step, "loss": seen.loss if seen.by else None, "by": seen.plain()["by"]}


def _keep(
    stage: Stage,
    model: Decoder,
    optim: torch.optim.Optimizer,
    cluster: Cluster,
    step: int,
    looks: list[dict[str, Any]],
    points: list[curve.Point],
) -> None:
    if cluster.is_first:
        curve.write(stage.folder, points)
    facts = {**stage.facts, "step": step, "rows": step * stage.config.rows, "looks": looks}
    checkpoint.save(stage.folder, facts, model, optim, cluster)
    if cluster.is_first:
        checkpoint.prune(stage.folder, stage.config.keep, best(looks))
        write_record(stage.folder)
