"""Pipelines: a work order is an element, one DoFn calls `run_part`; only groups shuffle, numbers as Arrow chunks.

What a run gives lies in the store as receipts; nothing depends on what a runner returns.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import apache_beam as beam
import pyarrow as pa
from apache_beam.metrics import Metrics
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.beam.coder import register
from pipelines.dedup.candidates import HOT, PAIRS, Pairs, bucket_pairs
from pipelines.dedup.duplicates import Dedup
from pipelines.dedup.prints import PLACE, place_chunks, shared_places
from pipelines.recipe import Recipe
from pipelines.rooms import one_batch
from pipelines.site import Site
from pipelines.spine import Order, run_part
from pipelines.store import Part
from schemas.errors import SiteError

REFUSED = {
    "DaskRunner": "it gives silently wrong results: tagged outputs merge and finish_bundle output is lost",
    "DirectRunner": "it tries to download another engine first; name FnApiRunner, which it falls back to",
}


def options(site: Site) -> PipelineOptions:
    """Beam's options for this site, the runner named explicitly.

    Raises:
        SiteError: a runner that is known to lose or change data.
    """
    if site.runner in REFUSED:
        raise SiteError(f"runner {site.runner} is refused: {REFUSED[site.runner]}")
    return PipelineOptions([f"--runner={site.runner}", *site.beam_options])


def _pipeline(site: Site) -> beam.Pipeline:
    chosen = options(site)
    try:
        return beam.Pipeline(options=chosen)
    except ValueError as error:
        raise SiteError(f"runner {site.runner} cannot be used: {error}") from error


class RunPart(beam.DoFn):  # type: ignore[misc]
    """Takes one work order through its rooms and gives (room, key) of every receipt."""

    def __init__(self, recipe: Recipe, site: Site) -> None:
        self._recipe, self._site = recipe, site

    def process(self, order: Order) -> Iterator[tuple[str, str]]:
        """Run the order; counters carry stage counts to the runner's own pages."""
        for receipt in run_part(self._recipe, self._site, order):
            for name, n in receipt.counts.items():
                Metrics.counter(f"{receipt.lane}.{receipt.room}", name).inc(n)
            yield receipt.room, receipt.key


def run_on_beam(recipe: Recipe, site: Site, orders: Sequence[Order], name: str) -> None:
    """Run all orders on the site's Beam runner and wait for the end. Raises what Beam raises."""
    with _pipeline(site) as pipeline:
        _ = (
            pipeline
            | f"Orders {name}" >> beam.Create(list(orders), reshuffle=False)
            | f"Spread {name}" >> beam.Reshuffle()
            | f"Run {name}" >> beam.ParDo(RunPart(recipe, site))
        )


Chunks: TypeAlias = Iterable[tuple[int, pa.RecordBatch]]  # by the key of the shuffle
Found: TypeAlias = Iterable[tuple[str, pa.RecordBatch]]  # by the table that it is of


@dataclass
class Match(beam.PTransform):  # type: ignore[misc]
    """Parts -> what their chunks give where those of one key meet: Arrow chunks, shuffled by partition, sorted on arrival.

    chunks: (a part, its number) -> its chunks. match: all chunks of a key, in any order -> tables.
    """

    site: Site
    chunks: Callable[[pa.Table, int], Chunks]
    match: Callable[[Iterable[pa.RecordBatch]], Found]

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        """(table, Arrow chunk) of every key."""
        register()
        site, chunks, match = self.site, self.chunks, self.match

        def cut(element: tuple[int, Part]) -> Chunks:
            number, part = element
            return chunks(site.store.read_part(part), number)

        return (
            parts
            | "Cut" >> beam.FlatMap(cut).with_output_types(tuple[int, pa.RecordBatch])
            | "Gather" >> beam.GroupByKey()
            | "Match" >> beam.FlatMapTuple(lambda _, found: match(found)).with_output_types(tuple[str, pa.RecordBatch])
        )


class Keep(beam.DoFn):  # type: ignore[misc]
    """Publishes each chunk of what was found as a content-named part, and its path under the group's key."""

    def __init__(self, site: Site, folder: str) -> None:
        self._site, self._folder = site, folder  # not below `rooms`: what lies there is receipts

    def process(self, element: tuple[str, pa.RecordBatch]) -> Iterator[str]:
        """The path of the part."""
        table, batch = element
        part = self._site.store.publish(table, batch)
        self._site.store.create(f"{self._folder}/{table}/{part.sha256}", part.path.encode())
        yield part.path


def pairs_on_beam(dedup: Dedup, site: Site, lane: str, key: str, parts: Sequence[Part], partitions: int) -> Pairs:
    """The candidate pairs of these signature parts, found by the site's Beam runner and read back from the store."""

    def chunks(table: pa.Table, number: int) -> Chunks:
        return dedup.chunks(dedup.stage, table, number, partitions)

    def match(found: Iterable[pa.RecordBatch]) -> Found:
        pairs = bucket_pairs(found, cap=int(dedup.stage.number("hot_bucket_cap")))
        return [(name, batch) for name, batch in (("pairs", pairs.pairs), ("hot", pairs.hot)) if len(batch)]

    read = _matched(site, f"beam/{lane}/pairs/{key}", parts, chunks, match)
    return Pairs(pairs=one_batch(read("pairs", PAIRS)), hot=one_batch(read("hot", HOT)))


def places_on_beam(site: Site, lane: str, key: str, parts: Sequence[Part], partitions: int) -> pa.Table:
    """The `shared_places` of these parts of prints, found by the site's Beam runner and read back from the store."""

    def chunks(table: pa.Table, number: int) -> Chunks:
        return place_chunks(table, number, partitions)

    def match(found: Iterable[pa.RecordBatch]) -> Found:
        places = shared_places(found)
        return [("places", places)] if len(places) else []

    return _matched(site, f"beam/{lane}/places/{key}", parts, chunks, match)("places", PLACE)


def _matched(
    site: Site, folder: str, parts: Sequence[Part], chunks: Callable[[pa.Table, int], Chunks],
    match: Callable[[Iterable[pa.RecordBatch]], Found],
) -> Callable[[str, pa.Schema], pa.Table]:  # fmt: skip
    """What reads the tables that `match` gave, once the pipeline is done."""
    with _pipeline(site) as pipeline:
        _ = (
            pipeline
            | "Parts" >> beam.Create(list(enumerate(parts)), reshuffle=False)
            | "Match" >> Match(site=site, chunks=chunks, match=match)
            | "Keep" >> beam.ParDo(Keep(site, folder))
        )

    def read(table: str, schema: pa.Schema) -> pa.Table:
        paths = [site.store.read(path).decode() for path in site.store.list(f"{folder}/{table}")]
        return site.store.table([Part(table=table, path=path, sha256="", rows=0, bytes=0) for path in paths], schema)

    return read
