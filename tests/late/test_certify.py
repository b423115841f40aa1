"""The certificate: items come out again as they were; what was tampered with or is gone is named, item by item."""

import dataclasses
import json
import shutil
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from jsonschema import Draft202012Validator

from pipelines.audit.open import Ledger
from pipelines.cli import main
from pipelines.contracts.files import made as made_schemas
from pipelines.exports.facts import whole
from pipelines.late.certify import Agreement, Checked, _compared, _drawn, _sample, _withdrawn, certify
from pipelines.late.rederive import Made
from pipelines.late.stored import stored
from pipelines.ledger.log import Log
from pipelines.store import Store
from schemas.decision import DECISION
from schemas.errors import InputError, NotFound
from schemas.item import LEDGER_ITEM
from schemas.tables import TABLES
from tests.conftest import site_at


@pytest.fixture
def copied(ran, tmp_path):
    """A copy of the site that may be tampered with, and the release of its first run."""
    folder = shutil.copytree(ran[0] / "site", tmp_path / "site")
    site = dataclasses.replace(site_at(folder), part_rows=20)
    release = Ledger.open(site.store, commit=0).db.rows("SELECT release FROM release")[0]["release"]
    return site, release


def made(site, release, **asked):
    return certify(Ledger.open(site.store), release, site, **asked)


@pytest.fixture(scope="module")
def first(ran):
    """The certificate of the first run's release."""
    release = Ledger.open(ran[1].store, commit=0).db.rows("SELECT release FROM release")[0]["release"]
    files = _files(ran[1])
    found = made(ran[1], release, sample=8, seed=3)
    assert _files(ran[1]) == files, "certifying changed the site"
    return found


def _files(site):
    return sorted(path for path in site.store.local("").rglob("*") if path.is_file())


def test_items_come_out_as_they_were(first):
    assert (first.differ, first.not_rederived, first.agree) == (0, 0, len(first.items))
    assert {one.state for one in first.items} == {"kept", "dropped"}
    assert all((one.sample is not None) == (one.state == "kept") for one in first.items)


def test_the_same_release_and_seed_give_the_same_certificate_in_another_folder(first, copied, tmp_path, capsys):
    site, release = copied
    out = tmp_path / "certificate.json"
    asked = ["certify", release, "--sample", "8", "--seed", "3", "--site", site.store.root, "--json", "--out", str(out)]
    assert main(asked) == 0
    body = json.loads(out.read_text())
    assert body == json.loads(capsys.readouterr().out)
    assert body["digest"] == first.digest
    Draft202012Validator(json.loads(made_schemas()["certificate.json"])).validate(body)
    assert body["set_root"].startswith(release.rpartition("-")[2])


def test_another_seed_draws_other_items(copied):
    site, release = copied
    at = Ledger.open(site.store).of_release(release)
    one, other = ([row["item_id"] for row in _drawn(at, release, 4, seed)] for seed in (1, 2))
    assert len(one) == len(other) == 8
    assert one != other


def test_a_changed_byte_of_a_shard_is_named(copied):
    site, release = copied
    at = Ledger.open(site.store).of_release(release)
    (row,) = [row for row in _drawn(at, release, 1, 0) if row["shard"]]
    tar = site.store.local(f"releases/{release}/{row['shard']}")
    content = bytearray(tar.read_bytes())
    content[row["offset"] + 512 + 40] ^= 1
    tar.write_bytes(content)
    (found,) = [one for one in made(site, release, sample=1).items if one.item_id == row["item_id"].hex()]
    assert (found.result, found.what) == (Agreement.DIFFERS, ("part json of its sample differs",))


