"""The program that decodes recordings: `python -m pipelines.split.audio_child`, started by `pipelines.child` alone.

A request row is `data` (bytes), `media_type`, the settings of `pipelines.split.audio` that it names in `SETTINGS`, and

    spans        where to cut a recording of more than `segment_seconds`: its cues, joined; null: nowhere
    by_voice     whether nobody says what is heard: then the words are the recogniser's, and such a recording is cut in its pauses
    voice        path of silero's network; null: speech is found by its energy
    recogniser   path of a network that writes down what it hears, `vocabulary` its tokens; null: none does

Sound is read, measured and written a second at a time, so that memory does not grow with its length.
"""

import hashlib
import io
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pyarrow as pa
import soundfile

from pipelines.child import RowFailed, serve
from pipelines.split.fingerprint import F64
from pipelines.split.mp4_sound import MP4, UNKNOWN_FRAMES, Mp4Sound
from pipelines.split.recogniser import recognise
from pipelines.split.segments import by_voice
from pipelines.split.sound_file import Container, check
from pipelines.split.sound_meter import I32, MEASURED, Meter, block
from pipelines.split.voice import FRAME_S, SPEECH
from schemas.reasons import Reason

SETTINGS = ("max_bytes", "max_seconds", "silence_dbfs", "segment_seconds")
SPANS = pa.list_(pa.struct([pa.field("start_s", pa.float64()), pa.field("end_s", pa.float64())]))
SEGMENT = pa.struct(
    [
        pa.field("span", pa.int32()),  # which of the spans it is; null where it was not cut by them
        pa.field("start_s", pa.float64()),  # in the recording; null for all of it
        pa.field("end_s", pa.float64()),
        pa.field("flac", pa.large_binary()),  # null where the payload is valid FLAC as it is
        pa.field(
            "machine_text", pa.string()
        ),  # what the recogniser hears; null for none, or where it is too long to ask
        *MEASURED,
    ]
)
RESULT = pa.schema(
    [
        pa.field("segments", pa.list_(SEGMENT)),  # in order of time; one for a recording that is not cut
        pa.field("note", pa.string()),  # what of the request could not be met; null: nothing
    ]
)

# Bits a sample in FLAC. Integers keep theirs; of 32 bits FLAC (in libsndfile) holds the upper 24. Chosen for everything else,
# which is floats and lossy codecs: 16, whose steps lie below the noise of any microphone.
_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_24": 24, "PCM_32": 24}
_SUBTYPES = {8: "PCM_S8", 16: "PCM_16", 24: "PCM_24"}
_FLOATS = ("FLOAT", "DOUBLE", "VORBIS", "OPUS", "MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III", "AAC", "ALAC")
# Chosen: the hardest level costs 0.6 ms more for a second of sound than the usual one and saves 4 %.
_COMPRESSION = 1.0


class _Forward(soundfile.SoundFile):  # type: ignore[misc]
    """Read from start to end. soundfile seeks after each read, and MP3 then decodes to other samples (tried)."""

    def seekable(self) -> bool:
        return False


class _Form:
    """How this recording is measured and written."""

    def __init__(self, sound: Any, row: Mapping[str, Any], container: Container) -> None:
        self.rate, self.channels, self.bits = sound.samplerate, sound.channels, _BITS.get(sound.subtype, 16)
        self.block, self.row, self.name = block(self.rate), row, f"{container.format}/{sound.subtype.lower()}"

    def meter(self) -> Meter:
        """One for a stretch of it."""
        is_heard = self.row["recogniser"] is not None
        return Meter(
            self.rate, self.channels, self.bits, silence_dbfs=self.row["silence_dbfs"], voice=self.row["voice"],
            keeps_sound=is_heard,
        )  # fmt: skip

    def encoder(self, out: io.BytesIO) -> soundfile.SoundFile:
        """What writes a stretch of it."""
        return soundfile.SoundFile(
            out, "w", self.rate, self.channels, _SUBTYPES[self.bits], format="FLAC", compression_level=_COMPRESSION
        )  # fmt: skip


