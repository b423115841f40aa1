"""The pictures and recordings of an HTML page, and what the page says of each.

    page_media(html, url) -> a Medium for every img, audio, social preview, JSON-LD object and link to a recording

One compiled scan in linear time, without building a tree: a crawl reads hostile bytes in its own process. Offsets are those of
the page's UTF-8 form where it is in UTF-16, as in `pipelines.rights.markup`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from pipelines.capture.json_ld import described
from pipelines.capture.medium import SOUNDS, Kind, Medium, Terms, Words, addresses, is_lazy
from pipelines.capture.uri import address
from pipelines.kernels import markup as kernel
from pipelines.rights import markup
from pipelines.rights.markup import Tag
from schemas.annotation import Role

MAX_ADDRESSES = 5_000  # Chosen: of one page; the largest galleries have some thousand, and what comes after is not read
MAX_TAGS = 20_000  # Chosen: half a second of work; the largest honest pages have some thousand of those we ask for
_WORDS_CHARS = 2_000  # Chosen: of a caption or title, cut beyond; alternative texts have up to some hundred
_TRANSCRIPT_CHARS = 200_000  # Chosen: three hours of speech
_CAPTION_BYTES = 20_000  # Chosen: of a figcaption with its tags
_LINK_BYTES = 500  # Chosen: of a link with its text, as `rights.licences` reads it
_NEAR_BYTES = 2_000  # Chosen: between a recording and its transcript stand a heading and a button
_FIGURES = 16  # Chosen: of figures within figures; a gallery has two

_PARTS = ("audio", "base", "figcaption", "figure", "html", "img", "meta", "picture", "source", "video")
_IS_PREVIEW = re.compile(rb"og:|twitter:", re.IGNORECASE)
_SOUND = rb"\.(?:" + "|".join(SOUNDS).encode() + rb")"
_NAMES_A_SOUND = markup.pattern(_SOUND + rb"[\s\"'?#>]")
_IS_SOUND = re.compile(rf"[^?#]*{_SOUND.decode()}(?:[?#]|$)", re.IGNORECASE)
_TEXTS = rb"(?:article|aside|blockquote|details|div|figcaption|p|pre|section)"
_TEXT_TAG = markup.pattern(rb"</?" + _TEXTS + rb"(?:[\s/][^>]*)?>")
_TRANSCRIPT = markup.pattern(
    rb"<" + _TEXTS + rb"""\s[^<>]*\b(?:class|id)\s*=\s*(?:"[^"<>]*|'[^'<>]*|[^\s"'<>]*)trans[ck]rip[^<>]*>"""
)
_LANGUAGE = re.compile(r"[A-Za-z0-9_-]{1,35}")  # Source: RFC 5646, section 4.4.1


@dataclass(slots=True)
class _Found:
    """A medium in the making. `end`: byte after its element; `placeholder`: its `src`, where a script replaces that."""

    kind: Kind
    end: int = 0
    urls: dict[str, None] = field(default_factory=dict)
    said: list[Words] = field(default_factory=list)
    terms: list[Terms] = field(default_factory=list)
    placeholder: str | None = None
    is_link: bool = False


@dataclass(slots=True)
class _Figure:
    """An open figure. `caption`: bytes where its figcaption starts, where the text in it does, and where that ends."""

    media: list[_Found] = field(default_factory=list)
    caption: tuple[int, int, int] | None = None


def page_media(html: bytes, url: str | None) -> list[Medium]:
    """The media of the page at `url` that have an http(s) address, in order; comments, scripts and styles hold none.

    Words: alt, title, figcaption (of the nearest figure that has one), og, json_ld, transcript (the element right after a
    recording that calls itself so); the text of a link is the title of the recording it leads to. Texts over 2,000
    characters (transcripts 200,000) are cut; what comes after 5,000 addresses, or 20,000 tags, is not read.
    """
    page = markup.as_utf8(html)
    # The class of captions is WordPress's from before there was figcaption: three of the five pages of web/html_cc that
    # caption pictures do it so.
    parts = list(islice(_parts(page, kernel.parts(page, _PARTS, ends=True, captions=True)), MAX_TAGS))
    scan = _Scan(page, url, next((part.attributes.get("lang", "") for part in parts if part.name == "html"), ""))
    based = (scan.address(part.attributes.get("href", "")) for part in parts if part.name == "base")
    scan.base = next(filter(None, based), url)
    for part in parts:
        scan.take(part)
    scan.end()
    links = kernel.parts(page, ("a",), ends=False, captions=False) if _NAMES_A_SOUND.search(page) else []
    for part in islice(_parts(page, links), MAX_TAGS):
        scan.link(part)
    return scan.media()


