"""Notes in Markdown, one text an item: a sixth lane, to show that a lane is one file. docs/add-a-lane.md is about it."""

import re

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.child import Child
from pipelines.dedup.text import TEXT_DEDUP, text_dedup
from pipelines.edits.pii import PII_REDACT
from pipelines.lanes.lane import Lane
from pipelines.measures.language import LANGUAGE
from pipelines.measures.text import TEXT_STATISTICS
from pipelines.policies.language import LANGUAGE_WANTED
from pipelines.shard.sample import text_samples
from pipelines.split.children import children
from pipelines.split.html import html_reader
from pipelines.stage import Rule, Shape, Stage, decisions, rule_judge
from schemas.decision import Verdict
from schemas.item import text_sha256
from schemas.reasons import Reason
from schemas.sample import TEXT

NOTE_FACTS = pa.struct([pa.field("title", pa.string())])  # of the first heading; null for none

_TITLE = re.compile(r"^#{1,6} +(.*?)[ #]*$", re.MULTILINE)


def split_notes(
    stage: Stage, items: pa.RecordBatch, payloads: pa.RecordBatch, child: Child
) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """The children in the order of their parents, and one decision for each parent. Markdown is read as the text it is."""
    n = len(items)
    asked = {name: payloads.column(name) for name in ("data", "charset")}
    asked |= {
        "media_type": ["text/plain"] * n,
        "skip": pa.array([[]] * n, pa.list_(pa.string())),
        "comments": [False] * n,
    }
    read = child.map(pa.RecordBatch.from_pydict(asked))
    failure, detail = (read.column(name).to_numpy(zero_copy_only=False) for name in ("failure", "detail"))
    has_text = pc.greater(pc.binary_length(read.column("text")), 0).fill_null(False)

    found = decisions(items.column("item_id"), stage.name)
    for reason in sorted(set(filter(None, failure))):
        found.set(failure == reason, Verdict.QUARANTINE, Reason(reason), detail=detail)
    found.set(has_text.to_numpy(zero_copy_only=False), Verdict.SPLIT, None)
    found.set(found.open, Verdict.DROP, Reason.NO_TEXT)

    texts = read.column("text").filter(has_text)
    titles = [match[1] if (match := _TITLE.search(text)) else None for text in texts.to_pylist()]
    born = children(
        stage,
        items.filter(has_text),
        facts=pa.StructArray.from_arrays([pa.array(titles, pa.string())], fields=list(NOTE_FACTS)),
        content_sha256=[text_sha256(text) for text in texts.to_pylist()],
        columns={"modality": "text", "media_type": "text/markdown", "text": texts},
    )
    return born, found.batch()


def task_ratio(stage: Stage, items: pa.RecordBatch) -> pa.StructArray:
    """`task_line_ratio`, float64, 0..1: lines that are tasks (`- [ ] ...`); 0.0 for an empty text, null stays null."""
    ratios = pa.array(
        [None if text is None else _task_ratio(text) for text in items.column("text").to_pylist()], pa.float64()
    )
    return pa.StructArray.from_arrays([ratios], names=["task_line_ratio"])


def _task_ratio(text: str) -> float:
    lines = [line.lstrip() for line in text.split("\n") if line.strip()]
    return sum(line.startswith(("- [ ]", "- [x]")) for line in lines) / max(len(lines), 1)


NOTES = Lane(
    name="notes",
    modality="text",
    media_types=("text/markdown", "text/plain"),
    decoder=html_reader,
    facts=NOTE_FACTS,
    split=Stage(name="split.notes", version=1, shape=Shape.SPLIT, fn=split_notes),
    measures=(
        LANGUAGE,
        TEXT_STATISTICS,
        Stage(name="notes.tasks", version=1, shape=Shape.MEASURE, fn=task_ratio, signals=("task_line_ratio",)),
    ),
    judges=(
        LANGUAGE_WANTED,
        rule_judge(
            "quality.notes",
            1,
            (
                Rule(
                    name="max_task_line_ratio", signal="task_line_ratio", at_most=0.5, reason=Reason.TOO_MANY_BULLETS,
                    source="Chosen: a note of which more than half is a list of things to do tells nothing to others",
                ),
            ),
        ),
    ),
    edits=(PII_REDACT,),
    dedup=text_dedup(TEXT_DEDUP),
    config=TEXT,
    samples=text_samples,
)  # fmt: skip
