"""The program that decodes recordings: `python -m pipelines.split.audio_child`, started by `pipelines.child` alone.

A request row is `data` (bytes), `media_type`, `max_bytes`, `max_seconds` and `silence_dbfs`; see `pipelines.split.audio` for what they
mean. Sound is read, measured and written a second at a time, so that memory does not grow with its length.
"""

import hashlib
import io
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import soundfile

from pipelines.child import RowFailed, serve
from pipelines.split.fingerprint import F64, Spectrum, fingerprint
from pipelines.split.sound_file import Container, check
from schemas.item import ID
from schemas.reasons import Reason

I32 = npt.NDArray[np.int32]

# What decoding tells of a recording; the samples meant are those that are published.
MEASURED = (
    pa.field("duration_s", pa.float64()),
    pa.field("sample_rate", pa.int32()),  # hertz
    pa.field("channels", pa.int32()),
    pa.field("format", pa.string()),  # of the capture: "wav/pcm_16", "ogg/vorbis"
    pa.field("peak", pa.float64()),  # greatest amplitude, full scale is 1; more where a float source goes beyond it
    pa.field("rms_dbfs", pa.float64()),  # of all samples, a full-scale square wave is 0; at least -144.5
    pa.field("silence_ratio", pa.float64()),  # 0..1, share of 20 ms pieces softer than `silence_dbfs`
    pa.field("clipping_ratio", pa.float64()),  # 0..1, share of samples at either end of the scale
    pa.field("samples_sha256", ID),  # of rate, channels and samples as int32: the same for WAV and FLAC of one sound
    pa.field("fingerprint", pa.large_binary()),  # `Fingerprint.words`, little-endian; empty for none
    pa.field("landmarks", pa.binary()),  # `Fingerprint.landmarks`, little-endian
)
RESULT = pa.schema(
    [pa.field("flac", pa.large_binary()), *MEASURED]
)  # flac: null where the payload is valid FLAC as it is

# Bits a sample in FLAC. Integers keep theirs; of 32 bits FLAC (in libsndfile) holds the upper 24. Chosen for everything else,
# which is floats and lossy codecs: 16, whose steps lie below the noise of any microphone.
_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_24": 24, "PCM_32": 24}
_SUBTYPES = {8: "PCM_S8", 16: "PCM_16", 24: "PCM_24"}
_FLOATS = ("FLOAT", "DOUBLE", "VORBIS", "OPUS", "MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III")
# Chosen: the hardest level costs 0.6 ms more for a second of sound than the usual one and saves 4 %.
_COMPRESSION = 1.0
_PIECE_S = 0.02  # Chosen: shorter than any pause between words; speech is called stationary over about as much
_PIECES = 50  # a block: one second
_UNKNOWN_FRAMES = 2**62  # libsndfile has the greatest int64 where a header says nothing


class _Forward(soundfile.SoundFile):  # type: ignore[misc]
    """Read from start to end. soundfile seeks after each read, and MP3 then decodes to other samples (tried)."""

    def seekable(self) -> bool:
        return False


class _Meter:
    """What is said of the samples, added up block by block. All blocks but the last are whole numbers of pieces."""

    def __init__(self, rate: int, channels: int, bits: int, *, silence_dbfs: float) -> None:
        self.frames, self.peak, self.spectrum = 0, 0.0, Spectrum(rate)
        self.sha256, self.md5 = hashlib.sha256(b"%d,%d," % (rate, channels)), hashlib.md5(usedforsecurity=False)
        self._top = ((1 << (bits - 1)) - 1) << (32 - bits)
        self._piece, self._silence = _piece(rate), 10 ** (silence_dbfs / 10)
        self._energy, self._clipped, self._pieces, self._silent = 0.0, 0, 0, 0

    def add(self, pcm: I32, peak: float) -> None:
        """Take int32[frames, channels], full scale whatever the bits, and their greatest amplitude before rounding."""
        self.sha256.update(np.ascontiguousarray(pcm, "<i4").data)
        self._clipped += int(((pcm >= self._top) | (pcm <= -self._top)).sum())
        sound, channels = pcm / 2.0**31, pcm.shape[1]
        # einsum, because a mean over an axis of two takes four times as long.
        self.spectrum.add(np.einsum("ij->i", sound) / channels)
        energy = np.einsum("ij,ij->i", sound, sound) / channels
        starts = np.arange(0, len(energy), self._piece)
        loudness = np.add.reduceat(energy, starts) / np.diff(np.append(starts, len(energy)))
        self._silent += int((loudness < self._silence).sum())
        self._pieces += len(starts)
        self._energy += float(energy.sum())
        self.peak, self.frames = max(self.peak, peak), self.frames + len(pcm)

    def found(self, rate: int, channels: int) -> dict[str, Any]:
        """The columns of MEASURED but `format`."""
        heard = fingerprint(self.spectrum.amplitudes())
        return {
            "duration_s": self.frames / rate,
            "sample_rate": rate,
            "channels": channels,
            "peak": self.peak,
            "rms_dbfs": 10 * float(np.log10(max(self._energy / self.frames, 2.0**-48))),
            "silence_ratio": self._silent / self._pieces,
            "clipping_ratio": self._clipped / (self.frames * channels),
            "samples_sha256": self.sha256.digest(),
            "fingerprint": heard.words.astype("<u8").tobytes(),
            "landmarks": heard.landmarks.astype("<u4").tobytes(),
        }


