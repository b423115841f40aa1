"""Arrow types as JSON Schema: nullability, sizes, and the closed lists that a field's comment names first."""

import enum
import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from pkgutil import iter_modules

import pyarrow as pa

import schemas
from pipelines.contracts.comments import Said
from schemas.digest import Json

Schema = dict[str, Json]
SCALARS = {pa.string(): "string", pa.int64(): "integer", pa.float64(): "number", pa.bool_(): "boolean"}
SMALL_INTEGERS = {pa.int8(): 8, pa.int16(): 16, pa.int32(): 32}


def enums() -> dict[str, type[enum.StrEnum]]:
    """The closed lists in `schemas/` by the name of their class."""
    found = {}
    for module in iter_modules(schemas.__path__):
        for name, value in vars(import_module(f"schemas.{module.name}")).items():
            if isinstance(value, type) and issubclass(value, enum.StrEnum) and value is not enum.StrEnum:
                found[name] = value
    return found


def of_enum(members: type[enum.StrEnum]) -> Schema:
    """The values of a closed list, and under `x-explanations` the sentence that documents each, where it has one."""
    told: dict[str, Json] = {one.value: text for one in members if (text := getattr(one, "explanation", ""))}
    return {"type": "string", "enum": [one.value for one in members], **({"x-explanations": told} if told else {})}


def of_fields(fields: Sequence[pa.Field], said: Mapping[str, Said]) -> Schema:
    """The object that a row of these fields is: every key is there, also where its value is null."""
    return {
        "type": "object",
        "properties": {one.name: _of_field(one, said.get(one.name, Said())) for one in fields},
        "required": [one.name for one in fields],
        "additionalProperties": False,
    }


def _of_field(field: pa.Field, said: Said) -> Schema:
    named = re.match(r"[A-Z]\w+", said.text)
    members = enums().get(named[0]) if named else None
    found = of_enum(members) if members else _of_type(field.type, said.within)
    if field.nullable:
        found["type"] = [found["type"], "null"]
        if isinstance(values := found.get("enum"), list):
            found["enum"] = [*values, None]
    is_name = members is not None and said.text == members.__name__
    text = _first_line(members) if members and is_name else said.text
    return {"description": text, **found} if text else found


def _first_line(members: type[enum.StrEnum]) -> str:
    return (members.__doc__ or "").partition("\n")[0]


def _of_type(kind: pa.DataType, within: Mapping[str, Said]) -> Schema:
    types = pa.types
    if types.is_struct(kind):
        return of_fields(list(kind), within)
    if types.is_map(kind):
        pair: Json = [_of_field(kind.key_field, Said()), _of_field(kind.item_field, Said())]
        return {"type": "array", "items": {"type": "array", "prefixItems": pair, "minItems": 2, "maxItems": 2}}
    if types.is_list(kind):
        return {"type": "array", "items": _of_field(kind.value_field, Said(within=dict(within)))}
    if types.is_fixed_size_binary(kind):
        return {"type": "string", "pattern": f"^[0-9a-f]{{{2 * kind.byte_width}}}$"}
    if types.is_binary(kind) or types.is_large_binary(kind):
        return {"type": "string", "pattern": "^([0-9a-f]{2})*$"}
    if types.is_timestamp(kind):
        return {"type": "string", "format": "date-time"}
    if kind in SMALL_INTEGERS:
        limit = 2 ** (SMALL_INTEGERS[kind] - 1)
        return {"type": "integer", "minimum": -limit, "maximum": limit - 1}
    return {"type": SCALARS[kind]}
