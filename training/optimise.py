"""The optimiser and its rate: AdamW, warmed up, held, and let down to nothing at the end (WSD).

Sources: Loshchilov & Hutter 2019, arXiv 1711.05101; betas of Llama, arXiv 2302.13971, 2.3; WSD: Hu et al. 2024,
arXiv 2404.06395, section 4.
"""

import torch

from training.config import TrainConfig
from training.model import Decoder

BETAS = (0.9, 0.95)


def optimiser(model: Decoder, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW; gains and the contrastive scale are not decayed."""
    decayed = [weight for weight in model.parameters() if weight.dim() == 2]
    others = [weight for weight in model.parameters() if weight.dim() != 2]
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=BETAS, fused=True)


def rate(step: int, config: TrainConfig) -> float:
    """The learning rate of a step (from 0)."""
    rising = (step + 1) / max(1, config.warmup)
    falling = (config.steps - step) / max(1.0, config.decay * config.steps)
    return config.learning_rate * min(1.0, rising, falling)


def set_rate(optimiser: torch.optim.Optimizer, value: float) -> None:
    """Give every group this learning rate."""
    for group in optimiser.param_groups:
        group["lr"] = value
