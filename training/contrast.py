"""open_clip, in the one place that imports it: its contrastive loss, and the two lines a CPU torch needs before it."""

import importlib
from functools import cache

import torch


@cache
def _declared() -> torch.library.Library:
    """Declares torchvision's two operators that open_clip never calls but whose names torchvision wants at its import."""
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library  # must stay alive: the operators go with it


@cache
def clip_loss() -> torch.nn.Module:
    """open_clip's ClipLoss over all pairs of a step: (image vectors, text vectors, scale) -> loss.

    Always that of one process: `objective.gathered` brings the pairs of all processes together, which may be of unequal
    number; open_clip's own gathering takes equal ones only.
    """
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        # torchvision 0.28.0 from the index is built for CUDA; beside a CPU torch its operators do not load. Only then:
        # on a machine with CUDA declaring them twice is an error.
        if "torchvision::nms does not exist" not in str(error):
            raise
        _declared()
    loss: torch.nn.Module = importlib.import_module("open_clip.loss").ClipLoss()
    return loss