def test_a_shard_that_a_request_took_away_is_said_so_and_does_not_differ(copied):
    site, release = copied
    shutil.rmtree(site.store.local(f"releases/{release}"))
    ledger = Ledger.open(site.store)
    what = _sample(
        stored(Ledger.open(site.store, commit=0)), release, {"shard": "web/data/a.tar", "offset": 0, "length": 9}, {}
    )
    one = Checked(
        item_id="ab", lane="web", state="kept", content_sha256="cd", result=Agreement.DIFFERS, what=tuple(what)
    )
    assert _withdrawn(one, ledger, release) == one
    with pytest.raises(NotFound, match=r"is gone from the store: manifest\.json is missing"):
        whole(ledger, release)
    match = {
        "request": "R-7",
        "item_id": bytes(32),
        "why": "named",
        "release": release,
        "done_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    part = site.store.publish("request_match", pa.Table.from_pylist([match], schema=TABLES["request_match"]))
    Log(site.store).append("forget-R-7", None, [part], of_head=lambda head: head.files)
    ledger = Ledger.open(site.store)
    found = _withdrawn(one, ledger, release)
    assert (found.result, found.what) == (
        Agreement.UNABLE,
        ("the release was taken down for R-7, so that its shard is gone; all else of the item came out as recorded",),
    )
    both = dataclasses.replace(one, what=("language was en, is xx", *one.what))
    assert _withdrawn(both, ledger, release) == both
    out = dataclasses.replace(one, item_id="00" * 32, what=("the captures give no such item",))
    assert _withdrawn(out, ledger, release).what == ("it was taken out for R-7, with what it was made of",)
    with pytest.raises(NotFound, match="is gone from the store: it was taken down for R-7; later releases stand"):
        whole(ledger, release)


def test_without_a_published_item_that_agrees_a_certificate_does_not_hold(first):
    dropped = tuple(one for one in first.items if one.state == "dropped")
    assert (first.holds, dataclasses.replace(first, items=dropped).holds) == (True, False)
    assert not dataclasses.replace(first, differ=1).holds


@pytest.mark.parametrize("how", ["gone", "other"])
def test_captures_that_cannot_be_read_are_said_to_be_so(copied, how):
    site, release = copied
    for path in site.store.local("captures").rglob("*"):
        if path.is_file() and how == "gone":
            path.unlink()
        elif path.is_file():
            path.chmod(0o644)
            path.write_bytes(bytes(path.stat().st_size))
    found = made(site, release, sample=2)
    assert {one.result for one in found.items} == {Agreement.UNABLE}
    assert all(one.what[0].startswith("the captured bytes are ") for one in found.items)


def test_a_run_whose_rooms_are_gone_is_not_derived_again(copied, capsys):
    site, release = copied
    shutil.rmtree(site.store.local("rooms"))
    with pytest.raises(SystemExit, match="1"):
        main(["certify", release, "--sample", "2", "--site", site.store.root])
    out = capsys.readouterr().out
    assert "not_rederived: rooms/" in out
    assert "0 agree, 0 differ, 4 could not be derived again" in out


def test_what_differs_is_named(ran):
    there = stored(Ledger.open(Store(root=ran[1].store.root), commit=0))
    (row,) = there.ledger.db.rows(
        "SELECT DISTINCT i.* FROM item i JOIN decision USING (item_id) WHERE verdict = 'drop' LIMIT 1"
    )
    row |= {"state": "dropped", "shard": None}
    now = {name: row[name] for name in LEDGER_ITEM.names} | {"content_sha256": bytes(32), "language": "xx"}
    said = {"item_id": row["item_id"], "stage": "quality.gopher", "verdict": "drop", "reason": "too_few_words"}
    items = pa.Table.from_pylist([now], schema=LEDGER_ITEM)
    new = Made(items=items, decisions=pa.Table.from_pylist([said], schema=DECISION), samples={})
    found = _compared(there, "r", row, new, {row["item_id"]: [{**said, "verdict": "quarantine", "reason": None}]})
    assert found.what == (
        f"language was {row['language']}, is xx",
        f"content_sha256 was {row['content_sha256'].hex()}, is {bytes(32).hex()}",
        "no longer: quality.gopher quarantine",
        "new: quality.gopher drop too_few_words",
    )
    assert found.result == Agreement.DIFFERS
    nothing = dataclasses.replace(new, items=LEDGER_ITEM.empty_table())
    assert _compared(there, "r", row, nothing, {}).what == ("the captures give no such item",)


def test_a_published_item_that_a_room_ends_now_differs(ran):
    there = stored(Ledger.open(Store(root=ran[1].store.root), commit=0))
    (row,) = there.ledger.db.rows("SELECT DISTINCT i.* FROM item i JOIN placement USING (item_id) LIMIT 1")
    items = pa.Table.from_pylist([row], schema=LEDGER_ITEM)
    row |= {"state": "kept", "shard": "web/data/train-000000.tar", "offset": 0, "length": 0}
    found = _compared(
        there, "r", row, Made(items=items, decisions=DECISION.empty_table(), samples={}), {row["item_id"]: []}
    )
    assert found.what == ("it is not published again: a room ended it",)


def test_bad_questions_are_errors(copied):
    site, release = copied
    with pytest.raises(InputError, match="--sample is a number of items, at least 1; it is 0"):
        made(site, release, sample=0)
    with pytest.raises(NotFound, match="holds no release 'none'"):
        made(site, "none")
