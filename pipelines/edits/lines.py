"""Lines out of texts: notices, counters and navigation, by the kinds of `pipelines.measures.lines`.

A line goes with its newline; where blank lines meet, one stays. A text of which nothing would be left stays as it is: to drop
it is a judge's part.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.kernels.pieces import lines, without
from pipelines.measures.lines import KINDS, any_of, line_kinds
from pipelines.policies.gopher import SPACED
from pipelines.stage import Shape, Stage, decisions
from schemas.decision import Verdict
from schemas.errors import RecipeError
from schemas.item import text_sha256
from schemas.reasons import Reason

# These look at words or at the mark at the end; they say nothing of languages that set no spaces or no marks.
_OF_WORDS = ("few_words", "no_end_mark", "one_word")


def remove_lines(stage: Stage, items: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """The items without the lines of the stage's `kinds`, and one decision a row: `edit` for a changed one, else `keep`.

    `detail` counts the lines by kind ("counter: 2, navigation: 1"; a line of two kinds counts in both). An item with a payload
    stays as it is: its text is what was said of a picture or recording. few_words, no_end_mark and one_word hold only for the
    languages with spaces between words.

    Raises:
        RecipeError: a kind that there is not.
    """
    wanted = stage.settings["kinds"]
    assert isinstance(wanted, tuple)
    if unknown := sorted(set(wanted) - set(KINDS)):
        raise RecipeError(
            f"stage {stage.name}: no kind of line is called {unknown[0]!r}; there are: {', '.join(KINDS)}"
        )
    found = decisions(items.column("item_id"), stage.name)
    if not wanted:
        return items, found.batch()
    texts = items.column("text")
    pieces, n = lines(texts), len(items)
    is_spaced = pc.is_in(items.column("language"), value_set=pa.array(SPACED, pa.string())).to_numpy(
        zero_copy_only=False
    )
    kinds = {kind: mask for kind, mask in line_kinds(pieces).items() if kind in wanted}
    kinds |= {kind: kinds[kind] & is_spaced[pieces.rows] for kind in _OF_WORDS if kind in kinds}
    gone = any_of(kinds, wanted)
    may = (pieces.per_text(~gone, n) > 0) & items.column("payload").is_null().to_numpy(zero_copy_only=False)
    gone &= may[pieces.rows]
    changed = pieces.per_text(gone, n) > 0
    cut = without(texts, pieces, gone)
    before, after, detail = (np.full(n, None, dtype=object) for _ in range(3))
    counts = {kind: pieces.per_text(kinds[kind] & gone, n) for kind in wanted}
    for row in np.flatnonzero(changed):
        before[row], after[row] = text_sha256(texts[row].as_py()), text_sha256(cut[row].as_py())
        detail[row] = ", ".join(f"{kind}: {many[row]}" for kind, many in counts.items() if many[row])
    found.set(changed, Verdict.EDIT, Reason.BOILERPLATE_LINES, before_sha256=before, after_sha256=after, detail=detail)
    edited = _replaced(items, "text", changed, cut.cast(texts.type))
    return _replaced(
        edited, "content_sha256", changed, pa.array(after, items.column("content_sha256").type)
    ), found.batch()


def check_kinds(stage: Stage) -> None:
    """Nothing, if there are all kinds of lines that the stage is to remove; raises RecipeError where there is one not."""
    if unknown := sorted(set(_kinds(stage)) - set(KINDS)):
        raise RecipeError(
            f"stage {stage.name}: no kind of line is called {unknown[0]!r}; there are: {', '.join(KINDS)}"
        )


def _kinds(stage: Stage) -> tuple[str, ...]:
    wanted = stage.settings["kinds"]
    assert isinstance(wanted, tuple)
    return wanted


def _replaced(items: pa.RecordBatch, name: str, changed: np.ndarray, values: pa.Array) -> pa.RecordBatch:
    """The batch with a column's values replaced where `changed`."""
    field = items.schema.field(name)
    column = pc.if_else(pa.array(changed), values, items.column(name))
    return items.set_column(items.schema.get_field_index(name), field, column)


REMOVE_LINES = Stage(
    name="lines.remove",
    version=2,
    shape=Shape.EDIT,
    fn=remove_lines,
    parameters=(
        # Chosen: none. On the 31 annotated pages of web/html_cc, C4's no_end_mark takes 20 strings that a reader would miss and
        # few_words three; RefinedWeb's kinds and the notices take none, but the extractor leaves but two such lines.
        ("kinds", ()),
    ),
    check=check_kinds,
)
