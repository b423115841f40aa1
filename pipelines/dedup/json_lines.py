"""Lines of JSON that a user hands in: every bad line is counted, the first are named, and none is passed over."""

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from schemas.errors import InputError

BAD_LINES_NAMED = 5

Value = TypeVar("Value")


def json_lines(data: bytes, read: Callable[[int, bytes], Value], *, where: str, cure: str) -> Iterator[Value]:
    """What `read` makes of each line (its number from 1, its bytes) that is not blank.

    Raises:
        InputError: at the end, where `read` raised ValueError for some lines: its text follows the line's number.
    """
    bad: list[str] = []
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            value = read(number, line)
        except ValueError as error:
            bad.append(f"line {number} {error}")
            continue
        yield value
    if bad:
        more = f"; and {len(bad) - BAD_LINES_NAMED} more" if len(bad) > BAD_LINES_NAMED else ""
        raise InputError(f"{where}: {'; '.join(bad[:BAD_LINES_NAMED])}{more}. {cure}")


def json_object(line: bytes) -> dict[str, Any]:
    """The object in a line. Raises ValueError with what the line is instead."""
    try:
        row: Any = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 (byte {error.start})") from error
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"is not JSON ({getattr(error, 'msg', 'nested too deeply')})") from error
    if not isinstance(row, dict):
        raise ValueError(f"is a JSON {type(row).__name__}, not an object")
    return row
