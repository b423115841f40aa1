"""One small release and one small run, made once; and how the command is started as a user starts it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.training.made import release
from training import config
from training.cluster import Cluster, cluster
from training.pretrain import pretrain, tokenise
from training.progress import silent
from training.shards import open_release

ROOT = Path(__file__).resolve().parents[2]
# Small enough for seconds, with every kind of document in it.
SMALL = (
    "model.layers=2", "model.width=64", "model.embed=16", "image.steps=40", "image.width=32", "image.blocks=1",
    "audio.steps=20", "audio.width=32", "audio.blocks=1", "train.steps=24", "train.every=8", "train.rows=16",
    "train.warmup=4", "tune.steps=24", "tune.every=4", "tune.learning_rate=3e-3", "tune.patience=2",
)  # fmt: skip
ALONE = Cluster(rank=0, world=1, device=torch.device("cpu"))


@pytest.fixture(scope="session")
def small():
    return config.load("nano", SMALL)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """The folder of a release with text, a quiz, pictures and sounds."""
    return release(tmp_path_factory.mktemp("release") / "made")


@pytest.fixture(scope="session")
def made(corpus, small, tmp_path_factory):
    """The folder of its vocabulary and tokens."""
    folder = tmp_path_factory.mktemp("tokens")
    with cluster(1):
        tokenise(open_release(corpus), folder, small, silent)
    return folder


@pytest.fixture(scope="session")
def trained(corpus, small, made, tmp_path_factory):
    """(run folder, how it ended)."""
    folder = tmp_path_factory.mktemp("run") / "first"
    with cluster(1) as here:
        return folder, pretrain(corpus, folder, small, here, silent, made=made)


def command(*arguments, processes=1):
    """The words that start `python -m training` with these arguments, under torchrun for several processes."""
    start = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    return [sys.executable, "-W", "error", *(start if processes > 1 else []), "-m", "training", *map(str, arguments)]


def ran(*arguments, processes=1):
    """(exit code, the JSON on the last line, standard error) of a training command in a process of its own."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    ended = subprocess.run(
        command(*arguments, "--json", processes=processes), cwd=ROOT, env=environment, capture_output=True, text=True
    )
    return ended.returncode, json.loads(ended.stdout.splitlines()[-1]) if ended.stdout else None, ended.stderr


def changes(*more):
    """The small preset as --set arguments, and further ones."""
    return [word for change in (*SMALL, *more) for word in ("--set", change)]
