"""The contract of a lane, held by every lane there is and by a sixth that only the tests have.

Each lane has one tiny input in `fixtures.py`. The stages' own laws are in `tests/laws`.
"""

import dataclasses
import json
import random
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipelines import rooms
from pipelines.dedup.duplicates import find_duplicates
from pipelines.dedup.signatures import RANKS
from pipelines.lanes import LANES
from pipelines.shard.sample import EVIDENCE, check_fields
from schemas.annotation import SAID
from schemas.capture import CAPTURE, Outcome, capture_id
from schemas.decision import DECISION, Verdict
from schemas.digest import sha256
from schemas.errors import ShardError
from schemas.item import PAYLOAD, child_id, item_schema, text_sha256
from schemas.reasons import Reason
from schemas.sample import CONFIGS
from tests.lanes.fixtures import inputs
from tests.lanes.notes import NOTES

EVERY = (*LANES, NOTES)
INPUTS = inputs()
SETTINGS = {"threshold", "hot_bucket_cap", "max_removed_share"}
ENDS = {Verdict.DROP, Verdict.QUARANTINE}


def captured(inputs, names):
    """`CAPTURE` rows of these inputs, each in a folder of its own."""
    rows = []
    for one, name in zip(inputs, names, strict=True):
        folder, _, file = one.uri.rpartition("/")
        uri, digest = f"{folder}/{name}/{file}", sha256(one.data)
        key = capture_id(
            source="contract", uri=uri, fetched_at=None, record_type="file", record_id=None, payload_sha256=digest
        )
        place = {"uri": f"captures/{digest.hex()}", "offset": 0, "length": len(one.data), "sha256": digest}
        rows.append(
            {"capture_id": key, "source": "contract", "outcome": Outcome.FETCHED.value, "uri": uri, "media_type": one.media_type,
             "headers": [], "record_type": "file", "payload": place, "payload_bytes": len(one.data)}
        )  # fmt: skip
    return pa.RecordBatch.from_pylist(rows, CAPTURE)


def said_of(one):
    return [
        {"capture_id": sha256(text.encode()), "role": role.value, "text": text, "location": "file", "locator": f"row {n}"}
        for n, (role, text) in enumerate(one.said)
    ]  # fmt: skip


def garbage(good):
    """Payloads that are none: empty, noise, cut, bent, and a good start with a bad end."""
    noise = random.Random("garbage").randbytes(4096)
    half = len(good.data) // 2
    bad = [b"", b"\x00" * 64, noise, good.data[:1], good.data[:half], good.data[:12] + noise, good.data[:half] + noise]
    return [dataclasses.replace(good, data=data) for data in bad]


class Held:
    """A lane under the contract, with its input and a child process that lives as long as its tests."""

    def __init__(self, lane, child):
        self.lane, self.child, self.input = lane, child, INPUTS[lane.name]

    def split(self, inputs, names=None):
        """(captures, parents, children as `split.fn` gives them, decisions) of these inputs."""
        captures = captured(inputs, names or range(len(inputs)))
        licences = pa.nulls(len(captures), pa.string())
        parents = rooms.roots(self.lane, captures, licences, np.arange(len(captures)))
        columns = {name: captures.column(name) for name in ("media_type", "uri")}
        columns |= {
            "data": pa.array([one.data for one in inputs], pa.large_binary()),
            "charset": pa.nulls(len(inputs), pa.string()),
        }
        columns |= {"said": pa.array([said_of(one) for one in inputs], SAID)}
        payloads = pa.RecordBatch.from_arrays([columns[name] for name in rooms.PAYLOADS.names], schema=rooms.PAYLOADS)
        return captures, parents, *self.lane.split.fn(self.lane.split, parents, payloads, self.child)

    def edited(self, inputs):
        """(captures, items) after measures and edits, as dedup and shards get them."""
        captures, _, born, _ = self.split(inputs)
        items = items_in(self.lane, born)
        signals, _ = rooms.measure(self.lane, items)
        items, _ = rooms.edit(self.lane, rooms.with_language(items, signals))
        return captures, items


