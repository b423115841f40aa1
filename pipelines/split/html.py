"""Web pages and plain text: each root gives one child, its main text.

    split_html(HTML_SPLIT, items, payloads, child) -> (children, decisions)

The bytes are only ever touched in the killable child; here is what is decided about them. A page with text is `split`,
one without is dropped (`no_text`), and one that could not be read is quarantined with the child's reason.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.child import Child, Limits
from pipelines.split import html_child
from pipelines.split.children import children
from pipelines.stage import Shape, Stage, decisions
from schemas.decision import Verdict
from schemas.item import text_sha256
from schemas.reasons import Reason

WEB_FACTS = pa.struct(
    [
        pa.field("title", pa.string()),  # of the page's head; null for none
        pa.field("charset", pa.string()),  # the charset its bytes were read in; null for a root
        pa.field("html_language", pa.string()),  # as the html element declares it; null for none
    ]
)


def html_reader(limits: Limits | None = None) -> Child:
    """The child that `split_html` needs; it starts with the first batch. Close it when done."""
    return Child(html_child, html_child.RESULT, limits)


def split_html(
    stage: Stage, items: pa.RecordBatch, payloads: pa.RecordBatch, child: Child
) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """The children in the order of their parents, and one decision for each parent.

    `payloads` has one row for each item: `data` (after undoing content codings; null where nothing is stored), `charset`
    (of the transport; null for none), `media_type`. Page furniture named by the stage's `skip` is not
    read, nor are readers' comments unless `comments` is set: they have other authors and other rights.
    """
    sizes = pc.binary_length(payloads.column("data")).fill_null(-1).to_numpy(zero_copy_only=False)
    missing, too_large = sizes < 0, sizes > stage.settings["max_bytes"]
    sent = np.flatnonzero(~missing & ~too_large)
    read = child.map(_requests(stage, payloads.take(pa.array(sent))))

    n = len(items)
    text, failure, detail = (np.full(n, None, dtype=object) for _ in range(3))
    for column, name in ((text, "text"), (failure, "failure"), (detail, "detail")):
        column[sent] = read.column(name).to_numpy(zero_copy_only=False)
    has_text = np.array([bool(part) for part in text], dtype=bool)

    found = decisions(items.column("item_id"), stage.name)
    found.set(missing, Verdict.QUARANTINE, Reason.NOT_DECODABLE, detail="no bytes are stored for this page")
    limit = stage.settings["max_bytes"]
    found.set(
        too_large,
        Verdict.QUARANTINE,
        Reason.TOO_LARGE,
        signal="size_bytes",
        value=sizes.astype(object),
        threshold=limit,
    )
    for reason in sorted(set(filter(None, failure))):
        found.set(failure == reason, Verdict.QUARANTINE, Reason(reason), detail=detail)
    found.set(has_text, Verdict.SPLIT, None)
    found.set(found.open, Verdict.DROP, Reason.NO_TEXT)
    return _children(stage, items.filter(pa.array(has_text)), read.filter(pa.array(has_text[sent]))), found.batch()


def _requests(stage: Stage, payloads: pa.RecordBatch) -> pa.RecordBatch:
    """What the child is asked: each page with the settings it is to be read by."""
    n, settings = len(payloads), stage.settings
    columns: dict[str, Any] = {name: payloads.column(name) for name in ("data", "charset", "media_type")}
    columns["skip"] = pa.array([settings["skip"]] * n, pa.list_(pa.string()))
    columns["comments"] = pa.array([settings["comments"]] * n, pa.bool_())
    return pa.RecordBatch.from_pydict(columns)


def _children(stage: Stage, parents: pa.RecordBatch, pages: pa.RecordBatch) -> pa.RecordBatch:
    """One child for each parent, row by row with the pages read."""
    text = pages.column("text")
    return children(
        stage,
        parents,
        facts=pa.StructArray.from_arrays([pages.column(field.name) for field in WEB_FACTS], fields=list(WEB_FACTS)),
        content_sha256=[text_sha256(one) for one in text.to_pylist()],
        columns={"modality": "text", "media_type": html_child.PLAIN_TYPE, "text": text},
    )


HTML_SPLIT = Stage(
    name="split.html",
    version=1,
    shape=Shape.SPLIT,
    fn=split_html,
    parameters=(
        ("max_bytes", 5 * 2**20),  # Source: FAULTS.md, section 3.5: parsers of HTML are quadratic in places
        ("comments", False),
        # Furniture that main-content heuristics let through. Chosen on the 31 annotated pages of web/html_cc: strings
        # that must not be found fall from 24 to 9 of 90 (comments: 24 to 12, these: 12 to 9), none that must is lost.
        ("skip", ("nav", "footer", "#respond", ".comment-respond", "[role=navigation]", "[role=contentinfo]", "[role=search]")),
    ),
)  # fmt: skip
