"""Text measures, language id, judges and redaction: documents a second in one process. `python -m tests.benchmarks.measures`"""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from pipelines import rooms
from pipelines.lanes.web import WEB
from pipelines.measures.language import LANGUAGE
from pipelines.measures.text import TEXT_STATISTICS
from tests.benchmarks import bench
from tests.corpus.private import sentences


def main(given: Sequence[str] | None = None) -> None:
    """Print the figures."""
    asked = bench.arguments(__doc__ or "", 5000, given)
    items = bench.items(asked.docs, asked.seed)
    size = bench.megabytes(items.column("text"))
    rooms.measure(WEB, items.slice(0, 10))  # loads the model and the kernels
    measured, _ = rooms.measure(WEB, items)
    spoken = rooms.with_language(items, measured)
    private_items = rooms.set_column(items, "text", pc.binary_join_element_wise(items.column("text"), sentences(), " "))
    steps = {
        f"{TEXT_STATISTICS.name}": lambda: TEXT_STATISTICS.fn(TEXT_STATISTICS, items),
        f"{LANGUAGE.name}": lambda: LANGUAGE.fn(LANGUAGE, items),
        "judges of the web lane, without rights": lambda: [stage.fn(stage, spoken, measured) for stage in WEB.judges],
        "edits of the web lane": lambda: rooms.edit(WEB, items),
        "edits, something to redact in every text": lambda: rooms.edit(WEB, private_items),
    }
    found = [
        bench.timed(name, do, docs=asked.docs, megabytes=size, repeat=asked.repeat)[0] for name, do in steps.items()
    ]
    bench.report(f"{asked.docs} texts, {size:.1f} MB", found, is_json=asked.json)


if __name__ == "__main__":
    pa.set_cpu_count(1)
    main()