def items_in(lane, born):
    """The children without their converted payloads; where there are some, the place in the store is made up."""
    items = born.select(item_schema(lane.facts).names)
    if "media" not in born.schema.names:
        return items
    places = [
        place if media is None else {"uri": "media/x", "offset": 0, "length": len(media), "sha256": sha256(media)}
        for place, media in zip(born.column("payload").to_pylist(), born.column("media").to_pylist(), strict=True)
    ]
    return rooms.set_column(items, "payload", pa.array(places, PAYLOAD))


@pytest.fixture(scope="module", params=EVERY, ids=lambda lane: lane.name)
def held(request):
    with request.param.decoder() as child:
        yield Held(request.param, child)


def test_there_is_an_input_for_every_lane_and_no_name_twice():
    names = [lane.name for lane in EVERY]
    assert len(set(names)) == len(names)
    assert set(names) <= INPUTS.keys()


def test_it_accepts_its_input_and_nothing_undeclared(held):
    kinds = pa.array([held.input.media_type, "application/x-nobody", None])
    assert held.lane.accepts(kinds).to_pylist() == [True, False, False]


def test_split_gives_one_decision_a_parent_and_children_that_name_them(held):
    _, parents, born, found = held.split([held.input] * 3)
    assert found.schema == DECISION
    assert found.column("item_id").equals(parents.column("item_id"))
    assert found.column("verdict").to_pylist() == [Verdict.SPLIT] * 3
    places = pc.index_in(born.column("parent_id"), value_set=parents.column("item_id"))
    assert places.null_count == 0
    assert pc.unique(places).to_pylist() == [0, 1, 2]


def test_children_have_the_schema_and_say_what_was_given(held):
    _, _, born, _ = held.split([held.input])
    schema = item_schema(held.lane.facts)
    assert born.schema in (schema, schema.append(pa.field("media", pa.large_binary())))
    assert set(born.column("modality").to_pylist()) == {held.lane.modality}
    assert held.input.text in "\n\n".join(born.column("text").to_pylist())
    said = {text for _, text in held.input.said}
    assert not said or said == set(born.column("text").to_pylist())


def test_a_child_is_named_by_its_parent_its_place_and_its_content(held):
    _, _, born, _ = held.split([held.input] * 2)
    places = Counter()
    for row in born.to_pylist():
        media, payload = row.get("media"), row["payload"]
        content = sha256(media) if media is not None else payload["sha256"] if payload else text_sha256(row["text"])
        assert row["content_sha256"] == content
        assert row["item_id"] == child_id(row["parent_id"], held.lane.split.op_id, places[row["parent_id"]], content)
        places[row["parent_id"]] += 1


def test_ids_do_not_depend_on_who_else_is_in_the_batch(held):
    alone = held.split([held.input], ["a"])[2]
    among = held.split([held.input, *garbage(held.input), held.input], ["b", *range(len(garbage(held.input))), "a"])[2]
    assert among.filter(pc.is_in(among.column("parent_id"), value_set=alone.column("parent_id").unique())) == alone


def test_garbage_is_dropped_or_quarantined_with_a_reason_and_never_raises(held):
    _, parents, born, found = held.split(garbage(held.input))
    rows = found.to_pylist()
    assert [row["item_id"] for row in rows] == parents.column("item_id").to_pylist()
    for row in rows:
        assert row["verdict"] in {*ENDS, Verdict.SPLIT}
        assert (row["verdict"] in ENDS) == (row["reason"] is not None)
        assert row["reason"] is None or Reason(row["reason"]) is not Reason.STAGE_FAILED
    assert rows[0]["verdict"] in ENDS  # no lane makes something of nothing
    assert rows[2]["verdict"] in ENDS  # nor of noise
    living = {row["item_id"] for row in rows if row["verdict"] == Verdict.SPLIT}
    assert set(born.column("parent_id").to_pylist()) == living


