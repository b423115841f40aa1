"""What an EPUB says of its licence: the terms that its package file names as Dublin Core's rights or licence."""

import html
import io
from typing import Any

from pipelines.capture.inflate import BrokenError, Budget
from pipelines.capture.zip import ZipMember, content, zip_members
from pipelines.rights import spdx
from pipelines.rights.evidence import excerpt
from pipelines.rights.markup import pattern
from pipelines.rights.names import from_name

_PACKAGE_BYTES = 4 << 20  # as pipelines.split.epub
# Source: EPUB 3.3, 5.5.3 (dc:rights), and 5.5.4 for meta properties; OPF 1 writes names in capitals.
_RIGHTS = pattern(
    rb"<(?:\w+:)?rights(?:\s[^>]*)?>([^<]+)</"
    rb"|<meta\s[^>]*property\s*=\s*[\"'](?:dcterms:(?:rights|license)|schema:license)[\"'][^>]*>([^<]+)</"
    rb"|<link\s[^>]*rel\s*=\s*[\"'](?:cc:license|dcterms:rights|dcterms:license)[\"'][^>]*href\s*=\s*[\"']([^\"']+)[\"']"
)
# As Project Gutenberg and Standard Ebooks write it.
_PUBLIC_IN_USA = pattern(
    rb"public domain in the (?:usa|u\.s\.a\.|united states)|(?:united states|u\.s\.) public domain"
)


def epub_licence_rows(capture_id: bytes, data: bytes, payload_sha256: bytes) -> list[dict[str, Any]]:
    """`schemas.rights.LICENCE` rows, one for each statement of the package; none for a file that cannot be read.

    Terms that cannot be read ("All rights reserved") have no expression; `locator` is where the package file lies in the zip.
    """
    stream = io.BytesIO(data)
    try:
        members = zip_members(stream, len(data))
        package = next((member for member in members if member.name.lower().endswith(".opf")), None)
        said = _package(stream, package)
    except BrokenError:
        return []  # the split says what is wrong with it
    return [
        {
            "capture_id": capture_id, "subject": None, "location": "meta", "locator": f"byte {package.at if package else 0}",
            "expression": _expression(raw), "raw": excerpt(raw), "evidence_sha256": payload_sha256,
        }
        for match in _RIGHTS.finditer(said)
        if (raw := html.unescape(next(filter(None, match.groups())).decode("utf-8", "replace")).strip())
    ]  # fmt: skip


def _package(stream: io.BytesIO, package: ZipMember | None) -> bytes:
    if package is None or package.refusal is not None:
        return b""
    return content(stream, package, _PACKAGE_BYTES, Budget(_PACKAGE_BYTES))[0]


def _expression(raw: str) -> str | None:
    if found := spdx.from_url(raw) or spdx.from_text(raw) or from_name(raw):
        return found
    return spdx.PUBLIC_DOMAIN_USA if _PUBLIC_IN_USA.search(raw.encode()) else None
