"""Pipelines: a work order is an element, one DoFn calls `run_part`; the one Group shuffles band hashes as Arrow chunks.

What a run gives lies in the store as receipts; nothing depends on what a runner returns.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import apache_beam as beam
import pyarrow as pa
from apache_beam.metrics import Metrics
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.beam.coder import register
from pipelines.dedup.candidates import HOT, PAIRS, Pairs, bucket_pairs
from pipelines.dedup.duplicates import Dedup
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


@dataclass
class Pair(beam.PTransform):  # type: ignore[misc]
    """Signature parts -> candidate pairs: bands shuffled as Arrow chunks keyed by partition, sorted on arrival."""

    dedup: Dedup
    site: Site
    partitions: int

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        """(table, Arrow chunk) of every key: `pairs`, and `hot` where a bucket is over the cap."""
        register()
        dedup, site, partitions = self.dedup, self.site, self.partitions

        def chunks(element: tuple[int, Part]) -> Iterable[tuple[int, pa.RecordBatch]]:
            index, part = element
            return dedup.chunks(dedup.stage, site.store.read_part(part), index, partitions)

        def match(_: int, found: Iterable[pa.RecordBatch]) -> Iterable[tuple[str, pa.RecordBatch]]:
            pairs = bucket_pairs(found, cap=int(dedup.stage.number("hot_bucket_cap")))
            return [(name, batch) for name, batch in (("pairs", pairs.pairs), ("hot", pairs.hot)) if len(batch)]

        return (
            parts
            | "Band" >> beam.FlatMap(chunks).with_output_types(tuple[int, pa.RecordBatch])
            | "Gather" >> beam.GroupByKey()
            | "Match" >> beam.FlatMapTuple(match).with_output_types(tuple[str, pa.RecordBatch])
        )


class Keep(beam.DoFn):  # type: ignore[misc]
    """Publishes each chunk of pairs or hot buckets as a content-named part, and its path under the group's key."""

    def __init__(self, site: Site, folder: str) -> None:
        self._site, self._folder = site, folder

    def process(self, element: tuple[str, pa.RecordBatch]) -> Iterator[str]:
        """The path of the part."""
        table, batch = element
        part = self._site.store.publish(table, batch)
        self._site.store.create(f"{self._folder}/{table}/{part.sha256}", part.path.encode())
        yield part.path


def pairs_on_beam(dedup: Dedup, site: Site, lane: str, key: str, parts: Sequence[Part], partitions: int) -> Pairs:
    """The candidate pairs of these signature parts, found by the site's Beam runner and read back from the store."""
    folder = f"rooms/{lane}/pairs/{key}"
    with _pipeline(site) as pipeline:
        _ = (
            pipeline
            | "Signatures" >> beam.Create(list(enumerate(parts)), reshuffle=False)
            | "Pair" >> Pair(dedup=dedup, site=site, partitions=partitions)
            | "Keep" >> beam.ParDo(Keep(site, folder))
        )

    def read(table: str, schema: pa.Schema) -> pa.RecordBatch:
        paths = [site.store.read(path).decode() for path in site.store.list(f"{folder}/{table}")]
        found = [Part(table=table, path=path, sha256="", rows=0, bytes=0) for path in paths]
        return one_batch(site.store.table(found, schema))

    return Pairs(pairs=read("pairs", PAIRS), hot=read("hot", HOT))
