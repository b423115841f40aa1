"""The lane: the way of one modality, as one frozen value. `pipelines/lanes/<name>.py` holds one each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from pipelines.child import Child
from pipelines.shard.sample import Sample
from pipelines.stage import Stage
from schemas.sample import SampleConfig

# (items, their captures, what is known of their rights), row-aligned -> one sample a row.
Samples = Callable[[pa.RecordBatch, pa.RecordBatch, pa.RecordBatch], Iterator[Sample]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """Everything that differs between modalities; what is here is nowhere else an `if`.

    `media_types`: captures of these become roots. `decoder`: makes the child process that reads this lane's untrusted
    bytes. `facts`: the lane's own columns of an item. `config` and `samples`: an item in a shard.
    """

    name: str
    modality: str
    media_types: tuple[str, ...]
    decoder: Callable[[], Child]
    facts: pa.StructType
    split: Stage
    measures: tuple[Stage, ...]
    judges: tuple[Stage, ...]
    edits: tuple[Stage, ...]
    dedup: Stage
    config: SampleConfig
    samples: Samples

    @property
    def stages(self) -> tuple[Stage, ...]:
        """All stages in the order in which they can end an item; rights, which the policy makes, comes before them."""
        return (self.split, *self.measures, *self.judges, *self.edits, self.dedup)
