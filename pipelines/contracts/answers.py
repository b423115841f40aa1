"""What verbs print with --json for programs: answers of the audit, proofs, takedowns, papers of a release."""

from typing import cast

from pipelines.contracts.arrow import Schema, of_enum, of_fields
from pipelines.contracts.classes import of_class
from pipelines.contracts.comments import fields_of
from pipelines.exports.export import Written
from pipelines.late.certify import Certificate
from schemas.capture import CAPTURE, Outcome
from schemas.digest import Json
from schemas.request import REQUEST
from schemas.run import SOURCE

TEXT: Schema = {"type": "string"}
MAYBE: Schema = {"type": ["string", "null"]}
COUNT: Schema = {"type": "integer", "minimum": 0}
YES: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": ["number", "null"]}
HEX: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
KEY: Schema = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
COUNTS: Schema = {"type": "object", "additionalProperties": COUNT}
UNKNOWN: Schema = {"const": "unknown", "description": "nothing was recorded: not the same as an empty list"}


def answers() -> dict[str, tuple[str, Schema]]:
    """File name -> (title, schema) of what each verb prints."""
    return {
        "export": ("What `headwater export --out FILE --json` prints", of_class(Written)),
        "certificate": ("The certificate that `headwater certify` writes, and prints with --json", _certificate()),
        "proof": ("The proof that `headwater prove` writes", _proof()),
        "proof-checked": ("What `headwater prove --check FILE --json` prints", _object({"ok": YES, "problems": _list(TEXT)})),
        "verified": ("What `headwater verify --json` prints", _verified()),
        "where": ("What `headwater where NAME --json` prints", _where()),
        "why": ("What `headwater why NAME --json` prints", _why()),
        "question": ("A row of `headwater ask --json`: a question that can be asked", _object({"name": TEXT, "takes": _list(TEXT), "asks": TEXT})),
        "register-row": ("A row of `headwater requests --json`", _register_row()),
        "takedown-plan": ("What `headwater forget --json` prints: the plan", _plan()),
        "takedown-report": ("What `headwater forget --apply --json` prints, and takedowns/REQUEST.json holds: the proof", _report()),
    }  # fmt: skip


def _object(properties: Schema, *, optional: tuple[str, ...] = (), is_open: bool = False) -> Schema:
    """An object with all of these but the optional ones; `is_open`: later versions may tell more."""
    required: list[Json] = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": is_open}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _or_unknown(schema: Schema) -> Schema:
    return {"oneOf": [UNKNOWN, schema]}


def _certificate() -> Schema:
    found = of_class(Certificate)
    properties = cast(Schema, found["properties"]) | {
        "digest": {"description": "of all the others as canonical JSON", **HEX}
    }
    return _object(properties)


def _proof() -> Schema:
    steps = _list(HEX)
    member = _object({"name": TEXT, "sha256": HEX, "index": COUNT, "steps": steps})
    receipt = _object({"path": TEXT, "bytes": TEXT, "index": COUNT, "of": COUNT, "steps": steps})
    return _object({
        "v": {"const": 1}, "release": TEXT, "key": KEY, "shard": TEXT,
        "members": {"description": "of the sample, each with its path to the Merkle root of the shard", **_list(member)},
        "leaves": {"description": "members of the shard", **COUNT},
        "receipt": {"description": "of the shard, as base64, with its path to the root of the release", **receipt},
        "release_row": {"description": "the file of the ledger that holds that root, as base64", **_object({"bytes": TEXT})},
        "commit": {"description": "the commit that lists that file, as base64", **_object({"path": TEXT, "hash": HEX, "bytes": TEXT})},
    })  # fmt: skip


def _verified() -> Schema:
    counts: Schema = dict.fromkeys(("commits", "orphans", "releases"), COUNT)
    problem = _object({"path": TEXT, "what": TEXT})
    properties = {"release": TEXT, **counts, "files": COUNT, "samples": COUNT, "problems": _list(problem), "ok": YES}
    return _object(properties, optional=("release", *counts))


def _commit(**more: Schema) -> Schema:
    return _object({"seq": COUNT, "hash": HEX, "run": TEXT, **more})


def _placement() -> Schema:
    offsets: Schema = {name: {"description": "bytes", **COUNT} for name in ("offset", "length")}
    return {
        "release": TEXT, "lane": TEXT, "split": TEXT, "shard": {"description": "relative to the store", **TEXT}, "key": KEY,
        "ordinal": COUNT, **offsets, "shard_id": HEX, "shard_sha256": HEX,
    }  # fmt: skip


def _checkpoints() -> Schema:
    times: Schema = {"description": "how often it was fed to it", "oneOf": [UNKNOWN, COUNT]}
    seen = _object({"checkpoint_id": HEX, "training_run": TEXT, "step": COUNT, "path": TEXT, "times": times})
    return _or_unknown(_list(seen))


def _where() -> Schema:
    place = _object({"item_id": HEX, **_placement(), "checkpoints": _checkpoints()})
    return _object({"name": TEXT, "kind": _kind(), "commit": _commit(), "placements": _list(place)})


def _kind() -> Schema:
    return {"enum": ["uri", "item", "sample_key", "capture", "file"]}


