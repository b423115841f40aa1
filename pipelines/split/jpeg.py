"""A JPEG without what its metadata tells of people: its segments are followed and some left out; its picture stays, byte for byte."""

# Source: ITU-T T.81, table B.1 (markers).
_START, _SCAN, _END = b"\xff\xd8", 0xDA, b"\xff\xd9"
_EXIF_OR_XMP, _MORE, _IPTC, _COMMENT = 0xE1, 0xE2, 0xED, 0xFE
_MORE_PICTURES = b"MPF\0"  # of an index of further pictures in the file. Source: CIPA DC-007, section 5.2.1
# Exif that says nothing but how the camera was held. Source: CIPA DC-008 (Exif 2.32), section 4.6, tag 274
_HELD = b"\xff\xe1\0\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0%c\0\0\0\0\0\0"


def without_metadata(data: bytes, orientation: int | None) -> bytes | None:
    """The first picture of a JPEG without Exif, XMP, IPTC, comments, or what lies behind its end; colour profiles stay.

    orientation: Exif's 1..8, which is kept; null for none. Null where the segments cannot be followed.
    """
    parts, at = [_START], len(_START)
    if orientation is not None:
        parts.append(_HELD % orientation)
    while data[at : at + 1] == b"\xff":
        if data[at + 1 : at + 2] == b"\xff":  # a fill byte
            at += 1
            continue
        marker, length = data[at + 1] if at + 1 < len(data) else 0, int.from_bytes(data[at + 2 : at + 4])
        if marker == _SCAN:
            end = data.find(_END, at)  # no scan holds these two bytes
            return b"".join([*parts, data[at : end + 2]]) if end >= 0 else None
        segment = data[at : at + 2 + length]
        is_index = marker == _MORE and segment[4:8] == _MORE_PICTURES
        if length < 2 or len(segment) < 2 + length:
            return None
        if marker not in (_EXIF_OR_XMP, _IPTC, _COMMENT) and not is_index:
            parts.append(segment)
        at += len(segment)
    return None
