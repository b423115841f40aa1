"""The spectral fingerprint of a recording: which of 32 neighbouring frequency bands gains on the other, every 16 ms.

It is the same at any gain, survives lossy coding, resampling to 8 kHz and silence before or behind, and differs where other
words are spoken. After Haitsma and Kalker 2002 (ISMIR, "A highly robust audio fingerprinting system"), changed in three
points: frames are short and smoothed after the transform (so that a transform costs a tenth); bands are mel-spaced up to
3,300 Hz, which a telephone recording still has; and a difference that is small beside the recording's loudness says
nothing, where the paper takes its sign. So noise in pauses does not count, and what two fingerprints share can be counted
(`pipelines.dedup.audio`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]

# Chosen, all of them, on the 966 recordings of the shared corpus and on copies of every third (12 dB softer, OGG, Opus and MP3
# at low quality, 8 kHz, silence in front): of other recordings of at least a second none is as similar as the least similar
# copy. Longer frames and more bands bring nothing; amplitudes tell short recordings apart better than energies.
HOP_S, FRAME_S = 0.016, 0.064
LOWEST_HZ, HIGHEST_HZ, BANDS = 300.0, 3300.0, 33
SMOOTHED = 7  # frames, under a Hann window: a copy's frames lie up to 8 ms beside the original's
LAG = 12  # frames between the two whose difference is taken
# The least difference that says something, as a share of the mean amplitude of a band.
LEAST = 0.05

# Landmarks: the frames that a copy is most likely to have bit by bit, but for the weakest bit.
# Chosen: so many find 99.7 % of the copies above that last a second, and all of those that last 20 minutes.
LANDMARKS = 32
_QUIET = 0.03  # of the loudest frame: below it bits are noise

_BITS = np.uint64(1) << np.arange(BANDS - 1, dtype=np.uint64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What is kept of a recording; both are empty where nothing in it changes (silence, a steady tone's middle).

    words: uint64[frames], bit b where band b gains on band b + 1, bit 32 + b where it loses, neither where it says nothing;
    without such frames at both ends. landmarks: uint32, ascending: the signs of all 32 differences of a few frames.
    """

    words: npt.NDArray[np.uint64]
    landmarks: npt.NDArray[np.uint32]


def mel_edges() -> F64:
    """float64[BANDS + 1], hertz. Source of the scale: O'Shaughnessy 1987, 2595 log10(1 + f / 700)."""
    lowest, highest = (2595 * np.log10(1 + hertz / 700) for hertz in (LOWEST_HZ, HIGHEST_HZ))
    mels = np.linspace(lowest, highest, BANDS + 1)
    return np.asarray(700 * (10 ** (mels / 2595) - 1))


