"""Proofs of inclusion: they hold without the release, and any change of one is named."""

import copy
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.audit.open import Ledger
from pipelines.audit.prove import check, prove
from pipelines.cli import main
from pipelines.ledger.log import Log
from pipelines.shard.release import assemble_release
from pipelines.store import Store
from schemas.digest import merkle_climb, merkle_path, merkle_root, sha256
from schemas.errors import InputError, LedgerError, NotFound
from schemas.item import sample_key
from schemas.tables import TABLES
from tests.shard.samples import TEXTS, items, lane, samples

RELEASE = "small-1"


def commit_release(store):
    """A release of 24 texts in three shards, and a ledger that knows it."""
    folder = store.local(f"releases/{RELEASE}")
    lane(folder / "web")
    root = assemble_release(folder, ["web"])
    rows = {"release": [{"release": RELEASE, "set_root": root, "recipe_digest": sha256(b"r"), "items": 24, "bytes": 1}]}
    rows["shard"], rows["placement"] = [], []
    for path in sorted((folder / "web" / "meta").glob("*.parquet")):
        here = {"shard_id": sha256(path.stem.encode()), "release": RELEASE}
        tar = {"lane": "web", "split": "train", "path": f"web/data/{path.stem}.tar", "sha256": sha256(b"t"), "bytes": 1}
        placed = pq.ParquetFile(path).read(["item_id", "key"]).to_pylist()
        rows["shard"].append(here | tar | {"samples": len(placed)})
        rows["placement"] += [here | row | {"ordinal": n, "offset": 0, "length": 1} for n, row in enumerate(placed)]
    known = items(TEXTS).to_pylist()
    rows["item"] = [{**row, "lane": "web", "bytes": 1} for row in known]
    rows["disposition"] = [{"item_id": row["item_id"], "lane": "web", "state": "kept"} for row in known]
    parts = [
        store.publish(name, pa.Table.from_pylist([{k: v for k, v in row.items() if k in TABLES[name].names} for row in found], TABLES[name]))
        for name, found in rows.items()
    ]  # fmt: skip
    Log(store).append("run-1", "ab" * 32, parts)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    found = Store(root=str(tmp_path_factory.mktemp("site")))
    commit_release(found)
    return found


@pytest.fixture(scope="module")
def proof(store):
    return prove(Ledger.open(store), sample_key(samples()[3].item_id))


def test_every_sample_of_a_release_is_proved_by_its_members(store):
    ledger = Ledger.open(store)
    for one in samples():
        found = prove(ledger, sample_key(one.item_id))
        assert check(found, anchor=ledger.commit.hash) == []
        assert {m["name"]: m["sha256"] for m in found["members"]} == {
            f"{sample_key(one.item_id)}.{name}": sha256(content).hex() for name, content in one.parts.items()
        }