class _Take:
    """A stretch of the recording on its way into FLAC: frames `start` to `stop` (null: the end)."""

    def __init__(
        self, form: _Form, start: int = 0, stop: int | None = None, *, number: int | None = None, is_kept: bool = False
    ) -> None:
        """number: which of the spans it is. is_kept: the payload is published as it is, so that nothing is written."""
        self.start, self.stop, self._form, self._number = start, stop, form, number
        self.meter, self.out, self.found = form.meter(), io.BytesIO(), dict[str, Any]()
        self._flac = None if is_kept else form.encoder(self.out)
        self._pcm, self._floats, self._held = list[I32](), list[F64](), 0

    def add(self, at: int, pcm: I32, floats: F64 | None) -> None:
        """Take what is its own of a block that begins at frame `at`."""
        own = slice(max(self.start - at, 0), None if self.stop is None else self.stop - at)
        self._pcm.append(pcm[own])
        self._floats += [] if floats is None else [floats[own]]
        self._held += len(pcm[own])
        if self._held >= self._form.block:
            self._measure(self._held // self._form.block * self._form.block)

    def end(self) -> None:
        """Nothing follows: `found` has the columns of SEGMENT."""
        self._measure(self._held)
        if self._flac is not None:
            self._flac.close()
        row, rate, is_all = self._form.row, self._form.rate, self.stop is None
        self.found = self.meter.found() | {
            "span": self._number,
            "start_s": None if is_all else self.start / rate,
            "end_s": None if is_all else (self.start + self.meter.frames) / rate,
            "flac": None if self._flac is None else self.out.getvalue(),
            "format": self._form.name,
        }
        is_asked = row["recogniser"] is not None and self.found["duration_s"] <= row["segment_seconds"]
        said = recognise(row["recogniser"], row["vocabulary"], self.meter.heard()) if is_asked else ""
        self.found["machine_text"] = said or None

    def _measure(self, count: int) -> None:
        """Measure and write the first `count` frames that are held: in whole blocks, so that it matters not how they came."""
        if not count:
            return
        pcm = np.concatenate(self._pcm)
        floats = np.concatenate(self._floats) if self._floats else None
        for at in range(0, count, self._form.block):
            taken = slice(at, min(at + self._form.block, count))
            loudest = np.abs(pcm[taken] / 2.0**31 if floats is None else floats[taken]).max()
            self.meter.add(pcm[taken], float(loudest))
            if self._flac is not None:
                self._flac.write(pcm[taken])
        self._pcm, self._held = [pcm[count:]], self._held - count
        self._floats = [] if floats is None else [floats[count:]]


def read_recording(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The columns of RESULT for one recording.

    Raises:
        RowFailed: it is no sound file that can be read to its end, or one of more than `max_seconds`; or no span lies in it.
    """
    container = check(row["data"], row["media_type"])
    try:
        return _read_recording(row, container)
    except soundfile.LibsndfileError as error:
        # Its own text names an address of memory.
        raise RowFailed(Reason.NOT_DECODABLE, f"libsndfile: {error.error_string}") from error


def _read_recording(row: Mapping[str, Any], container: Container) -> Mapping[str, Any]:
    with _opened(row["data"], container) as sound:
        _check_shape(sound, row["max_seconds"])
        rate: int = sound.samplerate
        is_short = sound.frames <= row["segment_seconds"] * rate
        spans = None if is_short else row["spans"]
        takes = _taken(sound, container, row, None if spans is None else _frames(spans, rate))
    found = [take.found for take in takes]
    if spans is not None:
        lost = len(spans) - len(found)
        if not found:
            raise RowFailed(Reason.TRANSCRIPT_MISSING, f"none of its {lost} stretches with cues lies within it")
        return {"segments": found, "note": f"{lost} stretches with cues lie behind its end" if lost else None}
    if row["by_voice"]:
        if found[0]["duration_s"] > row["segment_seconds"]:
            found = _by_voice(row, container, takes[0].meter.speech)
        found = [one for one in found if one["machine_text"]]
        if not found:
            raise RowFailed(Reason.TRANSCRIPT_MISSING, "nobody says what is heard, and the recogniser hears no words")
    return {"segments": found, "note": None}


def _by_voice(row: Mapping[str, Any], container: Container, speech: F64) -> list[dict[str, Any]]:
    """The recording, read a second time, cut in the pauses of its speech."""
    spans = by_voice(speech, frame_s=FRAME_S, threshold=SPEECH, longest_s=row["segment_seconds"])
    with _opened(row["data"], container) as sound:
        frames = _frames([{"start_s": start, "end_s": end} for start, end, _ in spans], sound.samplerate)
        return [take.found | {"span": None} for take in _taken(sound, container, row, frames)]


def _opened(data: bytes, container: Container) -> AbstractContextManager[Any]:
    return Mp4Sound(data, container.format) if container.format in MP4 else _Forward(io.BytesIO(data))


def _frames(spans: Sequence[Mapping[str, float]], rate: int) -> list[tuple[int, int]]:
    """The spans in frames, each of at least one."""
    starts = [round(span["start_s"] * rate) for span in spans]
    return [(start, max(start + 1, round(span["end_s"] * rate))) for start, span in zip(starts, spans, strict=True)]


def _taken(
    sound: Any, container: Container, row: Mapping[str, Any], spans: Sequence[tuple[int, int]] | None
) -> list["_Take"]:
    """The stretches of the recording, ended, in order; all of it without spans. Those behind its end are left out."""
    form, md5 = _Form(sound, row, container), hashlib.md5(usedforsecurity=False)
    is_kept = row["data"].startswith(b"fLaC")
    open_takes = [_Take(form, is_kept=is_kept)] if spans is None else []
    waiting = deque(enumerate(spans or ()))
    done, done_bytes, at = list[_Take](), 0, 0
    for pcm, floats in _blocks(sound):
        if container.md5 is not None:
            md5.update(_packed(pcm, form.bits))
        at, start = at + len(pcm), at
        if at > row["max_seconds"] * form.rate:
            raise RowFailed(Reason.TOO_LARGE, f"it lasts longer than {row['max_seconds']:g} s")
        while waiting and waiting[0][1][0] < at:
            number, span = waiting.popleft()
            open_takes.append(_Take(form, *span, number=number))
        for take in open_takes:
            take.add(start, pcm, floats)
        for take in [take for take in open_takes if take.stop is not None and take.stop <= at]:
            take.end()
            done_bytes += len(take.found["flac"])
            open_takes.remove(take)
            done.append(take)
        if done_bytes + sum(take.out.tell() for take in open_takes) > row["max_bytes"]:
            raise RowFailed(Reason.TOO_LARGE, f"as FLAC it takes more than {row['max_bytes']} bytes")
    _check_whole(sound, container, at, md5.digest())
    for take in open_takes:
        take.end()
    return done + open_takes


def _check_shape(sound: Any, max_seconds: float) -> None:
    """Nothing, if FLAC can hold it. Source: RFC 9639, sections 7 (rates of the streamable subset) and 9.1.3 (channels)."""
    rate = sound.samplerate
    if sound.channels > 8:
        raise RowFailed(Reason.FORMAT_NOT_SUPPORTED, f"{sound.channels} channels, of which FLAC has at most 8")
    if rate > 655_350 or (rate > 65_535 and rate % 10):
        raise RowFailed(Reason.NOT_DECODABLE, f"{rate} samples a second: no rate of FLAC")
    if max_seconds * rate < sound.frames < UNKNOWN_FRAMES:
        said = f"by its header it lasts {sound.frames / rate:.0f} s, more than {max_seconds:g}"
        raise RowFailed(Reason.TOO_LARGE, said)


def _check_whole(sound: Any, container: Container, frames: int, md5: bytes) -> None:
    if not frames:
        raise RowFailed(Reason.NOT_DECODABLE, "it holds no samples")
    if frames < sound.frames < UNKNOWN_FRAMES:
        said = f"by its header it has {sound.frames} samples a channel, {frames} could be decoded"
        raise RowFailed(Reason.RECORD_TRUNCATED, said)
    if container.md5 not in (None, md5):
        raise RowFailed(Reason.DIGEST_MISMATCH, "the samples do not have the MD5 that the FLAC header states")


def _blocks(sound: Any) -> Iterator[tuple[I32, F64 | None]]:
    """The samples as they are published, int32[frames, channels] at full scale; before they were rounded, where they were."""
    size = block(sound.samplerate)
    is_float = sound.subtype in _FLOATS
    while True:
        read = sound.read(size, dtype="float64" if is_float else "int32", always_2d=True)
        if not len(read):
            return
        if is_float:
            yield _rounded(read), read
        else:
            # FLAC (in libsndfile) holds 24 of 32 bits.
            yield read & ~0xFF if sound.subtype == "PCM_32" else read, None


def _rounded(sound: F64) -> I32:
    """16 bits of floats. 1.0 is one step above the greatest sample, as where floats were made of 16 bits."""
    if not np.isfinite(sound).all():
        raise RowFailed(Reason.SAMPLES_NOT_FINITE, "a sample is NaN or infinite")
    return np.clip(np.rint(sound * 2**15), -(2**15), 2**15 - 1).astype(np.int32) << 16


def _packed(pcm: I32, bits: int) -> bytes:
    """The samples as FLAC's MD5 takes them: little-endian, whole bytes. Source: RFC 9639, section 8.2."""
    whole = np.ascontiguousarray(pcm >> (32 - bits), "<i4").view(np.uint8).reshape(-1, 4)
    return whole[:, : bits // 8].tobytes()


if __name__ == "__main__":
    import onnxruntime  # noqa: F401 - before the first row, which would else pay for what it maps

    serve(read_recording, RESULT)
