"""What a sound file says of itself, to hold it against what is decoded: libsndfile gives fewer samples without a word.

    check(data) -> Container(format, md5)     raises RowFailed where the file itself shows that a part is gone

Only headers are read here, and Ogg's checksums; samples are decoded by libsndfile (`pipelines.split.audio_child`).
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.capture.sniff import sniff
from pipelines.child import RowFailed
from pipelines.split.mp3_frames import check_mp3
from schemas.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """format: wav | flac | ogg | mp3 | mp4 | aac, by the first bytes. md5: that FLAC states of its samples; null where none is stated."""

    format: str
    md5: bytes | None = None


# First bytes of formats that hold sound and are not read here. Source: their specifications.
_OTHERS = {
    b"FORM": "AIFF", b".snd": "AU", b"RF64": "RF64", b"riff": "Wave64", b"MThd": "MIDI", b"#!AMR": "AMR", b"\x1aE\xdf\xa3": "Matroska",
    b"0&\xb2u": "ASF", b"caff": "CAF", b"wvpk": "WavPack", b"MAC ": "Monkey's Audio",
}  # fmt: skip
# Names under which the formats that are read go. Source: IANA media types; the rest are names that servers use.
_READ_TYPES = {
    f"audio/{name}"
    for name in (
        "wav", "x-wav", "wave", "vnd.wave", "x-pn-wav", "flac", "x-flac", "ogg", "vorbis", "opus", "mpeg", "mp3", "x-mp3", "mpeg3",
        "x-mpeg", "mpg", "mp4", "m4a", "x-m4a", "aac", "x-aac", "aacp",
    )
} | {"application/ogg"}  # fmt: skip


def check(data: bytes, declared: str | None = None) -> Container:
    """What kind of file this is. `declared`: its media type.

    Raises:
        RowFailed: it is none of the six, or it ends early, or a page of it does not have its checksum.
    """
    if data.startswith(b"RIFF") and data[8:12] == b"WAVE":
        _check_wav(data)
        return Container(format="wav")
    if data.startswith(b"fLaC"):
        return Container(format="flac", md5=_flac_md5(data))
    if data.startswith(b"OggS"):
        _check_ogg(data)
        return Container(format="ogg")
    if data.startswith(b"ID3") and data.startswith(b"fLaC", tag := _id3_bytes(data)):
        return Container(format="flac", md5=_flac_md5(data[tag:]))
    # Source: ISO 11172-3, section 2.4.2.3: eleven bits of sync, then a version and a layer, of which 0 is reserved.
    if data.startswith(b"ID3") or (data[:1] == b"\xff" and len(data) > 1 and data[1] >= 0xE0 and data[1] & 6):
        check_mp3(data)
        return Container(format="mp3")
    if data[4:8] == b"ftyp":
        return Container(format="mp4")
    # Source: ISO 14496-3, 1.A.3.2: twelve bits of sync, the version, and a layer that is always 0.
    if data[:1] == b"\xff" and len(data) > 1 and data[1] & 0xF6 == 0xF0:
        return Container(format="aac")
    raise _unknown(data, declared)


def _unknown(data: bytes, declared: str | None) -> RowFailed:
    """Why bytes that are nothing we read are not: another format, or no sound at all."""
    other = next((name for magic, name in _OTHERS.items() if data.startswith(magic)), None)
    if other is not None:
        return RowFailed(Reason.FORMAT_NOT_SUPPORTED, f"{other}; read are WAV, FLAC, Ogg, MP3, M4A and AAC")
    shown = sniff(data)
    if shown is None and declared is not None and declared not in _READ_TYPES:
        return RowFailed(Reason.FORMAT_NOT_SUPPORTED, "declared to be of a type that is not read, and of none that is")
    return RowFailed(Reason.NOT_DECODABLE, f"the bytes look like {shown or 'no sound that is read'}")


# Sizes that say "unknown" when both headers have them: the file was written into a pipe.
# Source: ffmpeg, libavformat/riffenc.c (0xFFFFFFFF); SoX, src/wav.c, MS_UNSPEC, down to a whole frame.
_SOX_UNKNOWN = 0x7FFFF000


def _check_wav(data: bytes) -> None:
    """Source: Microsoft, Multimedia Programming Interface and Data Specifications 1.0, chapter 2 (RIFF)."""
    riff, at = struct.unpack_from("<I", data, 4)[0], 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        at += 8
        if name == b"data":
            is_piped = min(riff, size) == 0xFFFFFFFF or (riff > size and 0 <= _SOX_UNKNOWN - size < 1024)
            if size > len(data) - at and not is_piped:
                said = f"its header counts {size} bytes of samples, {len(data) - at} are there"
                raise RowFailed(Reason.RECORD_TRUNCATED, said)
            return
        at += size + size % 2  # chunks start at even places
    raise RowFailed(Reason.RECORD_TRUNCATED, "the WAV file ends before its samples")


def _flac_md5(data: bytes) -> bytes | None:
    """Source: RFC 9639, section 8.2: STREAMINFO comes first, its last 16 bytes are the digest, zeros for none."""
    if len(data) < 42:
        raise RowFailed(Reason.RECORD_TRUNCATED, "the FLAC file ends within its header")
    md5 = data[26:42]
    return md5 if any(md5) else None


def _id3_bytes(data: bytes) -> int:
    """How long the tag in front is. Source: ID3v2.4, section 3.1: after six bytes its length, seven bits a byte."""
    return 10 + sum((byte & 0x7F) << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=False))


_OGG_PAGE = struct.Struct("<4sBBqIIIB")
_LAST = 4  # flag of a stream's last page
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _check_ogg(data: bytes) -> None:
    """Every page is whole, has its checksum and follows the one before it in its stream; what stands behind does not count."""
    expected: dict[int, int] = {}
    for at, flags, serial, number in _ogg_pages(data):
        if number != expected.setdefault(serial, number):
            raise RowFailed(Reason.NOT_DECODABLE, f"a page of the Ogg stream is missing before byte {at}")
        expected[serial] += 1
        if flags & _LAST:
            del expected[serial]
    # A stream without a last page was cut where a page ends, or recorded without one: no way to tell.


def _ogg_pages(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """(place, flags, serial number of the stream, number in it) of each page. Source: RFC 3533, section 6."""
    at, is_ended = 0, False
    while at < len(data):
        if not data.startswith(b"OggS", at):
            if is_ended:
                return  # tags or padding behind the last page
            raise RowFailed(Reason.NOT_DECODABLE, f"no page of the Ogg stream begins at byte {at}")
        lacing = at + _OGG_PAGE.size
        head = data[at:lacing]
        count = head[-1] if len(head) == _OGG_PAGE.size else 256
        stop = lacing + count + sum(data[lacing : lacing + count])
        if stop > len(data) or len(head) < _OGG_PAGE.size:
            raise RowFailed(Reason.RECORD_TRUNCATED, f"the Ogg page at byte {at} is cut")
        _, _, flags, _, serial, number, crc, _ = _OGG_PAGE.unpack(head)
        if _ogg_crc(head[:22] + bytes(4) + data[lacing - 1 : stop]) != crc:
            raise RowFailed(Reason.NOT_DECODABLE, f"the Ogg page at byte {at} does not have its checksum")
        yield at, flags, serial, number
        at, is_ended = stop, bool(flags & _LAST)


def _ogg_crc(page: bytes) -> int:
    """Ogg's CRC-32 by zlib's: the same polynomial, bits the other way round, from 0 and not inverted at the end."""
    found = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(bytes(_REVERSED[byte] for byte in found.to_bytes(4, "little")), "big")