def read_recording(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The columns of RESULT for one recording.

    Raises:
        RowFailed: it is no sound file that can be read to its end, or one of more than `max_seconds`.
    """
    container = check(row["data"], row["media_type"])
    try:
        with _Forward(io.BytesIO(row["data"])) as sound:
            return _read(sound, container, row)
    except soundfile.LibsndfileError as error:
        # Its own text names an address of memory.
        raise RowFailed(Reason.NOT_DECODABLE, f"libsndfile: {error.error_string}") from error


def _read(sound: soundfile.SoundFile, container: Container, row: Mapping[str, Any]) -> Mapping[str, Any]:
    rate, channels = sound.samplerate, sound.channels
    _check_shape(sound, row["max_seconds"])
    bits = _BITS.get(sound.subtype, 16)
    meter = _Meter(rate, channels, bits, silence_dbfs=row["silence_dbfs"])
    out = io.BytesIO()
    with ExitStack() as stack:
        flac = None
        if not row["data"].startswith(b"fLaC"):
            flac = stack.enter_context(_encoder(out, rate, channels, bits))
        for pcm, peak in _blocks(sound):
            meter.add(pcm, peak)
            if container.md5 is not None:
                meter.md5.update(_packed(pcm, bits))
            if meter.frames > row["max_seconds"] * rate:
                raise RowFailed(Reason.TOO_LARGE, f"it lasts longer than {row['max_seconds']:g} s")
            if flac is not None:
                flac.write(pcm)
            if out.tell() > row["max_bytes"]:
                raise RowFailed(Reason.TOO_LARGE, f"as FLAC it takes more than {row['max_bytes']} bytes")
    _check_whole(sound, container, meter)
    found = meter.found(rate, channels)
    found["format"] = f"{container.format}/{sound.subtype.lower()}"
    return found | {"flac": out.getvalue() if flac is not None else None}


def _check_shape(sound: soundfile.SoundFile, max_seconds: float) -> None:
    """Nothing, if FLAC can hold it. Source: RFC 9639, sections 7 (rates of the streamable subset) and 9.1.3 (channels)."""
    rate = sound.samplerate
    if sound.channels > 8:
        raise RowFailed(Reason.FORMAT_NOT_SUPPORTED, f"{sound.channels} channels, of which FLAC has at most 8")
    if rate > 655_350 or (rate > 65_535 and rate % 10):
        raise RowFailed(Reason.NOT_DECODABLE, f"{rate} samples a second: no rate of FLAC")
    if max_seconds * rate < sound.frames < _UNKNOWN_FRAMES:
        said = f"by its header it lasts {sound.frames / rate:.0f} s, more than {max_seconds:g}"
        raise RowFailed(Reason.TOO_LARGE, said)


def _check_whole(sound: soundfile.SoundFile, container: Container, meter: _Meter) -> None:
    if not meter.frames:
        raise RowFailed(Reason.NOT_DECODABLE, "it holds no samples")
    if meter.frames < sound.frames < _UNKNOWN_FRAMES:
        said = f"by its header it has {sound.frames} samples a channel, {meter.frames} could be decoded"
        raise RowFailed(Reason.RECORD_TRUNCATED, said)
    if container.md5 not in (None, meter.md5.digest()):
        raise RowFailed(Reason.DIGEST_MISMATCH, "the samples do not have the MD5 that the FLAC header states")


def _blocks(sound: soundfile.SoundFile) -> Iterator[tuple[I32, float]]:
    """The samples as they are published, int32[frames, channels] at full scale, and their peak before rounding."""
    size = _piece(sound.samplerate) * _PIECES
    is_float = sound.subtype in _FLOATS
    while True:
        block = sound.read(size, dtype="float64" if is_float else "int32", always_2d=True)
        if not len(block):
            return
        if is_float:
            yield _rounded(block)
        else:
            # FLAC (in libsndfile) holds 24 of 32 bits.
            yield block & ~0xFF if sound.subtype == "PCM_32" else block, float(np.abs(block / 2.0**31).max())


def _rounded(block: F64) -> tuple[I32, float]:
    """16 bits of floats. 1.0 is one step above the greatest sample, as where floats were made of 16 bits."""
    if not np.isfinite(block).all():
        raise RowFailed(Reason.SAMPLES_NOT_FINITE, "a sample is NaN or infinite")
    steps = np.clip(np.rint(block * 2**15), -(2**15), 2**15 - 1).astype(np.int32)
    return steps << 16, float(np.abs(block).max())


def _packed(pcm: I32, bits: int) -> bytes:
    """The samples as FLAC's MD5 takes them: little-endian, whole bytes. Source: RFC 9639, section 8.2."""
    whole = np.ascontiguousarray(pcm >> (32 - bits), "<i4").view(np.uint8).reshape(-1, 4)
    return whole[:, : bits // 8].tobytes()


def _piece(rate: int) -> int:
    return max(1, round(_PIECE_S * rate))


def _encoder(out: io.BytesIO, rate: int, channels: int, bits: int) -> soundfile.SoundFile:
    return soundfile.SoundFile(
        out, "w", rate, channels, _SUBTYPES[bits], format="FLAC", compression_level=_COMPRESSION
    )  # fmt: skip


if __name__ == "__main__":
    serve(read_recording, RESULT)