def _why() -> Schema:
    run: Schema = dict.fromkeys(("recipe", "policy", "runner", "version", "started_at", "ended_at", "release"), MAYBE)
    commit = _commit(**cast(dict[str, Schema], run), recipe_digest=HEX)
    row = cast(Schema, of_fields(list(CAPTURE), fields_of("schemas.capture", "CAPTURE"))["properties"])
    told: Schema = {
        name: row[name] for name in ("capture_id", "source", "outcome", "uri", "host", "status", "media_type")
    }
    told |= {
        "meaning": {"description": "of the outcome, in words", **TEXT},
        "fetched_at": {"description": "RFC 3339, or unknown", **TEXT},
        "stored": {"description": "where the bytes lie; null: nothing was stored", **cast(Schema, row["payload"])},
        **{name: _or_unknown(_list({"type": "object"})) for name in ("rights", "robots", "licences")},
    }  # fmt: skip
    told["outcome"] = of_enum(Outcome)
    items: Schema = {"items": _list({"$ref": "#/$defs/item"}), "no_items_because": TEXT}
    capture = _object({**told, **items}, optional=("no_items_because",), is_open=True)
    sources: Schema = {
        "type": "object",
        "additionalProperties": of_fields(list(SOURCE), fields_of("schemas.run", "SOURCE")),
    }
    found = _object({
        "name": TEXT, "kind": _kind(), "commit": commit, "captures": _list(capture),
        "texts_from": {"description": "pages and tables that say what pictures and recordings show", **_list(_object(told, is_open=True))},
        "sources": sources,
    })  # fmt: skip
    return {**found, "$defs": {"item": _item()}}


def _item() -> Schema:
    ended = _object({"state": TEXT, "stage": MAYBE, "reason": MAYBE}, is_open=True)
    return _object(
        {
            "item_id": HEX, "parent_id": {"type": ["string", "null"]}, "lane": TEXT, "source": TEXT, "modality": TEXT, "media_type": TEXT,
            "language": TEXT, "licence": TEXT, "content_sha256": HEX, "bytes": COUNT, "key": KEY, "disposition": _or_unknown(ended),
            "decisions": _list(_object({"stage": TEXT, "verdict": TEXT}, is_open=True)),
            "signals": {"oneOf": [UNKNOWN, {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "null"]}}]},
            "placements": _list(_object(_placement())), "checkpoints": _checkpoints(),
            "children": _list({"$ref": "#/$defs/item"}),
            "witness": {"description": "what stands for it where it was merged", "type": "object"},
        },
        optional=("children", "checkpoints", "witness"), is_open=True,
    )  # fmt: skip


def _register_row() -> Schema:
    row = cast(Schema, of_fields(list(REQUEST), fields_of("schemas.request", "REQUEST"))["properties"])
    return _object({**row, "overdue": {"description": "open, and past due_at", **YES}})


def _exposure() -> Schema:
    return {"description": "checkpoints that saw some of it", "oneOf": [UNKNOWN, {"type": ["array", "object"]}]}


def _plan() -> Schema:
    one = _object({
        "item_id": HEX, "lane": TEXT, "uri": MAYBE, "state": MAYBE, "link": {"description": "why it is covered", **TEXT},
        "of": {"description": "the item that it hangs on", "type": ["string", "null"]}, "similarity": NUMBER,
    }, is_open=True)  # fmt: skip
    shard = _object({"release": TEXT, "lane": TEXT, "shard": TEXT, "shard_id": HEX, "items": COUNT}, is_open=True)
    return _object({
        "request": TEXT, "plan": {"description": "what --plan takes", **HEX}, "commit": COUNT, "items": COUNT, "captures": COUNT,
        "by_link": COUNTS, "by_lane": COUNTS, "by_state": COUNTS, "closure": _list(one), "shards": _list(shard), "exposure": _exposure(),
        "will_be_cleared": _list(TEXT), "remaining": _list({"type": "object"}),
    }, is_open=True)  # fmt: skip


def _report() -> Schema:
    item = _object({"item_id": HEX, "lane": TEXT, "link": TEXT, "similarity": NUMBER}, is_open=True)
    shard = _object({"lane": TEXT, "path": TEXT, "before": MAYBE, "after": MAYBE, "now": MAYBE}, is_open=True)
    scan: Schema = dict.fromkeys(("shards", "members", "bytes"), COUNT)
    found = _object({**scan, "found": {"type": "array"}, "same_words": {"type": "array"}})
    place = _object({"store": TEXT, "reason": TEXT}, is_open=True)
    return _object({
        "request": TEXT, "plan": HEX, "at": TEXT,
        "commit": {"description": "null until it was made", **_nullable(_object({"seq": COUNT, "hash": HEX}))},
        "release": _object({"before": MAYBE, "after": MAYBE}), "items": _list(item), "captures": COUNT, "shards": _list(shard),
        "untouched_shards": COUNT,
        "scan": {"description": "of the bytes of the shards: what was found again; null: there was no shard to look at", **_nullable(found)},
        "cleared": _list(place), "remaining": _list(place), "exposure": _exposure(), "suppressed": COUNT, "beyond": TEXT,
    }, is_open=True)  # fmt: skip


def _nullable(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}
