"""What was said of the rights of captures, ready to be printed: own statements, those of the site, robots.txt, licences."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.rights.agreements import SUBJECT as SOURCE
from pipelines.rights.judge import OWN_KINDS
from pipelines.rights.lookup import pages, site_files
from pipelines.rights.weighed import Evidence

_STATEMENT = ("mechanism", "usage", "verdict", "agent", "locator", "excerpt")
_LICENCE = ("location", "locator", "expression", "raw", "evidence_sha256")

Said = dict[str, Any]


def said_of(ids: pa.Array, evidence: Evidence) -> Mapping[bytes, Said]:
    """`rights`, `robots` and `licences` by capture_id, lists of rows; empty lists where nothing was said.

    `subject` of a statement is null for the capture's own, else the source, or the origin and the pattern of the paths meant. `robots`: the files
    that led to the one that holds, the last one. Digests are hex, and null where the statement is its site's.
    """
    found: dict[bytes, Said] = {
        i: {"rights": _own(i, evidence), "robots": [], "licences": _licences(i, evidence)} for i in ids.to_pylist()
    }
    for capture, source in zip(
        *(evidence.captures.column(name).to_pylist() for name in ("capture_id", "source")), strict=True
    ):
        if capture in found:
            found[capture]["rights"] += _stated(source, evidence)
    known = pages(ids, evidence.captures)
    files = site_files(known, evidence.rights, evidence.robots)
    for page in known:
        said = found[page.capture_id]
        said["rights"] += [
            {
                "subject": page.origin + row.path,
                **{name: getattr(row, name) for name in _STATEMENT},
                "evidence_sha256": None,
            }
            for row in files.statements_of(page)
        ]
        said["robots"] = [
            {"origin": row.origin, "status": row.status, "body_sha256": row.body_sha256.hex()}
            for row in files.robots_of(page)
        ]
    return found


def _own(capture_id: bytes, evidence: Evidence) -> list[Said]:
    is_own = pc.is_in(evidence.rights.column("subject_kind"), value_set=pa.array(OWN_KINDS))
    rows = evidence.rights.filter(pc.and_(pc.equal(evidence.rights.column("capture_id"), capture_id), is_own))
    return [
        {"subject": None, **row, "evidence_sha256": row["evidence_sha256"].hex()}
        for row in rows.select([*_STATEMENT, "evidence_sha256"]).to_pylist()
    ]


def _stated(source: str, evidence: Evidence) -> list[Said]:
    is_of = pc.equal(evidence.rights.column("subject_kind"), SOURCE)
    rows = evidence.rights.filter(pc.and_(is_of, pc.equal(evidence.rights.column("subject"), source).fill_null(False)))
    return [
        row | {"evidence_sha256": row["evidence_sha256"].hex()}
        for row in rows.select(["subject", *_STATEMENT, "evidence_sha256"]).to_pylist()
    ]


def _licences(capture_id: bytes, evidence: Evidence) -> list[Said]:
    rows = evidence.licences.filter(pc.equal(evidence.licences.column("capture_id"), capture_id))
    rows = rows.filter(pc.is_null(rows.column("subject")))
    return [row | {"evidence_sha256": row["evidence_sha256"].hex()} for row in rows.select(list(_LICENCE)).to_pylist()]