def leaves_of(value, path=()):
    """The places of all texts and numbers in JSON."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves_of(inner, (*path, key))
    else:
        yield path


@given(data=st.data())
def test_any_change_of_a_proof_is_named(proof, data):
    changed = copy.deepcopy(proof)
    told_only = ("commit", "path")
    places = [path for path in leaves_of(proof) if path != told_only and path[-1] != "name" and path != ("key",)]
    *above, last = data.draw(st.sampled_from(places))
    place = changed
    for key in above:
        place = place[key]
    if isinstance(place[last], int):
        place[last] += data.draw(st.integers(1, 3))
    else:
        at = data.draw(st.integers(0, len(place[last]) - 1))
        old = place[last][at]
        new = data.draw(st.sampled_from([c for c in "0123456789abcdef" if c != old]))
        place[last] = place[last][:at] + new + place[last][at + 1 :]
    assert check(changed) != []


def other(value):
    """A value of the same type that is another one."""
    return value + 1 if isinstance(value, int) else ("0" if value[:1] != "0" else "1") + value[1:]


GONE = object()


@pytest.mark.parametrize("spoil", [other, lambda value: None, lambda value: [value], lambda value: "", lambda value: GONE],
                         ids=["another value", "null", "a list", "empty", "removed"])  # fmt: skip
def test_a_proof_in_which_one_field_is_spoiled_is_refused(spoil, proof):
    assert check(proof) == []
    passed = []
    for *above, last in leaves_of(proof):
        spoiled = copy.deepcopy(proof)
        place = spoiled
        for key in above:
            place = place[key]
        place[last] = spoil(place[last])
        if place[last] is GONE:
            del place[last]
        if check(spoiled) == []:
            passed.append((*above, last))
    assert passed == [("commit", "path")]  # where the commit lay: told, and not a part of the proof


def test_two_proofs_do_not_mix(store, proof):
    ledger = Ledger.open(store)
    proofs = (prove(ledger, sample_key(one.item_id)) for one in samples())
    theirs = next(one for one in proofs if one["shard"] != proof["shard"])
    for field in ("members", "receipt", "key", "shard"):
        assert check(proof | {field: theirs[field]}) != []
    assert check(proof | {"members": []}) != []
    assert check(proof | {"members": [*proof["members"], theirs["members"][0]]}) != []


def test_what_is_no_proof_is_said_and_not_raised():
    for thing in (None, [], {}, {"v": 1}, {"v": 2}, "x"):
        (problem,) = check(thing)
        assert "proof" in problem or "version" in problem


def test_another_anchor_is_named(proof):
    assert check(proof, anchor="ab" * 32) == [f"the commit has hash {proof['commit']['hash']}, not {'ab' * 32}"]


def test_what_is_not_published_or_not_whole_has_no_proof(store, tmp_path):
    with pytest.raises(NotFound, match="nothing in the ledger answers"):
        prove(Ledger.open(store), "ab" * 16)
    mine = Store(root=str(tmp_path))
    commit_release(mine)
    ledger = Ledger.open(mine)
    sums = mine.local(f"releases/{RELEASE}/web/SHA256SUMS")
    first, *rest = sums.read_text().splitlines(keepends=True)
    sums.write_text("ab" * 32 + first[64:] + "".join(rest))
    key = sample_key(samples()[0].item_id)
    with pytest.raises(LedgerError, match="is not the one that was committed"):
        prove(ledger, key)
    sums.unlink()
    with pytest.raises(LedgerError, match="is not whole"):
        prove(ledger, key)


def test_the_verb_writes_a_proof_and_checks_it_anywhere(store, tmp_path, capsys):
    key, out = sample_key(samples()[5].item_id), tmp_path / "proof.json"
    assert main(["prove", key, "--release", RELEASE, "--out", str(out), "--site", store.root]) == 0
    assert main(["prove", "--check", str(out), "--anchor", json.loads(out.read_text())["commit"]["hash"]]) == 0
    assert f"{key} is in {RELEASE}" in capsys.readouterr().out
    out.write_text(out.read_text().replace(f'"release": "{RELEASE}"', '"release": "other"'))
    with pytest.raises(SystemExit) as ended:
        main(["prove", "--check", str(out)])
    assert ended.value.code == 1
    assert "PROBLEM the receipt does not lead to the root" in capsys.readouterr().out


def test_the_verb_refuses_what_it_cannot_use(tmp_path, capsys):
    (tmp_path / "no.json").write_text("{")
    for words in (
        [],
        ["x", "--check", "y"],
        ["--check", str(tmp_path / "gone")],
        ["--check", str(tmp_path / "no.json")],
    ):
        assert main(["prove", *words]) == InputError.exit_code
    assert "one of the two" in capsys.readouterr().err


@given(size=st.integers(1, 40), data=st.data())
def test_a_path_leads_from_its_leaf_and_from_no_other(size, data):
    leaves = [sha256(b"%d" % n) for n in range(size)]
    at = data.draw(st.integers(0, size - 1))
    path = merkle_path(leaves, at)
    assert merkle_climb(leaves[at], at, size, path) == merkle_root(leaves)
    assert merkle_climb(sha256(b"other"), at, size, path) != merkle_root(leaves)
    with pytest.raises(ValueError, match="too long"):
        merkle_climb(leaves[at], at, size, [*path, leaves[0]])
    with pytest.raises(ValueError, match="is none of"):
        merkle_climb(leaves[at], size, size, path)
