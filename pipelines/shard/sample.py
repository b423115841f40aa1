"""Samples: items as the parts of a tar. The one writer of sample JSON, and the encoder of the text lanes.

JSON of samples is not canonical JSON: RFC 8785 writes 1.0 as `1`, from which readers would guess another type.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from json.encoder import encode_basestring as quote

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.edits.pii import redact_links
from schemas.digest import Json
from schemas.errors import ShardError
from schemas.item import ID, text_sha256
from schemas.sample import AUDIO_TEXT, IMAGE_TEXT, TEXT, SampleConfig

# What is known of an item's rights beside its licence; rows aligned with the items.
EVIDENCE = pa.schema(
    [
        pa.field("license_source", pa.string()),
        pa.field("page_url", pa.string()),  # of the capture that says the text; null: the item's own
        *(field.with_nullable(False) for field in TEXT.json.field("metadata").type.field("rights").type),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """An item ready for a shard. `parts`: content by extension; a lane leaves out its payload, which is read last. `meta`: values of the config's `about` columns."""

    item_id: bytes
    parts: Mapping[str, bytes]
    meta: Mapping[str, object]


def json_rows(rows: pa.RecordBatch) -> list[bytes]:
    """One JSON document a row: keys sorted, every column present, floats with a decimal point, UTF-8.

    Types are those of the batch's schema; a float64 of 1 is `1.0`, of 1e16 `1.0e+16`; null only in nullable scalars.

    Raises:
        ShardError: a null or a number that is not finite where the schema allows none.
    """
    return [text.encode("utf-8") for text in _objects(list(rows.schema), rows.columns, "")]


def sample_json(fields: Mapping[str, object], schema: pa.Schema) -> bytes:
    """The JSON of one sample: `json_rows` for a single row, after checking keys and types.

    Raises:
        ShardError: a key is missing or unknown, or a value has another type than the schema says.
    """
    check_fields(fields, schema)
    return json_rows(pa.RecordBatch.from_pylist([dict(fields)], schema))[0]


def check_fields(fields: object, schema: pa.Schema) -> None:
    """Nothing, if `fields` has exactly the keys and types of the schema (an int is no float, a bool no int).

    Raises:
        ShardError: naming the first key that differs.
    """
    _check(fields, _wanted_object(schema), "")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a value must be: an object of `fields`, a list of `entry`, or of the Python type `scalar`."""

    name: str
    is_nullable: bool = False
    scalar: type | None = None
    entry: "_Wanted | None" = None
    fields: Mapping[str, "_Wanted"] = field(default_factory=dict)


_PYTHON: dict[pa.DataType, type] = {pa.string(): str, pa.int64(): int, pa.float64(): float, pa.bool_(): bool}


@cache
def _wanted_object(schema: pa.Schema) -> _Wanted:
    return _Wanted("object", fields={field.name: _wanted(field) for field in schema})


def _wanted(field: pa.Field) -> _Wanted:
    kind = field.type
    if pa.types.is_struct(kind):
        return _wanted_object(pa.schema(list(kind)))
    if pa.types.is_list(kind):
        return _Wanted("list", entry=_wanted(kind.value_field))
    return _Wanted(str(kind), is_nullable=field.nullable, scalar=_PYTHON[kind])


def _check(value: object, wanted: _Wanted, path: str) -> None:
    if wanted.scalar is not None:
        good = type(value) is wanted.scalar or (value is None and wanted.is_nullable)
    elif wanted.entry is not None:
        good = isinstance(value, list)
        for entry in value if isinstance(value, list) else ():
            _check(entry, wanted.entry, f"{path}[]")
    else:
        good = isinstance(value, Mapping)
        if isinstance(value, Mapping):
            _check_keys(value, wanted, path)
            for name, child in wanted.fields.items():
                _check(value[name], child, f"{path}.{name}" if path else name)
    if not good:
        null = " or null" if wanted.is_nullable else ""
        raise ShardError(f"{path or 'the sample'} is {type(value).__name__}; its config says {wanted.name}{null}")


def _check_keys(value: Mapping[str, object], wanted: _Wanted, path: str) -> None:
    if differing := value.keys() ^ wanted.fields.keys():
        names = ", ".join(sorted(map(str, differing)))
        raise ShardError(f"{path or 'the sample'} does not have the keys of its config; differing: {names}")


def _objects(fields: Sequence[pa.Field], columns: Sequence[pa.Array], path: str) -> list[str]:
    """JSON objects, one a row, written column by column (about 0.2 us a value)."""
    pairs = sorted(zip(fields, columns, strict=True), key=lambda pair: pair[0].name)
    template = "{" + ",".join(f"{quote(field.name)}:%s" for field, _ in pairs) + "}"
    texts = [_values(column, field, path + field.name) for field, column in pairs]
    return [template % row for row in zip(*texts, strict=True)]


def _values(array: pa.Array, field: pa.Field, path: str) -> list[str]:
    kind = array.type
    is_nested = pa.types.is_nested(kind)
    if array.null_count and (is_nested or not field.nullable):
        row = pc.index(array.is_null(), True).as_py()
        raise ShardError(f"{path} is null in row {row} of the batch; its config says it never is")
    if pa.types.is_struct(kind):
        return _objects(list(kind), array.flatten(), f"{path}.")
    if pa.types.is_list(kind):
        texts = _values(array.flatten(), kind.value_field, f"{path}[]")
        bounds = (array.offsets.to_numpy() - array.offsets[0].as_py()).tolist()
        return ["[" + ",".join(texts[start:stop]) + "]" for start, stop in pairwise(bounds)]
    values = array.to_pylist()
    if pa.types.is_string(kind):
        return [quote(value) if value is not None else "null" for value in values]
    if pa.types.is_integer(kind):
        return [str(value) if value is not None else "null" for value in values]
    if pa.types.is_floating(kind):
        return [_float(value, path) if value is not None else "null" for value in values]
    if pa.types.is_boolean(kind):
        return [json.dumps(value) for value in values]
    raise ShardError(f"{path}: sample JSON has no form for {kind}")


def _float(value: float, path: str) -> str:
    if not math.isfinite(value):
        raise ShardError(f"{path} is {value}, which JSON cannot say; leave it null")
    text = repr(value)
    if "." in text:
        return text
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa}.0e{exponent}"


def encode_text(
    items: pa.RecordBatch, captures: pa.RecordBatch, evidence: pa.RecordBatch | None = None
) -> list[dict[str, bytes]]:
    """The parts of text items, one mapping a row: `{"json": ...}` as `schemas.sample.TEXT` says.

    `captures` holds each item's capture, `evidence` (EVIDENCE) what is known of its rights, both row by row; without
    evidence the decision is `unknown`. A `title` and a `created` are taken from the lane's facts where it has them.

    Raises:
        ShardError: a text is empty or null, or a capture is not that of its item.
    """
    _check_text(items, captures)
    fields = _text_fields(items, captures, evidence or _no_evidence(len(items)))
    return [{"json": document} for document in json_rows(_batch(fields, TEXT.json))]


def text_samples(
    items: pa.RecordBatch, captures: pa.RecordBatch, evidence: pa.RecordBatch | None = None
) -> Iterator[Sample]:
    """The samples of text items, in row order; see `encode_text`."""
    parts = encode_text(items, captures, evidence)
    about = about_rows(items, captures, TEXT)
    for item_id, part, meta in zip(items.column("item_id").to_pylist(), parts, about, strict=True):
        yield Sample(item_id=item_id, parts=part, meta=meta)


def about_rows(items: pa.RecordBatch, captures: pa.RecordBatch, config: SampleConfig) -> list[dict[str, object]]:
    """What the per-sample Parquet rows say of the items, one mapping a row, without columns of a lane's own."""
    columns = {
        "capture_id": items.column("capture_id"),
        "source": items.column("source"),
        "domain": captures.column("host"),
        "language": items.column("language"),
        "license": items.column("licence"),
        "media_type": items.column("media_type"),
        "content_sha256": items.column("content_sha256"),
    }
    schema = pa.schema([field for field in config.about if field.name in columns])
    rows: list[dict[str, object]] = _batch(columns, schema).to_pylist()
    return rows


