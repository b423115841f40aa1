"""The lane: the way of one modality, as one frozen value. `pipelines/lanes/<name>.py` holds one each."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.capture.layout import Evidence, Wanted
from pipelines.child import Child
from pipelines.dedup.duplicates import Dedup
from pipelines.shard.sample import Sample
from pipelines.stage import Stage
from schemas.annotation import Role
from schemas.errors import RecipeError
from schemas.sample import SampleConfig

# (items, their captures, what is known of their rights), row-aligned -> one sample a row.
Samples = Callable[[pa.RecordBatch, pa.RecordBatch, pa.RecordBatch], Iterator[Sample]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """Everything that differs between modalities; what is here is nowhere else an `if`.

    `media_types`: captures of these become roots; `image/*` stands for all that begin so. `roles`: the annotations its
    split gets with each payload. `takes_files`: whether it reads uploads, or only archives of records. `evidence`: finds the
    licences that an uploaded file names, of itself or of its folder. `decoder`: makes the child process that reads this
    lane's untrusted bytes. `facts`: the lane's own columns of an item. `config` and `samples`: an item in a shard. `spans`: where its
    texts may be cut, of what others hold; null where a text stands for a payload, or falls apart without its parts.
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
    dedup: Dedup
    config: SampleConfig
    samples: Samples
    spans: Stage | None = None
    roles: tuple[Role, ...] = ()
    takes_files: bool = True
    evidence: Evidence | None = None

    def __post_init__(self) -> None:
        given = {name for measure in self.measures for name in measure.signals}
        for judge in self.judges:
            for rule in judge.rules:
                if rule.signal not in given:
                    raise RecipeError(
                        f"lane {self.name}: rule {rule.name} of {judge.name} reads the signal {rule.signal!r}, which no "
                        f"measure of the lane gives; they give: {', '.join(sorted(given)) or 'none'}"
                    )

    def accepts(self, media_types: pa.Array) -> pa.Array:
        """bool[n]: whether captures of these media types become roots of this lane; null counts as false."""
        whole = [kind for kind in self.media_types if not kind.endswith("*")]
        families = [kind[:-1] for kind in self.media_types if kind.endswith("*")]
        found = pc.is_in(media_types, value_set=pa.array(whole, pa.string()))
        for family in families:
            found = pc.or_(found, pc.starts_with(media_types, family).fill_null(False))
        return found

    @property
    def stages(self) -> tuple[Stage, ...]:
        """All stages in the order in which they can end an item; rights, which the policy makes, comes before them."""
        spans = () if self.spans is None else (self.spans,)
        return (self.split, *self.measures, *self.judges, *self.edits, self.dedup.stage, *spans)

    @property
    def cuts_spans(self) -> Stage | None:
        """The stage by which spans that another kept text of the lane holds are cut; null where it is off."""
        return self.spans if self.spans is not None and self.spans.settings["on"] else None


def wanted_by(lanes: Sequence[Lane]) -> Wanted:
    """What the lanes of a source together ask of its files. A lane that asks for no words about an item has its text inside."""
    asks = [not {Role.CAPTION, Role.TRANSCRIPT}.isdisjoint(lane.roles) for lane in lanes]
    return Wanted(
        files=any(lane.takes_files for lane in lanes),
        words=any(asks),
        texts=not all(asks),
        evidence={lane.name: lane.evidence for lane in lanes if lane.evidence is not None},
    )
