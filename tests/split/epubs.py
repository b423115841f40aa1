"""EPUBs made for tests."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from html import escape

CONTAINER = (
    '<?xml version="1.0"?><container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
)


def xhtml(body: str, head: str = "<title/>") -> str:
    """A page as EPUB has it: XML, empty elements and all."""
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html>\n<html xmlns="http://www.w3.org/1999/xhtml" '
        f'xmlns:epub="http://www.idpf.org/2007/ops"><head>{head}<script src="a.js"/></head><body>{body}</body></html>'
    )


def package(pages: Mapping[str, str], about: str, spine: Sequence[str] | None = None) -> str:
    """The package of these pages (name -> attributes of its place in the spine), in this order or in another."""
    items = "".join(
        f'<item id="p{n}" href="{escape(name)}" media-type="application/xhtml+xml"/>' for n, name in enumerate(pages)
    )
    places = {name: f'<itemref idref="p{n}" {said}/>' for n, (name, said) in enumerate(pages.items())}
    return (
        '<?xml version="1.0" encoding="utf-8"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0">'
        f'<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">{about}</metadata><manifest>{items}'
        '<item id="toc" href="toc.xhtml" media-type="application/xhtml+xml" properties="nav"/>'
        '<item id="cover" href="cover.jpg" media-type="image/jpeg"/></manifest>'
        f'<spine><itemref idref="toc"/><itemref idref="cover"/>{"".join(places[name] for name in spine or pages)}</spine></package>'
    )


TOC = xhtml('<nav epub:type="toc"><ol><li><a href="a.xhtml">Chapter I</a></li></ol></nav>')


def zipped(files: Mapping[str, str | bytes]) -> bytes:
    """The files as an EPUB, its type first, as the format has it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("mimetype"), "application/epub+zip")
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def epub(
    pages: Mapping[str, str | bytes], about: str = "", *, places: Mapping[str, str] | None = None, spine: Sequence[str] | None = None,
    more: Mapping[str, str | bytes] | None = None,
) -> bytes:  # fmt: skip
    """An EPUB of these pages. `about`: of its metadata; `places`: attributes of pages in the spine; `more`: files over the others."""
    listed = package({name: (places or {}).get(name, "") for name in pages}, about, spine)
    files = {"META-INF/container.xml": CONTAINER, "OEBPS/book.opf": listed, "OEBPS/toc.xhtml": TOC}
    return zipped(files | {f"OEBPS/{name}": page for name, page in pages.items()} | dict(more or {}))