def check_text(document: Mapping[str, Json], key: str) -> None:
    """Nothing, if a text sample's document is about this key and its text has the digest it states.

    Raises:
        ShardError: the id, the uid or the digest differs.
    """
    metadata = document["metadata"]
    assert isinstance(metadata, dict)
    if not str(document["id"]).startswith(key) or metadata["uid"] != key:
        raise ShardError(f"sample {key}: its JSON is that of item {document['id']}")
    if text_sha256(str(document["text"])).hex() != metadata["sha256"]:
        raise ShardError(f"sample {key}: its text does not have the sha256 its JSON states")


def _check_text(items: pa.RecordBatch, captures: pa.RecordBatch) -> None:
    if not items.column("capture_id").cast(ID).equals(captures.column("capture_id").cast(ID)):
        raise ShardError("captures are not aligned with items: row by row, each must be the capture of its item")
    is_empty = pc.equal(pc.binary_length(items.column("text")), 0).fill_null(True)
    if pc.any(is_empty).as_py():
        item_id = items.column("item_id")[pc.index(is_empty, True).as_py()].as_py()
        raise ShardError(f"item {item_id.hex()} has no text; a judge must drop it before the shard room")


def _text_fields(items: pa.RecordBatch, captures: pa.RecordBatch, evidence: pa.RecordBatch) -> dict[str, pa.Array]:
    said = provenance(items, captures, evidence)
    metadata = said | {
        "title": _fact(items, "title"),
        "language": items.column("language"),
        "media_type": items.column("media_type"),
    }
    return {
        "text": items.column("text"),
        "id": _hex(items.column("item_id")),
        "source": items.column("source"),
        "created": _fact(items, "created"),
        "added": said["retrieved_at"],
        "metadata": _struct(metadata, TEXT.json.field("metadata").type),
    }


