"""The model and its loss: documents of a row cannot see each other; reading step by step is reading at once."""

import pytest
import torch
from torch.nn import functional

from training.config import ModelConfig, TrainConfig
from training.contrast import clip_loss
from training.loader import Batch
from training.model import Cache, document_mask, new_model
from training.objective import share
from training.optimise import rate

CONFIG = ModelConfig(layers=2, width=64, heads=4, kv_heads=2, row_tokens=32, embed=16)
SIZE = 256


@pytest.fixture
def model():
    torch.set_num_threads(1)
    return new_model(CONFIG, SIZE, seed=0)


def batch(ids, parts, **changes):
    positions = torch.zeros_like(ids)
    for column in range(1, ids.shape[1]):
        positions[:, column] = (positions[:, column - 1] + 1) * (parts[:, column] == parts[:, column - 1])
    flat = parts.flatten()
    at = torch.tensor([n for n in range(flat.numel() - 1) if flat[n] == flat[n + 1] != 0 and (n + 1) % ids.shape[1]])
    none = torch.zeros(0, dtype=torch.int64)
    fields = {
        "ids": ids, "positions": positions, "parts": parts, "targets": ids.flatten()[at + 1], "at": at,
        "weights": torch.ones(len(at)), "tasks": torch.zeros_like(at), "image_at": none, "text_at": none, "captions": none,
    }  # fmt: skip
    return Batch(**(fields | changes))


def read(model, one):
    every = torch.arange(one.ids.numel())
    logits, vectors, _ = model(one.ids, one.positions, document_mask(one.parts), every, every)
    return logits.view(*one.ids.shape, -1), vectors.view(*one.ids.shape, -1)


def test_what_stands_in_another_document_of_the_row_changes_nothing(model):
    parts = torch.tensor([[1] * 10 + [2] * 12 + [0] * 10])
    ids = torch.randint(64, SIZE, (1, 32), generator=torch.Generator().manual_seed(1))
    other = ids.clone()
    other[:, :10] = torch.randint(64, SIZE, (1, 10), generator=torch.Generator().manual_seed(2))
    for before, after in zip(read(model, batch(ids, parts)), read(model, batch(other, parts)), strict=True):
        assert torch.equal(before[:, 10:22], after[:, 10:22])
        assert not torch.allclose(before[:, :10], after[:, :10])


def test_a_document_reads_the_same_wherever_it_stands(model):
    ids = torch.randint(64, SIZE, (1, 12), generator=torch.Generator().manual_seed(1))
    alone = read(model, batch(ids, torch.ones_like(ids)))[0]
    packed = torch.cat((torch.full((1, 9), 70), ids, torch.zeros(1, 11, dtype=torch.int64)), 1)
    parts = torch.tensor([[1] * 9 + [2] * 12 + [0] * 11])
    assert torch.allclose(read(model, batch(packed, parts))[0][:, 9:21], alone, atol=1e-5)


def test_without_the_mask_the_leak_would_be_seen(model):
    parts = torch.tensor([[1] * 10 + [2] * 12 + [0] * 10])
    ids = torch.randint(64, SIZE, (1, 32), generator=torch.Generator().manual_seed(1))
    other = ids.clone()
    other[:, :10] = 70
    open_parts = torch.ones_like(parts)
    before, after = (read(model, batch(one, open_parts))[0] for one in (ids, other))
    assert not torch.allclose(before[:, 10:22], after[:, 10:22], atol=1e-3)


def test_later_places_change_nothing_before_them(model):
    ids = torch.randint(64, SIZE, (1, 16), generator=torch.Generator().manual_seed(1))
    other = ids.clone()
    other[:, 9:] = 70
    whole = torch.ones_like(ids)
    assert torch.equal(read(model, batch(ids, whole))[0][:, :9], read(model, batch(other, whole))[0][:, :9])


