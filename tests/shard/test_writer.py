import dataclasses
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.shard.files import files_below
from pipelines.shard.tar import read_shard
from pipelines.shard.writer import item_order, read_receipt, shard_id, shard_plan, stored_samples, write_shard
from schemas.digest import digest, sha256
from schemas.errors import ShardError
from schemas.item import sample_key
from schemas.sample import TEXT
from schemas.shard import Split
from tests.shard.samples import SEED, samples, shards

ID = pa.binary(32)
MANY = [sha256(b"%d" % n) for n in range(50)]


def plan(ids: list[bytes], sizes: list[int], **limits: int) -> list[list[bytes]]:
    rows = shard_plan(pa.array(ids, ID), np.array(sizes), SEED, **limits)
    return [[ids[row] for row in part] for part in rows]


def test_no_items_give_no_shards() -> None:
    assert plan([], []) == []


@given(st.permutations(range(50)))
def test_plan_does_not_depend_on_the_order_of_the_input(order: list[int]) -> None:
    sizes = [n * 7 % 11 for n in range(50)]
    expected = plan(MANY, sizes, target_bytes=60, max_samples=20)
    assert plan([MANY[n] for n in order], [sizes[n] for n in order], target_bytes=60, max_samples=20) == expected


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=50), st.integers(1, 3000), st.integers(1, 60))
def test_plan_places_every_item_once_in_even_shards_within_limits(sizes: list[int], target: int, most: int) -> None:
    ids = MANY[: len(sizes)]
    shards = plan(ids, sizes, target_bytes=target, max_samples=most)
    assert sorted(chain.from_iterable(shards)) == sorted(ids)
    counts = [len(shard) for shard in shards]
    assert max(counts) - min(counts) <= 1
    assert max(counts) <= most
    size = dict(zip(ids, sizes, strict=True))
    assert max(sum(size[i] for i in shard) for shard in shards) <= max(2 * target, max(sizes))


def test_order_is_that_of_sha256_over_seed_and_id() -> None:
    prefix = digest("order", SEED)
    expected = sorted(range(50), key=lambda n: sha256(prefix + MANY[n]))
    assert item_order(pa.array(MANY, ID), SEED).tolist() == expected
    assert item_order(pa.array(MANY, ID), SEED + 1).tolist() != expected


def test_an_item_less_moves_no_other() -> None:
    whole = [MANY[n] for n in item_order(pa.array(MANY, ID), SEED)]
    less = MANY[:10] + MANY[11:]
    assert [less[n] for n in item_order(pa.array(less, ID), SEED)] == [i for i in whole if i != MANY[10]]


def test_two_items_of_one_key_are_refused() -> None:
    with pytest.raises(ShardError, match=MANY[0][:16].hex()):
        plan([MANY[0], MANY[0][:16] + bytes(16)], [1, 1])


def test_shard_id_is_the_digest_of_the_ordered_ids() -> None:
    assert shard_id(MANY[:2]) == digest("shard", [MANY[0].hex(), MANY[1].hex()])
    assert shard_id(MANY[:2]) != shard_id(MANY[1::-1])


def test_shards_are_the_same_bytes_again_and_under_shuffled_input(tmp_path: Path) -> None:
    given_samples = samples()
    assert shards(tmp_path / "a", given_samples) == shards(tmp_path / "b", given_samples[::-1])
    for path in files_below(tmp_path / "a"):
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes()


def test_parquet_rows_lead_to_every_byte(tmp_path: Path) -> None:
    given_samples = {sample.item_id: sample for sample in samples()}
    receipts = shards(tmp_path, list(given_samples.values()))
    for receipt in receipts:
        content = (tmp_path / receipt.path).read_bytes()
        rows = pq.read_table(tmp_path / "meta" / f"{receipt.name}.parquet").to_pylist()
        assert [row["key"] for row in rows] == [sample.key for sample in read_shard(tmp_path / receipt.path)]
        for row in rows:
            sample = given_samples.pop(row["item_id"])
            [part] = row["parts"]
            found = content[part["offset"] : part["offset"] + part["size"]]
            assert (part["part"], found, part["sha256"]) == ("json", sample.parts["json"], sha256(found))
            assert content[row["offset"] :][:37] == f"{sample_key(sample.item_id)}.json".encode()
            assert {name: row[name] for name in sample.meta} == sample.meta
    assert given_samples == {}


def test_receipt_says_what_the_shard_holds(tmp_path: Path) -> None:
    given_samples = samples()[:3]
    [receipt] = shards(tmp_path, given_samples)
    content = (tmp_path / receipt.path).read_bytes()
    keys = sorted(sample_key(sample.item_id) for sample in given_samples)
    sizes = [len(sample.parts["json"]) for sample in given_samples]
    assert (receipt.path, receipt.split, receipt.sha256, receipt.bytes) == (
        "data/train-000000.tar", "train", sha256(content).hex(), len(content),
    )  # fmt: skip
    assert (receipt.nsamples, receipt.nmembers, receipt.min_key, receipt.max_key) == (3, 3, keys[0], keys[-1])
    assert receipt.part_bytes == {"json": sum(sizes)}
    assert receipt.histograms == {
        "domain": {"example.org": 3},
        "language": {"de": 1, "en": 1, "unknown": 1},
        "license": {"CC-BY-4.0": 2, "unknown": 1},
        "size": {"512": 3},
    }
    assert read_receipt((tmp_path / "meta/receipts/train-000000.json").read_bytes()) == receipt


def test_stored_samples_are_those_written(tmp_path: Path) -> None:
    given_samples = samples()[:5]
    [receipt] = shards(tmp_path, given_samples)
    found = {sample.item_id: sample for sample in stored_samples(tmp_path, receipt, TEXT)}
    assert found == {sample.item_id: sample for sample in given_samples}


def refused(folder: Path, *given_samples: object) -> None:
    with pytest.raises(ShardError):
        write_shard(folder, config=TEXT, lane="web", split=Split.TEST, index=0, samples=given_samples)  # type: ignore[arg-type]
    assert files_below(folder) == []


def test_a_shard_that_cannot_be_written_leaves_no_file(tmp_path: Path) -> None:
    [sample] = samples()[:1]
    refused(tmp_path)
    refused(tmp_path, sample, dataclasses.replace(sample, parts={"txt": b"a"}))
    refused(tmp_path, sample, dataclasses.replace(sample, parts={"json": b""}))
    refused(tmp_path, sample, dataclasses.replace(sample, meta={}))


def test_meta_of_a_wrong_type_is_refused_without_a_receipt(tmp_path: Path) -> None:
    [sample] = samples()[:1]
    wrong = dataclasses.replace(sample, meta={**sample.meta, "source": None})
    with pytest.raises(ShardError, match="does not fit"):
        write_shard(tmp_path, config=TEXT, lane="web", split=Split.TEST, index=0, samples=[wrong])
    assert not (tmp_path / "meta/receipts").exists()
