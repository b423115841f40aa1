"""Texts of known labels, made from sentence frames and word lists (`frames/*.toml`): what may be shipped and learnt from.

The same seed gives the same texts. Frames and words are split apart before any text is made: a held-out text has a frame and words
that no text of the training part has.
"""

import random
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

# Chosen: a fifth is tested on, a fifth sets thresholds.
PARTS = ("test", "validation", "train", "train", "train")
# Chosen: of the texts with kinds of hate this share is misspelt, as those are that dodge filters.
MISSPELT = 0.2
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One text from frames. `topic`: the set it is of, for figures by kind of text."""

    text: str
    labels: tuple[str, ...]
    topic: str


def table(name: str) -> Mapping[str, Any]:
    """The frames and words of `spam` or `hate`."""
    return tomllib.loads((resources.files("pipelines.models") / "frames" / f"{name}.toml").read_text("utf-8"))


def part_of(values: Sequence[str], parts: Sequence[str]) -> list[str]:
    """The values of these parts, by their places."""
    return [value for n, value in enumerate(values) if PARTS[n % len(PARTS)] in parts]


class _Maker:
    def __init__(self, name: str, parts: Sequence[str], seed: int) -> None:
        given = table(name)
        self._chance = random.Random(f"{name} {' '.join(sorted(set(parts)))} {seed}")
        self._words = {key: part_of(values, parts) for key, values in given["words"].items()}
        self.sets = [
            (
                _topic(one),
                tuple(one.get("labels") or [one["label"]]),
                part_of(one["frames"], parts),
            )
            for one in given["set"]
        ]
        # What counter-speech quotes.
        self._words["hate"] = [
            frame for _, labels, frames in self.sets if labels[0] not in ("clean", "spam", "ham") for frame in frames
        ]

    def sentence(self, frame: str) -> str:
        while slot := _SLOT.search(frame):
            frame = frame[: slot.start()] + self._chance.choice(self._words[slot[1]]) + frame[slot.end() :]
        return frame

    def message(self, frames: Sequence[str]) -> str:
        """One sentence, in half of the cases with a capital and a full stop, and at times all in capitals."""
        text = self.sentence(self._chance.choice(frames))
        style = self._chance.random()
        if style < 0.5:
            text = text[:1].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")
        elif style < 0.55:
            text = text.upper()
        return text

    def page(self, frames: Sequence[str]) -> str:
        """One to twelve sentences of a set, as a message or a page has them."""
        n = min(self._chance.choice((1, 1, 2, 3, 4, 6, 8, 12)), len(frames))
        return self._chance.choice((" ", " ", "\n")).join(map(self.sentence, self._chance.sample(frames, n)))

    def misspelt(self, text: str) -> str:
        """The text with letters swapped, doubled or left out, spaces lost, or letters spaced out."""
        way = self._chance.randrange(4)
        if way == 0:
            return text.replace(" ", "", self._chance.randint(1, 3))
        if way == 1:
            return " ".join(" ".join(word) if self._chance.random() < 0.3 else word for word in text.split())
        letters = list(text)
        for _ in range(1 + len(letters) // 20):
            at = self._chance.randrange(max(len(letters) - 1, 1))
            if way == 2:
                letters[at : at + 2] = reversed(letters[at : at + 2])
            else:
                letters[at : at + 1] = letters[at : at + 1] * self._chance.choice((0, 2))
        return "".join(letters)

    def share(self, most: float) -> bool:
        return self._chance.random() < most


def _topic(one: Mapping[str, Any]) -> str:
    """`slur`, `clean counter`, `spam pills`: what a set is called in figures."""
    label = one["labels"][0] if "labels" in one else one["label"]
    return f"{label} {one['topic']}" if "topic" in one else str(label)


def make(name: str, parts: Sequence[str], *, each: int, seed: int = 0) -> list[Made]:
    """`each` texts a set of `spam` or `hate`, from the frames and words of these parts."""
    maker = _Maker(name, parts, seed)
    found = []
    for topic, labels, frames in maker.sets:
        for _ in range(each):
            text = maker.message(frames) if name == "hate" else maker.page(frames)
            found.append(
                Made(
                    text=maker.misspelt(text) if name == "hate" and maker.share(MISSPELT) else text,
                    labels=labels,
                    topic=topic,
                )
            )
    return found
