"""Sound in MP4 and ADTS files (AAC, ALAC), decoded by FFmpeg through PyAV: an optional part, as it weighs 100 MB.

`Mp4Sound` reads as `soundfile.SoundFile` does, forwards only.
"""

import io
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import numpy as np

from pipelines.child import RowFailed
from pipelines.split.fingerprint import F64
from schemas.reasons import Reason

# What FFmpeg may take the bytes for; it would guess among hundreds. Source: FFmpeg, libavformat, names of demuxers.
MP4 = {"mp4": "mov", "aac": "aac"}
UNKNOWN_FRAMES = 2**62  # at least; what libsndfile has where a header says nothing
# What a table of an MP4 may count beyond the samples that come out: priming and padding. Source: Apple, TN2258: 2,112 and a frame.
_PADDING = 4 * 1024


class Mp4Sound:
    """The first sound track of a file: `samplerate`, `channels`, `frames` (at least so many, if it is whole), `subtype`."""

    def __init__(self, data: bytes, kind: str) -> None:
        """Open it; `kind`: a key of MP4.

        Raises:
            RowFailed: PyAV is not installed, or FFmpeg cannot read it, or it has no sound.
        """
        try:
            import av
        except ImportError as error:
            raise RowFailed(
                Reason.FORMAT_NOT_SUPPORTED, "AAC and ALAC are read with PyAV: pip install headwater[m4a]"
            ) from error
        self._av = av
        av.logging.set_level(None)
        try:
            self._file: Any = av.open(io.BytesIO(data), format=MP4[kind])
            stream = _track(self._file)
            codec = stream.codec_context
        except av.FFmpegError as error:
            raise RowFailed(Reason.NOT_DECODABLE, f"FFmpeg: {_told(error)}") from error
        self.samplerate, self.channels, self.subtype = int(codec.sample_rate), int(codec.channels), codec.name.upper()
        if self.subtype not in ("AAC", "ALAC"):
            raise RowFailed(Reason.FORMAT_NOT_SUPPORTED, f"{self.subtype[:20]} in MP4; read are AAC and ALAC")
        if not self.samplerate or not self.channels:
            raise RowFailed(Reason.NOT_DECODABLE, "its sound track has no rate, or no channels")
        stream.thread_count = 1
        seconds = None if kind == "aac" or stream.duration is None else float(stream.duration * stream.time_base)
        self.frames = UNKNOWN_FRAMES if seconds is None else max(0, round(seconds * self.samplerate) - _PADDING)
        self._blocks, self._held = self._decoded(stream), np.empty((0, self.channels))

    def __enter__(self) -> "Mp4Sound":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def read(self, frames: int, *, dtype: str, always_2d: bool) -> F64:
        """float64[frames, channels], -1..1: the next ones; fewer at the end."""
        held, count = [self._held], len(self._held)
        while count < frames and (block := next(self._blocks, None)) is not None:
            held.append(block)
            count += len(block)
        found = np.concatenate(held)
        self._held = found[frames:]
        return found[:frames]

    def _decoded(self, stream: Any) -> Iterator[F64]:
        try:
            layout = stream.codec_context.layout.name
            even = self._av.AudioResampler(format="fltp", layout=layout, rate=self.samplerate)
            for frame in self._file.decode(stream):
                if frame.sample_rate != self.samplerate or frame.layout.name != layout:
                    raise RowFailed(Reason.NOT_DECODABLE, "rate or channels change within it")
                yield from (one.to_ndarray().T.astype(np.float64) for one in even.resample(frame))
        except self._av.FFmpegError as error:
            raise RowFailed(Reason.NOT_DECODABLE, f"FFmpeg: {_told(error)}") from error


def _track(file: Any) -> Any:
    """The first sound track. Where the index of an MP4 is gone FFmpeg finds tracks without a codec, or none."""
    stream = next(iter(file.streams.audio), None)
    if stream is None or stream.codec_context is None:
        raise RowFailed(Reason.NOT_DECODABLE, "there is no sound track in it")
    return stream


def _told(error: Any) -> str:
    return str(error.strerror or type(error).__name__)
