"""Sounds made for tests, and what surrounds them: the roots and payloads of a split."""

import io

import numpy as np
import pyarrow as pa
import soundfile

from pipelines.split.audio import AUDIO_FACTS
from schemas.digest import digest, sha256
from schemas.item import item_schema
from tests.split import pictures

RATE = 16_000


def babble(seconds: float = 1.5, seed: int = 0) -> np.ndarray:
    """float64[frames] at RATE: syllables of a voice that says something else for every seed, its greatest amplitude 0.5."""
    chance = np.random.default_rng(seed)
    found, at = np.zeros(round(seconds * RATE)), 0
    while at < len(found):
        length = int(chance.integers(RATE // 10, RATE // 4))
        time, pitch = np.arange(length) / RATE, chance.uniform(90, 240)
        formants = np.array([chance.uniform(250, 900), chance.uniform(900, 2300), chance.uniform(2200, 3500)])
        harmonics = np.arange(1, 3800 // pitch)
        loud = np.exp(-(((harmonics[:, None] * pitch - formants) / 180) ** 2)).sum(axis=1)
        phase = chance.uniform(0, 2 * np.pi, len(harmonics))
        voice = loud @ np.sin(2 * np.pi * pitch * harmonics[:, None] * time + phase[:, None]) * np.hanning(length)
        found[at : at + length] = voice[: len(found) - at]
        at += length + int(chance.integers(0, RATE // 12))
    return found / np.abs(found).max() / 2


def steps(sound: np.ndarray, bits: int = 16) -> np.ndarray:
    """int32, full scale: the sound in so many bits."""
    return np.rint(sound * (1 << (bits - 1))).astype(np.int32) << (32 - bits)


def resampled(sound: np.ndarray, rate: int) -> np.ndarray:
    """The sound at another rate than RATE, by its spectrum."""
    count = round(len(sound) * rate / RATE)
    return np.fft.irfft(np.fft.rfft(sound)[: count // 2 + 1], count) * (count / len(sound))


def encoded(sound: np.ndarray, kind: str, subtype: str, rate: int = RATE, **options: object) -> bytes:
    """A sound file. Floats are -1..1, integers full scale."""
    out = io.BytesIO()
    channels = sound.shape[1] if sound.ndim > 1 else 1
    with soundfile.SoundFile(out, "w", rate, channels, subtype, format=kind, **options) as file:
        file.write(sound)
    return out.getvalue()


def wav(sound: np.ndarray, subtype: str = "PCM_16", rate: int = RATE) -> bytes:
    """A WAV file."""
    return encoded(sound, "WAV", subtype, rate)


def roots(files) -> pa.RecordBatch:
    """One root a file."""
    rows = [
        {
            "item_id": digest("test", number), "capture_id": digest("capture", number), "source": "tests",
            "modality": "audio", "media_type": "audio/wav", "content_sha256": sha256(data or b""), "licence": "CC-BY-4.0",
            "payload": {"uri": "captures/0", "offset": 0, "length": len(data or b""), "sha256": sha256(data or b"")},
        }
        for number, data in enumerate(files)
    ]  # fmt: skip
    return pa.RecordBatch.from_pylist(rows, schema=item_schema(AUDIO_FACTS))


def payloads(files, words=None) -> pa.RecordBatch:
    """`rooms.PAYLOADS` of these files (null: none stored), each said to be "a sound" by a table."""
    n = len(files)
    return pictures.payloads(files, words or [[pictures.said("a sound")]] * n, ["audio/wav"] * n)
