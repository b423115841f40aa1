"""The one loss: next token, and how near an image and its caption are, in one forward pass.

    sum(w CE) / sum(w)  +  z sum(w logsumexp^2) / sum(w)  +  c ClipLoss(images, captions)

Every process counts its own share, so that the shares of all add up to the loss of the whole step, however many there
are. The z term keeps logits near zero: Source: Chowdhery et al. 2022, arXiv 2204.02311, section 5.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F

from training.contrast import clip_loss
from training.loader import Batch
from training.model import Decoder, document_mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A process's share. `total`: with its graph. `ce`, `contrast`: without, 0-d float32; `pairs`: that contrast counted."""

    total: torch.Tensor
    ce: torch.Tensor
    contrast: torch.Tensor
    pairs: int


def share(model: Decoder, batch: Batch, *, whole_weight: float, contrast: float, z_loss: float) -> Loss:
    """This process's share of a step's loss. `whole_weight`: the sum of the weights of all processes."""
    pairs_at = torch.cat((batch.image_at, batch.text_at))
    mask = document_mask(batch.parts)
    logits, vectors, scale = model(batch.ids, batch.positions, mask, batch.at, pairs_at)
    logits = logits.float()
    weights = batch.weights / whole_weight
    # Cross entropy written out, for it and z share the logsumexp: two passes over the logits less each way.
    norm = logits.logsumexp(-1)
    ce = (weights * (norm - logits.gather(1, batch.targets[:, None])[:, 0])).sum()
    z = (weights * norm**2).sum()
    near, pairs = _contrast(vectors, batch.captions, scale)
    return Loss(total=ce + z_loss * z + contrast * near, ce=ce.detach(), contrast=near.detach(), pairs=pairs)


def _contrast(vectors: torch.Tensor, captions: torch.Tensor, scale: torch.Tensor) -> tuple[torch.Tensor, int]:
    """This process's share of ClipLoss over the pairs of all processes, and their number; 0 below two pairs."""
    both, names = gathered(vectors.unflatten(0, (2, len(captions))).transpose(0, 1), captions)
    # Of pairs with one caption the first stays: of the others it would be said that the right answer is wrong.
    first = {name: row for row, name in reversed(list(enumerate(names.tolist())))}
    if len(first) < 2:
        return 0.0 * (vectors.sum() + scale.sum()), len(first)  # keeps the graph the same in every process
    kept = both[torch.tensor(sorted(first.values()), device=both.device)]
    return clip_loss()(kept[:, 0], kept[:, 1], scale) / world_size(), len(first)


def gathered(mine: torch.Tensor, names: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The rows of all processes in their order, each may have another number: float[P, ...] with gradients, int64[P]."""
    world = world_size()
    if world == 1:
        return mine, names
    counts = [torch.zeros(1, dtype=torch.int64, device=mine.device) for _ in range(world)]
    dist.all_gather(counts, torch.tensor([len(mine)], device=mine.device))
    before = int(sum(counts[: dist.get_rank()]))
    after = int(sum(counts)) - before - len(mine)
    # Everyone's rows in their place and zeros elsewhere add up to all rows; the gradients come back the same way.
    all_names = F.pad(names, (before, after))
    dist.all_reduce(all_names)
    return _Summed.apply(F.pad(mine, (0, 0) * (mine.dim() - 1) + (before, after))), all_names


class _Summed(torch.autograd.Function):
    """The sum over all processes; the gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, mine: torch.Tensor) -> torch.Tensor:
        return _summed(mine)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        return _summed(gradients[0])


def _summed(mine: torch.Tensor) -> torch.Tensor:
    both = mine.contiguous().clone()
    dist.all_reduce(both)
    return both


def world_size() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1
