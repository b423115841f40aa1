"""EPUB: a zip of pages, and a package file that says whose they are and in which order they are read. Runs in the killable child.

    read_epub(data) -> Epub(pages=[b"<html ..."], title=..., author=..., language=...)

Source: EPUB 3.3 (W3C), sections 4 (container), 5 (package) and 7 (navigation); EPUB 2 has the same container and package.
"""

import io
import posixpath
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from pipelines.capture.inflate import BrokenError, Budget
from pipelines.capture.zip import ZipMember, content, zip_members
from pipelines.child import RowFailed
from schemas.reasons import Reason

EPUB_TYPE = "application/epub+zip"
_PAGES = (
    "application/xhtml+xml",
    "text/html",
    "text/x-oeb1-document",
)  # Source: EPUB 3.3, 3.2; OPF 2.0.1, 1.3.7, for the last
_CONTAINER, _ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
# What a reader may undo without a key, as it only keeps fonts from being copied. Source: EPUB 3.3, 4.3 (font obfuscation); Adobe.
_OBFUSCATIONS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
# Files that only a scheme of keys needs. Source: Adobe ADEPT and Apple FairPlay; Readium LCP, 2.3.
_KEYS = ("META-INF/rights.xml", "META-INF/sinf.xml", "META-INF/license.lcpl")
# Chosen: the pages of a book of 16 MB (the cap of a capture of text); a package lists them all and has a line for each.
UNPACKED_BYTES, _PACKAGE_BYTES = 64 << 20, 4 << 20
_MAX_PAGES = 20_000
# Names that elements of these vocabularies go by, whatever prefix they have.
_DC = "{http://purl.org/dc/elements/1.1/}"
_ENC = "{http://www.w3.org/2001/04/xmlenc#}"
# `<a id="x"/>` is whole in XML and open in HTML. No `<` may stand in an attribute, so that each is read once.
_EMPTY = re.compile(rb"<([A-Za-z][\w:.-]*)((?:\s[^<>]*)?)/>")
_VOID = frozenset(
    b"area base br col embed hr img input link meta param source track wbr".split()
)  # Source: HTML standard, void elements


@dataclass(frozen=True, slots=True, kw_only=True)
class Epub:
    """A book. pages: HTML in the order of reading, notes and the like (`linear="no"`) behind the rest."""

    pages: list[bytes]
    title: str | None
    author: str | None
    language: str | None  # BCP 47, as it declares it


def read_epub(data: bytes) -> Epub:
    """The pages of a book and what its package says of it; its navigation, which only lists them, left out.

    Raises:
        RowFailed: it is encrypted, is no EPUB that can be read, or unpacks to more than `UNPACKED_BYTES`.
    """
    files = _Files(data)
    _refuse_locked(files)
    path = _package_path(files)
    package = _xml(files.read(path, _PACKAGE_BYTES), path)
    return Epub(
        pages=[_page(files.read(name, UNPACKED_BYTES)) for name in _spine(package, posixpath.dirname(path), files)],
        title=_said(package, "title"),
        author="; ".join(dict.fromkeys(_all_said(package, "creator"))) or None,
        language=_said(package, "language"),
    )


class _Files:
    """The files of the zip by name; of two with one name the first counts."""

    def __init__(self, data: bytes) -> None:
        self._stream, self._budget = io.BytesIO(data), Budget(UNPACKED_BYTES)
        self.members: dict[str, ZipMember] = {}
        try:
            for member in zip_members(self._stream, len(data)):
                self.members.setdefault(member.name, member)
        except BrokenError as error:
            raise RowFailed(
                Reason.RECORD_TRUNCATED if error.is_cut else Reason.NOT_DECODABLE, f"its zip: {error.detail}"
            ) from error

    def read(self, name: str, cap: int) -> bytes:
        member = self.members.get(name)
        if member is None:
            raise RowFailed(Reason.NOT_DECODABLE, f"it names {_short(name)}, which is not in it")
        if member.refusal == "encrypted":
            raise RowFailed(Reason.ENCRYPTED, f"{_short(name)} is encrypted")
        if member.refusal:
            raise RowFailed(Reason.NOT_DECODABLE, f"{_short(name)} is {member.refusal}")
        try:
            return content(self._stream, member, cap, self._budget)[0]
        except BrokenError as error:
            raise RowFailed(error.reason, f"{_short(name)}: {error.detail}") from error


