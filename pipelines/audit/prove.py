"""Proofs of inclusion: that a sample is in a release, checkable by anyone who has neither the release nor the ledger.

    the member's bytes -> its shard's Merkle root (in the receipt) -> the release's set root -> the commit's hash

A proof holds digests, one receipt, the release's row and one commit: nothing of any other sample. It shows that the commit of that hash
names a release that holds the sample. That this commit was made when it says, and not since, only a copy of its hash kept elsewhere shows.
"""

import io
import json
from base64 import b64decode, b64encode
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.audit.open import Ledger
from pipelines.audit.where import where
from pipelines.ledger.commit import parse_commit
from pipelines.shard.files import SUMS, read_sums
from pipelines.shard.release import MANIFEST
from pipelines.store import Store
from schemas.digest import merkle_climb, merkle_path, sha256
from schemas.errors import InputError, LedgerError, NotFound

VERSION = 1
# Chosen: a commit of 100,000 files is 30 MB; nothing of a proof is larger.
MOST_BYTES = 64 * 2**20


def prove(ledger: Ledger, name: str) -> dict[str, Any]:
    """The proof, as JSON values, that the one sample a name stands for is in the release of this commit.

    Raises:
        NotFound: the ledger does not know the name, or nothing of it is published.
        InputError: several samples are published of it.
        LedgerError: the release is gone from the store, or is not the one that was committed.
    """
    place = _place(ledger, name)
    folder = f"releases/{place['release']}"
    lane, _, tar = place["shard"].removeprefix(f"{folder}/").partition("/data/")
    shard = tar.removesuffix(".tar")
    try:
        members, steps = _members(ledger.store, f"{folder}/{lane}/meta/{shard}.parquet", place["key"])
        receipt = ledger.store.read(f"{folder}/{lane}/meta/receipts/{shard}.json")
        lines = _lines(ledger.store, folder)
        row = _release_part(ledger)
        commit = ledger.store.read(ledger.commit.path)
    except FileNotFoundError as error:
        raise LedgerError(f"release {place['release']} is not whole: {error}; see `headwater verify`") from error
    path = f"{lane}/meta/receipts/{shard}.json"
    at = [line.partition("  ")[2] for line in lines].index(path)
    proof = {
        "v": VERSION, "release": place["release"], "key": place["key"], "shard": f"{lane}/data/{tar}",
        "members": members, "leaves": steps,
        "receipt": {"path": path, "bytes": b64encode(receipt).decode(), "index": at, "of": len(lines),
                    "steps": [one.hex() for one in merkle_path((line.encode() for line in lines), at)]},
        "release_row": {"bytes": b64encode(row).decode()},
        "commit": {"path": ledger.commit.path, "hash": ledger.commit.hash, "bytes": b64encode(commit).decode()},
    }  # fmt: skip
    if problems := check(proof):
        raise LedgerError(
            f"release {place['release']} is not the one that was committed: {problems[0]}; see `headwater verify`"
        )
    return proof


def check(proof: object, *, anchor: str | None = None) -> list[str]:
    """What is wrong with a proof; nothing where the sample is in the release of that commit. Reads nothing but the proof.

    `anchor`: the hash that the commit must have, noted elsewhere.
    """
    try:
        return list(_problems(proof, anchor))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OSError, pa.ArrowException) as error:
        return [f"it is no proof of version {VERSION} ({type(error).__name__}: {error})"]


def _problems(proof: Any, anchor: str | None):  # type: ignore[no-untyped-def]
    if proof["v"] != VERSION:
        yield f"it is of version {proof['v']}, which this code does not know"
        return
    receipt, listed = _bytes(proof["receipt"]["bytes"]), proof["receipt"]
    said = json.loads(receipt)
    if f"{listed['path']}" != f"{proof['shard'].replace('/data/', '/meta/receipts/').removesuffix('.tar')}.json":
        yield "the receipt is of another shard"
    if not proof["members"] or any(not one["name"].startswith(f"{proof['key']}.") for one in proof["members"]):
        yield "it names no member, or one of another sample"
    for member in proof["members"]:
        steps = [bytes.fromhex(one) for one in member["steps"]]
        root = merkle_climb(bytes.fromhex(member["sha256"]), member["index"], proof["leaves"], steps)
        if root.hex() != said["merkle_root"]:
            yield f"member {member['name']} does not lead to the Merkle root of its shard"
    line = f"{sha256(receipt).hex()}  {listed['path']}".encode()
    root = merkle_climb(line, listed["index"], listed["of"], [bytes.fromhex(one) for one in listed["steps"]])
    row_bytes = _bytes(proof["release_row"]["bytes"])
    rows = pq.ParquetFile(pa.BufferReader(row_bytes)).read(["release", "set_root"]).to_pylist()
    if {"release": proof["release"], "set_root": root} not in rows:
        yield "the receipt does not lead to the root that the ledger names for this release"
    commit = parse_commit(_bytes(proof["commit"]["bytes"]))
    if all(part.table != "release" or part.sha256 != sha256(row_bytes).hex() for part in commit.files):
        yield "the commit does not list that row of the release"
    if commit.hash != proof["commit"]["hash"]:
        yield "the commit has another hash than the proof says"
    if anchor is not None and commit.hash != anchor:
        yield f"the commit has hash {commit.hash}, not {anchor}"


def _bytes(text: str) -> bytes:
    """What base64 stands for, in the one spelling that we write. Raises ValueError."""
    found = b64decode(text, validate=True)
    if len(found) > MOST_BYTES or b64encode(found).decode() != text:
        raise ValueError("bytes that are too many, or not written as base64 is")
    return found


def _place(ledger: Ledger, name: str) -> dict[str, Any]:
    (held,) = ledger.db.rows("SELECT list(DISTINCT release) AS releases FROM release")
    found: list[dict[str, Any]] = [
        one for one in where(ledger, name)["placements"] if one["release"] in (held["releases"] or [])
    ]
    if not found:
        raise NotFound(
            f"nothing of {name!r} is in the release of commit {ledger.commit.seq}; `headwater why` says what ended it"
        )
    if len(found) > 1:
        keys = ", ".join(one["key"] for one in found[:5])
        raise InputError(f"{len(found)} samples are published of {name!r}; prove one of them by its key: {keys}")
    return found[0]


def _members(store: Store, path: str, key: str) -> tuple[list[dict[str, Any]], int]:
    """(the members of a sample with their paths to the shard's root, members of the shard)."""
    rows = pq.ParquetFile(io.BytesIO(store.read(path))).read(["key", "parts"]).to_pylist()
    leaves = [(row["key"], part["part"], part["sha256"]) for row in rows for part in row["parts"]]
    digests = [digest for _, _, digest in leaves]
    members = [
        {
            "name": f"{owner}.{part}",
            "sha256": digest.hex(),
            "index": at,
            "steps": [one.hex() for one in merkle_path(digests, at)],
        }
        for at, (owner, part, digest) in enumerate(leaves)
        if owner == key
    ]
    return members, len(leaves)


def _lines(store: Store, folder: str) -> list[str]:
    """The leaves of a release's set root."""
    lanes = json.loads(store.read(f"{folder}/{MANIFEST}"))["lanes"]
    sums = {
        f"{lane}/{path}": digest
        for lane in lanes
        for path, digest in read_sums(store.read(f"{folder}/{lane}/{SUMS}")).items()
    }
    return [f"{sums[path]}  {path}" for path in sorted(sums)]


def _release_part(ledger: Ledger) -> bytes:
    (part, *_) = [part for part in ledger.commit.files if part.table == "release"]
    return ledger.store.read(part.path)
