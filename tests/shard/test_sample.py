import json
import math
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.shard.sample import EVIDENCE, check_fields, check_text, encode_text, json_rows, sample_json, text_samples
from schemas.errors import ShardError
from schemas.item import text_sha256
from schemas.sample import AUDIO_TEXT, CONFIGS, IMAGE_TEXT, TEXT
from tests.shard.samples import TEXTS, captures, items

SCHEMA = pa.schema(
    [
        pa.field("z", pa.string(), nullable=False),
        pa.field("f", pa.float64()),
        pa.field("i", pa.int64(), nullable=False),
        pa.field("b", pa.bool_(), nullable=False),
        pa.field("words", pa.list_(pa.field("item", pa.string(), nullable=False)), nullable=False),
        pa.field("in", pa.struct([pa.field("y", pa.string()), pa.field("a", pa.int64())]), nullable=False),
    ]
)
FIELDS = {"z": "ä\n", "f": 1.0, "i": 3, "b": True, "words": ["a", 'b"'], "in": {"y": None, "a": -1}}
TEXT_VALUES = st.text(st.characters(exclude_categories=["Cs"]))
ROWS = st.fixed_dictionaries(
    {
        "z": TEXT_VALUES,
        "f": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "i": st.integers(-(2**63), 2**63 - 1),
        "b": st.booleans(),
        "words": st.lists(TEXT_VALUES, max_size=4),
        "in": st.fixed_dictionaries({"y": st.none() | TEXT_VALUES, "a": st.none() | st.integers(-(2**63), 2**63 - 1)}),
    }
)


def test_sample_json_sorts_keys_and_writes_utf8() -> None:
    assert sample_json(FIELDS, SCHEMA).decode() == (
        '{"b":true,"f":1.0,"i":3,"in":{"a":-1,"y":null},"words":["a","b\\""],"z":"ä\\n"}'
    )


@pytest.mark.parametrize(
    ("value", "written"), [(1.0, "1.0"), (1e16, "1.0e+16"), (1.5e-7, "1.5e-07"), (-0.0, "-0.0"), (1e-5, "1.0e-05")]
)
def test_floats_have_a_decimal_point(value: float, written: str) -> None:
    assert f'"f":{written},' in sample_json(FIELDS | {"f": value}, SCHEMA).decode()


@given(st.lists(ROWS, max_size=5))
def test_json_rows_are_read_back_with_value_and_type(rows: list[dict]) -> None:
    batch = pa.RecordBatch.from_pylist(rows, SCHEMA)
    found = [json.loads(document) for document in json_rows(batch)]
    assert found == rows
    assert json_rows(batch) == [sample_json(row, SCHEMA) for row in rows]
    for document in found:
        check_fields(document, SCHEMA)


@given(st.lists(ROWS, min_size=3, max_size=6), st.integers(0, 3))
def test_json_of_a_slice_is_a_slice_of_the_json(rows: list[dict], start: int) -> None:
    batch = pa.RecordBatch.from_pylist(rows, SCHEMA)
    assert json_rows(batch.slice(start)) == json_rows(batch)[start:]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"z": None}, "z is NoneType"),
        ({"f": 1}, "f is int"),
        ({"i": True}, "i is bool"),
        ({"words": None}, "words is NoneType"),
        ({"words": [None]}, r"words\[\] is NoneType"),
        ({"in": {"y": None}}, "in does not have the keys of its config; differing: a"),
        ({"extra": 1}, "differing: extra"),
    ],
)
def test_sample_json_refuses_other_keys_and_types(changed: dict, says: str) -> None:
    with pytest.raises(ShardError, match=says):
        sample_json(FIELDS | changed, SCHEMA)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_numbers_that_json_cannot_say_are_refused(value: float) -> None:
    with pytest.raises(ShardError, match="f is"):
        sample_json(FIELDS | {"f": value}, SCHEMA)


