"""What is said of a sound by its samples: added up block by block, so that memory does not grow with its length."""

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.split.fingerprint import F64, Spectrum, fingerprint
from pipelines.split.sound_quality import Band, Noise
from pipelines.split.voice import F32, SPEECH, Voice
from schemas.item import ID

I32 = npt.NDArray[np.int32]

# What decoding tells of a sound; the samples meant are those that are published.
MEASURED = (
    pa.field("duration_s", pa.float64()),
    pa.field("sample_rate", pa.int32()),  # hertz
    pa.field("channels", pa.int32()),
    pa.field("format", pa.string()),  # of the capture: "wav/pcm_16", "ogg/vorbis"
    pa.field("peak", pa.float64()),  # greatest amplitude, full scale is 1; more where a float source goes beyond it
    pa.field("rms_dbfs", pa.float64()),  # of all samples, a full-scale square wave is 0; at least -144.5
    pa.field("silence_ratio", pa.float64()),  # 0..1, share of 20 ms pieces softer than `silence_dbfs`
    pa.field("clipping_ratio", pa.float64()),  # 0..1, share of samples at either end of the scale
    pa.field("snr_db", pa.float64()),  # -10..60, of the channels together (WADA-SNR); null for digital silence
    pa.field("bandwidth_hz", pa.float64()),  # up to which its spectrum lies within 50 dB of its peak; null for silence
    pa.field("speech_ratio", pa.float64()),  # 0..1, share of 32 ms frames in which somebody speaks
    pa.field("speech_method", pa.string()),  # how that was found: silero | energy
    pa.field("samples_sha256", ID),  # of rate, channels and samples as int32: the same for WAV and FLAC of one sound
    pa.field("fingerprint", pa.large_binary()),  # `Fingerprint.words`, little-endian; empty for none
    pa.field("landmarks", pa.binary()),  # `Fingerprint.landmarks`, little-endian
)
_PIECE_S = 0.02  # Chosen: shorter than any pause between words; speech is called stationary over about as much
_PIECES = 50


def piece(rate: int) -> int:
    """Frames in 20 ms."""
    return max(1, round(_PIECE_S * rate))


def block(rate: int) -> int:
    """Frames in a second, a whole number of pieces."""
    return piece(rate) * _PIECES


class Meter:
    """What is said of the samples, added up block by block. All blocks but the last are whole numbers of pieces."""

    def __init__(
        self, rate: int, channels: int, bits: int, *, silence_dbfs: float, voice: str | None, keeps_sound: bool = False
    ) -> None:
        """voice: path of silero's network; null: speech is found by its energy. keeps_sound: for `heard`."""
        self.frames, self.peak, self.spectrum = 0, 0.0, Spectrum(rate)
        self.sha256 = hashlib.sha256(b"%d,%d," % (rate, channels))
        self._rate, self._channels = rate, channels
        self._noise, self._band, self._voice, self._is_heard = (
            Noise(),
            Band(rate),
            Voice(rate, voice, keeps_sound=keeps_sound),
            voice is not None,
        )
        self._top = ((1 << (bits - 1)) - 1) << (32 - bits)
        self._piece, self._silence = piece(rate), 10 ** (silence_dbfs / 10)
        self._energy, self._clipped, self._pieces, self._silent = 0.0, 0, 0, 0
        self.speech = np.empty(0)  # of each frame; known with `found`

    def add(self, pcm: I32, peak: float) -> None:
        """Take int32[frames, channels], full scale whatever the bits, and their greatest amplitude before rounding."""
        self.sha256.update(np.ascontiguousarray(pcm, "<i4").data)
        self._clipped += int(((pcm >= self._top) | (pcm <= -self._top)).sum())
        sound, channels = pcm / 2.0**31, pcm.shape[1]
        # einsum, because a mean over an axis of two takes four times as long.
        mono: F64 = np.einsum("ij->i", sound) / channels
        for part in (self.spectrum, self._noise, self._band, self._voice):
            part.add(mono)
        energy = np.einsum("ij,ij->i", sound, sound) / channels
        starts = np.arange(0, len(energy), self._piece)
        loudness = np.add.reduceat(energy, starts) / np.diff(np.append(starts, len(energy)))
        self._silent += int((loudness < self._silence).sum())
        self._pieces += len(starts)
        self._energy += float(energy.sum())
        self.peak, self.frames = max(self.peak, peak), self.frames + len(pcm)

    def heard(self) -> F32:
        """float32[samples] at 16 kHz, of all channels together; known with `found`."""
        return self._voice.heard()

    def found(self) -> dict[str, Any]:
        """The columns of MEASURED but `format`, of everything taken; at least one sample was."""
        heard = fingerprint(self.spectrum.amplitudes())
        self.speech = self._voice.speech()
        return {
            "duration_s": self.frames / self._rate,
            "sample_rate": self._rate,
            "channels": self._channels,
            "peak": self.peak,
            "rms_dbfs": 10 * float(np.log10(max(self._energy / self.frames, 2.0**-48))),
            "silence_ratio": self._silent / self._pieces,
            "clipping_ratio": self._clipped / (self.frames * self._channels),
            "snr_db": self._noise.snr_db(),
            "bandwidth_hz": self._band.bandwidth_hz(),
            "speech_ratio": round(float((self.speech >= SPEECH).mean()), 3),
            "speech_method": "silero" if self._is_heard else "energy",
            "samples_sha256": self.sha256.digest(),
            "fingerprint": heard.words.astype("<u8").tobytes(),
            "landmarks": heard.landmarks.astype("<u4").tobytes(),
        }
