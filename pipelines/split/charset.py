"""Bytes of a page become text: which charset they are in, by the order in which the web tells the truth.

UTF-8 is tried first because nothing else passes for it by chance; then what the transport says, what the page says of
itself, and what the bytes look like. A wrong charset is worse than none: where more than 1 % of the characters would be
replacement characters, or the "text" is binary, there is no text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

# Longest first: the mark of UTF-32-LE begins with that of UTF-16-LE.
_BYTE_ORDER_MARKS = (
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xfe\xff", "utf-16-be"),
    (b"\xff\xfe", "utf-16-le"),
)
# Python's codecs that read all a browser reads under the WHATWG name; the plain ones refuse its extensions.
# Source: https://encoding.spec.whatwg.org/#legacy-multi-byte-japanese-encodings and the sections beside it.
_BROWSER_CODECS = {"shift_jis": "cp932", "euc_kr": "cp949", "big5": "big5hkscs", "gbk": "gb18030", "gb2312": "gb18030"}
# A meta element or an XML declaration. Source: HTML Living Standard, "prescan a byte stream": the first 1,024 bytes.
_META = re.compile(
    rb"""<(?:meta\s[^>]{0,400}?\bcharset|\?xml\s[^>]{0,200}?\bencoding)\s*=\s*["']?\s*([\w:.()-]{1,40})""", re.I
)
_META_BYTES = 1024
# ISO-2022-JP is 7-bit, so it would pass as UTF-8. Source: RFC 1468, the escapes to two-byte sets.
_JAPANESE_ESCAPE = re.compile(rb"\x1b\$[@B]")

# Source: FAULTS.md, row 17: never more than 1 % U+FFFD published; the same share is allowed of control characters.
_MAX_SHARE = 0.01
# Chosen: right charset, some broken bytes: few of the non-ASCII characters are lost. Wrong charset: nearly all are.
_MAX_BROKEN_SHARE = 0.1
# C0 without tab, line feed, form feed, carriage return, escape: absent from text, 10 % of compressed data.
_CONTROLS = bytes(sorted(set(range(0x20)) - {0x09, 0x0A, 0x0C, 0x0D, 0x1B}))


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text, and the charset it was in: a lower-case name that Python knows."""

    text: str
    charset: str


def decode(data: bytes, declared: str | None) -> Decoded | None:
    """The text of `data` without byte order mark; null where no charset gives a text.

    `declared` is the charset of the transport. Labels mean what they mean to browsers: `iso-8859-1` is windows-1252.
    UTF-7 is never used. `decode(b"caf\\xe9", "latin1")` is `Decoded("café", "windows-1252")`.
    """
    for mark, charset in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _acceptable(_read(data[len(mark) :], charset), charset, broken_share=1.0)
    tried = []
    for charset in _candidates(data, declared):
        text = _read(data, charset)
        if found := _acceptable(text, charset, broken_share=_MAX_BROKEN_SHARE):
            return found
        tried.append((text, charset))
    # Nothing fits well: the first of which at most 1 % is lost.
    return next(filter(None, (_acceptable(text, charset, broken_share=1.0) for text, charset in tried)), None)


def _candidates(data: bytes, declared: str | None) -> Iterator[str]:
    """Charsets in the order of trust, each once; detection runs only when all others failed."""
    seen = set()
    if _JAPANESE_ESCAPE.search(data, 0, _META_BYTES * 64) is None:
        seen.add("utf-8")
        yield "utf-8"
    said = _META.search(data, 0, _META_BYTES)
    for label in (declared, said and said[1].decode("ascii")):
        charset = _codec(label) if label else None
        if charset and charset not in seen:
            seen.add(charset)
            yield charset
    for charset in (_codec(detect_encoding(data) or ""), "utf-8"):
        if charset and charset not in seen:
            seen.add(charset)
            yield charset


def _codec(label: str) -> str | None:
    """The Python codec a browser would use for a label; null for a label browsers do not know (UTF-7, UTF-32)."""
    name = map_encoding_to_html5(label.strip(" \t\n\f\r\"'"), False)
    return _BROWSER_CODECS.get(name, name).replace("cp125", "windows-125") if name else None


def _read(data: bytes, charset: str) -> str:
    try:
        return data.decode(charset)
    except UnicodeDecodeError:
        return data.decode(charset, "replace")


def _acceptable(text: str, charset: str, *, broken_share: float) -> Decoded | None:
    """The text, if it is one: few characters replaced, few controls."""
    replaced = text.count("\ufffd")
    if replaced > _MAX_SHARE * len(text):
        return None
    if replaced and replaced > broken_share * (len(text) - len(text.encode("ascii", "ignore"))):
        return None
    raw = text.encode("utf-8", "replace")
    if len(raw) - len(raw.translate(None, _CONTROLS)) > _MAX_SHARE * len(text):
        return None
    return Decoded(text, charset)