def provenance(items: pa.RecordBatch, captures: pa.RecordBatch, evidence: pa.RecordBatch) -> dict[str, pa.Array]:
    """The columns of `schemas.sample.PROVENANCE`; all three batches are aligned row by row.

    An address, key or password in a URL is a placeholder: the ledger's `capture` has the URL as it was.
    """
    rights = {name: evidence.column(name) for name in ("decision", "signals")}
    return {
        "uid": pc.utf8_slice_codeunits(_hex(items.column("item_id")), 0, 32),
        "url": redact_links(captures.column("uri")),
        "page_url": redact_links(pc.coalesce(evidence.column("page_url"), captures.column("uri"))),
        "license": items.column("licence"),
        "license_source": evidence.column("license_source"),
        "retrieved_at": _rfc3339(captures.column("fetched_at")),
        "http_status": captures.column("status").cast(pa.int64()),
        "sha256_original": _hex(pc.struct_field(captures.column("payload"), "sha256")),
        "sha256": _hex(items.column("content_sha256")),
        "rights": _struct(rights, TEXT.json.field("metadata").type.field("rights").type),
    }


def image_samples(items: pa.RecordBatch, captures: pa.RecordBatch, evidence: pa.RecordBatch) -> Iterator[Sample]:
    """The samples of captioned pictures, in row order, without their `jpg`.

    Facts: `caption_source` (string), `other_captions` (list), `width`, `height`, `original_width`, `original_height` (integers,
    pixels), `orientation` (1..8 or null) and `is_upright` (whether the published pixels need no turn).
    """
    names = ("caption_source", "other_captions", *_PIXELS)
    facts = {name: pc.struct_field(items.column("facts"), name) for name in names}
    held, is_upright = (pc.struct_field(items.column("facts"), name) for name in ("orientation", "is_upright"))
    facts["orientation"] = pc.if_else(is_upright, pa.scalar(None, held.type), held)
    yield from _media_samples(
        items,
        captures,
        evidence,
        IMAGE_TEXT,
        {"caption": items.column("text"), "language": items.column("language"), **facts},
    )


def audio_samples(items: pa.RecordBatch, captures: pa.RecordBatch, evidence: pa.RecordBatch) -> Iterator[Sample]:
    """The samples of recordings with their transcripts or captions, in row order, without their `flac`.

    Facts: `duration_s` (float64, seconds), `sample_rate` (integer, hertz), `channels` (integer), `tags` (list of strings),
    `start_s`, `end_s` (float64, seconds, null for a whole recording), `synthetic` (bool).
    """
    facts = {name: pc.struct_field(items.column("facts"), name) for name in ("sample_rate", "channels")}
    texts = pa.array([[text] for text in items.column("text").to_pylist()], AUDIO_TEXT.json.field("text").type)
    columns = facts | {
        "text": texts,
        "tag": pc.struct_field(items.column("facts"), "tags"),
        "language": items.column("language"),
        "duration": pc.struct_field(items.column("facts"), "duration_s"),
        "start": pc.struct_field(items.column("facts"), "start_s"),
        "end": pc.struct_field(items.column("facts"), "end_s"),
        "synthetic": pc.struct_field(items.column("facts"), "synthetic"),
    }
    yield from _media_samples(items, captures, evidence, AUDIO_TEXT, columns)


_PIXELS = ("width", "height", "original_width", "original_height")


def _media_samples(
    items: pa.RecordBatch, captures: pa.RecordBatch, evidence: pa.RecordBatch, config: SampleConfig,
    columns: Mapping[str, pa.Array],
) -> Iterator[Sample]:  # fmt: skip
    _check_text(items, captures)
    documents = json_rows(_batch(provenance(items, captures, evidence) | dict(columns), config.json))
    about = about_rows(items, captures, config)
    texts = items.column("text").to_pylist()
    for item_id, text, document, meta in zip(items.column("item_id").to_pylist(), texts, documents, about, strict=True):
        yield Sample(item_id=item_id, parts={"json": document, "txt": text.encode()}, meta=meta)


def _no_evidence(rows: int) -> pa.RecordBatch:
    unknown: list[dict[str, object]] = [
        {"license_source": None, "page_url": None, "decision": "unknown", "signals": []}
    ] * rows
    return pa.RecordBatch.from_pylist(unknown, EVIDENCE)


def _fact(items: pa.RecordBatch, name: str) -> pa.Array:
    facts = items.column("facts")
    if facts.type.get_field_index(name) < 0:
        return pa.nulls(len(items), pa.string())
    return pc.struct_field(facts, name).cast(pa.string())


def _hex(values: pa.Array) -> pa.Array:
    return pa.array([value.hex() if value is not None else None for value in values.to_pylist()], pa.string())


def _rfc3339(times: pa.Array) -> pa.Array:
    # Times are UTC; without the zone Arrow needs no zone database. %S brings the six digits of the unit.
    return pc.strftime(times.cast(pa.timestamp("us")), "%Y-%m-%dT%H:%M:%SZ")


def _struct(columns: Mapping[str, pa.Array], kind: pa.StructType) -> pa.Array:
    return pa.StructArray.from_arrays([columns[field.name].cast(field.type) for field in kind], fields=list(kind))


def _batch(columns: Mapping[str, pa.Array], schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([columns[field.name].cast(field.type) for field in schema], schema=schema)
