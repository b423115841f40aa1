"""What the metadata of a picture says of rights: data mining (PLUS), licence, usage terms, copyright and creator, by Exif, IPTC and XMP.

Bytes are searched and short texts cut out; nothing is decoded. XMP is found wherever it lies: it was made to be found so.
"""

import html
import re
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from pipelines.rights.evidence import Statement, about_file, excerpt, reservation
from pipelines.rights.licences import FILE_METADATA, LicenceHit, named_licence
from pipelines.rights.manifest import manifest_statements
from schemas.rights import Mechanism, RightsVerdict, Usage

MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"RIFF", b"II*\0", b"MM\0*")
_AVIF = b"ftyp"
_PACKET_BYTES = 1 << 20  # Chosen: XMP of a picture has some kB; what is longer holds thumbnails and histories
_ELEMENT_BYTES = 20_000  # Chosen: of one property with all its languages
_MOST = 20  # Chosen: properties of one name, and values of one, that are read
_TIFF = (b"II*\0", b"MM\0*")
# Source: CIPA DC-008 (Exif 2.32), section 4.6.4, and how JPEG, PNG (eXIf) and WebP (EXIF) hold a TIFF header.
_EXIF_MARKS = ((b"Exif\0\0", 6), (b"eXIf", 4), (b"EXIF", 8))
_EXIF_TAGS = {0x013B: "Artist", 0x8298: "Copyright"}
# Source: IPTC-IIM 4.2, record 2; Adobe, Photoshop File Formats, image resource 1028.
_IPTC = b"8BIM\x04\x04"
_IPTC_SETS = {40: "special instructions", 80: "by-line", 110: "credit", 116: "copyright notice"}
# Source: XMP Specification Part 2; IPTC Photo Metadata Standard 2023.1; PLUS LDF; ccREL. Local names, of any prefix.
_TERMS, _WEB, _LICENCE, _MINING = "UsageTerms", "WebStatement", "license", "DataMining"
_ABOUT = ("rights", "creator", "Credit", "CopyrightOwner", "LicensorURL", "LicensorName", "OtherConstraints", _WEB)
_PROPERTIES = (_TERMS, _LICENCE, _MINING, *_ABOUT)
# Source: W3C TDMRep, final report of 10 May 2024, TDM metadata in files: `tdm:reservation`.
_RESERVATION, _TDMREP = "reservation", b"www.w3.org/ns/tdmrep"
_PACKETS = 8  # Chosen: a picture has one; what was joined or edited may have another
_TAG = re.compile(rb"<[^<>]{0,2000}>")
_RESOURCE = re.compile(rb"""rdf:resource\s*=\s*["']([^"'<>]{1,2000})["']""")

# Source: PLUS LDF, Data Mining vocabulary (2023). SEE...: what is meant stands elsewhere, so that only a no is certain.
_VOCABULARY = "DMI-"
_ALLOWED, _UNSPECIFIED = "DMI-ALLOWED", "DMI-UNSPECIFIED"
_NO_TRAINING = ("DMI-PROHIBITED-AIMLTRAINING", "DMI-PROHIBITED-GENAIMLTRAINING")
_NO_MINING = (
    "DMI-PROHIBITED", "DMI-PROHIBITED-EXCEPTSEARCHENGINEINDEXING", "DMI-PROHIBITED-SEECONSTRAINT",
    "DMI-PROHIBITED-SEEEMBEDDEDRIGHTSEXPR", "DMI-PROHIBITED-SEELINKEDRIGHTSEXPR",
)  # fmt: skip


class Said(NamedTuple):
    """One value. `name`: "xmp UsageTerms", "exif Copyright", "iptc by-line"; `at`: byte of what says so."""

    name: str
    text: str
    at: int


def is_picture(data: bytes) -> bool:
    """Whether the first bytes are of a format whose metadata is read."""
    return data.startswith(MAGIC) or data[4:8] == _AVIF


def picture_statements(data: bytes) -> list[Statement]:
    """What a picture says of its use: a reservation by PLUS, and as evidence alone (unknown) who made it, holds it, and under which terms.

    Empty for bytes that are no picture. A value of PLUS that nobody knows is an error, which counts as a reservation; so is the
    property itself where its packet cannot be read.
    """
    found = manifest_statements(data) if is_picture(data) else []
    for one in _said(data):
        locator, quoted = f"{one.name}, byte {one.at}", excerpt(one.text)
        if one.name == f"xmp {_MINING}":
            mechanism = Mechanism.XMP_PLUS_DATAMINING
            readings = _mining(one.text)
        elif one.name == f"xmp {_RESERVATION}":
            mechanism, readings = Mechanism.XMP_TDM, [reservation(one.text)]
        else:
            found.append(about_file(locator, one.text))
            continue
        found += [
            Statement(mechanism=mechanism, usage=usage, verdict=verdict, locator=locator, excerpt=quoted)
            for usage, verdict in readings
        ]
    return found


def picture_licences(data: bytes) -> list[LicenceHit]:
    """The licences a picture names for itself. A licence or terms of use that cannot be read are a hit without expression."""
    found = []
    for one in _said(data):
        hit = named_licence(FILE_METADATA, one.at, one.text)
        if hit.expression or one.name in (f"xmp {_LICENCE}", f"xmp {_TERMS}"):
            found.append(hit)
    return found


def picture_licence_rows(uri: str, capture_id: bytes, payload: bytes, payload_sha256: bytes) -> list[dict[str, Any]]:
    """Rows of schemas.rights.LICENCE: what `picture_licences` finds; none for what is no picture."""
    return [
        {
            "capture_id": capture_id, "subject": None, "location": hit.location, "locator": hit.locator,
            "expression": hit.expression, "raw": hit.raw, "evidence_sha256": payload_sha256,
        }
        for hit in picture_licences(payload)
    ]  # fmt: skip


