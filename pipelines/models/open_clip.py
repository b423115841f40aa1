"""open_clip imported where a CPU torch stands beside a torchvision that was built for CUDA."""

import importlib
from functools import cache
from types import ModuleType

import torch


@cache
def _declared() -> torch.library.Library:
    """Declares torchvision's two operators that open_clip never calls but whose names torchvision wants at its import."""
    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")  # type: ignore[no-untyped-call]
    return library  # must stay alive: the operators go with it


def open_clip(module: str = "open_clip") -> ModuleType:
    """The module of open_clip of this name."""
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        # torchvision 0.28.0 from the index is built for CUDA; beside a CPU torch its operators do not load. Only then:
        # on a machine with CUDA declaring them twice is an error.
        if "torchvision::nms does not exist" not in str(error):
            raise
        _declared()
    return importlib.import_module(module)
