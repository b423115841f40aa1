"""What other captures say of these ones: annotations and licences, joined by URI, wherever and whenever they were captured."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.capture.subject import covering_folders, names
from pipelines.rights.licences import README, SEE
from schemas.annotation import SAID, Role
from schemas.item import ID
from schemas.rights import LICENCE


def said_of(
    captures: pa.RecordBatch, annotations: pa.Table, roles: Sequence[Role], ranks: Mapping[bytes, int]
) -> pa.Array:
    """`SAID`, one list a capture: its annotations of these roles, the most exact name first, then in order of the sayer.

    The same words said twice of one capture, in one role and language and of the same seconds, count once, as the freest of them.
    `ranks`: `rights_rank` by capture_id of the sayer.
    """
    uris = captures.column("uri").to_pylist()
    wanted = [names(uri) if uri is not None and roles else () for uri in uris]
    subjects = pa.array(sorted({name for found in wanted for name in found}), pa.string())
    mask = pc.and_(
        pc.is_in(annotations.column("subject"), value_set=subjects),
        pc.is_in(annotations.column("role"), value_set=pa.array([role.value for role in roles], pa.string())),
    )
    by_subject = defaultdict(list)
    for row in annotations.filter(mask).to_pylist():
        by_subject[row["subject"]].append(row)
    found = []
    for keys in wanted:
        once: dict[tuple[object, ...], dict[str, object]] = {}
        for key in keys:
            for row in sorted(by_subject.get(key, ()), key=_order):
                words = tuple(row[name] for name in ("role", "text", "language", "start_s", "end_s"))
                said = {name: row.get(name) for name in SAID.value_type.names} | {
                    "rights_rank": ranks.get(row["capture_id"])
                }
                if _rank(said) < _rank(once.setdefault(words, said)):
                    once[words] = said
        found.append(list(once.values()))
    return pa.array(found, SAID)


def _rank(said: Mapping[str, object]) -> int:
    rank = said["rights_rank"]
    return rank if isinstance(rank, int) else 0


def _order(row: dict[str, object]) -> tuple[str, ...]:
    sayer = row["capture_id"]
    assert isinstance(sayer, bytes)
    # "byte 9" before "byte 10"
    return sayer.hex(), str(row["location"]), str(row["locator"]).zfill(24), str(row["language"]), str(row["text"])


def licences_about(captures: pa.RecordBatch, own: pa.Table, others: pa.Table) -> pa.Table:
    """`LICENCE` rows that count for these captures, each under the `capture_id` of the capture it is about.

    own: rows of these captures. others: rows of all captures that speak of another `subject`. Of folders that name a licence
    only the nearest counts, and none for a file that names its own; a README counts where nothing else in its folder does.
    A row at `see` stands for what is said of the file it points to, in the nearest folder that has one of that name.
    """
    mine = own.filter(pc.is_null(own.column("subject")))
    if not others.num_rows:
        return mine
    pointers = mine.filter(pc.equal(mine.column("location"), SEE))
    sees = dict(zip(pointers.column("capture_id").to_pylist(), pointers.column("raw").to_pylist(), strict=True))
    speaking = set(mine.column("capture_id").to_pylist())
    asked = [
        (capture, *_subjects(uri, speaks=capture in speaking, see=sees.get(capture)))
        for capture, uri in zip(
            captures.column("capture_id").to_pylist(), captures.column("uri").to_pylist(), strict=True
        )
    ]
    wanted = pa.array(
        sorted({subject for _, all_of, first_of in asked for subject in (*all_of, *first_of)}), pa.string()
    )
    by_subject = defaultdict(list)
    for row in others.filter(pc.is_in(others.column("subject"), value_set=wanted)).to_pylist():
        by_subject[row["subject"]].append(row)
    found = []
    for capture, all_of, first_of in asked:
        rows = [row for subject in all_of for row in by_subject.get(subject, ())]
        rows = rows or next((by_subject[subject] for subject in first_of if subject in by_subject), [])
        rows = [row for row in rows if row["location"] != README] or rows
        found += [{**row, "capture_id": capture} for row in rows]
        if rows:
            sees.pop(capture, None)  # left are those that point nowhere: a licence is named, and nobody knows which
    unread = pc.is_in(mine.column("capture_id"), value_set=pa.array(sorted(sees), ID))
    mine = mine.filter(pc.or_(pc.not_equal(mine.column("location"), SEE), unread))
    # In an order of its own: that of the parts it was said in follows from how captures were grouped.
    found.sort(key=lambda row: (row["capture_id"], row["evidence_sha256"], row["location"], row["locator"], row["raw"]))
    return pa.concat_tables([mine, pa.Table.from_pylist(found, schema=LICENCE)])


def _subjects(uri: str | None, *, speaks: bool, see: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The subjects that all count for a capture, and those of which the first that is spoken of counts."""
    if uri is None:
        return (), ()
    if see is not None:
        return names(uri), tuple(folder + see for folder in covering_folders(uri))
    return names(uri), () if speaks else covering_folders(uri)
