"""Presets: everything that decides the bytes of a model, as frozen values read from TOML; an unknown key is an error."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pipelines.toml import Table, parse
from schemas.digest import digest
from schemas.errors import PresetError

PRESETS = Path(__file__).parent / "presets"
Section = TypeVar("Section")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecConfig:
    """A codec from pictures or sounds to codes.

    `levels`: of the FSQ, one a latent dimension; their product is the number of codes. `width`: channels; `blocks`:
    ConvNeXt blocks on each side. `steps`, `batch`, `learning_rate`: its training; `examples`: of the corpus, at most.
    """

    levels: tuple[int, ...] = (8, 5, 5, 5)
    width: int = 64
    blocks: int = 2
    steps: int = 300
    batch: int = 32
    learning_rate: float = 2e-3
    examples: int = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensConfig:
    """How items become tokens.

    `text`: ids of the text BPE, the 256 bytes included; `text_bytes`: it is trained on at most so many. `pixels`: side of
    the square an image is brought to; `patch`: side of what one code stands for. `frames`: log-mel frames (10 ms each)
    that one code stands for; `sound_codes`: a longer sound is cut there. `hidden`: share of codes a repair hides.
    """

    text: int = 512
    text_bytes: int = 50_000_000
    pixels: int = 24
    patch: int = 4
    frames: int = 8
    sound_codes: int = 64
    hidden: float = 0.5
    pair_text: int = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """The decoder. `row_tokens`: places of a row, and the longest document. `embed`: width of the contrastive vectors."""

    layers: int = 4
    width: int = 128
    heads: int = 4
    kv_heads: int = 2
    row_tokens: int = 128
    embed: int = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class MixConfig:
    """How often an epoch feeds the documents of each kind, on average; 0 leaves a kind out."""

    text: float = 1.0
    caption: float = 2.0
    transcribe: float = 2.0
    repair: float = 1.0
    pair: float = 3.0
    answer: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """One stage of training: pretraining, or tuning.

    `rows`: of the plan a step feeds, whatever the number of processes. `warmup`: steps until the full rate; `decay`: share
    of the steps, at the end, over which it falls to nothing. `contrast`, `z_loss`: weights of these losses beside the
    next-token loss. `every`: steps between looks at the held-out items, each followed by a checkpoint; `keep`: the last
    so many stay, and the best. `patience`: looks without a better held-out loss after which it stops; 0 never stops.
    """

    steps: int = 100
    rows: int = 16
    learning_rate: float = 4e-3
    warmup: int = 10
    decay: float = 0.4
    weight_decay: float = 0.1
    clip: float = 1.0
    contrast: float = 0.3
    z_loss: float = 1e-4
    every: int = 25
    keep: int = 2
    patience: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A whole preset. `threads` is part of it: another number of threads adds floats in another order."""

    seed: int = 0
    threads: int = 1
    bfloat16: bool = True
    tokens: TokensConfig = field(default_factory=TokensConfig)
    image: CodecConfig = field(default_factory=CodecConfig)
    audio: CodecConfig = field(default_factory=CodecConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    mix: MixConfig = field(default_factory=MixConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    tune: TrainConfig = field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        """Refuse what could only fail later. Raises PresetError."""
        image = (self.tokens.pixels // self.tokens.patch) ** 2
        codes, row = max(image, self.tokens.sound_codes), self.model.row_tokens
        for bad, what in (
            (self.seed < 0, "seed must be 0 or more"),
            (self.tokens.text < 256, "tokens.text must be 256 or more: every byte is a token"),
            (self.tokens.pixels % self.tokens.patch, "tokens.pixels must be a multiple of tokens.patch"),
            (not 0 < self.tokens.hidden < 1, "tokens.hidden must be between 0 and 1"),
            (self.model.width % self.model.heads, "model.width must be a multiple of model.heads"),
            (self.model.heads % self.model.kv_heads, "model.heads must be a multiple of model.kv_heads"),
            (self.model.width // self.model.heads % 2, "model.width / model.heads must be even"),
            (
                round(codes * (1 + self.tokens.hidden)) + 8 > row,
                f"model.row_tokens is too small to repair {codes} codes",
            ),
            (image + self.tokens.pair_text + 8 > row, f"model.row_tokens is too small for a pair of {image} codes"),
            (any(one.steps < 1 or one.rows < 1 for one in (self.train, self.tune)), "steps and rows must be 1 or more"),
        ):
            if bad:
                raise PresetError(f"preset: {what}")

    @property
    def digest(self) -> bytes:
        """The digest of the whole preset."""
        return digest("preset", self)


def load(preset: str, changes: Sequence[str] = ()) -> Config:
    """The preset of a name (nano, mini) or in a TOML file, with `--set` changes such as `train.steps=50`.

    Raises:
        PresetError: there is none of this name, or a key or a value is wrong.
    """
    path = PRESETS / f"{preset}.toml" if "/" not in preset and not preset.endswith(".toml") else Path(preset)
    if not path.is_file():
        known = ", ".join(sorted(one.stem for one in PRESETS.glob("*.toml")))
        raise PresetError(f"preset {preset} does not exist; give one of {known}, or a TOML file")
    return changed(_config(parse(path.read_text("utf-8"), f"preset {path}", PresetError), Config()), changes)


def from_plain(values: Mapping[str, Any]) -> Config:
    """The preset that a run folder or a checkpoint wrote down. Raises PresetError."""
    return _config(Table(values, "stored preset", PresetError), Config())


def changed(config: Config, changes: Sequence[str]) -> Config:
    """The preset with `--set` changes, each `section.key=value` as TOML writes it. Raises PresetError."""
    for change in changes:
        key, equals, value = change.partition("=")
        *sections, name = key.split(".")
        if not equals or len(sections) > 1:
            raise PresetError(f"--set {change}: write section.key=value, such as train.steps=50")
        text = f"{name} = {value}" if not sections else f"[{sections[0]}]\n{name} = {value}"
        config = _config(parse(text, f"--set {change}", PresetError), config)
    return config


def _config(table: Table, default: Section) -> Section:
    """`default` with what the table says, section by section; nothing may be left over."""
    values: dict[str, Any] = {}
    for one in dataclasses.fields(default):  # type: ignore[arg-type]
        was = getattr(default, one.name)
        if dataclasses.is_dataclass(was):
            values[one.name] = _config(table.sub(one.name), was)
        elif isinstance(was, tuple):
            values[one.name] = tuple(table.value(one.name, list(was)))
        else:
            values[one.name] = table.value(one.name, was)
    table.finish()
    return dataclasses.replace(default, **values)  # type: ignore[type-var]
