"""The HTTP message inside a record: status, headers, and where the body starts. As recorded, nothing corrected."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from schemas.capture import Outcome
from schemas.reasons import Reason

_STATUS = re.compile(rb"(?:HTTP/\d(?:\.\d)?|ICY)[ \t]+(\d{3})(?!\d)")
_WHOLE = re.compile(r"bytes 0-([0-9]{1,15})/([0-9]{1,15})")
_BLANK = re.compile(rb"\n\r?\n")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([^\s"';,]+)""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Message:
    """An HTTP message. `status`: null for a request, or where no status line is. `body`: codings still in place."""

    status: int | None
    headers: list[tuple[str, str]]
    header_block: bytes
    body: bytes


def parse(block: bytes) -> Message:
    """The message in a record's block. Bytes that do not start like one are all body: some servers send no header."""
    if not re.match(rb"HTTP/|ICY |[A-Z]{3,10} \S", block):
        return Message(status=None, headers=[], header_block=b"", body=block)
    blank = _BLANK.search(block)
    end = blank.end() if blank else len(block)
    header_block = block[:end]
    status = _STATUS.match(header_block)
    return Message(
        status=int(status[1]) if status else None,
        headers=_fields(header_block),
        header_block=header_block,
        body=block[end:],
    )


def _fields(header_block: bytes) -> list[tuple[str, str]]:
    """Name and value of every header line, in order; folded lines are joined by a space."""
    found: list[tuple[str, str]] = []
    for line in text(header_block).split("\n")[1:]:
        name, colon, value = line.partition(":")
        if line[:1] in (" ", "\t") and found:
            found[-1] = (found[-1][0], f"{found[-1][1]} {line.strip()}".strip())
        elif colon and name.strip():
            found.append((name.strip(), value.strip()))
    return found


def text(raw: bytes) -> str:
    """Header bytes as text: UTF-8 where they are that, else ISO-8859-1, which every byte has."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("iso-8859-1")


def header(headers: Sequence[tuple[str, str]], name: str) -> str | None:
    """The values of a header, joined by ", ", or null. `name`: lower case."""
    values = [value for key, value in headers if key.lower() == name]
    return ", ".join(values) if values else None


def location(headers: Sequence[tuple[str, str]]) -> str | None:
    """Where a redirect leads, as it says; null where it does not say, or names several places."""
    values = {value for key, value in headers if key.lower() == "location"}
    return values.pop() if len(values) == 1 else None


def outcome(status: int | None, headers: Sequence[tuple[str, str]], size: int) -> tuple[Outcome, Reason | None]:
    """What an answer to a plain request is, and what is wrong with it. `status`: null without HTTP; `size`: of the payload.

    Nobody asked for a part, or whether something has changed: 206 is a whole only where it says so, and 304 says nothing.
    """
    match status:
        case 404 | 410:
            return Outcome.NOT_FOUND, None
        case 304:
            return Outcome.HTTP_ERROR, Reason.ANSWER_NOT_ASKED
        case 206 if not _is_whole(header(headers, "content-range")):
            return Outcome.HTTP_ERROR, Reason.ANSWER_NOT_ASKED
        case int() if 300 <= status < 400:
            if header(headers, "location") is not None and location(headers) is None:
                return Outcome.HTTP_ERROR, Reason.REDIRECT_UNCLEAR
            return Outcome.REDIRECT, None
        case int() if not 200 <= status < 300:
            return Outcome.HTTP_ERROR, None
    return (Outcome.FETCHED if size else Outcome.EMPTY), None


def _is_whole(content_range: str | None) -> bool:
    """Whether a Content-Range is of all there is. Source: RFC 9110, section 14.4."""
    found = _WHOLE.fullmatch(content_range or "")
    return found is not None and int(found[1]) + 1 == int(found[2])


def media_type(content_type: str | None) -> str | None:
    """The type of a Content-Type value, lower case, without parameters; null where there is none that can be read."""
    found = (content_type or "").partition(";")[0].partition(",")[0].strip().lower()
    kind, slash, subtype = found.partition("/")
    return found if kind and slash and subtype and " " not in found else None


def charset(content_type: str | None) -> str | None:
    """The charset parameter of a Content-Type value, lower case; null where there is none."""
    found = _CHARSET.search(content_type or "")
    return found[1].lower() if found else None
