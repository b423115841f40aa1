"""Planted personal data and secrets are in nothing that a run gives: not in shards, ledger, log or quarantine, and in no file but
those that hold what was captured.
"""

import gzip
import json
import zlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.audit.open import Ledger
from pipelines.audit.why import why
from schemas.digest import plain
from tests.corpus import private
from tests.corpus.truth import planted

NEEDLES = tuple(value.encode() for value in private.VALUES)
# What holds originals, as docs/personal-data.md lists it; below the site's folder.
ORIGINALS = (
    ".scratch/demo/",  # the uploads, where their owner keeps them
    "captures/", "parts/members/",  # captured bytes
    "parts/capture/", "parts/capture_place/",  # URIs
    "parts/annotation/",  # captured words about captured bytes
)  # fmt: skip

# What the planted words lie in, but for the picture whose own name holds some.
HOLDING = ("/letter.html", "/people.html", "/settings.py", "/call.wav", "/the-bell-founders-daughter.html")


def strings(column):
    """Every string and binary of a column, however deep it lies."""
    kind = column.type
    if pa.types.is_struct(kind):
        return [value for field in column.flatten() for value in strings(field)]
    if pa.types.is_list(kind):
        return strings(column.flatten())
    if pa.types.is_string(kind):
        return [value.encode() for value in column.to_pylist() if value]
    return [value for value in column.to_pylist() if value] if pa.types.is_binary(kind) else []


def content(path):
    """All that a file says: of Parquet the values, of gzip what is packed, as far as it goes."""
    if path.suffix == ".parquet":
        return b"\0".join(
            value for column in pq.read_table(path).itercolumns() for value in strings(column.combine_chunks())
        )
    data = path.read_bytes()
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except EOFError:
        return zlib.decompressobj(31).decompress(data)


@pytest.fixture(scope="module")
def holders(demo):
    """Path below the site -> what was found in it, for every file in which anything planted was found."""
    root = demo[1].store.local("")
    files = {path.relative_to(root).as_posix(): content(path) for path in sorted(root.rglob("*")) if path.is_file()}
    assert files["run.log"]
    return {
        name: {value for value in NEEDLES if value in data}
        for name, data in files.items()
        if any(value in data for value in NEEDLES)
    }


@pytest.fixture(scope="module")
def after_split(demo):
    """Paths of the texts between the split and the edit."""
    root = demo[1].store.local("")
    receipts = [json.loads(path.read_bytes()) for path in root.glob("rooms/*/split/*.json")]
    return {part["path"] for receipt in receipts for part in receipt["parts"] if part["table"] == "items"}


def test_everything_was_planted(holders):
    """Or the others would find nothing in what is not there."""
    assert set(NEEDLES) - {value for found in holders.values() for value in found} == {b"sam.moor%40"}


def test_nothing_that_was_planted_is_in_a_file_that_holds_no_originals(holders, after_split):
    found = {
        name: values for name, values in holders.items() if not name.startswith(ORIGINALS) and name not in after_split
    }
    assert found == {}


def test_the_texts_between_split_and_edit_are_holdings_of_the_ledger(demo, holders, after_split):
    rows = Ledger.open(demo[1].store).db.rows("SELECT store FROM holding WHERE kind = 'room'")
    assert after_split & holders.keys() <= {row["store"] for row in rows}


def test_every_kind_has_its_receipts_in_the_ledger(demo):
    rows = Ledger.open(demo[1].store).db.rows(
        "SELECT d.detail, s.kind, s.start, s.length FROM decision d, unnest(d.spans) AS t(s) WHERE d.stage = 'pii.redact'"
    )
    assert {row["kind"] for row in rows} == set(private.EVERY)
    assert all(row["length"] > 0 and row["kind"] in row["detail"] for row in rows)


def test_no_answer_of_the_ledger_tells_what_was_planted(demo):
    ledger = Ledger.open(demo[1].store)
    uris = {one.uri for one in planted(crawled=True) if one.uri.endswith(HOLDING)}
    assert len(uris) == len(HOLDING)
    told = json.dumps([plain(why(ledger, uri)) for uri in sorted(uris)], ensure_ascii=False).encode()
    assert [value for value in NEEDLES if value in told] == []
    tables = [name for name in ledger.db.tables if name not in ("capture", "capture_place", "annotation")]
    said = [
        value
        for name in tables
        for column in ledger.db.table(f'SELECT * FROM "{name}"').columns
        for value in strings(column.combine_chunks())
    ]
    assert [value for value in NEEDLES if value in b"\0".join(said)] == []
