"""A release as rows: Parquet and JSONL say the same, and both what the shards hold."""

import io
import json

import pyarrow.parquet as pq
import pytest

from pipelines.exports import rows, samples
from pipelines.exports.export import content
from pipelines.shard.tar import ShardReader
from schemas.digest import sha256
from schemas.errors import NotFound, ShardError


@pytest.fixture(scope="module")
def lines(released):
    ledger, name, _ = released
    return [json.loads(line) for line in content(ledger, "jsonl", name).splitlines()]


def test_parquet_and_jsonl_hold_the_same_rows(released, lines):
    ledger, name, _ = released
    table = pq.read_table(io.BytesIO(content(ledger, "parquet", name)))
    assert table.schema.equals(rows.ROW)
    assert table.to_pylist() == lines


def test_every_sample_of_every_shard_is_a_row_in_its_order(released, lines):
    folder = released[2]
    tars = sorted(folder.glob("*/data/*.tar"), key=lambda tar: tar.relative_to(folder).as_posix())
    assert [row["key"] for row in lines] == [sample.key for tar in tars for sample in ShardReader(tar)]


def test_a_row_names_the_bytes_of_its_picture(released, lines):
    row = next(row for row in lines if row["lane"] == "image_caption")
    place = row["payload"]
    with (released[2] / place["shard"]).open("rb") as tar:
        tar.seek(place["offset"])
        found = tar.read(place["size"])
    assert (sha256(found).hex(), found[:2]) == (place["sha256"], b"\xff\xd8")


def test_groups_end_by_rows_and_by_bytes(monkeypatch):
    monkeypatch.setattr(rows, "GROUP_ROWS", 2)
    monkeypatch.setattr(rows, "GROUP_BYTES", 5)
    texts = ["a", "b", "123456", "c", "d", "e"]
    groups = rows._groups({"text": text} for text in texts)
    assert [[row["text"] for row in group] for group in groups] == [["a", "b"], ["123456"], ["c", "d"], ["e"]]


@pytest.mark.parametrize(
    ("piece", "gap", "reads"), [(1, 0, "each"), (20_000, 0, "some"), (4 << 20, 64 << 10, "a shard")]
)
def test_samples_read_in_pieces_are_those_read_alone(piece, gap, reads, released, monkeypatch):
    ledger, name, _ = released
    monkeypatch.setattr(samples, "PIECE_BYTES", piece)
    monkeypatch.setattr(samples, "GAP_BYTES", gap)
    places = ledger.db.rows(
        'SELECT DISTINCT h.path AS shard, p."offset", p.length FROM placement p JOIN shard h USING (shard_id) ORDER BY 1, 2'
    )
    pieces = []
    monkeypatch.setattr(samples, "_piece", lambda *place, read=samples._piece: pieces.append(place[1]) or read(*place))
    found = list(samples.samples(ledger.store, name, places))
    shards, n = len({row["shard"] for row in places}), len(pieces)
    assert {"each": n == len(places), "some": shards < n < len(places), "a shard": n == shards}[reads]
    assert [row for row, _ in found] == places
    assert [parts for _, parts in found] == [
        samples.sample_at(ledger.store, f"releases/{name}/{row['shard']}", row["offset"], row["length"])
        for row in places
    ]


def test_a_damaged_sample_is_named(released):
    ledger, _, folder = released
    shard = next(iter(sorted(folder.glob("web/data/*.tar")))).relative_to(folder.parent.parent).as_posix()
    with pytest.raises(ShardError, match=r"web/data/.*sample at byte 7"):
        samples.sample_at(ledger.store, shard, 7, 1024)


def test_a_tar_that_is_gone_is_named(released):
    with pytest.raises(NotFound, match=r"releases/none\.tar is gone"):
        samples.sample_at(released[0].store, "releases/none.tar", 0, 1024)
