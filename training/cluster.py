"""The processes that train together: one, or as many as torchrun started, sharded by FSDP2."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist

from training.model import Decoder

# Chosen: the first process makes the tokens while the others wait.
PATIENCE = timedelta(hours=12)
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # Source: glibc's malloc.h
_PLACES = (("RANK", "0"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "0"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """This process among all. `device`: where its share of the model lives."""

    rank: int
    world: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def wait(self) -> None:
        """Until all processes are here."""
        if self.world > 1:
            dist.barrier()

    def summed(self, values: torch.Tensor) -> torch.Tensor:
        """The sum of what all processes hold."""
        if self.world > 1:
            dist.all_reduce(values)
        return values


@contextmanager
def cluster(threads: int) -> Iterator[Cluster]:
    """This process's place, from the environment that torchrun sets; alone where it sets none."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    _keep_memory()
    rank, world, local = (int(os.environ.get(name, ifnot)) for name, ifnot in _PLACES)
    has_gpu = torch.cuda.is_available()
    device = torch.device("cuda", local) if has_gpu else torch.device("cpu")
    if not has_gpu:
        torch.use_deterministic_algorithms(True)
    if world > 1:
        dist.init_process_group("cpu:gloo,cuda:nccl" if has_gpu else "gloo", timeout=PATIENCE)
    try:
        yield Cluster(rank=rank, world=world, device=device)
    finally:
        torch.use_deterministic_algorithms(before)
        if world > 1:
            dist.destroy_process_group()


def _keep_memory() -> None:
    """Have glibc keep what is freed, which every step asks for again; with another C library nothing happens.

    Getting it anew from the system took 12 of 60 processor seconds of a nano run.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_TRIM_THRESHOLD, 2**30)
        library.mallopt(_MMAP_THRESHOLD, 2**30)


def placed(model: Decoder, cluster: Cluster) -> Decoder:
    """The model on its device, each block and the rest sharded over the processes where there are several."""
    model.to(cluster.device)
    if cluster.world > 1:
        # Half a second of imports that one process alone never needs.
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        mesh = init_device_mesh(cluster.device.type, (cluster.world,))
        for block in model.blocks:
            fully_shard(block, mesh=mesh)
        fully_shard(model, mesh=mesh)
    return model


def settled(model: Decoder) -> None:
    """Put the shares back in place after a forward pass that no backward follows.

    FSDP leaves there what the outermost module gathered: the model's parameters are then not those the optimiser knows.
    """
    if hasattr(model, "reshard"):
        model.reshard()
