"""What the Content Credentials (C2PA, CAWG) of a picture say of training and mining: the assertion itself, of whatever container.

In: the bytes of a JPEG, PNG, WebP or any file with JUMBF boxes in it. Out: statements. No signature is checked: whoever reserves
need not prove who they are, and an `allowed` frees nobody of what others reserve. Source: C2PA Technical Specification 1.4, 18.20;
CAWG Training and Data Mining Assertion 1.1; JUMBF: ISO/IEC 19566-5.
"""

import json
import struct
from collections.abc import Iterator

from pipelines.rights.evidence import Reading, Statement, excerpt
from schemas.rights import Mechanism, RightsVerdict, Usage

_LABELS = {
    b"c2pa.training-mining": Mechanism.C2PA_TRAINING_MINING,
    b"cawg.training-mining": Mechanism.CAWG_TRAINING_MINING,
}
_USAGES = {"data_mining": Usage.TDM, "ai_training": Usage.TRAIN_AI, "ai_generative_training": Usage.TRAIN_AI}
_VERDICTS = {"allowed": RightsVerdict.ALLOW, "notAllowed": RightsVerdict.DISALLOW}
_APP11 = b"\xff\xeb"
_DESCRIPTION_BYTES = 21  # of a description box before its label: type, UUID, toggles
_LABEL_BYTES = 200  # Chosen: from the label to the content box; between them lie a suffix, an id and a hash at most
_MOST = 16  # Chosen: assertions of one file
_DEPTH = 16  # Chosen: an assertion is three levels deep


def manifest_statements(data: bytes) -> list[Statement]:
    """What training and mining assertions say, entry by entry. One that is named and cannot be read is an error.

    `constrained` is an error too: the terms stand elsewhere.
    """
    found: list[Statement] = []
    if not any(label in data for label in _LABELS):
        return found
    boxes = _joined(data) if data.startswith(b"\xff\xd8\xff") else data
    for label, mechanism in _LABELS.items():
        read = list(_readings(boxes, label))
        if not read and label in data:
            read = [((Usage.TRAIN_AI, RightsVerdict.ERROR), "named, and not to be read")]
        found += [
            Statement(
                mechanism=mechanism, usage=usage, verdict=verdict, locator=f"byte {data.find(label)}", excerpt=excerpt(said)
            )
            for (usage, verdict), said in dict.fromkeys(read)
        ]  # fmt: skip
    return found


def _joined(data: bytes) -> bytes:
    """The JUMBF content of a JPEG, which lies in pieces of at most 64 KiB in its APP11 segments. Source: ISO/IEC 19566-5, annex D."""
    pieces: list[bytes] = []
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        length = int.from_bytes(data[at + 2 : at + 4])
        if length < 2:
            break
        if data[at : at + 2] == _APP11 and data[at + 4 : at + 6] == b"JP":
            # "JP", instance, sequence number; every piece but the first repeats the length and type of the outer box.
            is_first = data[at + 8 : at + 12] == b"\0\0\0\1"
            pieces.append(data[at + (12 if is_first else 20) : at + 2 + length])
        at += 2 + length
    return b"".join(pieces)


def _readings(boxes: bytes, label: bytes) -> Iterator[tuple[Reading, str]]:
    """(what is said, in which words) of the assertions of this label."""
    at = -1
    for _ in range(_MOST):
        at = boxes.find(label, at + 1)
        if at < 0:
            return
        if boxes[max(at - _DESCRIPTION_BYTES, 0) : at].startswith(b"jumd"):
            try:
                yield from _entries(_content(boxes, at + len(label)))
            except (ValueError, struct.error, IndexError, RecursionError, UnicodeDecodeError) as error:
                yield (Usage.TRAIN_AI, RightsVerdict.ERROR), f"cannot be read: {error}"


def _content(boxes: bytes, at: int) -> object:
    """The value in the content box that follows a description box."""
    near = boxes[at : at + _LABEL_BYTES]
    for kind in (b"cbor", b"json"):
        place = near.find(kind)
        if place >= 4:
            start = at + place
            body = boxes[start + 4 : start - 4 + int.from_bytes(boxes[start - 4 : start])]
            return json.loads(body) if kind == b"json" else _value(body, 0, 0)[0]
    raise ValueError("there is no content box")


def _entries(assertion: object) -> Iterator[tuple[Reading, str]]:
    entries = assertion.get("entries") if isinstance(assertion, dict) else None
    if not isinstance(entries, dict):
        raise ValueError("it has no entries")
    yield (Usage.TRAIN_AI, RightsVerdict.UNKNOWN), f"entries: {', '.join(map(str, entries))}"
    for key, entry in entries.items():
        use = entry.get("use") if isinstance(entry, dict) else None
        usage = _USAGES.get(str(key).rpartition(".")[2])
        if usage is not None:
            yield (usage, _VERDICTS.get(str(use), RightsVerdict.ERROR)), f"{key}: {use}"


def _value(data: bytes, at: int, depth: int) -> tuple[object, int]:
    """The CBOR value at `at`, and where it ends. Source: RFC 8949, section 3. Of simple values only those an assertion has."""
    if depth > _DEPTH:
        raise ValueError("CBOR nested too deep")
    kind, short = data[at] >> 5, data[at] & 31
    count, at = _argument(data, at + 1, short)
    if kind in (0, 1):
        return (count if kind == 0 else -1 - (count or 0)), at
    if kind in (2, 3):
        if count is None or at + count > len(data):
            raise ValueError("CBOR string without an end")
        raw = data[at : at + count]
        return (raw if kind == 2 else raw.decode()), at + count
    if kind in (4, 5):
        return _collection(data, at, count, depth, is_map=kind == 5)
    if kind == 6:
        return _value(data, at, depth + 1)
    return {20: False, 21: True}.get(short), at


def _collection(data: bytes, at: int, count: int | None, depth: int, *, is_map: bool) -> tuple[object, int]:
    """The array or map that begins at `at`; `count` null: up to a break."""
    parts: list[object] = []
    wanted = None if count is None else count * (1 + is_map)
    while wanted is None or len(parts) < wanted:
        if wanted is None and data[at] == 0xFF:
            at += 1
            break
        part, at = _value(data, at, depth + 1)
        parts.append(part)
    if not is_map:
        return parts, at
    return {str(key): value for key, value in zip(parts[::2], parts[1::2], strict=True)}, at


def _argument(data: bytes, at: int, short: int) -> tuple[int | None, int]:
    """The number in the head of a CBOR value, and where the head ends; null where the length is not given."""
    if short < 24:
        return short, at
    if short == 31:
        return None, at
    if short > 27:
        raise ValueError("no CBOR")
    size = 1 << (short - 24)
    if at + size > len(data):
        raise ValueError("CBOR ends early")
    return int.from_bytes(data[at : at + size]), at + size
