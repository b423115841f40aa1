"""Checkpoints: weights and optimiser as safetensors, and last of all a manifest with their digests.

    checkpoints/step-000040/model.safetensors  optimiser.safetensors  manifest.json

The manifest says what the weights are of (run, plan, vocabulary, preset) and nothing of the clock, so the same training
gives the same manifest, whose SHA-256 is the checkpoint's id. A folder appears whole, by one rename, or not at all.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from pipelines.shard.files import file_sha256, write_file
from pipelines.store import sync_folder
from schemas.digest import sha256
from schemas.errors import TrainingError
from training.cluster import Cluster
from training.files import write_json
from training.model import Decoder

FOLDER = "checkpoints"
MANIFEST = "manifest.json"
WEIGHTS, OPTIMISER = "model.safetensors", "optimiser.safetensors"
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A finished checkpoint. `facts`: its manifest but for `files` and `version`; `files`: digest (hex) by name."""

    path: Path
    checkpoint_id: bytes
    facts: Mapping[str, Any]
    files: Mapping[str, str]

    @property
    def step(self) -> int:
        """Steps taken."""
        return int(self.facts["step"])


def save(
    run: Path, facts: Mapping[str, Any], model: Decoder, optimiser: torch.optim.Optimizer, cluster: Cluster
) -> None:
    """Write a checkpoint of `facts["step"]`; every process must call it, the first one writes."""
    contents = {WEIGHTS: _whole(dict(model.named_parameters())), OPTIMISER: _whole(_moments(model, optimiser))}
    if cluster.is_first:
        path = run / FOLDER / f"step-{facts['step']:06d}"
        staging = path.with_name(f".{path.name}.tmp")
        shutil.rmtree(staging, ignore_errors=True)
        for name, tensors in contents.items():
            write_file(staging / name, safetensors.torch.save(tensors))
        files = {name: file_sha256(staging / name) for name in contents}
        write_json(staging / MANIFEST, {**facts, "files": files, "version": VERSION})
        shutil.rmtree(path, ignore_errors=True)
        staging.rename(path)
        sync_folder(path.parent)
    cluster.wait()


def _moments(model: Decoder, optimiser: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """What the optimiser keeps, by `<what>/<weight>`."""
    named = dict(model.named_parameters())
    assert all(weight in optimiser.state for weight in named.values())  # else `cluster.settled` was forgotten
    return {f"{what}/{name}": value for name, w in named.items() for what, value in optimiser.state[w].items()}


def _whole(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors in the first process's memory, put together from all processes' shares."""
    found = {}
    for name in sorted(tensors):  # the same order everywhere: each may be one exchange between all
        value = tensors[name].detach()
        found[name] = (value.full_tensor() if hasattr(value, "full_tensor") else value).cpu().contiguous()
    return found


def _share(whole: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """This process's share of a tensor, laid out as a weight is."""
    if hasattr(weight, "placements"):  # a DTensor, whose import costs half a second
        from torch.distributed.tensor import distribute_tensor

        return distribute_tensor(whole.to(weight.device), weight.device_mesh, weight.placements)
    return whole.to(weight.device)


def checkpoints(run: Path) -> list[Checkpoint]:
    """All checkpoints of a run, the first one first. Raises TrainingError where a manifest cannot be read."""
    return sorted((read(path) for path in (run / FOLDER).glob("step-*")), key=lambda one: one.step)


def read(path: Path) -> Checkpoint:
    """The checkpoint in a folder; its files are checked as they are loaded. Raises TrainingError where it is none."""
    try:
        content = (path / MANIFEST).read_bytes()
        facts = json.loads(content)
        files, version = dict(facts.pop("files")), facts.pop("version")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainingError(f"{path} holds no checkpoint: {type(error).__name__} {error}") from error
    if version != VERSION:
        raise TrainingError(f"{path} is of version {version!r}; this code reads {VERSION}")
    return Checkpoint(path=path, checkpoint_id=sha256(content), facts=facts, files=files)


def prune(run: Path, keep: int, best: int | None) -> None:
    """Remove all checkpoints but the last `keep` and that of step `best`."""
    found = checkpoints(run)
    for one in found[: max(0, len(found) - max(1, keep))]:
        if one.step != best:
            shutil.rmtree(one.path)


@torch.no_grad()
def load_weights(one: Checkpoint, model: Decoder) -> None:
    """Give a model the weights of a checkpoint. Raises TrainingError where they were changed or are of another model."""
    stored, named = _tensors(one, WEIGHTS), dict(model.named_parameters())
    if {name: tensor.shape for name, tensor in stored.items()} != {name: own.shape for name, own in named.items()}:
        raise TrainingError(f"{one.path / WEIGHTS} holds the weights of another model than its run's preset describes")
    for name in sorted(named):
        named[name].copy_(_share(stored[name], named[name]))


def load_optimiser(one: Checkpoint, model: Decoder, optimiser: torch.optim.Optimizer) -> None:
    """Give an optimiser what it had at a checkpoint. Raises TrainingError where the file was changed."""
    named = dict(model.named_parameters())
    for key, tensor in sorted(_tensors(one, OPTIMISER).items()):
        what, _, name = key.partition("/")
        optimiser.state[named[name]][what] = _share(tensor, named[name]) if tensor.dim() else tensor


def _tensors(one: Checkpoint, name: str) -> dict[str, torch.Tensor]:
    path = one.path / name
    if not path.is_file() or file_sha256(path) != one.files.get(name):
        raise TrainingError(
            f"{path} is missing or was changed: {MANIFEST} names another digest; delete {one.path} to go on from the "
            "checkpoint before it"
        )
    return safetensors.torch.load_file(path)
