"""The model: one decoder over one vocabulary, for every modality and objective.

RMSNorm, rotary positions that begin anew in each document, grouped-query attention with normed queries and keys, SwiGLU,
and one matrix for ids in and ids out. Sources: Zhang & Sennrich 2019, arXiv 1910.07467; Su et al. 2021, arXiv 2104.09864;
Ainslie et al. 2023, arXiv 2305.13245; QK-norm against drift in early fusion: Chameleon 2024, arXiv 2405.09818, 2.2;
Shazeer 2020, arXiv 2002.05202; Press & Wolf 2017, arXiv 1608.05859.

Legend: B rows, T places, W width, H heads, K heads of keys, D width of a head, V vocabulary, N places asked, P pairs.
"""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import nn

from training.config import ModelConfig

_BASE = 10_000.0  # of the rotary frequencies. Source: arXiv 2104.09864, 3.2
_INIT = 0.02  # standard deviation of new weights. Source: GPT-2's code


@dataclass(slots=True)
class Cache:
    """Keys and values of what was read so far, a pair a layer, float[B, K, T, D] each; empty at first."""

    layers: list[tuple[torch.Tensor, torch.Tensor]] = field(default_factory=list)

    @property
    def length(self) -> int:
        """Places read."""
        return self.layers[0][0].shape[2] if self.layers else 0

    def extended(self, layer: int, k: torch.Tensor, v: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """All keys and values of a layer, the new ones last, now kept."""
        if layer < len(self.layers):
            k, v = (torch.cat(pair, 2) for pair in zip(self.layers[layer], (k, v), strict=True))
            self.layers[layer] = (k, v)
        else:
            self.layers.append((k, v))
        return k, v


def document_mask(parts: torch.Tensor) -> torch.Tensor:
    """bool[B, 1, T, T]: who sees whom: earlier places of the same part. `parts`: int64[B, T]."""
    same = parts[:, None, :, None] == parts[:, None, None, :]
    return same & torch.ones(parts.shape[1], parts.shape[1], dtype=torch.bool, device=parts.device).tril()


def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """float[B, H, T, D]: attention under a mask; None lets every query see every key."""
    if q.device.type != "cpu":
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)
    # The fused CPU kernel is 3 times as fast in float32 as in bfloat16 here (13 against 39 ms, 32 rows of 128).
    with torch.autocast("cpu", enabled=False):
        out = F.scaled_dot_product_attention(q.float(), k.float(), v.float(), attn_mask=mask, enable_gqa=True)
    return out.to(q.dtype)


class Norm(nn.Module):
    """RMSNorm with a gain, in the dtype of its input (a float32 gain on bfloat16 would leave the fused kernel)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The same shape, each vector of about unit mean square."""
        return F.rms_norm(x, self.gain.shape, self.gain.to(x.dtype), eps=1e-6)


class Block(nn.Module):
    """Attention, then SwiGLU, each added to the stream."""

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        width, self.heads, self.kv_heads = config.width, config.heads, config.kv_heads
        self.layer, self.head_width = layer, width // config.heads
        self.norm, self.mlp_norm = Norm(width), Norm(width)
        self.qk_gain = nn.Parameter(torch.ones(self.heads + self.kv_heads, 1, self.head_width))
        self.qkv = nn.Linear(width, (self.heads + 2 * self.kv_heads) * self.head_width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        inside = (
            -(-width * 8 // 3 // 64) * 64
        )  # as many weights as a plain MLP of 4 x width. Source: arXiv 2002.05202, 3
        self.up = nn.Linear(width, 2 * inside, bias=False)
        self.down = nn.Linear(inside, width, bias=False)

    def forward(
        self, x: torch.Tensor, turn: torch.Tensor, mask: torch.Tensor | None, cache: Cache | None
    ) -> torch.Tensor:
        """float[B, T, W]: the stream after this block; see `Decoder.forward`."""
        x = x + self.out(self._attention(self.norm(x), turn, mask, cache))
        gate, value = self.up(self.mlp_norm(x)).chunk(2, -1)
        return x + self.down(F.silu(gate) * value)

    def _attention(
        self, x: torch.Tensor, turn: torch.Tensor, mask: torch.Tensor | None, cache: Cache | None
    ) -> torch.Tensor:
        heads = self.qkv(x).unflatten(-1, (-1, self.head_width)).transpose(1, 2)
        qk, v = heads.split((self.heads + self.kv_heads, self.kv_heads), 1)
        # Queries and keys are normed and turned as one: half the calls, and these small ones are what a CPU waits for.
        qk = rotated(F.rms_norm(qk, (self.head_width,), eps=1e-6) * self.qk_gain.to(qk.dtype), turn)
        q, k = qk.split((self.heads, self.kv_heads), 1)
        if cache is not None:
            k, v = cache.extended(self.layer, k, v)
        return attend(q, k, v, mask).transpose(1, 2).flatten(2)


def rotated(x: torch.Tensor, turn: torch.Tensor) -> torch.Tensor:
    """Heads float[B, H, T, D] turned by their positions; `turn`: float[2, B, 1, T, D / 2], cosines and sines."""
    left, right = x.chunk(2, -1)
    cos, sin = turn.to(x.dtype)
    return torch.cat((left * cos - right * sin, right * cos + left * sin), -1)


class Decoder(nn.Module):
    """The whole model."""

    rates: torch.Tensor

    def __init__(self, config: ModelConfig, vocabulary_size: int) -> None:
        super().__init__()
        self.config = config
        self.ids = nn.Embedding(vocabulary_size, config.width)
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.layers))
        self.norm = Norm(config.width)
        self.embed = nn.Linear(config.width, config.embed, bias=False)
        # One number, but of one dimension: FSDP cannot shard scalars. Source: arXiv 2103.00020, 2.3: 1 / 0.07 at first.
        self.log_scale = nn.Parameter(torch.full((1,), 2.659))
        half = config.width // config.heads // 2
        rates = _BASE ** -(torch.arange(half, dtype=torch.float32) / half)
        self.register_buffer("rates", rates, persistent=False)

    def forward(
        self,
        ids: torch.Tensor,
        positions: torch.Tensor,
        mask: torch.Tensor | None,
        at: torch.Tensor,
        pairs_at: torch.Tensor | None = None,
        cache: Cache | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """float[N, V] logits of what follows places `at`; float[P, E] unit vectors at `pairs_at`; the contrastive scale.

        `ids`, `positions`: int64[B, T]; `mask`: bool[B, 1, T, T]; `at`, `pairs_at`: int64, row x T + column. With a cache,
        `ids` go on from what it holds.
        """
        angles = positions[:, None, :, None] * self.rates
        turn = torch.stack((angles.cos(), angles.sin()))
        x = self.ids(ids)
        for block in self.blocks:
            x = block(x, turn, mask, cache)
        flat = self.norm(x).flatten(0, 1)
        logits = F.linear(flat[at], self.ids.weight)
        vectors = F.normalize(self.embed(flat[pairs_at if pairs_at is not None else at[:0]]).float(), dim=-1)
        return logits, vectors, self.log_scale.exp().clamp(max=100)


def new_model(config: ModelConfig, vocabulary_size: int, seed: int) -> Decoder:
    """A model with new weights, the same for the same seed; what writes to the stream starts smaller, by depth."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Decoder(config, vocabulary_size)
        for name, weight in model.named_parameters():
            if weight.dim() == 2:  # not gains, nor the scale
                smaller = (2 * config.layers) ** 0.5 if name.endswith(("out.weight", "down.weight")) else 1.0
                nn.init.normal_(weight, std=_INIT / smaller)
    return model
