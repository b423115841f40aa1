"""Frozen dataclasses as JSON Schema: types and defaults from the fields, descriptions from the docstring's `name`: text."""

import dataclasses
import enum
import re
import types
import typing
from collections.abc import Mapping
from typing import Any

from pipelines.contracts.arrow import Schema, of_enum

SCALARS = {str: "string", bool: "boolean", int: "integer", float: "number", bytes: "string"}
_NAMES = re.compile(r"((?:`\w+`(?:, | and )?)+)(?: is| are|:) ")


def of_class(found: type, *, is_input: bool = False) -> Schema:
    """The object that an instance is. `is_input`: fields with a default may be left out, and null is none of TOML's values."""
    hints, said = typing.get_type_hints(found), described(found.__doc__ or "")
    properties: Schema = {}
    required = []
    for one in dataclasses.fields(found):
        schema = {
            **({"description": said[one.name]} if one.name in said else {}),
            **_of_hint(hints[one.name], is_input=is_input),
        }
        if one.default is dataclasses.MISSING or not is_input:
            required.append(one.name)
        elif one.default is not None:
            schema["default"] = list(one.default) if isinstance(one.default, tuple) else one.default
        properties[one.name] = schema
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _of_hint(hint: Any, *, is_input: bool) -> Schema:
    if isinstance(hint, types.UnionType):
        (kind,) = [one for one in hint.__args__ if one is not type(None)]
        found = _of_hint(kind, is_input=is_input)
        return found if is_input else {**found, "type": [found["type"], "null"]}
    if typing.get_origin(hint) is tuple:
        return {"type": "array", "items": _of_hint(hint.__args__[0], is_input=is_input)}
    if typing.get_origin(hint) is Mapping:
        return {"type": "object", "additionalProperties": _of_hint(hint.__args__[1], is_input=is_input)}
    if dataclasses.is_dataclass(hint):
        return of_class(typing.cast(type, hint), is_input=is_input)
    if issubclass(hint, enum.StrEnum):
        return of_enum(hint)
    return {"type": SCALARS[hint]}


def described(docstring: str) -> dict[str, str]:
    """What a docstring says of fields, by name: "`a`: one thing. `b`, `c`: others." -> {a: one thing, b: others, c: others}."""
    text = " ".join(docstring.split())
    places = list(_NAMES.finditer(text))
    ends = [*(place.start() for place in places[1:]), len(text)]
    return {
        name: text[place.end() : end].strip(" ;.")
        for place, end in zip(places, ends, strict=False)
        for name in re.findall(r"`(\w+)`", place[1])
    }