class Spectrum:
    """The band amplitudes of a recording that comes in blocks; holds one frame of sound and 2 kB a frame of result.

    The result depends on the samples and their rate, not on how they were cut into blocks. Silence is put before and
    behind, so that a recording begins and ends with the same differences whether or not it has silence of its own.
    """

    def __init__(self, rate: int) -> None:
        """rate: samples a second, at least 1."""
        self._rate, self._length = rate, max(2, round(FRAME_S * rate))
        self._window = np.hanning(self._length + 2)[1:-1] / self._length
        self._size = 1 << (self._length - 1).bit_length()
        # Places of the bands' edges among the transform's bins; those above its end have no width.
        at = np.minimum(mel_edges() * self._size / rate + 0.5, self._size // 2 + 1)
        self._bin = np.minimum(at.astype(np.int64), self._size // 2)
        self._rest = at - self._bin
        self._held = np.zeros(self._length // 2 + round((LAG + SMOOTHED) * HOP_S * rate))
        self._first = 0  # place of the first held sample
        self._rows: list[F64] = []
        self._frames = 0

    def add(self, mono: F64) -> None:
        """Take the samples that follow."""
        self._held = np.concatenate([self._held, mono])
        while frames := self._transform():
            self._frames += frames
            start = self._start(self._frames)
            self._held, self._first = self._held[start - self._first :], start

    def amplitudes(self) -> F64:
        """float64[frames, BANDS] of everything taken."""
        self.add(np.zeros(self._length + round((LAG + SMOOTHED) * HOP_S * self._rate)))
        return np.concatenate([np.empty((0, BANDS)), *self._rows])

    def _start(self, frame: int) -> int:
        return round(frame * HOP_S * self._rate)

    def _transform(self) -> int:
        """How many frames were transformed: those that are wholly there, at most 64 at a time to bound memory."""
        starts = np.rint(np.arange(self._frames, self._frames + 64) * HOP_S * self._rate).astype(np.int64) - self._first
        starts = starts[starts + self._length <= len(self._held)]
        if len(starts):
            frames = np.lib.stride_tricks.sliding_window_view(self._held, self._length)[starts] * self._window
            self._rows.append(np.sqrt(self._bands(np.fft.rfft(frames, self._size)[:, : self._bin[-1] + 1])))
        return len(starts)

    def _bands(self, spectrum: npt.NDArray[np.complex128]) -> F64:
        """Energy between the edges: a bin that an edge cuts counts in part on both sides."""
        energy = spectrum.real**2 + spectrum.imag**2
        below = np.cumsum(np.pad(energy, ((0, 0), (1, 1))), axis=1)
        at_edges = below[:, self._bin] + (below[:, self._bin + 1] - below[:, self._bin]) * self._rest
        return np.asarray(np.maximum(np.diff(at_edges, axis=1), 0.0))


def fingerprint(amplitudes: F64) -> Fingerprint:
    """The fingerprint of a recording with these band amplitudes (`Spectrum.amplitudes`)."""
    smooth = _smoothed(amplitudes)
    if len(smooth) <= LAG or not smooth.any():
        return Fingerprint(words=np.empty(0, np.uint64), landmarks=np.empty(0, np.uint32))
    slope = smooth[:, :-1] - smooth[:, 1:]
    change = slope[LAG:] - slope[:-LAG]
    loudness = smooth.sum(axis=1)
    # Weighted by itself the mean loudness is that of the sound, however much silence surrounds it.
    least = LEAST * float((loudness**2).sum() / loudness.sum()) / BANDS
    words = (change > least) @ _BITS | (change < -least) @ _BITS << np.uint64(32)
    said = np.flatnonzero(words)
    words = words[said[0] : said[-1] + 1] if len(said) else words[:0]
    louder = np.maximum(loudness[LAG:], loudness[:-LAG])
    return Fingerprint(words=words, landmarks=_landmarks(change, louder) if len(words) else np.empty(0, np.uint32))


def _smoothed(rows: F64) -> F64:
    """float64[frames - SMOOTHED + 1, BANDS]: the mean over time, which starts in the silence that was put in front."""
    window = np.hanning(SMOOTHED + 2)[1:-1]
    count = max(len(rows) - SMOOTHED + 1, 0)
    total = np.zeros((count, rows.shape[1]))
    for shift, weight in enumerate(window / window.sum()):
        total += weight * rows[shift : shift + count]
    return total


def _landmarks(change: F64, loudness: F64) -> npt.NDArray[np.uint32]:
    """The signs of the frames whose second weakest difference is strongest, as they are and with the weakest turned."""
    strength = np.abs(change) / np.maximum(loudness, np.finfo(np.float64).tiny)[:, None]
    score = np.partition(strength, 1, axis=1)[:, 1]
    score[loudness < _QUIET * loudness.max()] = 0.0
    best = np.argsort(-score, kind="stable")[:LANDMARKS]
    best = best[score[best] > 0]
    signs = (change[best] > 0) @ _BITS
    turned = signs ^ _BITS[strength[best].argmin(axis=1)]
    return np.unique(np.concatenate([signs, turned])).astype(np.uint32)
