"""The program that reads books: `python -m pipelines.split.book_child`, started by `pipelines.child` alone.

A request row is `data` (bytes), `charset` (declared, or null), `media_type` and `skip` (CSS selectors); see `pipelines.split.book`.
"""

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

import pyarrow as pa
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree, NodeType

from pipelines.child import RowFailed, serve
from pipelines.split.chapters import Heading, chapters, heading, markup_headings
from pipelines.split.charset import decode
from pipelines.split.epub import EPUB_TYPE, read_epub
from pipelines.split.gutenberg import notices, told
from pipelines.split.html_child import HTML_TYPES, PLAIN_TYPE, decoded_text, tidy
from schemas.reasons import Reason

# Roles of what leads through a book. Source: EPUB Structural Semantics Vocabulary 1.1; DPUB-ARIA 1.1.
_APPARATUS = ("toc", "toc-brief", "page-list", "pagelist", "landmarks", "lot", "loi", "lov", "loa", "pagebreak")
_XML_ENCODING = re.compile(rb"""\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})""")
MARKUP_TYPES = ("text/markdown", "text/asciidoc")
BOOK_TYPES = (PLAIN_TYPE, *HTML_TYPES, *MARKUP_TYPES, EPUB_TYPE)

CHAPTER = pa.struct(
    [
        pa.field("title", pa.string()),
        pa.field("start", pa.int64()),
        pa.field("end", pa.int64()),
    ]  # in characters of the text
)
RESULT = pa.schema(
    [
        pa.field("text", pa.string()),  # tidy; empty where the file has none but notices
        pa.field("media_type", pa.string()),  # of the text: markup stays markup, a page becomes plain text
        pa.field("title", pa.string()),
        pa.field("author", pa.string()),
        pa.field("language", pa.string()),  # as an EPUB declares it; null for other books
        pa.field("chapters", pa.list_(CHAPTER)),
        pa.field("charset", pa.string()),
        pa.field("gutenberg", pa.bool_()),
        pa.field("notice", pa.string()),
    ]
)
_NOTICE_CHARS = 200
_NAME_CHARS = 500  # Chosen: titles of the 18th century have 300 characters

# Private use: they stand around the headings of a page while its text is taken out, which loses the tags.
_OPEN, _CLOSE = "\ue000", "\ue001"
_SENTINELS = str.maketrans("", "", _OPEN + _CLOSE)
_HEADINGS = ("h1", "h2", "h3")
# A heading with a word in it, or a sentinel whose heading is empty or was cut in two by a notice.
_PAIR = re.compile(rf"({_OPEN}\s*[^\s{_OPEN}{_CLOSE}][^{_OPEN}{_CLOSE}]*{_CLOSE})|[{_OPEN}{_CLOSE}]")
_EDGE = re.compile(rf"^({_OPEN})[ \t]*|({_OPEN})|[ \t]*{_CLOSE}$|{_CLOSE}", re.MULTILINE)

# Source: AsciiDoc language, document header: attributes, a title, and on the next line the author, perhaps with an address.
_ASCIIDOC_HEAD = re.compile(r"(?:(?::[^\n]*)?\n){0,50}= +([^\n]+)\n([^\n:=<;|]{2,100})?")
# A block of metadata between lines of three hyphens, as pandoc and most site generators read it.
_FRONT_MATTER = re.compile(r"---\n(.{0,4000}?)\n(?:---|\.\.\.)\n", re.DOTALL)
_FIELD = re.compile(r"""^(title|author): *["']?([^\n]*?)["']? *$""", re.MULTILINE)
_FIRST_HEADING = re.compile(r"^# +([^\n]+)", re.MULTILINE)

_Names: TypeAlias = tuple[str | None, str | None]  # title, author