def _mining(value: str) -> list[tuple[Usage, RightsVerdict]]:
    term = _VOCABULARY + value.upper().rpartition(_VOCABULARY)[2].strip()
    if term == _UNSPECIFIED:
        return [(Usage.TDM, RightsVerdict.UNKNOWN)]
    if term in _NO_TRAINING:
        return [(Usage.TRAIN_AI, RightsVerdict.DISALLOW)]
    verdict = {_ALLOWED: RightsVerdict.ALLOW} | dict.fromkeys(_NO_MINING, RightsVerdict.DISALLOW)
    return [(usage, verdict.get(term, RightsVerdict.ERROR)) for usage in (Usage.TRAIN_AI, Usage.TDM)]


def _said(data: bytes) -> list[Said]:
    if not is_picture(data):
        return []
    found = [one for one in (*_xmp(data), *_exif(data), *_iptc(data)) if one.text.strip()]
    unread = data.find(b":" + _MINING.encode())
    if unread >= 0 and not any(one.name == f"xmp {_MINING}" for one in found):
        found.append(Said(f"xmp {_MINING}", "named, and not to be read", unread))
    return found


def _xmp(data: bytes) -> Iterator[Said]:
    at = 0
    for _ in range(_PACKETS):
        start = data.find(b"<rdf:RDF", at)
        end = data.find(b"</rdf:RDF>", start, start + _PACKET_BYTES)
        if start < 0 or end < 0:
            return
        yield from _properties(data[start:end], start)
        at = end


def _properties(packet: bytes, start: int) -> Iterator[Said]:
    """The values in one packet of XMP, which lies at `start`."""
    for name in (*_PROPERTIES, *((_RESERVATION,) if _TDMREP in packet else ())):
        key = name.encode()
        pattern = re.compile(
            rb"""[\s<][\w-]{1,40}:%b(?:\s*=\s*"([^"<>]{0,2000})"|\s*=\s*'([^'<>]{0,2000})'|(?=[\s/>]))""" % key
        )
        for count, match in enumerate(pattern.finditer(packet)):
            if count == _MOST:
                break
            value = match[1] if match[1] is not None else match[2]
            for text in [value] if value is not None else _inside(packet, match.start(), match[0]):
                said = html.unescape(" ".join(text.decode("utf-8", "replace").split()))
                yield Said(f"xmp {name}", said, start + match.start())


def _inside(packet: bytes, at: int, opened: bytes) -> list[bytes]:
    """The texts of the element that begins at `at` with `opened` ("<dc:rights"): of its entries, or the resource it names."""
    head_end = packet.find(b">", at, at + 4000)
    if packet[at : at + 1] != b"<" or head_end < 0:
        return []
    if resource := _RESOURCE.search(packet, at, head_end):
        return [resource[1]]
    if packet[head_end - 1 : head_end] == b"/":
        return []
    end = packet.find(b"</" + opened[1:] + b">", head_end, head_end + _ELEMENT_BYTES)
    inner = packet[head_end + 1 : end] if end >= 0 else b""
    texts = [part for part in _TAG.sub(b"\n", inner).split(b"\n") if part.strip()]
    return (texts or [match[1] for match in _RESOURCE.finditer(inner)])[:_MOST]


def _exif(data: bytes) -> Iterator[Said]:
    places = [0] if data.startswith(_TIFF) else []
    for mark, length in _EXIF_MARKS:
        if (at := data.find(mark)) >= 0:
            places += [at + length, at + length + 6]  # WebP's may begin with "Exif\0\0" too
    for place in places:
        if data[place : place + 4] in _TIFF:
            yield from _tags(data, place)
            return


def _tags(data: bytes, start: int) -> Iterator[Said]:
    """The texts of the first directory of the TIFF structure at `start`."""
    order = "<" if data[start : start + 2] == b"II" else ">"
    try:
        (directory,) = struct.unpack_from(order + "I", data, start + 4)
        (count,) = struct.unpack_from(order + "H", data, start + directory)
        for at in range(start + directory + 2, start + directory + 2 + 12 * min(count, 512), 12):
            tag, kind, length, offset = struct.unpack_from(order + "HHII", data, at)
            if tag in _EXIF_TAGS and kind == 2:  # ASCII
                place = at + 8 if length <= 4 else start + offset
                yield Said(f"exif {_EXIF_TAGS[tag]}", _text(data[place : place + min(length, 4000)]), place)
    except struct.error:
        return


def _iptc(data: bytes) -> Iterator[Said]:
    at = data.find(_IPTC)
    if at < 0:
        return
    at += len(_IPTC)
    at += (data[at] + 2) & ~1 if at < len(data) else 0  # a name, padded to an even length
    size = int.from_bytes(data[at : at + 4])
    end, at = min(at + 4 + size, len(data)), at + 4
    while at + 5 <= end and data[at] == 0x1C:
        record, number, length = data[at + 1], data[at + 2], int.from_bytes(data[at + 3 : at + 5])
        if length >= 0x8000:  # an extended length: of pictures, not of texts
            return
        if record == 2 and number in _IPTC_SETS:
            yield Said(f"iptc {_IPTC_SETS[number]}", _text(data[at + 5 : at + 5 + length]), at)
        at += 5 + length


def _text(raw: bytes) -> str:
    raw = raw.replace(b"\0", b" ").strip()
    try:
        return " ".join(raw.decode("utf-8").split())
    except UnicodeDecodeError:
        return " ".join(raw.decode("latin-1").split())
