"""TOML, strictly: every key is asked for by name and type, what nobody asked for is an error; and a small way to write it."""

import dataclasses
import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from schemas.errors import InputError

Value = TypeVar("Value")


class Table:
    """One TOML table, read key by key. `finish` refuses what is left over. `where` opens every error text."""

    def __init__(self, values: Mapping[str, Any], where: str, error: type[InputError]) -> None:
        self.where = where
        self._error = error
        self._left = dict(values)
        self._known: list[str] = []

    def fail(self, what: str) -> InputError:
        """An error of this table's kind, to raise."""
        return self._error(f"{self.where}: {what}")

    def value(self, key: str, default: Value) -> Value:
        """The value of a key, of the type of `default` (an int may stand for a float); `default` where it is absent."""
        self._known.append(key)
        found = self._left.pop(key, default)
        if isinstance(default, float) and isinstance(found, int) and not isinstance(found, bool):
            return float(found)  # type: ignore[return-value]
        if type(found) is not type(default):
            raise self.fail(f"{key} must be {_kind(default)}, is {found!r}")
        return found

    def text(self, key: str) -> str:
        """The value of a key that must be there and be a string."""
        self._needs(key)
        return self.value(key, "")

    def strings(self, key: str, default: Sequence[str] | None = None) -> tuple[str, ...]:
        """The strings of a key: one string or a list of them. Without a default the key must be there and not be empty."""
        if default is None:
            self._needs(key)
        self._known.append(key)
        found = self._left.pop(key, default)
        listed = [found] if isinstance(found, str) else list(found) if isinstance(found, list | tuple) else None
        if listed is None or not all(isinstance(entry, str) for entry in listed) or (default is None and not listed):
            raise self.fail(f"{key} must be a string or a list of strings, is {found!r}")
        return tuple(listed)

    def table(self, key: str) -> dict[str, Any]:
        """The sub-table of a key; empty where it is absent."""
        return self.value(key, {})

    def tables(self, key: str) -> list[dict[str, Any]]:
        """The array of tables of a key; empty where it is absent."""
        found: list[Any] = self.value(key, [])
        if not all(isinstance(entry, dict) for entry in found):
            raise self.fail(f"{key} must be an array of tables: [[{key}]]")
        return found

    def fill(self, default: Value) -> Value:
        """`default` (a dataclass of scalars and tuples of strings) with the fields that this table names; then nothing may be left."""
        found = self.fields(default)
        self.finish()
        return found

    def fields(self, default: Value) -> Value:
        """`default` with the fields that this table names, among other keys."""
        values = {f.name: getattr(default, f.name) for f in dataclasses.fields(default)}  # type: ignore[arg-type]
        found = {k: self.strings(k, v) if isinstance(v, tuple) else self.value(k, v) for k, v in values.items()}
        return dataclasses.replace(default, **found)  # type: ignore[type-var]

    def take(self, key: str) -> Any:
        """The raw value of a key that must be there, whatever its type."""
        self._needs(key)
        self._known.append(key)
        return self._left.pop(key)

    def sub(self, key: str) -> "Table":
        """The sub-table of a key, to be read in turn; an empty one where it is absent."""
        return Table(self.table(key), f"{self.where}, [{key}]", self._error)

    def names(self) -> list[str]:
        """The keys that were not read yet."""
        return list(self._left)

    def finish(self) -> None:
        """Refuse what nobody asked for."""
        if self._left:
            raise self.fail(f"unknown key {min(self._left)!r}; known keys: {', '.join(sorted(set(self._known)))}")

    def _needs(self, key: str) -> None:
        if key not in self._left:
            raise self.fail(f"{key} is missing")


def read(path: Path, where: str, error: type[InputError]) -> str:
    """The text of a file. Raises `error` where it cannot be read or is not UTF-8."""
    try:
        return path.read_text("utf-8")
    except OSError as problem:
        raise error(f"{where} cannot be read: {problem.strerror}") from problem
    except UnicodeDecodeError as problem:
        raise error(f"{where} is not UTF-8: {problem}") from problem


def parse(text: str, where: str, error: type[InputError]) -> Table:
    """The top table of a TOML text. Raises `error` where it is no TOML."""
    try:
        return Table(tomllib.loads(text), where, error)
    except tomllib.TOMLDecodeError as problem:
        raise error(f"{where} is not valid TOML: {problem}") from problem


def _kind(default: object) -> str:
    names = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "a string",
        dict: "a table",
        list: "a list",
    }
    return names[type(default)]


def inline(value: object) -> str:
    """A scalar or a list of scalars as TOML writes it. JSON's string escapes are TOML's."""
    if isinstance(value, list | tuple):
        return "[" + ", ".join(inline(part) for part in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value) if value != int(value) or abs(value) >= 1e16 else f"{value:.1f}"
    if isinstance(value, int):
        return str(value)
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def section(header: str, values: Mapping[str, object]) -> list[str]:
    """The lines of one table; None values are left out, as TOML has no null."""
    return ["", header, *(f"{_key(key)} = {inline(value)}" for key, value in values.items() if value is not None)]


def _key(key: str) -> str:
    plain = key.replace("-", "").replace("_", "")
    return key if plain.isascii() and plain.isalnum() else json.dumps(key)
