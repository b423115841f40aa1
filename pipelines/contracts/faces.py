"""What people and programs outside Python write and read: recipe and card in TOML, JSON of `inspect`, `run` and `plan`."""

import re
from pathlib import Path
from typing import cast

import pyarrow as pa

from pipelines.capture.layout import Layout
from pipelines.contracts.arrow import Schema, of_enum, of_fields
from pipelines.contracts.classes import of_class
from pipelines.contracts.comments import fields_of
from pipelines.lanes import LANES
from pipelines.lanes.lane import Lane
from pipelines.late.samples import Sample
from pipelines.late.whatif import WhatIf
from pipelines.mix.balance import Balance
from pipelines.plan import Estimate
from pipelines.recipe import DEFAULT_AGENTS, FORMAT, Crawl, Shards
from pipelines.rights.policy import PRESETS, UNKNOWN
from pipelines.rooms import measure, one_batch
from pipelines.run import Result
from pipelines.stage import Scalar, Stage
from schemas.decision import DECISION, State, Verdict
from schemas.item import ID, item_schema
from schemas.reasons import Reason
from schemas.rights import LICENCE, RIGHTS, Usage
from schemas.source import AGREEMENTS, Agreement, SourceCard

DOCS = Path(__file__).resolve().parents[2] / "docs" / "recipe.md"
STRINGS: Schema = {"type": "array", "items": {"type": "string"}}


def recipe() -> Schema:
    """A corpus.toml, as the object that a TOML reader makes of it."""
    said = documented(DOCS.read_text("utf-8"))
    stages = {stage.name: stage for lane in LANES for stage in lane.stages}
    settings = _object({name: _settings(stage) for name, stage in sorted(stages.items())})
    lanes = [lane.name for lane in LANES]
    properties: Schema = {
        "format": {"const": FORMAT},
        "name": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"},
        "policy": {"enum": [preset.name + end for preset in PRESETS for end in ("", *UNKNOWN.values())]},
        "unknown": {"enum": list(UNKNOWN)},
        "agents": {**_one_or_more(), "default": list(DEFAULT_AGENTS)},
        "max_quarantined": {"type": "number", "default": 0.01},
        "block_lists": {**_one_or_more(), "default": []},
        "owner_opt_outs": {"type": "string", "default": ""},
        "source": {"type": "array", "minItems": 1, "items": _source(said, lanes, settings)},
        "stage": settings,
        "mix": _object({name: {"type": "number", "exclusiveMinimum": 0} for name in lanes}),
        "balance": _object(
            {
                "entries": {"type": "string"},
                "lanes": {**_one_or_more(), "default": list(Balance().lanes)},
                "at_most": {"type": "integer", "minimum": 1, "default": Balance().at_most},
                "keep_unmatched": {"type": "boolean", "default": Balance().keep_unmatched},
            },
            "entries",
        ),
        "shards": of_class(Shards, is_input=True),
    }
    for key, text in said.items():
        name = {'[stage."NAME"]': "stage"}.get(key, key.strip("[]"))
        if name in properties:
            properties[name] = {"description": text, **properties[name]}  # type: ignore[dict-item]
    return _object(properties, "format", "name", "policy", "source")


def _source(said: dict[str, str], lanes: list[str], settings: Schema) -> Schema:
    lane: Schema = {"type": "string", "enum": list(lanes)}
    properties: Schema = {
        "card": {"oneOf": [{"type": "string"}, card()]},
        "lane": {"oneOf": [lane, {"type": "array", "items": lane, "minItems": 1}]},
        "from": {"oneOf": [{"type": "string"}, {**STRINGS, "minItems": 1}]},
        "languages": {**_one_or_more(), "default": []},
        "sample": {"type": "number", "exclusiveMinimum": 0, "maximum": 1, "default": 1.0},
        "stage": {"description": said['[source.stage."NAME"]'], **settings},
        "crawl": {"description": said["[source.crawl]"], **of_class(Crawl, is_input=True)},
        **of_class(Layout, is_input=True)["properties"],  # type: ignore[dict-item]
    }
    for key, text in said.items():
        name = key.removeprefix("[[source]] ")
        if key != name:
            properties[name] = {**properties[name], "description": text}  # type: ignore[dict-item]
    return _object(properties, "card", "lane", "from")


def _settings(stage: Stage) -> Schema:
    sources = {rule.name: rule.source for rule in stage.rules}
    return _object({
        name: {**({"description": sources[name]} if name in sources else {}), **_of_value(value)}
        for name, value in stage.settings.items()
    })  # fmt: skip


def _of_value(value: Scalar) -> Schema:
    match value:
        case bool():
            return {"type": "boolean", "default": value}
        case int():
            return {"type": "integer", "default": value}
        case float():
            return {"type": "number", "default": value}
        case str():
            return {"type": "string", "default": value}
    return {**STRINGS, "default": list(value)}


def _one_or_more() -> Schema:
    return {"oneOf": [{"type": "string"}, STRINGS]}


