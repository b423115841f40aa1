"""Archives to judged texts beside datatrove, on the same WARC file with the same extractor, in one run.

    python -m tests.benchmarks.text_peers --corpus WARC [--datatrove PYTHON]

Ours reads the records, takes the main text, measures, judges and edits it, and signs it for dedup. datatrove reads, extracts in its own
process (its sandbox is slower), and applies language id, Gopher repetition and quality, C4 and FineWeb; it has no classifiers of spam and
hate, so there is a row without ours. Each row is the CPU of a process of its own, from its start to its end.
"""

import dataclasses
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pipelines import rooms
from pipelines.lanes.lane import Lane
from pipelines.lanes.web import WEB
from pipelines.models.files import LID_176, model_path
from tests.benchmarks import bench
from tests.benchmarks.floor import page_bodies, page_texts
from tests.corpus import archive

# Run by the interpreter that has datatrove, on: the archive's folder, its name, the model of language id, a folder to write into.
DATATROVE = """
import sys
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.filters import (
    C4QualityFilter, FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter, LanguageFilter)
from datatrove.pipeline.readers import WarcReader
from datatrove.pipeline.writers import JsonlWriter
from datatrove.utils.lid import FT176LID
from fasttext.FastText import _FastText
from resiliparse.extract.html2text import extract_plain_text

folder, name, model, out = sys.argv[1:]
loaded = _FastText(model)
FT176LID.model = property(lambda self: loaded)

class MainText(PipelineStep):
    name, type = "main text", "extract"

    def run(self, data, rank=0, world_size=1):
        for page in data:
            page.text = extract_plain_text(page.text, main_content=True, alt_texts=False)
            if page.text:
                yield page

steps = [WarcReader(folder, glob_pattern=name), MainText(), LanguageFilter(["en"]), GopherRepetitionFilter(),
         GopherQualityFilter(), C4QualityFilter(), FineWebQualityFilter(), JsonlWriter(out + "/docs")]
LocalPipelineExecutor(steps, tasks=1, workers=1, logging_dir=out + "/logs", skip_completed=False).run()
"""


def main(given: Sequence[str] | None = None) -> None:
    """Print the figures."""
    asked = bench.arguments(
        (__doc__ or "").partition("\n")[0], 500, given, corpus="a WARC file of pages of your own",
        datatrove="a Python that has datatrove", only="of this process alone: a file to pass over, with or without classifiers",
    )  # fmt: skip
    if asked.only:
        passed(Path(asked.corpus), WEB if asked.only == "all" else plain())
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = (
            Path(asked.corpus)
            if asked.corpus
            else archive.write(folder / "made.warc.gz", bench.pages(asked.docs, asked.seed))
        )
        bodies = page_bodies([path])
        whole = {"docs": len(bodies), "megabytes": sum(map(len, bodies)) / 1e6, "repeat": asked.repeat}
        mine = [sys.executable, "-m", "tests.benchmarks.text_peers", "--corpus", str(path), "--only"]
        steps = {"ours": [*mine, "all"], "ours, without the classifiers": [*mine, "plain"]}
        if asked.datatrove:
            more = [str(path.parent), path.name, str(model_path(LID_176.name)), str(folder / "datatrove")]
            steps["datatrove"] = [asked.datatrove, "-c", DATATROVE, *more]
        timings = [bench.timed(label, partial(_run, command), **whole)[0] for label, command in steps.items()]
    bench.report(f"{whole['docs']} pages, {whole['megabytes']:.1f} MB", timings, is_json=asked.json)


def plain() -> Lane:
    """The web lane without its classifiers of spam and hate."""
    names = ("measure.spam", "measure.hate", "spam.classifier", "hate.classifier")
    return dataclasses.replace(
        WEB,
        measures=tuple(stage for stage in WEB.measures if stage.name not in names),
        judges=tuple(stage for stage in WEB.judges if stage.name not in names),
    )


def passed(path: Path, lane: Lane) -> None:
    """Every page of an archive read, judged, edited and signed."""
    items = bench.items_of([text for text in page_texts(page_bodies([path])) if text])
    signals, _ = rooms.measure(lane, items)
    judged = rooms.with_language(items, signals)
    for stage in lane.judges:
        stage.fn(stage, judged, signals)
    lane.dedup.sign(rooms.edit(lane, judged)[0], bench.ranks(items))


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command[0]} ended with {done.returncode}:\n{done.stderr[-2000:]}")


if __name__ == "__main__":
    main()
