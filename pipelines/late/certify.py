"""The certificate: a seeded sample of a release's items, derived again from raw captures and compared with what was recorded.

    certify(ledger, release, site, sample=20, seed=0) -> Certificate

For each item: the captured bytes against their digest; the ledger's row (content digest, language, licence, size) and the decisions of
split, measures, judges and edits; for a published one the bytes of its sample in the shard. What cannot be derived again is said.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.audit.open import Ledger
from pipelines.audit.words import Row
from pipelines.exports.facts import NOTICE, requests_against
from pipelines.exports.samples import sample_at
from pipelines.late.rederive import Again, Made, decisions_of
from pipelines.late.stored import Done, Stored, stored
from pipelines.runner import Progress, quiet
from pipelines.site import Site
from schemas.digest import digest
from schemas.errors import HeadwaterError, InputError, LedgerError, NotFound
from schemas.item import ID

# What a sample of single items cannot show; printed in every certificate.
NOT_COVERED = (
    "which of similar items stands for the others, quotas and splits: they follow from the whole corpus",
    "which spans other items hold: what was cut for that is cut again by its receipt",
    "that the captured bytes are what a server sent: only that they have the digest of then",
    "what captures and evidence files were read to say: the rows of the ledger are taken, not made again",
)


_GONE = "its shard is gone"


class Agreement(StrEnum):
    """How an item came out."""

    AGREES = "agrees"
    DIFFERS = "differs"
    UNABLE = "not_rederived"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One item of the sample. `what`: each thing that differs, or why it could not be derived again; empty where it agrees.

    content_sha256: as recorded. sample: digest over the parts of its sample as they came out; None for what is not published.
    """

    item_id: str
    lane: str
    state: str
    content_sha256: str
    result: Agreement
    what: tuple[str, ...] = ()
    sample: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What was derived again, from what, and how it came out. Without a clock: the same release, seed and machine give the same."""

    format: int
    release: str
    set_root: str
    commit: int
    commit_hash: str
    run: str
    recipe_digest: str
    made_by: str
    seed: int
    sample: int
    agree: int
    differ: int
    not_rederived: int
    items: tuple[Checked, ...]
    not_covered: tuple[str, ...]
    notice: str

    @property
    def holds(self) -> bool:
        """Whether no item differs, and at least one that was published came out as it was."""
        return not self.differ and any(one.sample and one.result == Agreement.AGREES for one in self.items)

    @property
    def digest(self) -> str:
        """The SHA-256 over the canonical JSON of all this: what a signature would be of."""
        return digest("certificate", self).hex()


def certify(
    ledger: Ledger, release: str, site: Site, *, sample: int = 20, seed: int = 0, progress: Progress = quiet
) -> Certificate:
    """The certificate of a release: `sample` published items and as many that a rule ended, drawn by `seed`.

    Raises:
        NotFound: no commit holds that release.
        InputError: the sample is empty.
    """
    if sample < 1:
        raise InputError(f"--sample is a number of items, at least 1; it is {sample}")
    at = ledger.of_release(release)
    drawn = _drawn(at, release, sample, seed)
    try:
        there = stored(at)
    except LedgerError as error:
        checked = [_unable(row, str(error)) for row in drawn]
    else:
        checked = list(_checked(there, site, release, drawn, progress))
        checked = [_withdrawn(one, ledger, release) for one in checked]
    checked.sort(key=lambda one: one.item_id)
    (said,) = at.db.rows(
        "SELECT DISTINCT r.run, r.recipe_digest, r.version, e.set_root FROM run r JOIN release e USING (release) WHERE release = $name",
        {"name": release},
    )
    counts = {result: sum(one.result == result for one in checked) for result in Agreement}
    return Certificate(
        format=1, release=release, set_root=said["set_root"].hex(), commit=at.commit.seq, commit_hash=at.commit.hash, run=said["run"],
        recipe_digest=said["recipe_digest"].hex(), made_by=f"Headwater {said['version']}", seed=seed, sample=sample,
        agree=counts[Agreement.AGREES], differ=counts[Agreement.DIFFERS], not_rederived=counts[Agreement.UNABLE], items=tuple(checked),
        not_covered=NOT_COVERED, notice=NOTICE,
    )  # fmt: skip


def _drawn(at: Ledger, release: str, sample: int, seed: int) -> list[Row]:
    """The sample: rows of the ledger's items with their state and place. Whose SHA-256 with the seed is least is drawn."""
    order = "sha256($seed || lower(hex(item_id)))"
    return at.db.rows(
        "WITH ended AS (SELECT DISTINCT item_id, state, stage FROM disposition), placed AS (SELECT item_id, h.path AS shard, p.offset,"
        " p.length FROM placement p JOIN (SELECT DISTINCT shard_id, release, path FROM shard) h USING (shard_id, release) WHERE"
        f" release = $release), drawn AS ((SELECT item_id FROM placed ORDER BY {order} LIMIT $n) UNION ALL (SELECT item_id FROM ended"
        f" WHERE state = 'dropped' AND stage NOT LIKE 'mix%' AND stage NOT LIKE 'dedup%' ORDER BY {order} LIMIT $n))"
        " SELECT i.*, e.state, p.shard, p.offset, p.length FROM drawn JOIN (SELECT DISTINCT * FROM item) i USING (item_id)"
        " LEFT JOIN ended e USING (item_id) LEFT JOIN placed p USING (item_id) ORDER BY item_id",
        {"seed": f"{seed}:", "release": release, "n": sample},
    )


def _unable(row: Row, why: str) -> Checked:
    return _result(row, Agreement.UNABLE, (why,))