def _object(properties: Schema, *required: str) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def card() -> Schema:
    """A source card: a TOML file of its own, or the table `[source.card]` of a recipe."""
    agreement = of_class(Agreement, is_input=True)
    stated = cast(dict[str, Schema], agreement["properties"])
    del stated["mechanism"]
    stated["until"]["format"] = "date"
    for key in ("allows", "disallows"):
        stated[key]["items"] = of_enum(Usage)
    found = of_class(SourceCard, is_input=True)
    keys = cast(dict[str, Schema], found["properties"])
    del keys["agreements"]
    for key in AGREEMENTS:
        either: Schema = {"oneOf": [{"type": "string"}, {**agreement, "required": ["reference"]}]}
        keys[key] = {"description": "a reference alone, or a table of what it says", **either}
    return found


def documented(page: str) -> dict[str, str]:
    """What the tables of a page say of keys: "| `[x] a`, `b` | text | default |" -> {"[x] a": text, "[x] b": text}."""
    found: dict[str, str] = {}
    for keys, text in re.findall(r"^\| (`[^|]+`) \| ([^|]+) \|", page, re.MULTILINE):
        first, *others = re.findall(r"`([^`]+)`", keys)
        table = first.rpartition(" ")[0]
        found |= dict.fromkeys([first, *(f"{table} {other}" for other in others)], text.strip())
    return found


def inspect_line() -> Schema:
    """One line of `headwater inspect`: an item, or a URL that gave none."""
    columns = ("stage", "verdict", "reason", "signal", "value", "threshold", "detail")
    fields = [DECISION.field(name) for name in columns]
    text: Schema = {"type": "string"}
    maybe: Schema = {"type": ["string", "null"]}
    name: Schema = {"description": "the path, URL or URI; the id of a line of --jsonl as it was given"}
    item: Schema = {
        "id": name, "lane": {"enum": [lane.name for lane in LANES]}, "text": text, "language": maybe, "licence": maybe,
        "signals": {
            "description": "what the lane's measures gave; null where an item was not measured",
            "type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
        },
        "decisions": {
            "description": "what every judge says, and the split or a measure where it failed",
            "type": "array", "items": of_fields(fields, fields_of("schemas.decision", "DECISION")),
        },
        "rights": _rows("statements of use of the capture (subject null) and of its site", "schemas.rights", "RIGHTS", RIGHTS, (
            "subject", "mechanism", "usage", "verdict", "agent", "locator", "excerpt",
        ), hexed=maybe),
        "robots": {
            "description": "the robots.txt that holds, last, behind the redirects that led to it; empty where none is known",
            "type": "array",
            "items": _object({"origin": text, "status": {"type": ["integer", "null"]}, "body_sha256": text}, "origin"),
        },
        "licences": _rows(
            "every place that names a licence", "schemas.rights", "LICENCE", LICENCE, ("location", "locator", "expression", "raw"),
            hexed=text,
        ),
    }  # fmt: skip
    failed: Schema = {"id": name, "error": text}
    return {"oneOf": [_object(item, *item), _object(failed, *failed)]}


def _rows(says: str, module: str, table: str, schema: pa.Schema, columns: tuple[str, ...], *, hexed: Schema) -> Schema:
    """A list of rows of an evidence table, the digest of what says so in hex."""
    rows = of_fields([schema.field(name) for name in columns], fields_of(module, table))
    properties = {**cast(Schema, rows["properties"]), "evidence_sha256": hexed}
    return {"description": says, "type": "array", "items": _object(properties, *properties)}


def result() -> Schema:
    """What `headwater run --json` ends with."""
    return of_class(Result)


def estimate() -> Schema:
    """The `estimate` of `headwater plan --json`."""
    return of_class(Estimate)


def what_if() -> Schema:
    """What `headwater whatif --json` prints."""
    return of_class(WhatIf)


def drops_row() -> Schema:
    """A row of what `headwater drops --json` prints; of `source` and `language` that is there which `--by` names."""
    text: Schema = {"type": "string"}
    properties: Schema = {
        "lane": text,
        "source": text,
        "language": {"description": "`unknown` where none was measured", **text},
        "state": {
            "description": "shadow: a rule that only counts would have dropped the item; such rows stand beside the account",
            "type": "string",
            "enum": [*(state.value for state in State), Verdict.SHADOW.value],
        },
        "stage": {"type": ["string", "null"]},
        "reason": {"type": ["string", "null"], "enum": [*(one.value for one in Reason), None]},
        "items": {"type": "integer"},
        "share": {"description": "of all items of the lane (and source, or language)", "type": "number"},
    }
    return _object(properties, "lane", "state", "stage", "items", "share")


def drops_sample() -> Schema:
    """One item of what `headwater drops --reason R --json` prints."""
    return of_class(Sample)


def signals(lane: Lane) -> Schema:
    """A row of the ledger's table `signal_<lane>`."""
    found, _ = measure(lane, one_batch(item_schema(lane.facts).empty_table()))
    return of_fields([pa.field("item_id", ID, nullable=False), *list(found.schema)[1:]], {})
