"""Sounds: tones, glides, rings, knocks and noises, each with a line that says what is heard. Mono, 16 kHz, 16 bits.

Samples follow from the attributes alone. WAV is written here, byte for byte; FLAC bytes depend on the libFLAC that soundfile
carries, the samples in them do not.
"""

import io
import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soundfile

RATE = 16_000  # hertz
PEAK = 0.7  # of full scale: nothing clips
PITCHES = {"low": 220, "middle": 523, "high": 1397}  # hertz
NUMBERS = {1: "One", 2: "Two", 3: "Three", 4: "Four", 5: "Five"}

Samples = npt.NDArray[np.int16]
_Wave = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """One recording. `says`: what is heard. `samples`: int16[n]."""

    name: str
    says: str
    samples: Samples

    @property
    def duration_s(self) -> float:
        """Seconds."""
        return len(self.samples) / RATE


def sounds() -> list[Sound]:
    """All recordings, no two alike: 24, of one to three seconds."""
    made = [
        *(_beeps(count, pitch, length) for count, pitch, length in (
            (3, "high", "short"), (2, "low", "long"), (4, "middle", "short"), (2, "high", "long"), (5, "low", "short"),
            (3, "middle", "long"), (5, "high", "short"), (3, "low", "long"),
        )),
        *(_glide(way, pace) for way in ("rises", "falls") for pace in ("slowly", "quickly")),
        *(_rings(*ring) for ring in (("once, deep", 1, "low"), ("twice, bright", 2, "high"), ("three times, clear", 3, "middle"))),
        *(_knocks(count, pace) for count, pace in ((4, "slow"), (5, "quick"), (3, "quick"))),
        _notes("A low note is followed by a high note.", ("low", "high")),
        _notes("A high note is followed by a low note.", ("high", "low")),
        _notes("Three notes go up, from low to high.", ("low", "middle", "high")),
        _noise("A noise like rain slowly fades away.", 2.4, (1.0, 0.1), width=2),
        _noise("A noise like wind swells and then fades.", 2.8, (0.1, 1.0, 0.1), width=24),
        _noise("A noise like the sea comes in two waves.", 3.0, (0.1, 1.0, 0.1, 1.0, 0.1), width=8),
    ]  # fmt: skip
    return [Sound(name=f"{n:02d}", says=says, samples=_quantised(wave)) for n, (says, wave) in enumerate(made, 1)]


def _beeps(count: int, pitch: str, length: str) -> tuple[str, _Wave]:
    seconds, gap = (0.26, 0.06 + 0.02 * count) if length == "short" else (0.6, 0.05 + 0.05 * count)
    beep = np.concatenate([_tone(_tuned(PITCHES[pitch], count), seconds), np.zeros(round(gap * RATE))])
    return f"{NUMBERS[count]} {length} {pitch} beeps.", np.tile(beep, count)


def _tuned(hertz: float, count: int) -> float:
    """A semitone higher for each, as pauses are longer: or three beeps would be how five begin."""
    return hertz * 2 ** (count / 12)


def _glide(way: str, pace: str) -> tuple[str, _Wave]:
    n = round((2.6 if pace == "slowly" else 1.3) * RATE)
    hertz = np.linspace(250, 1600, n) if way == "rises" else np.linspace(1600, 250, n)
    return f"A tone that {pace} {way}.", np.sin(2 * np.pi * np.cumsum(hertz) / RATE) * _envelope(
        n, (0.0, 1.0, 1.0, 0.0)
    )


def _rings(how: str, count: int, pitch: str) -> tuple[str, _Wave]:
    n = round(max(2.0 / count, 0.9) * RATE)
    seconds = np.arange(n) / RATE
    partials = ((1.0, 1.0), (2.76, 0.5), (5.4, 0.25))  # Source: Rossing, Science of Percussion Instruments: a free bar
    bell = sum(weight * np.sin(2 * np.pi * PITCHES[pitch] * ratio * seconds) for ratio, weight in partials)
    return f"A bell rings {how}.", np.tile(bell * np.exp(-2.2 * seconds), count)


def _knocks(count: int, pace: str) -> tuple[str, _Wave]:
    n = round((0.6 if pace == "slow" else 0.4) * RATE)
    seconds = np.arange(n) / RATE
    wood = np.sin(2 * np.pi * _tuned(140, 2 * count) * seconds) + 0.5 * _hiss(f"knock {count} {pace}", n)
    return f"{NUMBERS[count]} {pace} knocks on wood.", np.tile(wood * np.exp(-9 * seconds), count)


def _notes(says: str, pitches: Sequence[str]) -> tuple[str, _Wave]:
    return says, np.concatenate([_tone(PITCHES[pitch], 2.4 / len(pitches)) for pitch in pitches])


def _noise(says: str, seconds: float, loudness: Sequence[float], *, width: int) -> tuple[str, _Wave]:
    """`width`: samples that are averaged; the more, the duller."""
    n = round(seconds * RATE)
    return says, np.convolve(_hiss(says, n), np.ones(width) / width, "same") * _envelope(n, loudness)


def _tone(hertz: float, seconds: float) -> _Wave:
    n = round(seconds * RATE)
    return np.sin(2 * np.pi * hertz * np.arange(n) / RATE) * _envelope(n, (0.0, *(1.0,) * 8, 0.0))


def _envelope(n: int, loudness: Sequence[float]) -> _Wave:
    return np.interp(np.arange(n), np.linspace(0, n - 1, len(loudness)), loudness)


def _hiss(seed: str, n: int) -> _Wave:
    data = random.Random(f"hiss:{seed}").randbytes(2 * n)
    return np.frombuffer(data, "<i2") / 32768.0


def _quantised(wave: _Wave) -> Samples:
    return np.round(wave * (PEAK * 32767 / np.abs(wave).max())).astype(np.int16)


def wav(samples: Samples | npt.NDArray[np.float32]) -> bytes:
    """A WAV file: of 16-bit samples PCM, of float32 IEEE floats (whatever they are, NaN too)."""
    data = samples.tobytes()
    code, width = (1, 2) if samples.dtype == np.int16 else (3, 4)
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, code, 1, RATE, RATE * width, width, 8 * width)
    body = b"WAVE" + head + struct.pack("<4sI", b"data", len(data)) + data
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def flac(samples: Samples) -> bytes:
    """A FLAC file of the same samples."""
    out = io.BytesIO()
    soundfile.write(out, samples, RATE, format="FLAC", subtype="PCM_16")
    return out.getvalue()


def quieter(samples: Samples) -> Samples:
    """The same recording at half the gain."""
    return (samples // 2).astype(np.int16)


def backwards(samples: Samples) -> Samples:
    """The same recording from its end."""
    return samples[::-1].copy()


def silence() -> Samples:
    """Two seconds of nothing."""
    return np.zeros(2 * RATE, np.int16)


def not_numbers() -> npt.NDArray[np.float32]:
    """A second of a tone in floats, of which a tenth are no numbers."""
    found = _tone(440, 1.0).astype(np.float32)
    found[RATE // 2 : RATE // 2 + RATE // 10] = np.nan
    return found