def _result(row: Row, result: Agreement, what: Sequence[str], sample: str | None = None) -> Checked:
    return Checked(
        item_id=row["item_id"].hex(), lane=row["lane"], state=row["state"] or "unknown", content_sha256=row["content_sha256"].hex(),
        result=result, what=tuple(what), sample=sample,
    )  # fmt: skip


def _withdrawn(one: Checked, ledger: Ledger, release: str) -> Checked:
    """The item as it came out; where it differs because a request took it out, or took its shard away alone, that is said instead."""
    if one.result is not Agreement.DIFFERS:
        return one
    own = {"item": bytes.fromhex(one.item_id)}
    out = ledger.db.rows("SELECT DISTINCT request FROM request_match WHERE item_id = $item ORDER BY 1", own)
    if out:
        why = f"it was taken out for {', '.join(row['request'] for row in out)}, with what it was made of"
    elif all(_GONE in what for what in one.what) and (names := ", ".join(requests_against(ledger, release))):
        why = f"the release was taken down for {names}, so that its shard is gone; all else of the item came out as recorded"
    else:
        return one
    return replace(one, result=Agreement.UNABLE, what=(why,))


def _checked(there: Stored, site: Site, release: str, drawn: Sequence[Row], progress: Progress) -> Iterator[Checked]:
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in drawn:
        groups.setdefault((row["lane"], row["source"]), []).append(row)
    done = 0
    for (lane, source), rows in sorted(groups.items()):
        with tempfile.TemporaryDirectory(prefix="headwater-certify-") as folder:
            again = Again(there=there, site=site, scratch=Path(folder))
            yield from _group(again, release, lane, source, rows)
        done += len(rows)
        progress(f"certify {lane}", done, len(drawn))


def _group(again: Again, release: str, lane: str, source: str, rows: Sequence[Row]) -> Iterator[Checked]:
    """The items of one lane and source, derived again together."""
    captures = again.captures(sorted({row["capture_id"] for row in rows}))
    gone = again.missing(captures)
    gone |= {row["capture_id"]: "the capture is not in the ledger" for row in rows
             if row["capture_id"] not in set(captures.column("capture_id").to_pylist())}  # fmt: skip
    yield from (_unable(row, gone[row["capture_id"]]) for row in rows if row["capture_id"] in gone)
    rows = [row for row in rows if row["capture_id"] not in gone]
    if not rows:
        return
    left = captures.filter(pc.invert(pc.is_in(captures.column("capture_id"), value_set=pa.array(list(gone), ID))))
    try:
        made = again.make(lane, source, left, [row["item_id"] for row in rows if row["shard"]])
    except HeadwaterError as error:
        yield from (_unable(row, f"{type(error).__name__}: {error}") for row in rows)
        return
    then = _then(again.there, lane, source, rows)
    for row in rows:
        yield _compared(again.there, release, row, made, then)


def _then(there: Stored, lane: str, source: str, rows: Sequence[Row]) -> Mapping[bytes, list[Row]]:
    """item_id -> what the local rooms said of it when the run was made."""
    ids = pa.array([row["item_id"] for row in rows], ID)
    found: dict[bytes, list[Row]] = {row["item_id"]: [] for row in rows}
    for done in there.orders[lane]:
        if done.source == source and _holds(there, done, ids):
            for decision in decisions_of(there.store, done.rooms, ids).to_pylist():
                found[decision["item_id"]].append(decision)
    return found


def _holds(there: Stored, done: Done, ids: pa.Array) -> bool:
    column = there.store.read_part(done.rooms["split"].part("items"), ["item_id"]).column("item_id")
    return bool(pc.any(pc.is_in(column, value_set=ids)).as_py())


def _compared(there: Stored, release: str, row: Row, made: Made, then: Mapping[bytes, list[Row]]) -> Checked:
    """One item: its row, its decisions, its sample; what differs is named."""
    item = row["item_id"]
    fresh = made.items.filter(pc.equal(made.items.column("item_id"), pa.scalar(item, ID))).to_pylist()
    if not fresh:
        return _result(row, Agreement.DIFFERS, ["the captures give no such item"])
    what = [
        f"{name} was {_shown(row[name])}, is {_shown(value)}" for name, value in fresh[0].items() if row[name] != value
    ]
    now = made.decisions.filter(pc.equal(made.decisions.column("item_id"), pa.scalar(item, ID))).to_pylist()
    what += [f"no longer: {_decision(one)}" for one in then[item] if one not in now]
    what += [f"new: {_decision(one)}" for one in now if one not in then[item]]
    sample = None
    if row["shard"]:
        parts = made.samples.get(item)
        sample = (
            None
            if parts is None
            else digest("sample", {name: digest("part", parts[name].hex()) for name in parts}).hex()
        )
        what += _sample(there, release, row, parts)
    return _result(row, Agreement.DIFFERS if what else Agreement.AGREES, what, sample)


def _sample(there: Stored, release: str, row: Row, parts: Mapping[str, bytes] | None) -> list[str]:
    """What differs between the sample in the shard and the one that came out."""
    if parts is None:
        return ["it is not published again: a room ended it"]
    try:
        old = sample_at(there.store, f"releases/{release}/{row['shard']}", row["offset"], row["length"])
    except NotFound as error:
        return [f"{_GONE}: {error}"]
    except HeadwaterError as error:
        return [f"its sample in the shard cannot be read: {error}"]
    names = sorted({*old, *parts})
    return [
        f"part {name} of its sample differs" for name in names if name not in old or old[name][1] != parts.get(name)
    ]


def _decision(row: Row) -> str:
    return f"{row['stage']} {row['verdict']}{' ' + row['reason'] if row['reason'] else ''}"


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
