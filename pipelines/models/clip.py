"""CLIP models by open_clip, from files on this machine only: pictures and captions as vectors, and a linear head over the pictures'.

Everything is computed on one thread in batches of one size, so that a score does not depend on what else was in the batch.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.torch
import torch

from pipelines.models.open_clip import open_clip
from schemas.errors import ModelMissing

BATCH = 16  # Chosen: a batch of ViT-B/32 takes about 100 MB; a rest is padded to it

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A model as it was loaded. `side`: of the square it sees, in pixels."""

    model: Any
    tokenize: Any
    side: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def pictures(self, pixels: npt.NDArray[np.uint8]) -> Vectors:
        """float32[n, width] of length 1 for uint8[n, side, side, 3]."""
        mean, std = (np.array(values, np.float32) for values in (self.mean, self.std))
        scaled = (pixels.astype(np.float32) / np.float32(255) - mean) / std
        return _encoded(self.model.encode_image, torch.from_numpy(scaled.transpose(0, 3, 1, 2).copy()))

    def captions(self, texts: Sequence[str]) -> Vectors:
        """float32[n, width] of length 1; what is longer than the model reads is cut."""
        return _encoded(self.model.encode_text, self.tokenize(list(texts)))


def _encoded(encode: Any, rows: torch.Tensor) -> Vectors:
    found = []
    with _one_thread(), torch.inference_mode():
        for part in torch.split(rows, BATCH):
            padded = torch.cat([part, part.new_zeros((BATCH - len(part), *part.shape[1:]))])
            found.append(encode(padded, normalize=True)[: len(part)].float().numpy())
    return np.concatenate(found)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@lru_cache(maxsize=1)
def load_clip(checkpoint: Path, architecture: str, config: Path | None) -> Clip:
    """The model of a checkpoint. `config`: an open_clip_config.json, else the architecture of open_clip by its name.

    Raises:
        ModelMissing: no such architecture, a config or a checkpoint that is none of it, or one that needs other files.
    """
    said = _config(config) if config else {"model_cfg": open_clip().get_model_config(architecture)}
    shape, look = said.get("model_cfg") or {}, said.get("preprocess_cfg") or {}
    if not shape:
        raise ModelMissing(
            f"open_clip has no architecture {architecture!r}; `open_clip.list_models()` names those it has"
        )
    text = shape.get("text_cfg") or {}
    if text.get("hf_model_name") or text.get("hf_tokenizer_name"):
        raise ModelMissing(
            f"{architecture}: its text part is fetched from a hub; take an architecture that is whole in its checkpoint"
        )
    constants = open_clip("open_clip.constants")
    try:
        model = _model(shape, checkpoint)
    except Exception as error:  # whatever torch and open_clip say of a file that is not what it should be
        raise ModelMissing(f"{checkpoint} is no checkpoint of {config or architecture}: {str(error)[:300]}") from error
    side = model.visual.image_size
    return Clip(
        model=model,
        tokenize=open_clip("open_clip.tokenizer").SimpleTokenizer(context_length=text.get("context_length", 77)),
        side=int(side[0] if isinstance(side, tuple | list) else side),
        mean=tuple(look.get("mean") or constants.OPENAI_DATASET_MEAN),
        std=tuple(look.get("std") or constants.OPENAI_DATASET_STD),
    )


def _model(shape: Mapping[str, Any], checkpoint: Path) -> Any:
    kinds = open_clip("open_clip.model")
    kind = kinds.CustomTextCLIP if shape.get("custom_text") else kinds.CLIP
    model = kind(**{key: value for key, value in shape.items() if key != "custom_text"})
    # weights_only: a checkpoint is never unpickled.
    open_clip("open_clip.factory").load_checkpoint(model, str(checkpoint), strict=True, weights_only=True, device="cpu")
    return model.eval()


def _config(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_bytes())
        return said if "model_cfg" in said else {"model_cfg": said}
    except (ValueError, TypeError) as error:
        raise ModelMissing(f"{path} is no open_clip_config.json: {error}") from error


@lru_cache(maxsize=1)
def load_head(path: Path) -> tuple[Vectors, float]:
    """(weights, bias) of a linear head: safetensors of `weight` [1, width] and `bias` [1]. Raises ModelMissing."""
    try:
        found = safetensors.torch.load_file(path)
        return found["weight"].float().numpy().reshape(-1), float(found["bias"].reshape(()))
    except (safetensors.SafetensorError, KeyError, RuntimeError, OSError) as error:
        raise ModelMissing(
            f"{path} is no linear head: safetensors of `weight` [1, width] and `bias` [1]: {error}"
        ) from error