@pytest.mark.parametrize("first", [1, 5, 15])
def test_reading_with_a_cache_is_reading_at_once(model, first):
    ids = torch.randint(64, SIZE, (1, 16), generator=torch.Generator().manual_seed(1))
    whole = read(model, batch(ids, torch.ones_like(ids)))[0][0]
    from training.generate import step

    cache = Cache()
    logits = [step(model, ids[0, :first].tolist(), cache)]
    logits += [step(model, [token], cache) for token in ids[0, first:].tolist()]
    assert cache.length == 16
    assert torch.allclose(torch.stack(logits), whole[first - 1 :], atol=1e-5)


def test_new_weights_follow_the_seed_and_leave_the_global_random_numbers_alone():
    torch.manual_seed(9)
    expected = torch.rand(1)
    torch.manual_seed(9)
    one, same, other = new_model(CONFIG, SIZE, 4), new_model(CONFIG, SIZE, 4), new_model(CONFIG, SIZE, 5)
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert not torch.equal(one.ids.weight, other.ids.weight)
    # One matrix in and out, for all modalities.
    assert [name for name, weight in one.named_parameters() if SIZE in weight.shape] == ["ids.weight"]


def test_the_next_token_loss_is_weighted_cross_entropy(model):
    ids = torch.randint(64, SIZE, (2, 32), generator=torch.Generator().manual_seed(1))
    one = batch(ids, torch.ones_like(ids))
    weights = torch.rand(len(one.at), generator=torch.Generator().manual_seed(2))
    one = batch(ids, torch.ones_like(ids), weights=weights)
    loss = share(model, one, whole_weight=float(weights.sum()), contrast=0.3, z_loss=0.0)
    logits = read(model, one)[0].flatten(0, 1)[one.at]
    expected = (functional.cross_entropy(logits, one.targets, reduction="none") * weights).sum() / weights.sum()
    assert torch.allclose(loss.ce, expected, atol=1e-6)
    assert torch.allclose(loss.total, expected, atol=1e-6)
    pulled = share(model, one, whole_weight=float(weights.sum()), contrast=0.3, z_loss=1e-2)
    z = (weights * logits.logsumexp(-1) ** 2).sum() / weights.sum()
    assert torch.allclose(pulled.total, expected + 1e-2 * z, atol=1e-5)


def test_contrast_is_open_clips_loss_over_pairs_of_different_captions(model):
    ids = torch.randint(64, SIZE, (2, 32), generator=torch.Generator().manual_seed(1))
    places = {"image_at": torch.tensor([3, 13, 35]), "text_at": torch.tensor([8, 18, 40])}
    parts = torch.arange(32).div(5, rounding_mode="floor").add(1).expand(2, 32).contiguous()
    one = batch(ids, parts, **places, captions=torch.tensor([7, 8, 7]))
    loss = share(model, one, whole_weight=1.0, contrast=1.0, z_loss=0.0)
    vectors = read(model, one)[1].flatten(0, 1)
    expected = clip_loss()(vectors[[3, 13]], vectors[[8, 18]], model.log_scale.exp())
    assert torch.allclose(loss.contrast, expected, atol=1e-6)
    assert loss.pairs == 2
    assert share(model, batch(ids, parts), whole_weight=1.0, contrast=1.0, z_loss=0.0).contrast == 0


def test_pairs_learn_to_meet(model):
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(64, SIZE, (4, 32), generator=generator)
    parts = torch.arange(32).div(8, rounding_mode="floor").add(1).expand(4, 32).contiguous()
    starts = torch.arange(4) * 32
    one = batch(
        ids, parts, image_at=torch.cat((starts + 7, starts + 23)), text_at=torch.cat((starts + 15, starts + 31)),
        captions=torch.arange(8),
    )  # fmt: skip
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    first = last = 0.0
    for step in range(15):
        loss = share(model, one, whole_weight=1e9, contrast=1.0, z_loss=0.0)
        optimiser.zero_grad()
        loss.total.backward()
        optimiser.step()
        first, last = (float(loss.contrast) if step == 0 else first), float(loss.contrast)
    assert last < first / 3


def test_the_rate_rises_holds_and_falls_to_nearly_nothing():
    config = TrainConfig(steps=10, warmup=2, decay=0.5, learning_rate=1.0)
    rates = [rate(step, config) for step in range(10)]
    assert rates == pytest.approx([0.5, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2])
