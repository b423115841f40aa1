"""Web pages and plain text: each root gives one child, its main text.

    split_html(HTML_SPLIT, items, payloads, child) -> (children, decisions)

The bytes are only ever touched in the killable child; here is what is decided about them. A page with text is `split`,
one without is dropped (`no_text`), and one that could not be read is quarantined with the child's reason.
"""

from importlib.util import find_spec

import pyarrow as pa

from pipelines.child import Child, Limits
from pipelines.split import html_child
from pipelines.split.children import children
from pipelines.split.html_child import RESILIPARSE, TRAFILATURA
from pipelines.split.texts import read_texts
from pipelines.stage import Shape, Stage
from schemas.errors import RecipeError
from schemas.item import text_sha256

EXTRACTORS = (RESILIPARSE, TRAFILATURA)

WEB_FACTS = pa.struct(
    [
        pa.field("title", pa.string()),  # of the page's head; null for none
        pa.field("charset", pa.string()),  # the charset its bytes were read in; null for a root
        pa.field("html_language", pa.string()),  # as the html element declares it; null for none
    ]
)


ASKED = ("extractor", "skip", "comments", "trim")


def html_reader(limits: Limits | None = None) -> Child:
    """The child that `split_html` needs; it starts with the first batch. Close it when done."""
    return Child(html_child, html_child.RESULT, limits)


def split_html(
    stage: Stage, items: pa.RecordBatch, payloads: pa.RecordBatch, child: Child
) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """The children in the order of their parents, and one decision for each parent; see `read_texts`.

    `extractor` finds the main text. Elements named by `skip` are not read (by resiliparse), nor are readers' comments unless
    `comments` is set: they have other authors and other rights. `trim` cuts what stands before and after the text; see
    `pipelines.split.furniture`.
    """
    parents, pages, found = read_texts(stage, items, payloads, child, asked=ASKED)
    text = pages.column("text")
    born = children(
        stage,
        parents,
        facts=pa.StructArray.from_arrays([pages.column(field.name) for field in WEB_FACTS], fields=list(WEB_FACTS)),
        content_sha256=[text_sha256(one) for one in text.to_pylist()],
        columns={"modality": "text", "media_type": html_child.PLAIN_TYPE, "text": text},
    )
    return born, found


def check_extractor(stage: Stage) -> None:
    """Nothing, where the stage's extractor is there.

    Raises:
        RecipeError: no extractor has that name, or its package is not installed.
    """
    extractor = stage.settings["extractor"]
    if extractor not in EXTRACTORS:
        raise RecipeError(
            f"stage {stage.name}: no extractor is named {extractor!r}; there are: {', '.join(EXTRACTORS)}"
        )
    if extractor == TRAFILATURA and find_spec("trafilatura") is None:
        raise RecipeError(f"stage {stage.name}: trafilatura is not installed: `pip install 'headwater[trafilatura]'`")


HTML_SPLIT = Stage(
    name="split.html",
    version=2,
    shape=Shape.SPLIT,
    fn=split_html,
    check=check_extractor,
    parameters=(
        ("extractor", RESILIPARSE),
        ("max_bytes", 5 * 2**20),  # Source: FAULTS.md, section 3.5: parsers of HTML are quadratic in places
        ("comments", False),
        # Furniture that main-content heuristics let through. Chosen on the 31 annotated pages of web/html_cc: strings that
        # must not be found fall from 24 to 8 of 90 (comments: 24 to 12, these: 12 to 8), none that must is lost.
        ("skip", (
            "nav", "footer", "#respond", ".comment-respond", "[role=navigation]", "[role=contentinfo]", "[role=search]",
            ".author-box", ".author-bio", ".author-info", "#author-info", "#entry-author-info", ".about-author",
        )),
        ("trim", True),  # and from 8 to 3
    ),
)  # fmt: skip
