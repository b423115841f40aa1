"""The breaker: a source that loses too large a share of its items to dedup stops the run, by name.

A later capture of a URI that says the same again is no loss: its items merge into those of the earlier capture, however
many rounds there are. It counts neither as removed nor in the whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.stage import Stage
from schemas.errors import TooManyRemoved

# Chosen: of fewer, each can be looked at, and small sources of a few copies are common.
AT_LEAST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What dedup takes of one source. `removed` of `total` items, captures of the same URI again in neither."""

    removed: int
    total: int

    @property
    def share(self) -> float:
        """0..1; 0 for a source without items."""
        return self.removed / self.total if self.total else 0.0


def losses(items: pa.Table, duplicates: pa.Table | pa.RecordBatch) -> dict[str, Loss]:
    """The loss of each source, by name.

    Args:
        items: item_id, source and uri (null: never captured again) of all items of a lane, each once.
        duplicates: `DUPLICATE`, the merged ones.
    """
    ids = items.column("item_id").combine_chunks()
    uris = items.column("uri").combine_chunks()
    merged, witness = (pc.index_in(duplicates.column(name), value_set=ids) for name in ("item_id", "witness_id"))
    again = pc.equal(uris.take(merged), uris.take(witness)).fill_null(False)
    sources = items.column("source").combine_chunks()
    lost, recaptured = (sources.take(merged.filter(mask)) for mask in (pc.invert(again), again))
    counts = [_counts(column) for column in (sources, lost, recaptured)]
    return {
        name: Loss(removed=counts[1].get(name, 0), total=n - counts[2].get(name, 0))
        for name, n in sorted(counts[0].items())
    }


def check_losses(stage: Stage, found: Mapping[str, Loss]) -> None:
    """Refuse to go on where a source loses more than the stage's `max_removed_share`, and `AT_LEAST` items or more.

    Raises:
        TooManyRemoved: names the source, the share, the cap and how to go on.
    """
    cap = stage.number("max_removed_share")
    bad = {name: loss for name, loss in found.items() if loss.removed >= AT_LEAST and loss.share > cap}
    if not bad:
        return
    name = max(bad, key=lambda source: (bad[source].share, source))
    loss, others = bad[name], f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
    raise TooManyRemoved(
        f"stage {stage.name}: {loss.removed} of {loss.total} items of source {name}{others} are duplicates of others, a share of "
        f"{loss.share:.2f}; max_removed_share is {cap:g}. Is it boilerplate, or one page under many addresses? If it is right, "
        f'raise max_removed_share under [stage."{stage.name}"] in the recipe'
    )


def _counts(column: pa.Array) -> dict[str, int]:
    return {row["values"]: row["counts"] for row in pc.value_counts(column).to_pylist()}
