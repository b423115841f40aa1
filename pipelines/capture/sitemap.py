"""The URLs in a sitemap, read piece by piece under caps; whatever the bytes are, there is an answer."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pipelines.capture.xml_events import Stop, read_xml

MAX_URLS = 50_000  # Source: sitemaps.org protocol: at most 50,000 URLs
MAX_BYTES = 50 << 20  # Source: the same: at most 50 MiB, uncompressed
_URL_CHARS = 2048  # Source: the same: a URL is shorter than 2,048 characters
MAX_CHARS = 4 << 20  # Chosen: of all URLs; 50,000 honest ones are some 3 million characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitemap:
    """URLs as written, in order. `sitemaps`: of an index; `pages`: of a sitemap proper."""

    sitemaps: tuple[str, ...]
    pages: tuple[str, ...]


@dataclass(slots=True)
class _Reading:
    """Where the reader stands: local names of the open elements, text of the open `loc`, what was found."""

    path: list[str] = field(default_factory=list)
    text: str = ""
    chars: int = 0
    found: dict[str, list[str]] = field(default_factory=lambda: {"url": [], "sitemap": []})

    def start(self, name: str, _: dict[str, str]) -> None:
        self.path.append(name.rpartition(":")[2])
        if len(self.path) > 16:  # Chosen: a sitemap is 3 deep, its extensions 5
            raise Stop
        self.text = ""

    def end(self, _: str) -> None:
        kind = self.path[1] if len(self.path) == 3 and self.path[2] == "loc" else ""
        if kind in self.found and 0 < len(self.text.strip()) <= _URL_CHARS:
            self.found[kind].append(self.text.strip())
            self.chars += len(self.text)
            if len(self.found[kind]) >= MAX_URLS or self.chars > MAX_CHARS:
                raise Stop
        self.path.pop()

    def characters(self, text: str) -> None:
        if self.path[-1:] == ["loc"] and len(self.text) <= _URL_CHARS:
            self.text += text


def read_sitemap(xml: bytes | Iterable[bytes]) -> Sitemap:
    """The URLs of a sitemap or an index of sitemaps, up to the first damage; none for bytes that are neither.

    `xml`: whole, or in pieces, of which the first 50 MiB are read.
    """
    reading = _Reading()
    read_xml(_first([xml] if isinstance(xml, bytes) else xml), reading)
    return Sitemap(sitemaps=tuple(reading.found["sitemap"]), pages=tuple(reading.found["url"]))


def _first(pieces: Iterable[bytes]) -> Iterator[bytes]:
    left = MAX_BYTES
    for piece in pieces:
        yield piece[:left]
        left -= len(piece)
        if left <= 0:
            return
