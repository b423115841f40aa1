"""Verdicts of robots.txt by the line: many questions to many files, each file parsed once. In: JSON lines. Out: dicts."""

import base64
import binascii
import json
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pipelines.rights.robots import RobotsFile, target_of
from schemas.errors import SourceError

# Chosen: bytes of robots.txt whose parsed forms are kept; the 528 of a sample of sites are 2 MB together.
_KEPT_BYTES = 64 << 20


def answers(lines: Iterable[bytes], where: str) -> Iterator[Mapping[str, Any]]:
    """`{"id", "allowed", "rule", "line"}` for every line `{"id", "robots", "agent", "url"}`, in order.

    `robots`: the text of a file, or `robots_base64` its bytes. `rule`, `line`: of what decided, null where nothing matched.
    Empty lines are passed over.

    Raises:
        SourceError: a line is none of these; the text names its number.
    """
    files = _Files()
    for number, raw in enumerate(lines, 1):
        if not raw.strip():
            continue
        try:
            asked = _asked(raw)
            body = _body(asked)
        except (ValueError, RecursionError) as error:
            raise SourceError(
                f'{where}, line {number}: {error}; give {{"id", "robots" (or "robots_base64"), "agent", "url"}}'
            ) from None
        found = files.parsed(body).verdict(asked["agent"], target_of(asked["url"]))
        yield {"id": asked["id"], "allowed": found.allowed, "rule": found.rule, "line": found.line}


def _asked(raw: bytes) -> dict[str, Any]:
    """The line as an object with all its keys. Raises ValueError."""
    try:
        asked = json.loads(raw)
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(asked, dict):
        raise ValueError("no JSON object")
    body = "robots_base64" if "robots_base64" in asked else "robots"
    for key in ("id", body, "agent", "url"):
        if key not in asked:
            raise ValueError(f'no "{key}"')
        if key != "id" and not isinstance(asked[key], str):
            raise ValueError(f'"{key}" must be a string')
    return asked


def _body(asked: Mapping[str, Any]) -> bytes | str:
    if "robots_base64" not in asked:
        return str(asked["robots"])
    try:
        return base64.b64decode(asked["robots_base64"], validate=True)
    except binascii.Error as error:
        raise ValueError(f'"robots_base64" is no base64: {error}') from None


class _Files:
    """Parsed files by their content; the ones used longest ago go first."""

    def __init__(self) -> None:
        self._files: OrderedDict[bytes | str, RobotsFile] = OrderedDict()
        self._bytes = 0

    def parsed(self, body: bytes | str) -> RobotsFile:
        found = self._files.get(body)
        if found is not None:
            self._files.move_to_end(body)
            return found
        found = self._files[body] = RobotsFile.parse(encoded(body) if isinstance(body, str) else body)
        self._bytes += len(body)
        while self._bytes > _KEPT_BYTES and len(self._files) > 1:
            gone, _ = self._files.popitem(last=False)
            self._bytes -= len(gone)
        return found


def encoded(text: str) -> bytes:
    """The bytes of a text from JSON: halves of characters are the bytes they stand for (surrogateescape) where they can be."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
