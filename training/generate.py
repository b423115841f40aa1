"""Generating: text from text, an answer from a question, a caption from an image, a transcript from a sound.

Only ids of what is asked for can be drawn (text, or the end), so a caption cannot turn into image codes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from schemas.errors import InputError, VocabularyMismatch
from training import checkpoint, encoders, run
from training.encoders import Encoders
from training.model import Cache, Decoder
from training.vocabulary import Special


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How ids are drawn. `temperature` 0 takes the likeliest; `top_p`: from the likeliest that together have this share.

    `max_tokens` is a hard end, as is the length of a row the model was trained on. `stop`: texts that end it, and are not
    part of the answer.
    """

    max_tokens: int = 64
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.max_tokens < 1 or self.temperature < 0 or not 0 < self.top_p <= 1 or "" in self.stop:
            raise InputError("max_tokens is 1 or more, temperature 0 or more, top_p above 0 to 1, and no stop is empty")


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """A model that can be asked. `checkpoint_id`: which one it is."""

    model: Decoder
    encoders: Encoders
    checkpoint_id: bytes


def voice(path: Path) -> Voice:
    """The model of a run folder, or of one checkpoint's.

    Raises:
        TrainingError: there is none, or a file was changed.
        VocabularyMismatch: the folder's encoders are not those the weights were trained with.
    """
    folder, one = run.chosen(path)
    config = run.config_of(folder)
    known = encoders.load(folder / "vocabulary", config)
    if one.facts["vocabulary"] != known.vocabulary.digest.hex():
        raise VocabularyMismatch(
            f"{one.path} was trained with vocabulary {one.facts['vocabulary'][:12]}, {folder / 'vocabulary'} holds "
            f"{known.vocabulary.digest.hex()[:12]}; put the run's own files back"
        )
    model = Decoder(config.model, known.vocabulary.size)
    checkpoint.load_weights(one, model)
    return Voice(model=model.eval(), encoders=known, checkpoint_id=one.checkpoint_id)


def prompt_ids(
    known: Encoders, *, text: str = "", question: str = "", image: bytes = b"", sound: bytes = b""
) -> list[int]:
    """The ids a model is given, in the layouts of `documents`; `text` is what it is to go on with.

    Raises:
        ValueError: the image or the sound cannot be decoded.
        TrainingError: the model has not learned that modality.
    """
    words = known.text_ids(text)
    if image:
        return [Special.BOS, Special.IMAGE, *known.image_ids(image), Special.END_IMAGE, *words]
    if sound:
        return [Special.BOS, Special.AUDIO, *known.sound_ids(sound)[0], Special.END_AUDIO, *words]
    if question:
        return [Special.BOS, Special.USER, *known.text_ids(question), Special.ASSISTANT, *words]
    return [Special.BOS, *words]


def generate(one: Voice, prompt: Sequence[int], sampling: Sampling) -> str:
    """The text that follows a prompt. Bytes that are no UTF-8 (a character cut by `max_tokens`) become U+FFFD.

    Raises:
        InputError: the prompt leaves no room in a row.
    """
    said: list[int] = []
    for token in stream(one, prompt, sampling):
        said.append(token)
        text = one.encoders.spelled(said).decode("utf-8", "replace")
        ends = [text.index(stop) for stop in sampling.stop if stop in text]
        if ends:
            return text[: min(ends)]
    return one.encoders.spelled(said).decode("utf-8", "replace")


@torch.no_grad()
def stream(one: Voice, prompt: Sequence[int], sampling: Sampling) -> Iterator[int]:
    """The ids that follow a prompt, one by one, without the end. Raises InputError where the prompt leaves no room."""
    row = one.model.config.row_tokens
    if len(prompt) >= row:
        raise InputError(f"the prompt takes {len(prompt)} tokens; a row of this model has {row}: shorten it")
    allowed = torch.zeros(one.encoders.vocabulary.size, dtype=torch.bool)
    allowed[one.encoders.vocabulary.text.start :][: one.encoders.text.size] = True
    allowed[Special.EOS] = True
    generator = torch.Generator().manual_seed(sampling.seed)
    cache, fresh = Cache(), list(prompt)
    for _ in range(min(sampling.max_tokens, row - len(prompt))):
        logits = step(one.model, fresh, cache)
        token = draw(logits.masked_fill(~allowed, float("-inf")), sampling, generator)
        if token == Special.EOS:
            return
        yield token
        fresh = [token]


def step(model: Decoder, ids: Sequence[int], cache: Cache) -> torch.Tensor:
    """float32[V]: the logits of what follows `ids`, which go on from what the cache holds; now it holds them too."""
    before, new = cache.length, len(ids)
    positions = torch.arange(before, before + new)[None]
    mask = torch.ones(new, before + new, dtype=torch.bool).tril(before)[None, None] if new > 1 else None
    logits, _, _ = model(torch.tensor([list(ids)]), positions, mask, torch.tensor([new - 1]), cache=cache)
    return logits[0].float()


def draw(logits: torch.Tensor, sampling: Sampling, generator: torch.Generator) -> int:
    """One id of float32[V] logits."""
    if sampling.temperature == 0:
        return int(logits.argmax())
    chances, ids = (logits / sampling.temperature).softmax(-1).sort(descending=True)
    chances[chances.cumsum(-1) - chances >= sampling.top_p] = 0  # the first stays: before it there is nothing
    return int(ids[torch.multinomial(chances, 1, generator=generator)])