def _parts(page: bytes, found: Iterable[Sequence[int]]) -> Iterator[Tag]:
    """The tags at these places, in order; of a script of JSON-LD its content, and no other."""
    for start, end in found:
        kind = page[start + 1 : start + 4].lower()
        if kind == b"scr":
            opened = page.find(b">", start, end) + 1
            closed = page.rfind(b"</", opened, end)
            if b"ld+json" in page[start:opened].lower() and closed > 0:
                yield Tag(name="script", attributes={}, start=opened, end=closed)
        elif (kind != b"met" or _IS_PREVIEW.search(page, start, end)) and (tag := markup.tag_at(page, start, end)):
            yield tag


class _Scan:
    """The media found so far on one page, and the elements that are open."""

    def __init__(self, page: bytes, url: str | None, language: str) -> None:
        self.base = url
        self._page = page
        self._language = language if _LANGUAGE.fullmatch(language) else None
        self._found: list[_Found] = []
        self._left = MAX_ADDRESSES
        self._figures: list[_Figure] = []
        self._too_deep = 0
        self._holder = ""  # the open picture, audio or video, to which a source tag belongs
        self._sources: list[str] = []  # addresses of the open picture
        self._sounds: list[tuple[int, _Found]] = []  # start of each audio element
        self._previews: dict[str, list[_Found]] = {}  # social previews by the tag that names them: "og:image"
        self._page_title: Words | None = None

    def address(self, value: str) -> str | None:
        """The address as an absolute http(s) URL without fragment, or null."""
        return address(value, self.base)

    def take(self, part: Tag) -> None:
        """Read the next tag or script."""
        match part.name:
            case "img":
                self._image(part)
            case "meta":
                self._meta(part)
            case "script":
                self._json_ld(part)
            case "source":
                self._source(part)
            case "picture" | "audio" | "video" | "/picture" | "/audio" | "/video":
                self._hold(part)
            case "figure" | "/figure" | "figcaption" | "/figcaption":
                self._figure(part)
            case "p" | "dd":
                self._caption_below(part)

    def end(self) -> None:
        """Close what is still open, and read what stands elsewhere: transcripts after recordings, the title of the page."""
        while self._figures:
            self._close_figure(len(self._page))
        ends = [*(start for start, _ in self._sounds), len(self._page)][1:]
        for (_, sound), end in zip(self._sounds, ends, strict=True):
            self._transcript(sound, end)
        if title := self._page_title:
            for one in (one for key, found in self._previews.items() if key.startswith("og:") for one in found):
                one.said.append(title)

    def link(self, part: Tag) -> None:
        """Read a link, which may lead to a recording."""
        target = part.attributes.get("href", "")
        if _IS_SOUND.match(target) and "nofollow" not in part.attributes.get("rel", "").lower().split():
            sound = self._new("audio", part, [target])
            sound.is_link = True
            closed = self._page[part.end : part.end + _LINK_BYTES].lower().find(b"</a")
            self._say(sound, Role.TITLE, "title", part.start, self._text(part.end, part.end + max(closed, 0)))

    def media(self) -> list[Medium]:
        """All that was found and has an address. A placeholder that stands for several pictures is an address of none."""
        shared = Counter(one.placeholder for one in self._found if one.placeholder)
        found = []
        for one in self._found:
            urls = [url for url in one.urls if url != one.placeholder or shared[url] == 1 or len(one.urls) == 1]
            if urls:
                said, terms = tuple(dict.fromkeys(one.said)), tuple(one.terms)
                found.append(Medium(kind=one.kind, urls=tuple(urls), said=said, terms=terms, is_link=one.is_link))
        return found

    def _new(self, kind: Kind, part: Tag, found: Iterable[str]) -> _Found:
        one = _Found(kind=kind, end=part.end)
        self._add(one, found)
        self._found.append(one)
        if self._figures:
            self._figures[-1].media.append(one)
        return one

    def _add(self, one: _Found, found: Iterable[str]) -> None:
        for value in found:
            if self._left and (url := self.address(value)) and url not in one.urls:
                self._left -= 1
                one.urls[url] = None

    def _say(self, one: _Found, role: Role, location: str, start: int, text: str) -> None:
        most = _TRANSCRIPT_CHARS if role is Role.TRANSCRIPT else _WORDS_CHARS
        if cut := text[:most].rstrip():
            one.said.append(Words(role, cut, location, start, self._language))

    def _text(self, start: int, end: int, between: str = " ") -> str:
        return between.join(markup.lines(self._page[start:end]))

    def _attributes(self, one: _Found, part: Tag) -> None:
        for name, role in (("alt", Role.CAPTION), ("title", Role.TITLE)):
            if name in part.attributes:
                self._say(one, role, name, part.start, " ".join(part.attributes[name].split()))

    def _image(self, part: Tag) -> None:
        one = self._new("image", part, [*addresses(part.attributes), *self._sources])
        if is_lazy(part.attributes):
            one.placeholder = self.address(part.attributes.get("src", ""))
        self._attributes(one, part)

    def _hold(self, part: Tag) -> None:
        self._holder, self._sources = part.name, []
        if part.name == "audio":
            sound = self._new("audio", part, addresses(part.attributes))
            self._attributes(sound, part)
            self._sounds.append((part.start, sound))
        elif part.name == "/audio" and self._sounds:
            self._sounds[-1][1].end = part.end

    def _source(self, part: Tag) -> None:
        if self._holder == "picture":
            self._sources += addresses(part.attributes)
        elif self._holder == "audio":
            self._add(self._sounds[-1][1], addresses(part.attributes))

    def _figure(self, part: Tag) -> None:
        inner = self._figures[-1] if self._figures else None
        if part.name == "figure" and len(self._figures) < _FIGURES:
            self._figures.append(_Figure())
        elif part.name == "figure":
            self._too_deep += 1
        elif part.name == "/figure" and self._too_deep:
            self._too_deep -= 1
        elif part.name == "/figure" and inner:
            self._close_figure(part.start)
        elif part.name == "figcaption" and inner and not inner.caption:
            inner.caption = (part.start, part.end, min(part.end + _CAPTION_BYTES, len(self._page)))
        elif part.name == "/figcaption" and inner and inner.caption:
            inner.caption = (*inner.caption[:2], min(inner.caption[2], part.start))

    def _caption_below(self, part: Tag) -> None:
        """Caption the picture right above an element that is a caption by its class."""
        last = self._found[-1] if self._found else None
        if last and last.kind == "image" and part.start - last.end <= _NEAR_BYTES:
            end = self._page.find(b"</" + part.name.encode(), part.end, part.end + _CAPTION_BYTES)
            self._say(last, Role.CAPTION, "figcaption", part.start, self._text(part.end, max(end, part.end)))

    def _close_figure(self, at: int) -> None:
        """Caption the media of the innermost figure; where it has no caption they are left to the figure around it."""
        figure = self._figures.pop()
        start, begin, end = figure.caption or (0, 0, 0)
        text = self._text(begin, min(end, at))
        for one in figure.media if text else ():
            self._say(one, Role.CAPTION, "figcaption", start, text)
        if self._figures and not text:
            self._figures[-1].media += figure.media

    def _transcript(self, sound: _Found, end: int) -> None:
        """What the first element after a recording, and before the next one (`end`), that calls itself a transcript says."""
        opened = _TRANSCRIPT.search(self._page, sound.end, min(end, sound.end + _NEAR_BYTES))
        if not opened:
            return
        name, depth = opened[0][1:].split(None, 1)[0].lower(), 0
        for tag in _TEXT_TAG.finditer(self._page, opened.start(), end):
            if tag[0].lstrip(b"</").lower().rstrip(b">").split(None, 1)[0] == name:
                depth += -1 if tag[0][1:2] == b"/" else 1
                if not depth:
                    end = tag.start()
                    break
        text = self._text(opened.end(), end, "\n")
        self._say(sound, Role.TRANSCRIPT, "transcript", opened.start(), text)

    def _meta(self, part: Tag) -> None:
        key = (part.attributes.get("property") or part.attributes.get("name") or "").strip().lower()
        said = " ".join(part.attributes.get("content", "").split())
        match key:
            case "og:title" if said and not self._page_title:
                self._page_title = Words(Role.TITLE, said[:_WORDS_CHARS], "og", part.start, self._language)
            case "og:image" | "og:image:url" | "og:audio" | "og:audio:url" | "twitter:image" | "twitter:image:src":
                kind: Kind = "audio" if "audio" in key else "image"
                self._previews.setdefault(":".join(key.split(":")[:2]), []).append(self._new(kind, part, [said]))
            case "og:image:secure_url" | "og:audio:secure_url" if last := self._previews.get(key.rpartition(":")[0]):
                self._add(last[-1], [said])
            case "og:image:alt" | "twitter:image:alt" if last := self._previews.get(key.rpartition(":")[0]):
                self._say(last[-1], Role.CAPTION, "og", part.start, said)

    def _json_ld(self, part: Tag) -> None:
        for thing in islice(described(self._page[part.start : part.end]), MAX_ADDRESSES):
            one = self._new(thing.kind, part, thing.urls)
            for role, text in thing.said:
                self._say(one, role, "json_ld", part.start, text)
            if thing.language and _LANGUAGE.fullmatch(thing.language):
                one.said = [words._replace(language=thing.language) for words in one.said]
            one.terms += [Terms(raw, part.start) for raw in thing.licences]
