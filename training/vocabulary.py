"""The vocabulary: one space of ids for text, images and sounds, and the byte-level BPE of its text.

    0..63 specials | text | image codes | audio codes | up to a multiple of 128

64 slots for specials, so that a new one never moves an id. `vocabulary.json` names the ranges and the digests of the BPE
and the codecs; its own digest travels with tokens and checkpoints, and what does not match is refused.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from schemas.digest import Json, canonical, digest, sha256

SLOTS = 64
MULTIPLE = 128  # Chosen: matrix units like it, and shards stay below 2^16
# What is UTF-8, and what `surrogateescape` made of the bytes that are not (U+DC80..U+DCFF). Source: PEP 383.
_RUNS = re.compile("([^\udc80-\udcff]+)|([\udc80-\udcff]+)")


class Special(IntEnum):
    """Ids that stand for no text. They are put into documents as ids, never as strings, so no text can spell one."""

    PAD = 0
    BOS = 1
    MORE = 2  # opens the second and later documents of one text
    EOS = 3
    IMAGE = 4
    END_IMAGE = 5
    AUDIO = 6
    END_AUDIO = 7
    HIDDEN = 8
    REPAIR = 9
    EMBED = 10
    USER = 11
    ASSISTANT = 12


def _byte_chars() -> dict[str, int]:
    """The characters by which byte-level BPE writes the 256 bytes. Source: GPT-2's bytes_to_unicode, public in its paper's code."""
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(256 + n): byte for n, byte in enumerate(others)}


class Text:
    """The text BPE: bytes to ids 0.. and back, without loss."""

    def __init__(self, content: bytes) -> None:
        """From the bytes of a tokenizer.json."""
        self._tokenizer = Tokenizer.from_str(content.decode("utf-8"))
        # Ours has no special tokens, but a file may. The flag is not kept in the file (seen in tokenizers 0.23): without
        # it a text that says "<eos>" would become the special id.
        self._tokenizer.encode_special_tokens = True
        self.content = content

    @property
    def size(self) -> int:
        """How many ids there are."""
        return int(self._tokenizer.get_vocab_size(with_added_tokens=False))

    @cached_property
    def _bytes(self) -> list[bytes]:
        chars = _byte_chars()
        words = sorted(self._tokenizer.get_vocab(with_added_tokens=False).items(), key=lambda pair: pair[1])
        return [bytes(chars[char] for char in word) for word, _ in words]

    @cached_property
    def _byte_ids(self) -> dict[int, int]:
        return {word[0]: n for n, word in enumerate(self._bytes) if len(word) == 1}

    def encode(self, text: str | bytes) -> list[int]:
        """The ids of a text; bytes that are no UTF-8 become the ids of single bytes."""
        raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        ids: list[int] = []
        for run, escaped in _RUNS.findall(raw.decode("utf-8", "surrogateescape")):
            ids += self._tokenizer.encode(run, add_special_tokens=False).ids if run else []
            ids += [self._byte_ids[ord(char) - 0xDC00] for char in escaped]
        return ids

    def decode(self, ids: Iterable[int]) -> bytes:
        """The bytes of ids, exactly; ids that are none of ours give nothing."""
        words = self._bytes
        return b"".join(words[n] for n in ids if 0 <= n < len(words))


def train_text(texts: Iterable[str], size: int) -> Text:
    """A byte-level BPE of at most `size` ids: all 256 bytes, then the commonest pairs. No special tokens, no normalising."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # type: ignore[assignment]
    tokenizer.decoder = decoders.ByteLevel()  # type: ignore[assignment]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, special_tokens=[], show_progress=False)
    tokenizer.train_from_iterator(texts, trainer=trainer)
    return Text(tokenizer.to_str().encode("utf-8"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The ids of one modality. `sha256`: of the BPE or codec file behind them; "" where the corpus had nothing to learn it."""

    start: int
    size: int
    sha256: str

    def __contains__(self, token: int) -> bool:
        return self.start <= token < self.start + self.size

    @property
    def end(self) -> int:
        """One past the last id."""
        return self.start + self.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """Who owns which ids. `measures`: how pictures and sounds are cut before their codecs see them (pixels, frames)."""

    text: Range
    image: Range
    audio: Range
    measures: Mapping[str, int]

    @property
    def size(self) -> int:
        """All ids, up to a multiple of 128."""
        return -(-self.audio.end // MULTIPLE) * MULTIPLE

    @property
    def digest(self) -> bytes:
        """What tokens and checkpoints carry to say which vocabulary is theirs."""
        return digest("vocabulary", self.plain())

    def plain(self) -> dict[str, Json]:
        """What vocabulary.json holds."""
        ranges = {name: {"start": one.start, "size": one.size, "sha256": one.sha256} for name, one in self.ranges()}
        specials = {one.name.lower(): int(one) for one in Special}
        return {"version": 1, "specials": specials, "measures": dict(self.measures), **ranges}  # type: ignore[dict-item]

    def ranges(self) -> Sequence[tuple[str, Range]]:
        """The modalities by name."""
        return (("text", self.text), ("image", self.image), ("audio", self.audio))

    def content(self) -> bytes:
        """The bytes of vocabulary.json."""
        return canonical(self.plain())


def vocabulary(
    *, text: tuple[int, bytes], image: tuple[int, bytes], audio: tuple[int, bytes], measures: Mapping[str, int]
) -> Vocabulary:
    """The vocabulary of three (size, content of the file behind it); an empty content is a modality nobody learned."""
    start = SLOTS
    ranges = {}
    for name, (size, content) in (("text", text), ("image", image), ("audio", audio)):
        ranges[name] = Range(start=start, size=size, sha256=sha256(content).hex() if content else "")
        start += size
    return Vocabulary(**ranges, measures=measures)
