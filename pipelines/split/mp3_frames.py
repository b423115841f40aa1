"""The frames of an MP3, one after the other: decoders skip what is none between them, and stop at a cut, without a word.

Source: ISO 11172-3, section 2.4.2.3, and ISO 13818-3, 2.4.2.3, for half the rates; MPEG 2.5 halves them again.
"""

from pipelines.child import RowFailed
from schemas.reasons import Reason

# Kilobits a second by index 1 to 14; of MPEG 1 layers I, II, III, and of the halved rates layers I, and II with III.
_KILOBITS = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = (44_100, 48_000, 32_000)
_HALVED = {3: 0, 2: 1, 0: 2}  # version bits: how often the rates are halved
_TAGS = (b"TAG", b"APETAGEX", b"LYRICSBEGIN")


def check_mp3(data: bytes) -> None:
    """Nothing, if the frames follow each other from the first to the end of the file, tags aside.

    Where the first frame is not found, or has no length of its own (free format), the decoder has to say what it is.

    Raises:
        RowFailed: bytes between two frames belong to none, or the last frame is cut.
    """
    at = _after_tags(data, 0)
    at = next((place for place in range(at, min(at + 4096, len(data))) if _follows(data, place)), -1)
    while 0 <= at < len(data):
        size = frame_bytes(data, at)
        if size is None:
            at = _next(data, at)
        elif at + size > len(data):
            raise RowFailed(Reason.RECORD_TRUNCATED, f"the MP3 frame at byte {at} is cut")
        else:
            at += size


def frame_bytes(data: bytes, at: int) -> int | None:
    """How long the frame at this byte is; null where none begins there, or it does not say."""
    head = data[at : at + 4]
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    index, rate = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer == 4 or not 0 < index < 15 or rate == 3:
        return None
    halved = _HALVED[version]
    bits, hertz = _KILOBITS[min(halved, 1) + 1, layer][index - 1] * 1000, _RATES[rate] >> halved
    padding = head[2] >> 1 & 1
    if layer == 1:
        return (12 * bits // hertz + padding) * 4
    return (72 if layer == 3 and halved else 144) * bits // hertz + padding


def _follows(data: bytes, at: int) -> bool:
    """Whether a frame begins here, and behind it another, a tag or the end."""
    size = frame_bytes(data, at)
    return size is not None and (
        at + size >= len(data) or frame_bytes(data, at + size) is not None or _is_tag(data, at + size)
    )


def _next(data: bytes, at: int) -> int:
    """Where frames go on behind tags; -1 where nothing but tags and padding follows."""
    found = _after_tags(data, at)
    if found < len(data) and frame_bytes(data, found) is not None:
        return found
    if _is_tag(data, found):
        return -1
    # Behind the last frame anything may stand; between two of them nothing but tags.
    place = data.find(b"\xff", found)
    while place >= 0:
        if _follows(data, place) and place + (frame_bytes(data, place) or 0) < len(data):
            raise RowFailed(Reason.NOT_DECODABLE, f"{place - at} bytes at byte {at} belong to no MP3 frame")
        place = data.find(b"\xff", place + 1)
    return -1


def _after_tags(data: bytes, at: int) -> int:
    """The place behind ID3v2 tags. Source: ID3v2.4, section 3.1: after six bytes the length, seven bits a byte."""
    while data.startswith(b"ID3", at) and len(data) >= at + 10:
        at += 10 + sum(
            (byte & 0x7F) << shift for byte, shift in zip(data[at + 6 : at + 10], (21, 14, 7, 0), strict=True)
        )
    return at


def _is_tag(data: bytes, at: int) -> bool:
    return data.startswith(_TAGS, at)
