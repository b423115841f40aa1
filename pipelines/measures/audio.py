"""Numbers about recordings: what decoding found, as signals, and whether their words can be what is heard."""

import zlib

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.stage import Shape, Stage

# Signals that are facts of the split, by name.
FACTS = (
    "duration_s", "sample_rate", "channels", "peak", "rms_dbfs", "silence_ratio", "clipping_ratio", "snr_db", "bandwidth_hz",
    "speech_ratio", "speech_method", "start_s", "end_s", "synthetic",
)  # fmt: skip
# Chosen: the caption of a sound effect is often longer than its sound; from a second on, no caption of the shared corpora
# comes to more than 27 characters a second, below it they come to 321.
LEAST_SECONDS = 1.0
# Chosen: what is shorter may be a word or a name, whatever the recording is.
LEAST_SPEECH_SECONDS = 10.0
# Source: Whisper's decoder takes what zlib shrinks by more than 2.4 for a loop (Radford et al. 2022, arXiv 2212.04356, section
# 4.5), and asks it of windows of 30 s. Chosen: 300 characters are about so long. Characters count, not their bytes: of the
# Declaration of Human Rights in 387 languages one comes to more than 2.4 (2.44) by characters, 45 by bytes of UTF-8.
_PIECE, _LEAST_PIECE = 300, 100


def audio_statistics(stage: Stage, items: pa.RecordBatch) -> pa.StructArray:
    """`FACTS`, and what the text comes to; float64 but for `sample_rate`, `channels`, `synthetic` (int64), `speech_method` (string).

    characters_per_second: code points of the text over the duration; null under `LEAST_SECONDS` and without text.
    characters_per_speech_second: over the time in which somebody speaks; null where that is under `LEAST_SPEECH_SECONDS`.
    text_compression_ratio: how many times shorter zlib makes the most repetitive 300 characters; null for a text under 100.
    All but the last are null for an item that was not decoded.
    """
    facts = items.column("facts")
    columns = {name: _fact(facts, name) for name in FACTS}
    seconds, characters = columns["duration_s"], pc.utf8_length(items.column("text")).cast(pa.float64())
    spoken = pc.multiply(seconds, columns["speech_ratio"])
    columns["characters_per_second"] = pc.divide(characters, _at_least(seconds, LEAST_SECONDS))
    columns["characters_per_speech_second"] = pc.divide(characters, _at_least(spoken, LEAST_SPEECH_SECONDS))
    ratios = [_compression_ratio(text or "") for text in items.column("text").to_pylist()]
    columns["text_compression_ratio"] = pa.array(ratios, pa.float64())
    return pa.StructArray.from_arrays(list(columns.values()), names=list(columns))


def _fact(facts: pa.StructArray, name: str) -> pa.Array:
    values = pc.struct_field(facts, name)
    if pa.types.is_string(values.type):
        return values
    is_whole = pa.types.is_integer(values.type) or pa.types.is_boolean(values.type)
    return values.cast(pa.int64() if is_whole else pa.float64())


def _at_least(seconds: pa.Array, least: float) -> pa.Array:
    return pc.if_else(pc.greater_equal(seconds, least), seconds, pa.scalar(None, pa.float64()))


def _compression_ratio(text: str) -> float | None:
    pieces = (text[at : at + _PIECE] for at in range(0, len(text), _PIECE))
    return max((_shrinks(piece) for piece in pieces if len(piece) >= _LEAST_PIECE), default=None)


def _shrinks(piece: str) -> float:
    """A byte for each character, whatever its script: a piece with more than 256 different ones repeats none of them often."""
    numbers = {character: number % 256 for number, character in enumerate(dict.fromkeys(piece))}
    return len(piece) / len(zlib.compress(bytes(map(numbers.__getitem__, piece))))


AUDIO_STATISTICS = Stage(
    name="measure.audio",
    version=2,
    shape=Shape.MEASURE,
    fn=audio_statistics,
    signals=(*FACTS, "characters_per_second", "characters_per_speech_second", "text_compression_ratio"),
)