def read_book(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The columns of RESULT for one file.

    Raises:
        RowFailed: the bytes are no text, or of no media type that holds a book.
    """
    kind, language = (row["media_type"] or "").lower(), None
    if kind == EPUB_TYPE:
        book = read_epub(row["data"])
        whole, charset = _pages(book.pages, row["skip"])
        names, language = (book.title, book.author), book.language
    else:
        decoded = decoded_text(row, BOOK_TYPES, "of no media type that holds a book")
        charset = decoded.charset
        if kind in HTML_TYPES:
            whole, names = _page(decoded.text.translate(_SENTINELS), row["skip"])
        else:
            whole = tidy(decoded.text)
            names = _markup_names(whole, kind)
    body, notice = _without_notices(whole)
    is_page = kind in (EPUB_TYPE, *HTML_TYPES)
    text, marked = _unmarked(body) if is_page else (body, markup_headings(body, kind))
    title, author = (_name(said) or _name(own) for said, own in zip(told(notice), names, strict=True))
    return {
        "text": text,
        "media_type": kind if kind in MARKUP_TYPES else PLAIN_TYPE,
        "title": title,
        "author": author,
        "chapters": _spans(chapters(text, marked), len(text)),
        "language": language,
        "charset": charset,
        "gutenberg": bool(notice),
        "notice": " ".join(notice[: 4 * _NOTICE_CHARS].split())[:_NOTICE_CHARS] or None,
    }


def _pages(pages: list[bytes], skip: list[str]) -> tuple[str, str | None]:
    """The texts of the pages of an EPUB, one after the other, and the charset of the first."""
    texts, charsets = [], []
    for page in pages:
        said = _XML_ENCODING.match(page)
        decoded = decode(page, said[1].decode("ascii") if said else None)
        if decoded is None:
            raise RowFailed(Reason.NOT_DECODABLE, "a page is in no charset that is declared or can be detected")
        texts.append(_page(decoded.text.translate(_SENTINELS), skip, is_epub=True)[0])
        charsets.append(decoded.charset)
    return "\n\n".join(filter(None, texts)), next(iter(charsets), None)


def _page(html: str, skip: list[str], *, is_epub: bool = False) -> tuple[str, _Names]:
    """All text of a page with its headings between sentinels, and what its head says of title and author."""
    tree = HTMLTree.parse(html)
    author = (
        tree.head.query_selector("meta[name=author], meta[name='dc.creator'], meta[name='DC.Creator']")
        if tree.head
        else None
    )
    names = (
        tree.title,
        author.getattr("content") if author else None,
    )  # first: extraction takes what it skips out of the tree
    if is_epub and tree.body:
        for element in [node for node in tree.body if _is_apparatus(node)]:
            element.decompose()
    # A walk, because resiliparse asks its selector anew for every element it finds: 1.7 s for 500 headings.
    for element in [node for node in tree.body if node.tag in _HEADINGS] if tree.body else ():
        first, opening, closing = element.first_child, tree.create_text_node(_OPEN), tree.create_text_node(_CLOSE)
        if first and opening and closing:
            element.insert_before(opening, first)
            element.append_child(closing)
    text = extract_plain_text(tree, main_content=False, alt_texts=False, links=False, skip_elements=skip)
    return tidy(_PAIR.sub(r"\1", text)), names


def _is_apparatus(node: Any) -> bool:
    """Whether an element of an EPUB only leads through it: a list of chapters or pages, the number of a printed page."""
    if node.type != NodeType.ELEMENT:
        return False
    roles = f"{node.getattr('epub:type') or ''} {node.getattr('role') or ''}".split()
    return any(role.removeprefix("doc-") in _APPARATUS for role in roles)


def _unmarked(body: str) -> tuple[str, list[Heading]]:
    """The text without sentinels, and the headings that stood between them."""
    body = tidy(_PAIR.sub(r"\1", body))
    parts, found, length, at, opened = [], [], 0, 0, 0
    for edge in _EDGE.finditer(body):
        parts.append(body[at : edge.start()])
        length, at = length + edge.start() - at, edge.end()
        if edge[1] or edge[2]:
            opened = length
        else:
            found.append(heading(opened, parts[-1]))
    text = "".join([*parts, body[at:]])
    clean = tidy(text)  # a page made for it can hide white space behind a sentinel
    return (text, found) if clean == text else (clean, [])


def _markup_names(text: str, kind: str) -> _Names:
    """Title and author as the head of a Markdown or AsciiDoc text gives them."""
    if kind == "text/asciidoc" and (head := _ASCIIDOC_HEAD.match(text)):
        return head[1], head[2]
    if kind != "text/markdown":
        return None, None
    front = _FRONT_MATTER.match(text)
    fields = dict(_FIELD.findall(front[1])) if front else {}
    first = _FIRST_HEADING.search(text)
    return fields.get("title") or (first[1] if first else None), fields.get("author")


def _without_notices(whole: str) -> tuple[str, str]:
    """The text without the words of Project Gutenberg, and the first stretch of these; empty where there are none."""
    page = whole.encode()
    cuts = notices(page)
    if not cuts:
        return whole, ""
    ends = [0] + [end for _, end in cuts]
    starts = [start for start, _ in cuts] + [len(page)]
    kept = [page[end:start].decode() for end, start in zip(ends, starts, strict=True)]
    return tidy("\n\n".join(kept)), page[slice(*cuts[0])].decode("utf-8", "replace")


def _spans(found: list[Heading], length: int) -> list[dict[str, Any]]:
    ends = [*(one.start for one in found), length][1:]
    return [{"title": one.title, "start": one.start, "end": end} for one, end in zip(found, ends, strict=True)]


def _name(raw: str | None) -> str | None:
    """One line of at most `_NAME_CHARS`; null for nothing."""
    return " ".join(tidy(raw or "").split())[:_NAME_CHARS].rstrip() or None


if __name__ == "__main__":
    serve(read_book, RESULT)
