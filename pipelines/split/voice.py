"""Where somebody speaks: silero-vad's network, or the energy of frames; both every 32 ms of the recording at 16 kHz.

voice = Voice(rate, model)      model: path of silero's ONNX file; null for the energy
voice.add(mono); ...; voice.speech() -> float64[frames], 0..1
"""

import math
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

RATE = 16_000
FRAME = 512  # Source: silero-vad, utils_vad.py: samples the network takes at 16 kHz
FRAME_S = FRAME / RATE
SPEECH = 0.5  # Source: silero-vad, get_speech_timestamps, default threshold
_CONTEXT = 64  # Source: silero-vad, OnnxWrapper: samples before a frame that it sees again
_STATE = 128

# The fallback. Chosen: a voice stands out of its pauses by more than this, and no pause is as loud as this below the loudest.
_ABOVE_NOISE, _BELOW_PEAK = 10**0.9, 10**-3.5
_LEAST = 1e-6  # Chosen: -60 dBFS, below which ffmpeg's silencedetect hears nothing
_NOISE_QUANTILE, _PEAK_QUANTILE = 0.1, 0.98


class Resampler:
    """A recording that comes in blocks, at 16 kHz, by its spectrum: a second at a time with at least a tenth around it."""

    def __init__(self, rate: int) -> None:
        even = rate // math.gcd(rate, RATE)  # so many samples are a whole number of those at 16 kHz
        self._rate, self._step, self._around = rate, rate, -(-rate // (10 * even)) * even
        self._held = np.zeros(self._around, np.float32)
        self._taken, self._given = 0, 0

    def add(self, mono: F64) -> Iterator[F32]:
        """What can be given of the samples so far."""
        if self._rate == RATE:
            self._taken += len(mono)
            yield mono.astype(np.float32)
            return
        self._held = np.concatenate([self._held, mono.astype(np.float32)])
        self._taken += len(mono)
        while len(self._held) >= self._step + 2 * self._around:
            yield self._second()

    def rest(self) -> Iterator[F32]:
        """What follows when the recording is over."""
        if self._rate == RATE:
            return
        total = round(self._taken * RATE / self._rate)
        self._held = np.pad(self._held, (0, self._step + 2 * self._around))
        while (missing := total - self._given) > 0:
            yield self._second()[:missing]

    def _second(self) -> F32:
        window = self._held[: self._step + 2 * self._around]
        size = round(len(window) * RATE / self._rate)
        spectrum = np.fft.rfft(window)[: size // 2 + 1]
        out = np.fft.irfft(spectrum, size) * (size / len(window))
        start = round(self._around * size / len(window))
        self._held = self._held[self._step :]
        self._given += RATE
        return np.asarray(out[start : start + RATE], np.float32)


@cache
def session(path: str) -> Any:
    """The network in a file of ONNX, run by one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = False  # it would keep what the longest recording took
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


class Voice:
    """The share of speech in each frame of a recording that comes in blocks."""

    def __init__(self, rate: int, model: str | None, *, keeps_sound: bool = False) -> None:
        """keeps_sound: for `heard`."""
        self._resampler, self._model, self._kept = Resampler(rate), model, [np.empty(0, np.float32)]
        self._keeps_sound = keeps_sound
        self._held = np.zeros(_CONTEXT, np.float32)
        self._state = (np.zeros((1, 1, _STATE), np.float32),) * 2
        self._found: list[F64] = []

    def add(self, mono: F64) -> None:
        """Take the samples that follow, of one channel, full scale 1."""
        self._take_all(self._resampler.add(mono))

    def heard(self) -> F32:
        """float32[samples] at 16 kHz; all that was taken before `speech` was asked."""
        return np.concatenate(self._kept)

    def speech(self) -> F64:
        """float64[frames], 0..1 to 0.001: silero's probability; of the energy 0 or 1. Everything was taken."""
        self._take_all(self._resampler.rest())
        if rest := (len(self._held) - _CONTEXT) % FRAME:
            self._take(np.zeros(FRAME - rest, np.float32))
        found = np.concatenate([np.empty(0), *self._found])
        return np.round(found, 3) if self._model else _voiced(found)

    def _take_all(self, blocks: Iterator[F32]) -> None:
        for block in blocks:
            self._kept += [block] if self._keeps_sound else []
            self._take(block)

    def _take(self, block: F32) -> None:
        held = np.concatenate([self._held, block])
        count = (len(held) - _CONTEXT) // FRAME
        self._held = held[count * FRAME :]
        if not count:
            return
        frames = np.lib.stride_tricks.sliding_window_view(held, _CONTEXT + FRAME)[::FRAME][:count]
        if self._model is None:
            self._found.append(np.square(frames[:, _CONTEXT:], dtype=np.float64).mean(axis=1))
            return
        h, c = self._state
        said, *state = session(self._model).run(None, {"input": np.ascontiguousarray(frames), "h": h, "c": c})
        self._state = (state[0], state[1])
        self._found.append(said.astype(np.float64).reshape(-1))


def _voiced(energy: F64) -> F64:
    """0 or 1 for each frame by its energy, against the quietest and the loudest frames that are no digital silence."""
    heard = energy[energy > _LEAST]
    if not len(heard):
        return np.zeros(len(energy))
    noise, peak = np.quantile(heard, [_NOISE_QUANTILE, _PEAK_QUANTILE])
    # Where nothing is quiet there is no pause to tell a voice from.
    least = noise * _ABOVE_NOISE if peak > noise * _ABOVE_NOISE else _LEAST
    return np.asarray(energy >= max(min(least, peak / 2), peak * _BELOW_PEAK, _LEAST), np.float64)
