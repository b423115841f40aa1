"""What is looked up for the captures of a work order, wherever it was captured: licences, robots.txt, site files, what others say.

Parts of other captures are read once a process.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.capture.subject import names
from pipelines.hearsay import licences_about, said_of
from pipelines.lanes.lane import Lane
from pipelines.orders import LaneOrder, Sayers
from pipelines.recipe import Recipe
from pipelines.rights.judge import Evidence
from pipelines.rights.licences import LicenceHit, conclude
from pipelines.site import Site
from pipelines.store import Part
from pipelines.suppression import suppression
from schemas.annotation import ANNOTATION
from schemas.capture import CAPTURE
from schemas.rights import LICENCE, RIGHTS, ROBOTS


def licence_rows(site: Site, order: LaneOrder, captures: pa.RecordBatch) -> pa.Table:
    """The licence evidence that counts for these captures, their own and what others say of them."""
    return licences_about(captures, site.store.read_part(order.licence), _of_others(site, order.licences))


@lru_cache(maxsize=4)
def _of_others(site: Site, parts: tuple[Part, ...]) -> pa.Table:
    table = site.store.table(parts, LICENCE)
    return table.filter(pc.is_valid(table.column("subject")))


def what_is_said(
    site: Site, lane: Lane, order: LaneOrder, captures: pa.RecordBatch
) -> tuple[pa.Array | None, tuple[Sayers, ...]]:
    """The annotations of these captures (null for a lane that asks for none), and the parts that hold their sayers."""
    if not lane.roles:
        return None, ()
    uris = captures.column("uri").filter(lane.accepts(captures.column("media_type"))).to_pylist()
    subjects = {name for uri in uris if uri for name in names(uri)}
    speaking = _speaking(site, tuple(part.annotation for part in order.sayers))
    sayers = [order.sayers[n] for n in sorted({n for subject in subjects for n in speaking.get(subject, ())})]
    wanted = pa.array(sorted(subjects), pa.string())
    tables = [ANNOTATION.empty_table()]
    for part in sayers:
        table = _annotations(site, part.annotation)
        tables.append(table.filter(pc.is_in(table.column("subject"), value_set=wanted)))
    return said_of(captures, pa.concat_tables(tables), lane.roles), tuple(sayers)


@lru_cache(maxsize=2)
def _speaking(site: Site, parts: tuple[Part, ...]) -> Mapping[str, list[int]]:
    """Subject -> the numbers of the parts that say something of it: read once a process (1.4 s for a million subjects)."""
    found: dict[str, list[int]] = {}
    for number, part in enumerate(parts):
        for subject in site.store.read_part(part, ["subject"]).column("subject").unique().to_pylist():
            found.setdefault(subject, []).append(number)
    return found


def saying_pages(site: Site, sayers: Sequence[Sayers], said: pa.Array | None) -> pa.Table:
    """capture_id and uri of the captures that say something here: where the words of an item may come from."""
    tables = [pa.schema([CAPTURE.field(name) for name in ("capture_id", "uri")]).empty_table()]
    if said is not None:
        ids = pc.struct_field(said.flatten(), "capture_id").unique()
        for part in sayers:
            table = site.store.read_part(part.capture, ["capture_id", "uri"])
            tables.append(table.filter(pc.is_in(table.column("capture_id"), value_set=ids)))
    return pa.concat_tables(tables)


@lru_cache(maxsize=256)
def _annotations(site: Site, part: Part) -> pa.Table:
    return site.store.read_part(part)


def licences_of(captures: pa.RecordBatch, hits: pa.Table) -> pa.Array:
    """SPDX expression concluded from each capture's own evidence; null where it names none."""
    per_capture: dict[bytes, list[LicenceHit]] = {}
    for row in hits.to_pylist():
        hit = LicenceHit(location=row["location"], locator=row["locator"], expression=row["expression"], raw=row["raw"])
        per_capture.setdefault(row["capture_id"], []).append(hit)
    ids = captures.column("capture_id").to_pylist()
    return pa.array([conclude(per_capture[i]).expression if i in per_capture else None for i in ids], pa.string())


def evidence_for(recipe: Recipe, site: Site, order: LaneOrder, licence: Part, sayers: tuple[Sayers, ...]) -> Evidence:
    """All that the judge of rights looks at: of these captures and their sayers, of their sites, and what was taken down."""
    store = site.store
    captures = {part.path: part for part in (order.capture, *(one.capture for one in sayers))}
    rights = {part.path: part for part in (order.rights, *(one.rights for one in sayers))}
    return Evidence(
        captures=pa.concat_tables([store.read_part(part) for part in captures.values()]),
        rights=pa.concat_tables([*(store.read_part(part) for part in rights.values()), _site_wide(site, order.sites)]),
        licences=store.read_part(licence),
        robots=_robots(site, order.robots),
        card_licences={source.card.name: source.card.licence for source in recipe.sources},
        taken_down=suppression(site),
    )


@lru_cache(maxsize=4)
def _robots(site: Site, parts: tuple[Part, ...]) -> pa.Table:
    return site.store.table(parts, ROBOTS)


@lru_cache(maxsize=4)
def _site_wide(site: Site, parts: tuple[Part, ...]) -> pa.Table:
    table = site.store.table(parts, RIGHTS)
    # Of whole sites, and what a later visit found of single captures, wherever they lie.
    return table.filter(pc.is_in(table.column("subject_kind"), value_set=pa.array(["origin", "recheck"])))
