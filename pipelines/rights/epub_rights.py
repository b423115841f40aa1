"""What an EPUB says of its licence and of mining: Dublin Core's rights or licence in its package file, and TDMRep's reservation."""

import html
import io
from typing import Any

from pipelines.capture.inflate import BrokenError, Budget
from pipelines.capture.zip import ZipMember, content, zip_members
from pipelines.rights import spdx
from pipelines.rights.evidence import Statement, about_file, excerpt, reservation
from pipelines.rights.markup import pattern
from pipelines.rights.names import from_name
from schemas.rights import Mechanism

_PACKAGE_BYTES = 4 << 20  # as pipelines.split.epub
_MOST_CREATORS = 20  # Chosen: a notice names the authors of an anthology, not those of a whole encyclopedia
# Source: EPUB 3.3, 5.5.3 (dc:rights), and 5.5.4 for meta properties; OPF 1 writes names in capitals.
_RIGHTS = pattern(
    rb"<(?:\w+:)?rights(?:\s[^>]*)?>([^<]+)</"
    rb"|<meta\s[^>]*property\s*=\s*[\"'](?:dcterms:(?:rights|license)|schema:license)[\"'][^>]*>([^<]+)</"
    rb"|<link\s[^>]*rel\s*=\s*[\"'](?:cc:license|dcterms:rights|dcterms:license)[\"'][^>]*href\s*=\s*[\"']([^\"']+)[\"']"
)
# Source: W3C TDMRep, final report of 10 May 2024, TDM in EPUB 3 (`<meta property="tdm:reservation">1</meta>`), EPUB 2's form too.
_META = pattern(rb"<(?:\w+:)?meta\s[^>]*tdm:reservation[^>]*>([^<]*)")
_META_VALUE = pattern(rb"\scontent\s*=\s*[\"']([^\"']*)[\"']")
_CREATOR = pattern(rb"<(?:\w+:)?creator(?:\s[^>]*)?>([^<]+)</")
# As Project Gutenberg and Standard Ebooks write it.
_PUBLIC_IN_USA = pattern(
    rb"public domain in the (?:usa|u\.s\.a\.|united states)|(?:united states|u\.s\.) public domain"
)


def epub_licence_rows(capture_id: bytes, data: bytes, payload_sha256: bytes) -> list[dict[str, Any]]:
    """`schemas.rights.LICENCE` rows, one for each statement of the package; none for a file that cannot be read.

    Terms that cannot be read ("All rights reserved") have no expression; `locator` is where the package file lies in the zip.
    """
    at, said = _package_file(data)
    return [
        {
            "capture_id": capture_id, "subject": None, "location": "meta", "locator": f"byte {at}",
            "expression": _expression(raw), "raw": excerpt(raw), "evidence_sha256": payload_sha256,
        }
        for match in _RIGHTS.finditer(said)
        if (raw := html.unescape(next(filter(None, match.groups())).decode("utf-8", "replace")).strip())
    ]  # fmt: skip


def is_epub(data: bytes) -> bool:
    """Whether the first bytes are those of an EPUB, whose first member says what it is."""
    return data.startswith(b"PK\x03\x04") and b"mimetypeapplication/epub+zip" in data[:100]


def epub_statements(data: bytes) -> list[Statement]:
    """What the package file says: who made the book, and of mining, one statement a reservation; none for a file that cannot be read."""
    at, package = _package_file(data)
    named = dict.fromkeys(
        html.unescape(match[1].decode("utf-8", "replace")).strip() for match in _CREATOR.finditer(package)
    )
    found = [about_file(f"dc:creator, byte {at}", name) for name in named if name][:_MOST_CREATORS]
    for match in _META.finditer(package):
        value = match[1].strip() or next((named[1] for named in _META_VALUE.finditer(match[0])), b"")
        usage, verdict = reservation(value.decode("utf-8", "replace"))
        said = excerpt(match[0].decode("utf-8", "replace"))
        found.append(
            Statement(mechanism=Mechanism.EPUB_TDM, usage=usage, verdict=verdict, locator=f"byte {at}", excerpt=said)
        )
    return found


def _package_file(data: bytes) -> tuple[int, bytes]:
    """Where the package file lies in the zip, and what it holds; empty for a file that cannot be read."""
    stream = io.BytesIO(data)
    try:
        members = zip_members(stream, len(data))
        package = next((member for member in members if member.name.lower().endswith(".opf")), None)
        return package.at if package else 0, _package(stream, package)
    except BrokenError:
        return 0, b""  # the split says what is wrong with it


def _package(stream: io.BytesIO, package: ZipMember | None) -> bytes:
    if package is None or package.refusal is not None:
        return b""
    return content(stream, package, _PACKAGE_BYTES, Budget(_PACKAGE_BYTES))[0]


def _expression(raw: str) -> str | None:
    if found := spdx.from_url(raw) or spdx.from_text(raw) or from_name(raw):
        return found
    return spdx.PUBLIC_DOMAIN_USA if _PUBLIC_IN_USA.search(raw.encode()) else None
