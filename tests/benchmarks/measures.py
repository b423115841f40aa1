"""What each family of rules for texts costs, and the whole text pass beside the bare kernels of a floor.

    python -m tests.benchmarks.measures [--corpus WARC] [--floor DIR]

A measure stands before the judges that read it. `--corpus`: main texts of the pages of an archive instead of seeded ones.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipelines import rooms
from pipelines.lanes.web import WEB
from pipelines.stage import Shape, Stage
from tests.benchmarks import bench
from tests.benchmarks.floor import module_of, of_texts, page_bodies, page_texts, total
from tests.corpus.private import sentences


def main(given: Sequence[str] | None = None) -> None:
    """Print the figures."""
    asked = bench.arguments(
        (__doc__ or "").partition("\n")[0], 5000, given, corpus="a WARC file of pages of your own", floor="folder that holds floor.py"
    )  # fmt: skip
    if asked.corpus:
        texts = [text for text in page_texts(page_bodies([Path(asked.corpus)])) if text]
        items = bench.items_of(texts)
    else:
        items = bench.items(asked.docs, asked.seed)
        texts = items.column("text").to_pylist()
    whole = {"docs": len(items), "megabytes": bench.megabytes(items.column("text"))}
    rooms.measure(WEB, items.slice(0, 10))  # loads the model and the kernels
    measured, _ = rooms.measure(WEB, items)
    spoken = rooms.with_language(items, measured)
    ranks = bench.ranks(items)
    WEB.dedup.sign(items.slice(0, 10), ranks.slice(0, 10))

    def once(stage: Stage) -> object:
        match stage.shape:
            case Shape.MEASURE:
                return stage.fn(stage, spoken)
            case Shape.JUDGE:
                return stage.fn(stage, spoken, measured)
            case _:
                return stage.fn(stage, spoken)

    def text_pass() -> None:
        signals, _ = rooms.measure(WEB, items)
        judged = rooms.with_language(items, signals)
        for stage in WEB.judges:
            stage.fn(stage, judged, signals)
        WEB.dedup.sign(rooms.edit(WEB, judged)[0], ranks)

    steps = {
        stage.name: (lambda stage=stage: once(stage))
        for stage in (*WEB.measures, *map(_on, WEB.judges), *map(_on, WEB.edits))
    }
    private = rooms.set_column(items, "text", pc.binary_join_element_wise(items.column("text"), sentences(), " "))
    steps["edits, something to redact in every text"] = lambda: rooms.edit(WEB, private)
    steps[f"{WEB.dedup.stage.name}: signatures"] = lambda: WEB.dedup.sign(items, ranks)
    steps["all of these, as shipped"] = text_pass
    found = [bench.timed(name, do, **whole, repeat=asked.repeat)[0] for name, do in steps.items()]
    if asked.floor:
        with tempfile.TemporaryDirectory() as name:
            floor = module_of(Path(asked.floor) / "floor.py", Path(name))
            found += total(of_texts(floor, texts, whole, asked.repeat), whole)
    bench.report(f"{whole['docs']} texts, {whole['megabytes']:.1f} MB", found, is_json=asked.json)


def _on(stage: Stage) -> Stage:
    """The stage doing its work, also where it is shipped off."""
    more = {"on": True} if stage.settings.get("on") is False else {}
    more |= {"kinds": ("counter", "navigation", "policy")} if "kinds" in stage.settings else {}
    return stage.override(more, where="benchmark")


if __name__ == "__main__":
    pa.set_cpu_count(1)
    main()