def _refuse_locked(files: _Files) -> None:
    """Nothing, if every page can be read without a key."""
    if key := next((name for name in _KEYS if name in files.members), None):
        raise RowFailed(Reason.ENCRYPTED, f"{key} is of a scheme of digital rights management")
    if _ENCRYPTION not in files.members:
        return
    for entry in _xml(files.read(_ENCRYPTION, _PACKAGE_BYTES), _ENCRYPTION).iter(f"{_ENC}EncryptedData"):
        method = entry.find(f"{_ENC}EncryptionMethod")
        if method is None or method.get("Algorithm") not in _OBFUSCATIONS:
            raise RowFailed(Reason.ENCRYPTED, f"{_ENCRYPTION} names content that cannot be read without a key")


def _package_path(files: _Files) -> str:
    for root in _xml(files.read(_CONTAINER, _PACKAGE_BYTES), _CONTAINER).iter():
        if _local(root) == "rootfile" and root.get("full-path"):
            return _clean(root.get("full-path", ""))
    raise RowFailed(Reason.NOT_DECODABLE, f"{_CONTAINER} names no package")


def _spine(package: ElementTree.Element, folder: str, files: _Files) -> Iterator[str]:
    """The names of the pages in the order of reading."""
    manifest = {item.get("id"): item for item in package.iter() if _local(item) == "item"}
    places = [place for place in package.iter() if _local(place) == "itemref"]
    if len(places) > _MAX_PAGES:
        raise RowFailed(Reason.TOO_LARGE, f"it has {len(places)} pages, over the cap of {_MAX_PAGES}")
    seen: set[str] = set()
    for place in sorted(places, key=lambda place: place.get("linear") == "no"):
        item = manifest.get(place.get("idref"))
        if item is None or item.get("media-type") not in _PAGES or "nav" in (item.get("properties") or "").split():
            continue
        name = _clean(posixpath.join(folder, unquote((item.get("href") or "").partition("#")[0])))
        if name not in seen:
            seen.add(name)
            yield name
    if not seen:
        raise RowFailed(Reason.NOT_DECODABLE, "its package lists no page")


def _page(data: bytes) -> bytes:
    """A page of XML as HTML reads it."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        data = data.decode("utf-16", "replace").encode()
    return _EMPTY.sub(
        lambda tag: tag[0] if tag[1].lower() in _VOID else b"<%b%b></%b>" % (tag[1], tag[2], tag[1]), data
    )


def _xml(data: bytes, name: str) -> ElementTree.Element:
    """The root of a file. expat opens no other file and refuses entities that grow (2.4.1 and later)."""
    try:
        return ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise RowFailed(Reason.NOT_DECODABLE, f"{_short(name)} is no XML that can be read") from error


def _said(package: ElementTree.Element, name: str) -> str | None:
    return next(iter(_all_said(package, name)), None)


def _all_said(package: ElementTree.Element, name: str) -> list[str]:
    """The texts of a term of Dublin Core; OPF 1 writes its names in capitals."""
    wanted = (f"{_DC}{name}", f"{_DC}{name.capitalize()}")
    texts = (" ".join("".join(element.itertext()).split()) for element in package.iter() if element.tag in wanted)
    return [text for text in texts if text]


def _local(element: ElementTree.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _clean(path: str) -> str:
    return posixpath.normpath(path).lstrip("/")


def _short(name: str) -> str:
    return name.encode("ascii", "backslashreplace").decode()[:80]