def test_an_empty_batch_is_an_empty_batch(held):
    _, _, born, found = held.split([])
    assert (len(born), len(found)) == (0, 0)
    assert set(item_schema(held.lane.facts).names) <= set(born.schema.names)


def test_measures_give_what_they_declare_and_the_input_passes_every_rule(held):
    _, _, born, _ = held.split([held.input])
    items = items_in(held.lane, born)
    signals, failed = rooms.measure(held.lane, items)
    assert failed.to_pylist() == []
    assert {name for stage in held.lane.measures for name in stage.signals} == set(signals.schema.names) - {"item_id"}
    items = rooms.with_language(items, signals)
    for stage in held.lane.judges:
        assert stage.fn(stage, items, signals).column("reason").to_pylist() == [None] * len(items)


def test_stage_names_are_its_own(held):
    names = [stage.name for stage in held.lane.stages]
    assert len(set(names)) == len(names)
    assert not {"rights", "capture", "mix"} & set(names)  # these end items too
    for other in EVERY:
        for stage in other.stages:  # one name for one thing: a recipe sets both at once
            mine = next((one for one in held.lane.stages if one.name == stage.name), stage)
            assert (mine.fn, mine.version) == (stage.fn, stage.version), stage.name


def test_two_identical_inputs_merge_into_one(held):
    dedup = held.lane.dedup
    assert dedup.stage.settings.keys() >= SETTINGS
    _, items = held.edited([held.input] * 2)
    texts = dict(zip(items.column("item_id").to_pylist(), items.column("text").to_pylist(), strict=True))
    ranks = [
        {"item_id": item, "rights_rank": 3, "quality": 0.0, "fetched_at": None}
        for item in items.column("item_id").to_pylist()
    ]
    signed = dedup.sign(items, pa.RecordBatch.from_pylist(ranks, RANKS))
    assert {"item_id", "source", "exact_sha256", *RANKS.names, *dedup.table.names} <= set(signed.schema.names)
    assert signed.column("item_id").equals(items.column("item_id"))
    found = find_duplicates(
        dedup, [pa.Table.from_batches([signed])], lambda ids: pa.array([texts[i] for i in ids.to_pylist()], pa.string())
    )
    merged = found.duplicates.to_pylist()
    assert len(merged) == len(items) // 2
    kept = texts.keys() - {row["item_id"] for row in merged}
    assert {row["witness_id"] for row in merged} == kept
    assert {(row["method"], row["similarity"]) for row in merged} == {("exact", 1.0)}


def unknown_rights(rows):
    """`EVIDENCE` of items of which nothing was recorded."""
    row = {"license_source": None, "page_url": None, "decision": "unknown", "signals": []}
    return pa.RecordBatch.from_pylist([row] * rows, EVIDENCE)


def test_samples_have_the_declared_parts(held):
    config = held.lane.config
    assert CONFIGS[config.name] is config
    captures, items = held.edited([held.input])
    captures = captures.take(pc.index_in(items.column("capture_id"), value_set=captures.column("capture_id")))
    samples = list(held.lane.samples(items, captures, unknown_rights(len(items))))
    assert [sample.item_id for sample in samples] == items.column("item_id").to_pylist()
    for sample, text in zip(samples, items.column("text").to_pylist(), strict=True):
        assert {*sample.parts, *filter(None, [config.payload])} == set(config.parts)
        check_fields(json.loads(sample.parts["json"]), config.json)
        assert sample.meta.keys() <= {field.name for field in config.about}
        assert sample.parts.get("txt", text.encode()) == text.encode()


def test_samples_of_other_captures_are_refused(held):
    _, items = held.edited([held.input])
    others = captured([held.input] * len(items), [f"other {n}" for n in range(len(items))])
    with pytest.raises(ShardError, match="not aligned"):
        list(held.lane.samples(items, others, unknown_rights(len(items))))
