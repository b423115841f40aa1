"""What noise and narrow transmission leave in a recording: its signal-to-noise ratio and its bandwidth, added up block by block."""

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]

# WADA-SNR: Kim and Stern 2008 (Interspeech, "Robust signal-to-noise ratio estimation based on waveform amplitude distribution
# analysis"): amplitudes of clean speech follow a gamma distribution of shape 0.4, noise a normal one; log of the mean
# amplitude less the mean log amplitude grows with the ratio. The values are that difference at `_STEPS_DB`, computed here by
# quadrature over the two distributions (`tests/split/test_sound_quality.py` does so again).
_STEPS_DB = np.arange(-10.0, 61.0, 2.0)
_GAINS = np.array(
    [
        0.412, 0.415, 0.420, 0.429, 0.442, 0.462, 0.489, 0.523, 0.566, 0.614, 0.667, 0.724, 0.783, 0.842, 0.900, 0.956, 1.010, 1.060,
        1.108, 1.153, 1.194, 1.232, 1.268, 1.300, 1.330, 1.357, 1.382, 1.405, 1.426, 1.445, 1.463, 1.479, 1.493, 1.507, 1.519, 1.530,
    ]
)  # fmt: skip

# Source of both: Bakhturina et al. 2021 (Hi-Fi TTS, arXiv 2104.01497), section 3.2: the highest frequency at which the mean
# power spectrum is no more than 50 dB below its peak.
_BELOW_PEAK = 1e-5
_FRAME_S = 0.02  # Chosen: at least so long; the bins are then 50 Hz wide at most


class Noise:
    """WADA-SNR of the samples taken, decibels."""

    def __init__(self) -> None:
        self._count, self._sum, self._logs = 0, 0.0, 0.0

    def add(self, mono: F64) -> None:
        """Take the samples that follow; those that are 0 say nothing (a gate makes them)."""
        loud = np.abs(mono[mono != 0])
        self._count += len(loud)
        self._sum += float(loud.sum())
        self._logs += float(np.log(loud).sum())

    def snr_db(self) -> float | None:
        """-10..60, to 0.1; null where every sample is 0."""
        if not self._count:
            return None
        gain = np.log(self._sum / self._count) - self._logs / self._count
        return round(float(np.interp(gain, _GAINS, _STEPS_DB)), 1)


class Band:
    """The mean power spectrum of the samples taken."""

    def __init__(self, rate: int) -> None:
        self._rate, self._size = rate, 1 << max(1, round(_FRAME_S * rate)).bit_length()
        self._window = np.hanning(self._size + 2)[1:-1].astype(np.float32)
        self._held, self._power = np.empty(0), np.zeros(self._size // 2 + 1)

    def add(self, mono: F64) -> None:
        """Take the samples that follow."""
        held = np.concatenate([self._held, mono])
        frames = held[: len(held) // self._size * self._size].reshape(-1, self._size)
        self._held = held[frames.size :]
        self._take(frames)

    def bandwidth_hz(self) -> float | None:
        """0 to half the rate, to 1 Hz; null for silence."""
        if not self._power.any():  # all of it is shorter than a frame; else a frame that is cut would only blur
            self._take(np.pad(self._held, (0, self._size - len(self._held)))[None])
        heard = np.flatnonzero(self._power >= self._power.max() * _BELOW_PEAK)
        return round(float(heard[-1]) * self._rate / self._size) * 1.0 if self._power.any() else None

    def _take(self, frames: F64) -> None:
        spectrum = np.fft.rfft(frames.astype(np.float32) * self._window)
        self._power += (spectrum.real.astype(np.float64) ** 2 + spectrum.imag.astype(np.float64) ** 2).sum(axis=0)
