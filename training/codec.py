"""Codecs: an image or a log-mel picture to a few codes and back, learned from the shards themselves.

    patches -> linear -> ConvNeXt blocks -> FSQ -> ConvNeXt blocks -> linear -> patches

All blocks work at the size of the codes: on a CPU about 40 times as fast as a U of strided convolutions, and FSQ needs no
codebook to be kept alive. Source: Mentzer et al. 2023, arXiv 2309.15505 (FSQ); Liu et al. 2022, arXiv 2201.03545 (block).

Legend: B batch, C channels of the input, W width, D latent dimensions, N codes of one input.
"""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import safetensors.torch
import torch
import torch.nn.functional as F
from torch import nn

from schemas.digest import canonical
from schemas.errors import TrainingError
from training.config import CodecConfig

Tell = Callable[[int, float], None]  # step, loss


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecShape:
    """What a codec's weights fit. `patch`: of the input that one code stands for, (rows, columns)."""

    channels: int
    patch: tuple[int, int]
    levels: tuple[int, ...]
    width: int
    blocks: int

    @property
    def codes(self) -> int:
        """How many different codes there are."""
        return math.prod(self.levels)


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(width, width, 5, padding=2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, 2 * width)
        self.down = nn.Linear(2 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mixed = self.mix(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return x + self.down(F.gelu(self.up(self.norm(mixed))))


class Fsq(nn.Module):
    """Finite scalar quantisation: each latent dimension is rounded to one of its levels."""

    levels: torch.Tensor
    basis: torch.Tensor

    def __init__(self, levels: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("levels", torch.tensor(levels), persistent=False)
        basis = [math.prod(levels[:n]) for n in range(len(levels))]
        self.register_buffer("basis", torch.tensor(basis), persistent=False)

    def forward(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """float[..., D] in -1..1, quantised (gradients pass straight through), and int64[...] codes."""
        half = (self.levels - 1) / 2
        # An even number of levels has no middle one: shifted by a half, so that rounding hits exactly `levels` values.
        shift = torch.where(self.levels % 2 == 0, 0.5, 0.0)
        bounded = torch.tanh(z + torch.atanh(shift / (half + 1e-3))) * (half + 1e-3) - shift
        rounded = bounded + (bounded.round() - bounded).detach()
        digits = rounded.detach() + self.levels // 2
        return rounded / (self.levels // 2), (digits * self.basis).sum(-1).round().long()

    def values(self, codes: torch.Tensor) -> torch.Tensor:
        """float[..., D]: what `forward` quantised to these codes."""
        digits = codes[..., None] // self.basis % self.levels
        return (digits - self.levels // 2) / (self.levels // 2)


class Codec(nn.Module):
    """Between float[B, C, rows, columns] in about -1..1 and int64[B, N] codes, row by row."""

    def __init__(self, shape: CodecShape) -> None:
        super().__init__()
        self.shape = shape
        inside = shape.channels * shape.patch[0] * shape.patch[1]
        self.enter = nn.Linear(inside, shape.width)
        self.encoder = nn.Sequential(*(_Block(shape.width) for _ in range(shape.blocks)))
        self.narrow = nn.Linear(shape.width, len(shape.levels))
        self.fsq = Fsq(shape.levels)
        self.widen = nn.Linear(len(shape.levels), shape.width)
        self.decoder = nn.Sequential(*(_Block(shape.width) for _ in range(shape.blocks)))
        self.leave = nn.Linear(shape.width, inside)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The input as it comes back, and its codes, int64[B, rows of codes, columns of codes]."""
        quantised, codes = self.fsq(self.narrow(self.encoder(self.enter(self._patches(x)))))
        return self._restored(quantised), codes

    @torch.no_grad()
    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """int64[B, N]."""
        return self(x)[1].flatten(1)

    @torch.no_grad()
    def decode(self, codes: torch.Tensor, columns: int) -> torch.Tensor:
        """float[B, C, rows, columns x patch] of int64[B, N] codes that stand in `columns` columns."""
        return self._restored(self.fsq.values(codes.view(len(codes), -1, columns)))

    def _patches(self, x: torch.Tensor) -> torch.Tensor:
        batch, channels, rows, columns = x.shape
        down, across = self.shape.patch
        grid = x.view(batch, channels, rows // down, down, columns // across, across)
        return grid.permute(0, 2, 4, 1, 3, 5).flatten(3)

    def _restored(self, quantised: torch.Tensor) -> torch.Tensor:
        out = self.leave(self.decoder(self.widen(quantised)))
        batch, rows, columns, _ = out.shape
        down, across = self.shape.patch
        grid = out.view(batch, rows, columns, self.shape.channels, down, across)
        return grid.permute(0, 3, 1, 4, 2, 5).reshape(batch, self.shape.channels, rows * down, columns * across)


def image_loss(made: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Squared error, and a little absolute error for edges. Source: TRAINING.md 2.3."""
    return F.mse_loss(made, wanted) + 0.2 * F.l1_loss(made, wanted)


def sound_loss(made: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Absolute error and spectral convergence. Source: Arik et al. 2018, arXiv 1808.06719, section 2."""
    return F.l1_loss(made, wanted) + 0.2 * (made - wanted).norm() / wanted.norm().clamp(min=1e-6)


def train_codec(examples: torch.Tensor, shape: CodecShape, config: CodecConfig, *, seed: int, tell: Tell) -> Codec:
    """A codec trained on float[n, C, rows, columns] examples; the same arguments give the same weights on one machine.

    In float32: on a CPU with AMX, where large products are faster in bfloat16, these small ones are not (14 against
    38 ms a step).
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        codec = Codec(shape)
    loss_of = image_loss if shape.channels == 3 else sound_loss
    optimiser = torch.optim.AdamW(codec.parameters(), lr=config.learning_rate, weight_decay=0.01, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.learning_rate, config.steps)
    for step, rows in enumerate(_batches(len(examples), config, generator), 1):
        loss = loss_of(codec(examples[rows])[0], examples[rows])
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(codec.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        tell(step, loss.item())
    return codec.eval()


def _batches(count: int, config: CodecConfig, generator: torch.Generator) -> Iterator[torch.Tensor]:
    for _ in range(config.steps):
        yield torch.randint(count, (config.batch,), generator=generator)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecReport:
    """How good a codec is on examples it was not trained on. `baseline`: the error of always giving the mean example.

    `error`: mean squared (image) or absolute (sound). `used`: different codes; `perplexity`: how many are really in use.
    All over the whole set: of single batches perplexity misleads.
    """

    examples: int
    error: float
    baseline: float
    used: int
    perplexity: float


@torch.no_grad()
def report(codec: Codec, examples: torch.Tensor) -> CodecReport:
    """The report of a codec over float[n, C, rows, columns]."""
    made, codes = codec(examples)
    kind = F.mse_loss if codec.shape.channels == 3 else F.l1_loss
    shares = torch.bincount(codes.flatten(), minlength=codec.shape.codes).double() / codes.numel()
    entropy = -(shares[shares > 0] * shares[shares > 0].log()).sum()
    mean = examples.mean(0, keepdim=True).expand_as(examples)
    return CodecReport(
        examples=len(examples),
        error=float(kind(made, examples)),
        baseline=float(kind(mean, examples)),
        used=int((shares > 0).sum()),
        perplexity=float(entropy.exp()),
    )


def dump(codec: Codec) -> bytes:
    """The bytes of a codec: safetensors, its shape in the metadata."""
    return safetensors.torch.save(codec.state_dict(), {"shape": canonical(asdict(codec.shape)).decode()})


def read(content: bytes) -> Codec:
    """The codec that `dump` wrote.

    Raises:
        TrainingError: the bytes are none.
    """
    try:
        head = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        fields = json.loads(head["__metadata__"]["shape"])
        levels, patch = tuple(fields.pop("levels")), tuple(fields.pop("patch"))
        shape = CodecShape(levels=levels, patch=patch, **fields)
        codec = Codec(shape)
        codec.load_state_dict(safetensors.torch.load(content))
    except (ValueError, KeyError, TypeError, RuntimeError, safetensors.SafetensorError) as error:
        raise TrainingError(f"the file is no codec of ours: {error}") from error
    return codec.eval()
