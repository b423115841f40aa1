"""The contrastive loss, open_clip's own."""

from functools import cache

import torch

from pipelines.models.open_clip import open_clip


@cache
def clip_loss() -> torch.nn.Module:
    """open_clip's ClipLoss over all pairs of a step: (image vectors, text vectors, scale) -> loss.

    Always that of one process: `objective.gathered` brings the pairs of all processes together, which may be of unequal
    number; open_clip's own gathering takes equal ones only.
    """
    loss: torch.nn.Module = open_clip("open_clip.loss").ClipLoss()
    return loss
