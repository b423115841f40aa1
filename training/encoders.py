"""Encoders: the vocabulary with what gives its ids, as one folder. Items come in, ids of the one space go out.

<folder>/vocabulary.json  tokenizer.json  codec_image.safetensors  codec_audio.safetensors  report.json
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import torch

from pipelines.shard.files import write_file
from schemas.errors import TrainingError, VocabularyMismatch
from training import codec, picture, sound
from training.codec import Codec, CodecReport, CodecShape
from training.config import CodecConfig, Config
from training.files import write_json
from training.shards import Item, Release
from training.vocabulary import Text, Vocabulary, train_text, vocabulary

FILES = {"text": "tokenizer.json", "image": "codec_image.safetensors", "audio": "codec_audio.safetensors"}
WINDOW_CODES = 16  # of a sound, in one example of its codec. Chosen: 1.3 s at 80 ms a code, a few syllables
HELD_OUT = 512  # examples a report is made of, at most
Tell = Callable[[str, int, int, float], None]  # stage, step, steps, loss


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoders:
    """What turns items into ids. `image`, `audio`: None where the corpus had none to learn from."""

    vocabulary: Vocabulary
    text: Text
    image: Codec | None
    audio: Codec | None
    config: Config

    def text_ids(self, text: str) -> list[int]:
        """The ids of a text."""
        return [self.vocabulary.text.start + n for n in self.text.encode(text)]

    def spelled(self, ids: Iterable[int]) -> bytes:
        """The bytes that ids stand for; those of other modalities and specials give nothing."""
        return self.text.decode(n - self.vocabulary.text.start for n in ids if n in self.vocabulary.text)

    def image_ids(self, payload: bytes) -> list[int]:
        """The ids of an image.

        Raises:
            ValueError: it cannot be decoded.
            TrainingError: nobody learned images.
        """
        square = picture.scaled(picture.pixels(payload, self.config.tokens.pixels))
        codes = _known(self.image, "image").encode(square[None])[0]
        return (codes + self.vocabulary.image.start).tolist()

    def sound_ids(self, payload: bytes) -> tuple[list[int], bool]:
        """The ids of a sound, and whether they are all of it. Raises as `image_ids`."""
        tokens = self.config.tokens
        mel, is_whole = sound.log_mel(payload, tokens.frames * tokens.sound_codes)
        codes = _known(self.audio, "audio").encode(_framed(mel, tokens.frames)[None, None])[0]
        return (codes + self.vocabulary.audio.start).tolist(), is_whole

    def save(self, folder: Path) -> None:
        """Write the folder; vocabulary.json last."""
        for name, content in self._contents().items():
            if content:
                write_file(folder / FILES[name], content)
        write_file(folder / "vocabulary.json", self.vocabulary.content())

    def _contents(self) -> dict[str, bytes]:
        codecs = {"image": self.image, "audio": self.audio}
        return {"text": self.text.content} | {name: codec.dump(one) if one else b"" for name, one in codecs.items()}


def _known(one: Codec | None, name: str) -> Codec:
    if one is None:
        raise TrainingError(f"this model has learned no {name} codes: its release held no {name} items to learn from")
    return one


def load(folder: Path, config: Config) -> Encoders:
    """The encoders in a folder.

    Raises:
        TrainingError: there are none, or a file is damaged.
        VocabularyMismatch: a file is not the one vocabulary.json names.
    """
    contents = {name: _read(folder / file) for name, file in FILES.items()}
    if not contents["text"]:
        raise TrainingError(f"{folder} has no {FILES['text']}; it is no folder of encoders")
    found = _assemble(contents, config)
    if _read(folder / "vocabulary.json") != found.vocabulary.content():
        raise VocabularyMismatch(
            f"{folder}: its vocabulary.json names other files or another preset than these; take the folder and the preset "
            "of one and the same tokenizing"
        )
    return found


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _assemble(contents: Mapping[str, bytes], config: Config) -> Encoders:
    sizes = {
        "text": config.tokens.text,
        "image": math.prod(config.image.levels),
        "audio": math.prod(config.audio.levels),
    }
    codecs = {name: codec.read(contents[name]) if contents[name] else None for name in ("image", "audio")}
    named = {name: (size, contents[name]) for name, size in sizes.items()}
    measures = {name: int(getattr(config.tokens, name)) for name in ("pixels", "patch", "frames", "sound_codes")}
    words = vocabulary(**named, measures=measures)
    return Encoders(vocabulary=words, text=Text(contents["text"]), config=config, **codecs)


def learn(release: Release, config: Config, tell: Tell) -> tuple[Encoders, dict[str, CodecReport]]:
    """Encoders learned from the train split of a release, and how good the codecs are on its other splits.

    Raises:
        TrainingError: the release has no text to learn from.
    """
    text = train_text(_texts(release, config), config.tokens.text)
    codecs, reports = dict[str, Codec | None](), dict[str, CodecReport]()
    for name, examples, shape, settings in (
        ("image", _squares, _image_shape(config), config.image),
        ("audio", _windows, _sound_shape(config), config.audio),
    ):
        codecs[name] = None
        if found := list(islice(examples(release, config, "train"), settings.examples)):
            one = _train(name, torch.stack(found), shape, settings, config, tell)
            codecs[name] = one
            others = (example for split in ("validation", "test") for example in examples(release, config, split))
            if held_out := list(islice(others, HELD_OUT)):
                reports[name] = codec.report(one, torch.stack(held_out))
    contents = {"text": text.content} | {name: codec.dump(one) if one else b"" for name, one in codecs.items()}
    return _assemble(contents, config), reports


def save_reports(folder: Path, reports: Mapping[str, CodecReport]) -> None:
    """Write report.json."""
    write_json(folder / "report.json", {name: asdict(one) for name, one in reports.items()})


def _train(
    name: str, examples: torch.Tensor, shape: CodecShape, settings: CodecConfig, config: Config, tell: Tell
) -> Codec:
    return codec.train_codec(
        examples,
        shape,
        settings,
        seed=config.seed,
        tell=lambda step, loss: tell(f"codec_{name}", step, settings.steps, loss),
    )


def _texts(release: Release, config: Config) -> Iterator[str]:
    left = config.tokens.text_bytes
    for item in release.items("train"):
        yield item.text
        left -= len(item.text)
        if left <= 0:
            return
    if left == config.tokens.text_bytes:
        raise TrainingError(f"release {release.folder} has no text in its train split; there is nothing to learn from")


def _media(release: Release, modality: str, split: str) -> Iterator[Item]:
    for lane in release.lanes:
        for item in release.items(split, lane.name):
            if item.modality != modality:
                break
            yield item


def _squares(release: Release, config: Config, split: str) -> Iterator[torch.Tensor]:
    """float[3, side, side]: each image, and, to learn from, mirrored too."""
    for item in _media(release, "image", split):
        try:
            square = picture.scaled(picture.pixels(item.payload, config.tokens.pixels))
        except ValueError:
            continue  # counted and named where items become tokens
        yield square
        if split == "train":
            yield square.flip(-1)


def _windows(release: Release, config: Config, split: str) -> Iterator[torch.Tensor]:
    """float[1, MELS, frames of a window]: each sound, cut."""
    tokens = config.tokens
    for item in _media(release, "audio", split):
        try:
            mel, _ = sound.log_mel(item.payload, tokens.frames * tokens.sound_codes)
        except ValueError:
            continue
        yield from _framed(mel, tokens.frames * WINDOW_CODES)[None].split(tokens.frames * WINDOW_CODES, dim=-1)


def _framed(mel: torch.Tensor, multiple: int) -> torch.Tensor:
    """The frames, with silence up to a multiple."""
    return torch.nn.functional.pad(mel, (0, -mel.shape[-1] % multiple), value=float(mel.min()))


def _image_shape(config: Config) -> CodecShape:
    patch = (config.tokens.patch, config.tokens.patch)
    return CodecShape(
        channels=3, patch=patch, levels=config.image.levels, width=config.image.width, blocks=config.image.blocks
    )


def _sound_shape(config: Config) -> CodecShape:
    patch = (sound.MELS, config.tokens.frames)
    return CodecShape(
        channels=1, patch=patch, levels=config.audio.levels, width=config.audio.width, blocks=config.audio.blocks
    )
