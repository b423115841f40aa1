"""Licences of source files, as evidence: what each file says of itself, of its folder, or of its package.

    licence_rows(uri, capture_id, data, payload_sha256)  -> rows of schemas.rights.LICENCE

A file's own words count for it alone; a licence file, a package file or a README speaks for its folder, and the nearest
wins (`pipelines.hearsay`). Nothing is decided here, and a file that nothing speaks for has no licence.
"""

import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from pipelines.capture.code_type import language_of, path_of
from pipelines.capture.subject import SAFE
from pipelines.rights import dep5
from pipelines.rights.evidence import excerpt
from pipelines.rights.licences import SEE, LicenceHit
from pipelines.rights.markup import pattern
from pipelines.rights.names import names_in
from pipelines.rights.notices import PROSE, claims, file_licence_hits, hits, shown
from pipelines.rights.packages import package_licence
from pipelines.rights.spdx import LicenceClass
from pipelines.rights.texts import Name, known_texts

_LICENCE_NAME = re.compile(
    r"(?:(?:mit|bsd|apache|[al]?gpl|isc|mpl|cc0|epl|0bsd|third.?party|software)[-_. ]?)?"
    r"(?:un)?(?:licen[cs]e|licen[cs]ing|copying|copyright|copyleft|notices?|legal)s?(?:[-_. ].{1,40})?",
    re.I,
)
_README = re.compile(r"readme(?:[-_.].{1,20})?", re.I)
# Lists of what others wrote: evidence, but not about the folder.
_OF_OTHERS = re.compile(r"third.?party|external|bundled|vendor|dependencies", re.I)
_C_HEADERS = (".h", ".hh", ".hpp", ".hxx")
_NOTICE = re.compile(r"notices?\b|copyright", re.I)
_DIST_INFO = re.compile(r"(?P<name>[^/]+?)(?:-[^/-]+)?(?:-[^/]+)?\.(?:dist-info|egg-info)", re.I)
_HEADING = pattern(rb"(?:^|\n)[^a-z0-9\n]{0,20}licen[sc](?:e|es|ing)\b[^\n]{0,30}(?:\n|$)")
_SECTION_BYTES = 400  # Chosen: a heading, a badge and two lines
# "everything found under the docs/ subdirectory in the source tree is licensed under"
_PLACE_BYTES = 200
_PLACE = pattern(rb"\b(?:under|in|within|inside|below)\W+(?:the\W+)?['\"`(]?([\w.-]+(?:/[\w.-]+)*)/[^:.;]{0,100}$")
_NOT_THERE = pattern(rb"\b(?:except|unless|not|other than|outside|apart)\b")


def licence_rows(uri: str, capture_id: bytes, data: bytes, payload_sha256: bytes) -> list[dict[str, object]]:
    """The rows of LICENCE that an uploaded text file gives; none where it names no licence. Never raises, whatever the bytes."""
    return [
        {
            "capture_id": capture_id, "subject": subject, "location": hit.location, "locator": hit.locator,
            "expression": hit.expression, "raw": hit.raw, "evidence_sha256": payload_sha256,
        }
        for subject, hit in _said(uri, path_of(uri), data)
    ]  # fmt: skip


def is_licence_file(path: str) -> bool:
    """Whether a file is there for its words about licences: LICENSE, COPYING.txt, debian/copyright, a.c.license; no code."""
    folder, _, name = path.rpartition("/")
    if name.endswith((".license", ".dep5")):
        return True
    named = _LICENCE_NAME.fullmatch(name) or folder.rpartition("/")[2].upper() == "LICENSES"
    return bool(named) and language_of(name, b"") in PROSE


def licence_file(path: str, data: bytes) -> list[LicenceHit]:
    """The licences of a licence file, in order: its terms, and what its sentences license; null where it has neither.

    A list of authors (COPYRIGHT) or credits (NOTICE) without a licence says nothing.
    """
    data = shown(path, data)
    texts = known_texts(data)
    found = hits("licence_file", data, [*texts, *claims(data, passing=() if texts else tuple(LicenceClass))])
    name = path.rpartition("/")[2]
    if found or _NOTICE.match(name) or not _LICENCE_NAME.fullmatch(name):
        return found
    return [
        LicenceHit(
            location="licence_file",
            locator="byte 0",
            expression=None,
            raw=excerpt(data[:200].decode("utf-8", "replace")),
        )
    ]