def test_null_in_a_column_without_nulls_is_named_by_row() -> None:
    batch = pa.RecordBatch.from_pylist([{"z": "a"}, {"z": None}], pa.schema([pa.field("z", pa.string())]))
    with pytest.raises(ShardError, match="z is null in row 1"):
        json_rows(batch.cast(pa.schema([pa.field("z", pa.string())])).from_arrays(
            batch.columns, schema=pa.schema([pa.field("z", pa.string(), nullable=False)])
        ))  # fmt: skip


def test_text_sample_says_everything_of_its_item() -> None:
    evidence = pa.RecordBatch.from_pylist(
        [{"license_source": "meta", "decision": "allow", "signals": ["robots_path:allow"]}], EVIDENCE
    )
    text = "Grüße"
    item, capture = items([text]), captures([text])
    [parts] = encode_text(item, capture, evidence)
    item_id = item.column("item_id")[0].as_py().hex()
    assert list(parts) == ["json"]
    assert json.loads(parts["json"]) == {
        "text": text,
        "id": item_id,
        "source": "small-web",
        "created": None,
        "added": "2023-11-14T22:13:20.123456Z",
        "metadata": {
            "uid": item_id[:32],
            "url": "https://example.org/5",
            "page_url": "https://example.org/5",
            "title": "No 0",
            "language": "en",
            "license": "CC-BY-4.0",
            "license_source": "meta",
            "retrieved_at": "2023-11-14T22:13:20.123456Z",
            "http_status": 200,
            "media_type": "text/html",
            "sha256_original": capture.column("payload")[0].as_py()["sha256"].hex(),
            "sha256": text_sha256(text).hex(),
            "rights": {"decision": "allow", "signals": ["robots_path:allow"]},
        },
    }


def test_text_samples_split_as_their_batches() -> None:
    whole = list(text_samples(items(TEXTS), captures(TEXTS)))
    halves = [*text_samples(items(TEXTS).slice(0, 9), captures(TEXTS).slice(0, 9)),
              *text_samples(items(TEXTS).slice(9), captures(TEXTS).slice(9))]  # fmt: skip
    assert halves == whole


def test_no_items_give_no_samples() -> None:
    assert list(text_samples(items([]), captures([]))) == []


def test_text_sample_without_evidence_is_unknown() -> None:
    [parts] = encode_text(items(["a"]), captures(["a"]))
    assert json.loads(parts["json"])["metadata"]["rights"] == {"decision": "unknown", "signals": []}


def test_empty_text_is_refused_by_id() -> None:
    with pytest.raises(ShardError, match=items([""]).column("item_id")[0].as_py().hex()):
        encode_text(items(["a", ""]), captures(["a", ""]))


def test_captures_of_other_items_are_refused() -> None:
    with pytest.raises(ShardError, match="not aligned"):
        encode_text(items(["a", "b"]), captures(["b", "a"]))


def test_check_text_finds_a_changed_text_and_another_key() -> None:
    [parts] = encode_text(items(["a"]), captures(["a"]))
    document = json.loads(parts["json"])
    check_text(document, document["id"][:32])
    with pytest.raises(ShardError, match="sha256"):
        check_text(document | {"text": "b"}, document["id"][:32])
    with pytest.raises(ShardError, match="is that of item"):
        check_text(document, "0" * 32)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_nfc_text_survives(text: str) -> None:
    text = unicodedata.normalize("NFC", text)
    [parts] = encode_text(items([text]), captures([text]))
    document = json.loads(parts["json"])
    check_fields(document, TEXT.json)
    check_text(document, document["id"][:32])
    assert document["text"] == text


def test_configs_sort_their_parts_and_allow_null_in_scalars_only() -> None:
    assert CONFIGS == {"text": TEXT, "image_text": IMAGE_TEXT, "audio_text": AUDIO_TEXT}
    for config in CONFIGS.values():
        assert list(config.parts) == sorted(config.parts)
        assert [field for field in config.json if field.nullable and pa.types.is_nested(field.type)] == []
    assert len({config.digest for config in CONFIGS.values()}) == 3


def test_schema_digests_are_those_published() -> None:
    assert {name: config.digest.hex()[:12] for name, config in CONFIGS.items()} == {
        "text": "3ebb4ecf26bd",
        "image_text": "f0fb900931d9",
        "audio_text": "6d236d6cde56",
    }
