"""Personal data out of texts: e-mail addresses and public IP addresses become placeholders.

Patterns are RE2, so a text takes time in proportion to its length, whatever it holds. Addresses written in words
("anna at mail dot example") are not found.
"""

import ipaddress
import unicodedata
from string import hexdigits

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import re2

from pipelines.stage import Shape, Stage, decisions
from schemas.decision import Verdict
from schemas.item import text_sha256
from schemas.reasons import Reason

EMAIL_PLACEHOLDER, IP_PLACEHOLDER = "<email>", "<ip>"

# Every text that a pattern below can match holds one of these: cheap, and true of few texts.
_HINT = r"@|[0-9]\.[0-9]{1,3}\.[0-9]|:[0-9A-Fa-f]{0,4}:"
# Source: RFC 5321, section 4.1.2, without quoted local parts and address literals; letters of all scripts by RFC 6531.
_EMAIL = re2.compile(r"[\pL\pN_][\pL\pN._%+'-]*@(?:[\pL\pN](?:[\pL\pN-]*[\pL\pN])?\.)+\pL\pL+")
# Everything made of digits and dots, or of hex digits and colons, as long as it goes: what is an address is decided later,
# since RE2 has no look-around to see where one ends. With a letter before it, it is a version ("v1.2.3.4").
_IPV4 = re2.compile(r"[\pL_]?[0-9]+(?:\.[0-9]+)+")
_IPV6 = re2.compile(r"[\pL\pN_]*:[\pL\pN_:]*")

# Addresses that name nobody, for everybody has them. Documentation addresses are not here: texts pass them off as real.
# Source: IANA IPv4 Special-Purpose Address Registry; multicast, RFC 5771; reserved, RFC 1112.
_NOBODY = tuple(
    ipaddress.IPv4Network(block)
    for block in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
        "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
# Source: RFC 4291, section 2.4; IANA has given out global unicast addresses from this block only.
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
# Chosen: "2.1.3.4 Results" at the start of a line numbers a section; no address has parts this small by chance.
_SECTION_NUMBER = 32


def redact(text: str) -> tuple[str, dict[str, int]]:
    """The text with placeholders, in NFC, and how many there are of each kind.

    `"ask a@b.de at 8.8.8.8 or 10.0.0.1"` -> `("ask <email> at <ip> or 10.0.0.1", {"email": 1, "ip": 1})`
    """
    counts = {"email": 0, "ip": 0}

    def put(kind: str, placeholder: str) -> str:
        counts[kind] += 1
        return placeholder

    def ipv6(match: re2._Match) -> str:
        before, address, after = _colons(match[0])
        return before + put("ip", IP_PLACEHOLDER) + after if _is_public(address) else match[0]

    def ipv4(match: re2._Match) -> str:
        if not _is_public(match[0]) or _numbers_a_section(text, match.start(), match[0]):
            return match[0]  # type: ignore[no-any-return]
        return put("ip", IP_PLACEHOLDER)

    text = _EMAIL.sub(lambda match: put("email", EMAIL_PLACEHOLDER), text)
    text = _IPV6.sub(ipv6, text)
    text = _IPV4.sub(ipv4, text)
    # A placeholder may come to stand before a combining mark.
    return unicodedata.normalize("NFC", text) if any(counts.values()) else text, counts


def _colons(found: str) -> tuple[str, str, str]:
    """A word with colons as (label, address, colon): `"from:2a00::1:"` -> `("from:", "2a00::1", ":")`."""
    label, _, rest = found.partition(":")
    before = "" if all(c in hexdigits for c in label) else f"{label}:"
    after = ":" if found.endswith(":") and not found.endswith("::") else ""
    return before, (rest if before else found).removesuffix(after), after


def _is_public(found: str) -> bool:
    try:
        address = ipaddress.ip_address(found)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        return address in _GLOBAL_UNICAST
    return not any(address in block for block in _NOBODY)


def _numbers_a_section(text: str, start: int, found: str) -> bool:
    is_small = all(int(part) < _SECTION_NUMBER for part in found.split("."))
    return is_small and not text[text.rfind("\n", 0, start) + 1 : start].strip()


def redact_items(stage: Stage, items: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """The items with personal data replaced, and one decision a row: `edit` for a changed one, else `keep`.

    `detail` counts what was replaced ("email: 2, ip: 1"); the data itself is in neither. An item's id stays, and so does the
    content digest of one with a payload, which the text is not part of; the digests of the receipt are of its text.
    """
    texts = items.column("text")
    is_content = items.column("payload").is_null().to_numpy(zero_copy_only=False)
    n = len(items)
    new_texts, before, after, detail = (np.full(n, None, dtype=object) for _ in range(4))
    hinted = pc.match_substring_regex(texts, _HINT).fill_null(False).to_numpy(zero_copy_only=False)
    for row in np.flatnonzero(hinted):
        old = texts[row].as_py()
        text, counts = redact(old)
        if any(counts.values()):
            new_texts[row], before[row], after[row] = text, text_sha256(old), text_sha256(text)
            detail[row] = ", ".join(f"{kind}: {count}" for kind, count in counts.items() if count)
    is_changed = np.array([text is not None for text in new_texts], dtype=bool)
    found = decisions(items.column("item_id"), stage.name)
    found.set(is_changed, Verdict.EDIT, Reason.PERSONAL_DATA, before_sha256=before, after_sha256=after, detail=detail)
    edited = _replaced(items, "text", new_texts)
    after[~is_content] = None
    return _replaced(edited, "content_sha256", after), found.batch()


def _replaced(items: pa.RecordBatch, name: str, values: np.ndarray) -> pa.RecordBatch:
    """The batch with a column's values replaced wherever there is a new one."""
    field = items.schema.field(name)
    column = pc.coalesce(pa.array(values, field.type, from_pandas=False), items.column(name))
    return items.set_column(items.schema.get_field_index(name), field, column)


PII_REDACT = Stage(name="pii.redact", version=2, shape=Shape.EDIT, fn=redact_items)