def _said(uri: str, path: str, data: bytes) -> Iterator[tuple[str | None, LicenceHit]]:
    """Every hit of a file, with the URI it is about; null for the file itself."""
    name = path.rpartition("/")[2]
    if name.endswith(".license"):
        yield from ((uri.removesuffix(".license"), hit) for hit in file_licence_hits(path, data))
        return
    about = scopes(uri)
    if dep5.is_dep5(data):
        yield from _of_dep5(about[0], data)
    elif is_licence_file(path):
        yield from _of_licence_file(path, data, about)
    elif _README.fullmatch(name):
        yield from ((subject, hit) for hit in _of_readme(shown(path, data)) for subject in about)
    else:
        # Files may point to a header of C for their licence, so its own terms are said by name.
        named = uri if path.endswith(_C_HEADERS) else None
        yield from ((None if hit.location == SEE else named, hit) for hit in file_licence_hits(path, data))
        yield from ((subject, hit) for hit in package_licence(path, data) for subject in about)


def _of_licence_file(path: str, data: bytes, about: Sequence[str]) -> Iterator[tuple[str, LicenceHit]]:
    if _OF_OTHERS.search(path.rpartition("/")[2]):
        return
    text = shown(path, data)
    for hit in licence_file(path, data):
        start = int(hit.locator.rpartition(" ")[2])
        place = _place(text[max(start - _PLACE_BYTES, 0) : start])
        yield from ((subject + place if subject.endswith("/") else subject, hit) for subject in about)


def _place(before: bytes) -> str:
    """The folder that a sentence is about, by the words before the licence it names; empty for the whole."""
    match = _PLACE.search(before)
    return quote(match[1].decode("ascii")) + "/" if match and not _NOT_THERE.search(before) else ""


def _of_readme(data: bytes) -> list[LicenceHit]:
    """Terms that stand in a README, and what its section on the licence names."""
    found = known_texts(data)
    for heading in _HEADING.finditer(data):
        at = heading.end()
        section = data[at : at + _SECTION_BYTES].partition(b"\n#")[0]
        found += [Name(at + n.start, at + n.end, n.expression, n.is_exact) for n in names_in(section, short=True)]
    return hits("readme", data, found)


def _of_dep5(root: str, data: bytes) -> Iterator[tuple[str, LicenceHit]]:
    for one in dep5.covered(data):
        subject = root + quote(one.path, safe=SAFE)
        yield (
            subject,
            LicenceHit(
                location="licence_file", locator=f"byte {one.start}", expression=one.expression, raw=excerpt(one.raw)
            ),
        )


def scopes(uri: str) -> list[str]:
    """The folders (or files) that a licence file, a package file or a README at this URI speaks for: its own folder.

    Those in `debian/`, `META-INF/` and `.reuse/` speak for the folder around it; those of an installed Python package, for that
    package: where its files share a folder with others (site-packages), for what goes by its name.
    """
    folder = uri[: uri.rfind("/") + 1]
    parent, name = _parent(folder)
    if name.lower() == "licenses" and _DIST_INFO.fullmatch(_parent(parent)[1]):
        folder, (parent, name) = parent, _parent(parent)
    if name.lower() in ("debian", ".reuse", "meta-inf"):
        return [parent]
    match = _DIST_INFO.fullmatch(name)
    if match is None:
        return [folder]
    if _plain(_parent(parent)[1]).startswith(_plain(match["name"])):
        return [parent]
    names = dict.fromkeys((match["name"], match["name"].lower(), match["name"].replace("-", "_")))
    return [folder, *(f"{parent}{name}{end}" for name in names for end in ("/", ".py"))]


def _parent(folder: str) -> tuple[str, str]:
    """The folder around a folder, and its name within that."""
    at = folder.rfind("/", 0, len(folder) - 1) + 1
    return folder[:at], folder[at:-1]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
