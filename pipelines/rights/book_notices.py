"""What a book's own notice says of its licence: evidence from the header that Project Gutenberg puts before each of its files."""

from typing import Any

from pipelines.rights import spdx
from pipelines.rights.epub_rights import epub_licence_rows
from pipelines.rights.evidence import excerpt
from pipelines.rights.markup import as_utf8, pattern
from pipelines.split.gutenberg import header

_COPYRIGHT = pattern(
    rb"copyrighted\s+project\s+gutenberg|small print!?[\s*]*for copyright protected|copyright\s+status:\s*copyrighted"
)
_COPYRIGHT_INSIDE = pattern(rb"<<\s?this electronic version of [^<>]*copyright[^<>]*>>")
# Public domain there, which is another law: Australia 50 years (later 70) after death, Canada likewise.
_ELSEWHERE = pattern(
    rb"project\s+gutenberg(?:\s+of)?\s+(?:australia|canada|europe)|gutenberg\.(?:net\.au|ca)\b|projekt\s+gutenberg-de"
)
_PERMISSION = pattern(
    rb"for\s+the\s+use\s+of\s+anyone\s+anywhere[^.]*|small print!?[\s*]*for public domain|(?-i:public domain)"
)


def book_licence_rows(uri: str | None, capture_id: bytes, data: bytes, payload_sha256: bytes) -> list[dict[str, Any]]:
    """`schemas.rights.LICENCE` rows: what the header of this file, or the package of an EPUB, says of its licence; none without either.

    A book that Gutenberg publishes without a notice of copyright is in the public domain of the USA, and perhaps not elsewhere.
    One with such a notice is not; those of its sisters in other countries are under other law (`expression` null).
    Source: the Project Gutenberg License, paragraphs 1.C, 1.D and 1.E.2.
    """
    if data.startswith(b"PK"):
        return epub_licence_rows(capture_id, data, payload_sha256)
    page = as_utf8(data)
    if not (head := header(page)):
        return []
    expression, at, raw = _terms(uri or "", page, head)
    return [
        {
            "capture_id": capture_id,
            "subject": None,
            "location": "notice",
            "locator": f"byte {at}",
            "expression": expression,
            "raw": excerpt(raw.decode("utf-8", "replace")),
            "evidence_sha256": payload_sha256,
        }
    ]


def _terms(uri: str, page: bytes, head: bytes) -> tuple[str | None, int, bytes]:
    """The SPDX expression of a headed file, and the words that say so with their place."""
    if said := _COPYRIGHT.search(head) or _COPYRIGHT_INSIDE.search(page):
        return spdx.GUTENBERG_COPYRIGHTED, said.start(), said[0]
    if said := _ELSEWHERE.search(head):
        return None, said.start(), said[0]
    if _ELSEWHERE.search(uri.encode("utf-8", "replace")):
        return None, 0, head
    if said := _PERMISSION.search(head):
        return spdx.PUBLIC_DOMAIN_USA, said.start(), said[0]
    return spdx.PUBLIC_DOMAIN_USA, 0, head
