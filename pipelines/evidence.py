"""What is looked up for the captures of a work order, wherever it was captured: licences, robots.txt, site files, what others say.

Parts of other captures are read once a process.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.capture.subject import names
from pipelines.hearsay import licences_about, said_of
from pipelines.lanes.lane import Lane
from pipelines.orders import LaneOrder, Sayers
from pipelines.recipe import Recipe
from pipelines.rights.licence_bars import licences_named
from pipelines.rights.licences import LicenceHit, conclude
from pipelines.rights.lookup import origin_and_path
from pipelines.rights.spdx import STRICTNESS, LicenceClass, licence_class
from pipelines.rights.weighed import Evidence
from pipelines.rooms import one_batch
from pipelines.site import Site
from pipelines.store import Part
from pipelines.suppression import suppression
from schemas.annotation import ANNOTATION
from schemas.capture import CAPTURE
from schemas.rights import LICENCE, RIGHTS, ROBOTS

# The captures whose words items may have: where they lie, and what they say of their own use ("mechanism:verdict").
PAGE = pa.schema([CAPTURE.field("capture_id"), CAPTURE.field("uri"), pa.field("signals", pa.list_(pa.string()))])


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What is said of the captures of a work order, and by whom.

    said: SAID, one list a capture; null for a lane that asks for none. pages: PAGE, a row a capture that says something. licences:
    LICENCE that counts for the captures themselves, and for those that say something.
    """

    said: pa.Array | None
    sayers: tuple[Sayers, ...]
    pages: pa.Table
    licences: pa.Table


def hear(recipe: Recipe, site: Site, lane: Lane, order: LaneOrder, captures: pa.RecordBatch) -> Heard:
    """All that is said of these captures, their licences, and what they are described with."""
    others = _of_others(site, order.licences)
    licences = licences_about(captures, site.store.read_part(order.licence), others)
    if not lane.roles:
        return Heard(said=None, sayers=(), pages=PAGE.empty_table(), licences=licences)
    annotations, sayers = _annotations_of(site, lane, order, captures)
    ids = annotations.column("capture_id").combine_chunks().unique()

    def of(table: str, schema: pa.Schema, columns: Sequence[str] | None = None) -> pa.Table:
        found = site.store.table([getattr(part, table) for part in sayers], schema, columns)
        return found.filter(pc.is_in(found.column("capture_id"), value_set=ids))

    speaking = of("capture", CAPTURE, ["capture_id", "uri", "source"])
    words = licences_about(one_batch(speaking), of("licence", LICENCE), others)
    cards = {source.card.name: source.card.licence for source in recipe.sources}
    ranks = _ranks(speaking, words, cards)
    return Heard(
        said=said_of(captures, annotations, lane.roles, ranks),
        sayers=sayers,
        pages=_pages(speaking, of("rights", RIGHTS)),
        licences=pa.concat_tables([licences, words]),
    )


def _ranks(speaking: pa.Table, words: pa.Table, cards: Mapping[str, str | None]) -> dict[bytes, int]:
    """`rights_rank` of what these captures say, by capture_id: of the strictest class that is named for it, as the judge has it."""
    named = licences_named(speaking.column("capture_id").combine_chunks(), words)
    found = {}
    for row in speaking.to_pylist():
        _, strictest = named.get(row["capture_id"], (None, None))
        card = cards.get(row["source"])
        is_judged = card is not None or origin_and_path(row["uri"]) is not None
        freest = licence_class(card) if is_judged else LicenceClass.PUBLIC_DOMAIN
        found[row["capture_id"]] = STRICTNESS[freest if strictest is None else strictest]
    return found


def _pages(speaking: pa.Table, rights: pa.Table) -> pa.Table:
    said: dict[bytes, set[str]] = {}
    for row in rights.filter(pc.equal(rights.column("subject_kind"), "capture")).to_pylist():
        said.setdefault(row["capture_id"], set()).add(f"{row['mechanism']}:{row['verdict']}")
    once = {row["capture_id"]: row["uri"] for row in speaking.select(["capture_id", "uri"]).to_pylist()}
    rows = [{"capture_id": i, "uri": uri, "signals": sorted(said.get(i, ()))} for i, uri in sorted(once.items())]
    return pa.Table.from_pylist(rows, schema=PAGE)


@lru_cache(maxsize=4)
def _of_others(site: Site, parts: tuple[Part, ...]) -> pa.Table:
    table = site.store.table(parts, LICENCE)
    return table.filter(pc.is_valid(table.column("subject")))


def _annotations_of(
    site: Site, lane: Lane, order: LaneOrder, captures: pa.RecordBatch
) -> tuple[pa.Table, tuple[Sayers, ...]]:
    """ANNOTATION about these captures, and the parts that hold those who say it."""
    uris = captures.column("uri").filter(lane.accepts(captures.column("media_type"))).to_pylist()
    subjects = {name for uri in uris if uri for name in names(uri)}
    speaking = _speaking(site, tuple(part.annotation for part in order.sayers))
    sayers = [order.sayers[n] for n in sorted({n for subject in subjects for n in speaking.get(subject, ())})]
    wanted = pa.array(sorted(subjects), pa.string())
    tables = [ANNOTATION.empty_table()]
    for part in sayers:
        table = _annotations(site, part.annotation)
        tables.append(table.filter(pc.is_in(table.column("subject"), value_set=wanted)))
    return pa.concat_tables(tables), tuple(sayers)


@lru_cache(maxsize=2)
def _speaking(site: Site, parts: tuple[Part, ...]) -> Mapping[str, list[int]]:
    """Subject -> the numbers of the parts that say something of it: read once a process (1.4 s for a million subjects)."""
    found: dict[str, list[int]] = {}
    for number, part in enumerate(parts):
        for subject in site.store.read_part(part, ["subject"]).column("subject").unique().to_pylist():
            found.setdefault(subject, []).append(number)
    return found


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
        rights=pa.concat_tables(
            [store.table(tuple(rights.values()), RIGHTS), _site_wide(site, order.sites)], promote_options="default"
        ),
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
    # Of whole sites and sources, and what a later visit found of single captures, wherever they lie.
    return table.filter(pc.is_in(table.column("subject_kind"), value_set=pa.array(["origin", "recheck", "source"])))
