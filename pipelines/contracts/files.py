"""The files of `schemas/json/`: one JSON Schema a contract."""

import json
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pyarrow as pa

import schemas
from pipelines.contracts import faces
from pipelines.contracts.answers import answers
from pipelines.contracts.arrow import Schema, of_fields
from pipelines.contracts.comments import assigns, before, fields_of
from pipelines.lanes import LANES
from schemas.item import item_schema
from schemas.sample import CONFIGS
from schemas.tables import TABLES

FOLDER = Path(__file__).resolve().parents[2] / "schemas" / "json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def made() -> dict[str, str]:
    """File name -> text of every schema, sorted."""
    found = {**_tables(), **_rooms(), **_samples()}
    found |= {
        "recipe": _titled("A recipe: corpus.toml", faces.recipe()),
        "card": _titled("A source card in TOML", faces.card()),
        "inspect-line": _titled("One line of `headwater inspect`", faces.inspect_line()),
        "run-result": _titled("What `headwater run --json` ends with", faces.result()),
        "whatif": _titled("What `headwater whatif --json` prints", faces.what_if()),
        "drops-row": _titled("A row of `headwater drops --json`", faces.drops_row()),
        "drops-sample": _titled("An item of `headwater drops --reason R --json`", faces.drops_sample()),
        "plan-estimate": _titled("The `estimate` of `headwater plan --json`", faces.estimate()),
        **{name: _titled(title, schema) for name, (title, schema) in answers().items()},
    }
    return {
        f"{name}.json": json.dumps({"$schema": DIALECT, **schema}, indent=1, ensure_ascii=False) + "\n"
        for name, schema in sorted(found.items())
    }


def _titled(title: str, schema: Schema, description: str = "") -> Schema:
    return {"title": title, **({"description": description} if description else {}), **schema}


def _tables() -> dict[str, Schema]:
    """Every Arrow schema that a module of `schemas/` holds by name; tables of the ledger under the table's name."""
    names = {id(schema): name for name, schema in TABLES.items()}
    found: dict[str, Schema] = {}
    for module in sorted(f"schemas.{one.name}" for one in iter_modules(schemas.__path__) if not one.ispkg):
        for variable, schema in vars(import_module(module)).items():
            if not isinstance(schema, pa.Schema) or not assigns(module, variable):
                continue
            table = names.get(id(schema))
            title = f"A row of the ledger's table `{table}`" if table else f"A row of `{variable.lower()}`"
            rows = of_fields(list(schema), fields_of(module, variable))
            found[table or variable.lower()] = _titled(title, rows, before(module, variable))
    return found


def _rooms() -> dict[str, Schema]:
    said = fields_of("schemas.item", "item_schema")
    found = {
        f"signal-{lane.name}": _titled(
            f"A row of the ledger's table `signal_{lane.name}`; null: not measured", faces.signals(lane)
        )
        for lane in LANES
    }
    return found | {
        f"room-item-{lane.name}": _titled(
            f"An item of lane {lane.name} between rooms", of_fields(list(item_schema(lane.facts)), said)
        )
        for lane in LANES
    }


def _samples() -> dict[str, Schema]:
    found: dict[str, Schema] = {}
    for name, config in CONFIGS.items():
        said = fields_of("schemas.sample", "PROVENANCE", _variable(name))
        found[f"sample-{name}"] = _titled(f"The JSON of a sample of config {name}", of_fields(list(config.json), said))
        said = fields_of("schemas.sample", "PLACE", "ABOUT", _variable(name))
        found[f"sample-{name}-row"] = _titled(
            f"A row of the per-sample Parquet of config {name}", of_fields(list(config.meta), said)
        )
    return found


def _variable(config: str) -> str:
    """The name under which `schemas.sample` holds a config."""
    return config.upper()
