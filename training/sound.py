"""Sounds: an audio file to log-mel frames of 10 ms.

Source of the numbers: 16 kHz, 80 mels, hop 10 ms are those of speech models since Tacotron 2 (Shen et al. 2017,
arXiv 1712.05884, section 2.2, at 12.5 ms) and Whisper (Radford et al. 2022, arXiv 2212.04356, section 2.2).
"""

import io
from functools import lru_cache

import soundfile
import torch

RATE = 16_000  # hertz
HOP = 160  # samples between frames: 10 ms
WINDOW = 400  # samples: 25 ms
MELS = 80
_FLOOR = 1e-5  # of the magnitude: below it is silence
# What brings log10 magnitudes (-5..about 2) near -1..1. Chosen: centre and half of that range.
_CENTRE, _SPREAD = -2.0, 3.0


def log_mel(payload: bytes, max_frames: int) -> tuple[torch.Tensor, bool]:
    """float32[MELS, frames], about -1..1, and whether that is the whole sound: frames beyond `max_frames` are cut.

    Raises:
        ValueError: the bytes are no sound file, or it holds no sample.
    """
    try:
        with soundfile.SoundFile(io.BytesIO(payload)) as file:
            wanted = int((max_frames * HOP + WINDOW) / RATE * file.samplerate) + 1
            wave = torch.from_numpy(file.read(wanted, dtype="float32", always_2d=True)).mean(1)
            rate, total = file.samplerate, file.frames
    except (soundfile.SoundFileError, RuntimeError) as error:
        # Without the error's own text: see picture.py.
        raise ValueError(f"the bytes are no sound that can be decoded ({type(error).__name__})") from error
    if not len(wave):
        raise ValueError("the sound holds no sample")
    frames = max(1, -(-int(total * RATE / rate) // HOP))
    return _log_mel(resample(wave, rate))[:, : min(frames, max_frames)], frames <= max_frames


def resample(wave: torch.Tensor, rate: int) -> torch.Tensor:
    """float32[m]: the wave at RATE instead of `rate`, by cutting or filling its spectrum: exact for what both can hold."""
    if rate == RATE:
        return wave
    length = max(1, round(len(wave) * RATE / rate))
    spectrum = torch.fft.rfft(wave)
    kept = min(len(spectrum), length // 2 + 1)
    out = torch.zeros(length // 2 + 1, dtype=spectrum.dtype)
    out[:kept] = spectrum[:kept]
    return torch.fft.irfft(out, n=length) * (length / len(wave))


def _log_mel(wave: torch.Tensor) -> torch.Tensor:
    padded = torch.nn.functional.pad(wave, (WINDOW // 2, WINDOW))
    frames = padded.unfold(0, WINDOW, HOP) * torch.hann_window(WINDOW)
    mel = torch.fft.rfft(frames).abs() @ _filters()
    return ((mel.clamp(min=_FLOOR).log10() - _CENTRE) / _SPREAD).T.contiguous()


@lru_cache(maxsize=1)
def _filters() -> torch.Tensor:
    """float32[WINDOW // 2 + 1, MELS]: triangles of equal width in mel. Source: the HTK book, mel = 2595 log10(1 + f / 700)."""
    top = 2595 * torch.log10(torch.tensor(1 + RATE / 2 / 700))
    edges = 700 * (10 ** (torch.linspace(0, float(top), MELS + 2) / 2595) - 1)
    bins = torch.linspace(0, RATE / 2, WINDOW // 2 + 1)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return torch.minimum(rising, falling).clamp(min=0)
