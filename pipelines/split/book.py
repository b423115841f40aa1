"""Books: each root gives one child, the whole text without the words of Project Gutenberg.

    split_book(BOOK_SPLIT, items, payloads, child) -> (children, decisions)

A page keeps everything in its body: what tells the article from the furniture of a site loses chapters. Markup that is meant
to be read (Markdown, AsciiDoc) stays as it is. An EPUB is all its pages in the order of reading.
"""

import pyarrow as pa

from pipelines.child import Child, Limits
from pipelines.split import book_child
from pipelines.split.caption import primary
from pipelines.split.children import children
from pipelines.split.texts import read_texts
from pipelines.stage import Shape, Stage
from schemas.item import text_sha256

BOOK_FACTS = pa.struct(
    [
        pa.field("title", pa.string()),  # of the header, the markup or the page's head; null for none
        pa.field("author", pa.string()),  # likewise
        # In order, each up to the next: characters of the text as it was split, before edits. Null for a root.
        pa.field("chapters", pa.list_(book_child.CHAPTER)),
        pa.field("charset", pa.string()),  # the charset its bytes were read in; null for a root
        pa.field("gutenberg", pa.bool_()),  # whether words of Project Gutenberg were taken off; null for a root
        pa.field("notice", pa.string()),  # the first 200 characters of those; all of them are in the capture
    ]
)

# Chosen: 64 MiB of text take 5.2 s of processor time, so that a machine at a seventh of that speed gives the same answer.
LIMITS = Limits(row_seconds=80.0, cpu_seconds=40)


def book_reader(limits: Limits = LIMITS) -> Child:
    """The child that `split_book` needs; it starts with the first batch. Close it when done."""
    return Child(book_child, book_child.RESULT, limits)


def split_book(
    stage: Stage, items: pa.RecordBatch, payloads: pa.RecordBatch, child: Child
) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """The children in the order of their parents, and one decision for each parent; see `read_texts`."""
    parents, books, found = read_texts(stage, items, payloads, child, asked=("skip",))
    text = books.column("text")
    declared = [primary(language) for language in books.column("language").to_pylist()]
    born = children(
        stage,
        parents,
        facts=pa.StructArray.from_arrays([books.column(field.name) for field in BOOK_FACTS], fields=list(BOOK_FACTS)),
        content_sha256=[text_sha256(one) for one in text.to_pylist()],
        columns={"modality": "text", "media_type": books.column("media_type"), "text": text, "language": declared},
    )
    return born, found


BOOK_SPLIT = Stage(
    name="split.book",
    version=2,
    shape=Shape.SPLIT,
    fn=split_book,
    parameters=(
        # Chosen: the complete Shakespeare, the largest book that people read, has 5.5 MB; an EPUB has its pictures inside.
        ("max_bytes", 64 * 2**20),
        # Chosen: the transcriber's page numbers, which stand in the middle of sentences; all else belongs to the book.
        ("skip", (".pagenum", ".pageno", ".page-number")),
    ),
)  # fmt: skip
