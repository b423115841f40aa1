"""What other captures say of these ones: annotations and licences, joined by URI, wherever and whenever they were captured."""

from collections import defaultdict
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.capture.subject import folders, names
from schemas.annotation import SAID, Role
from schemas.rights import LICENCE


def said_of(captures: pa.RecordBatch, annotations: pa.Table, roles: Sequence[Role]) -> pa.Array:
    """`SAID`, one list a capture: its annotations of these roles, the most exact name first, then in order of the sayer.

    The same words said twice of one capture in one role count once.
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
        once: dict[tuple[str, str], dict[str, object]] = {}
        for key in keys:
            for row in sorted(by_subject.get(key, ()), key=_order):
                once.setdefault((row["role"], row["text"]), {name: row[name] for name in SAID.value_type.names})
        found.append(list(once.values()))
    return pa.array(found, SAID)


def _order(row: dict[str, object]) -> tuple[str, ...]:
    sayer = row["capture_id"]
    assert isinstance(sayer, bytes)
    # "byte 9" before "byte 10"
    return sayer.hex(), str(row["location"]), str(row["locator"]).zfill(24), str(row["language"]), str(row["text"])


def licences_about(captures: pa.RecordBatch, own: pa.Table, others: pa.Table) -> pa.Table:
    """`LICENCE` rows that count for these captures, each under the `capture_id` of the capture it is about.

    own: rows of these captures. others: rows of all captures that speak of another `subject`. Of folders that name a licence
    only the nearest counts, and none for a file that names its own.
    """
    mine = own.filter(pc.is_null(own.column("subject")))
    if not others.num_rows:
        return mine
    speaking = set(mine.column("capture_id").to_pylist())
    by_subject = defaultdict(list)
    for row in others.to_pylist():
        by_subject[row["subject"]].append(row)
    found = []
    for capture, uri in zip(captures.column("capture_id").to_pylist(), captures.column("uri").to_pylist(), strict=True):
        rows = [row for name in (names(uri) if uri else ()) for row in by_subject.get(name, ())]
        if not rows and capture not in speaking:
            rows = next((by_subject[folder] for folder in (folders(uri) if uri else ()) if folder in by_subject), [])
        found += [{**row, "capture_id": capture} for row in rows]
    return pa.concat_tables([mine, pa.Table.from_pylist(found, schema=LICENCE)])
