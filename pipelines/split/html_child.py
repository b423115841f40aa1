"""The program that reads web pages: `python -m pipelines.split.html_child`, started by `pipelines.child` alone.

A request row is `data` (bytes), `charset` (of the transport, or null), `media_type`, `extractor`, `skip` (CSS selectors),
`comments` and `trim`; see `pipelines.split.html` for what they mean.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Any

import pyarrow as pa
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import detect_mime
from resiliparse.parse.html import HTMLTree

from pipelines.child import RowFailed, serve
from pipelines.split.charset import Decoded, decode
from pipelines.split.furniture import main_lines
from schemas.reasons import Reason

RESILIPARSE, TRAFILATURA = "resiliparse", "trafilatura"
HTML_TYPES = ("text/html", "application/xhtml+xml")
PLAIN_TYPE = "text/plain"

RESULT = pa.schema(
    [
        pa.field("text", pa.string()),  # tidy; empty where the page has no main text
        pa.field("charset", pa.string()),  # the charset the bytes were read in
        pa.field("title", pa.string()),  # of the head, one line; null for plain text and where there is none
        pa.field("html_language", pa.string()),  # what the html element declares, unchecked; null for none
    ]
)

# What a page of text never is. Sniffed, because servers send pictures as text/html (FAULTS.md, row 18).
_NOT_TEXT = re.compile(r"(?:image|audio|video|font)/|application/(?:pdf|zip|gzip|x-)")
_NEWLINES = re.compile("\r\n?|[\v\f\x85\u2028\u2029]")
# C0 without tab and line feed, DEL, C1, byte order mark, lone surrogates: nothing a reader sees.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\ud800-\udfff]")
_BLANK_LINES = re.compile("\n{4,}")
# Source: RFC 5646, section 4.4.1: 35 characters hold every tag in use; the underscore is a common slip.
_LANGUAGE = re.compile(r"[A-Za-z0-9_-]{1,35}")
_TITLE_CHARS = 1000  # Chosen: ten times the longest title that search engines show


def read_page(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The columns of RESULT for one page or plain text.

    Raises:
        RowFailed: the bytes are no text, or of no media type that holds one.
    """
    decoded = decoded_text(row, (*HTML_TYPES, PLAIN_TYPE), "neither HTML nor plain text by its media type")
    if row["media_type"].lower() == PLAIN_TYPE:
        return {"text": tidy(decoded.text), "charset": decoded.charset}
    return _read_html(decoded, row)


def decoded_text(row: Mapping[str, Any], media_types: Collection[str], refusal: str) -> Decoded:
    """The text of a row's bytes, as its author wrote it.

    Raises:
        RowFailed: the media type is none of these (`refusal` says so), the bytes show another, or they are in no charset.
    """
    if (row["media_type"] or "").lower() not in media_types:
        raise RowFailed(Reason.NOT_DECODABLE, refusal)
    if _NOT_TEXT.match(sniffed := detect_mime(row["data"])):
        raise RowFailed(Reason.NOT_DECODABLE, f"the bytes look like {sniffed}")
    decoded = decode(row["data"], row["charset"])
    if decoded is None:
        raise RowFailed(Reason.NOT_DECODABLE, "in no charset declared or detected are 99 % of the characters readable")
    return decoded


def _read_html(decoded: Decoded, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    tree = HTMLTree.parse(decoded.text)
    # Title and language first: extraction takes what it skips out of the tree.
    title = " ".join(tidy(tree.title or "").split())[:_TITLE_CHARS].rstrip()
    root = tree.document.query_selector("html") if tree.document else None
    language = (root.getattr("lang") or root.getattr("xml:lang") or "").strip() if root else ""
    found = _by_trafilatura(decoded.text, asked) if asked["extractor"] == TRAFILATURA else _by_resiliparse(tree, asked)
    text = tidy(found)
    return {
        "text": main_lines(text, title) if asked["trim"] else text,
        "charset": decoded.charset,
        "title": title or None,
        "html_language": language if _LANGUAGE.fullmatch(language) else None,
    }


def _by_resiliparse(tree: HTMLTree, asked: Mapping[str, Any]) -> str:
    return extract_plain_text(
        tree, main_content=True, alt_texts=False, links=False, post_meta=False, comments=asked["comments"],
        skip_elements=asked["skip"],
    )  # fmt: skip


def _by_trafilatura(html: str, asked: Mapping[str, Any]) -> str:
    from trafilatura import extract  # 0.4 s to import, and an extra

    # With `deduplicate` a page's text depends on the pages read before it.
    return extract(html, include_comments=asked["comments"], deduplicate=False, fast=True) or ""


def tidy(text: str) -> str:
    """The text in NFC, without control characters, trailing spaces, or more than two blank lines in a row.

    Linear in its length. `tidy(" a \\r\\n\\n\\n\\n\\nb\\x00 ")` is `"a\\n\\n\\nb"`.
    """
    visible = unicodedata.normalize("NFC", _CONTROLS.sub("", _NEWLINES.sub("\n", text)))
    lines = "\n".join(line.rstrip() for line in visible.split("\n"))
    return _BLANK_LINES.sub("\n\n\n", lines).strip()


if __name__ == "__main__":
    serve(read_page, RESULT)
