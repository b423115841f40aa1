"""The episodes of a podcast's feed (RSS 2.0 or Atom): recordings, transcripts, licences. Whatever the bytes are, there is an answer.

Source: RSS 2.0 (enclosure), Podcast Namespace (podcast:transcript, podcast:license), creativeCommons RSS module (creativeCommons:license),
RFC 4287 and RFC 4946 (Atom links of relation enclosure and license).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipelines.capture.uri import absolute
from pipelines.capture.xml_events import Stop, read_xml
from pipelines.split.charset import decode

MAX_EPISODES = 10_000  # Chosen: a daily podcast of 27 years
_MAX_ELEMENTS = 500_000  # Chosen: fifty an episode; a second of work
_DECODED_BYTES = (
    16 << 20
)  # Chosen: feeds of some MiB are the largest honest ones; a text takes up to four times as much
_TEXT_CHARS = 4096  # Chosen: of a title or licence
_DEPTH = 64  # Chosen: a feed is 5 deep; descriptions may hold markup
_HEAD_BYTES = 2048
_EPISODES = ("item", "entry")


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """The transcript of an episode. `media_type`, `language`: as the feed declares them; null where it does not."""

    url: str
    media_type: str | None
    language: str | None


@dataclass(slots=True, kw_only=True)
class Episode:
    """One episode. URLs are absolute; `recordings` are its enclosures that are not video; `licences` as written, names or URLs."""

    title: str = ""
    recordings: list[str] = field(default_factory=list)
    transcripts: list[Transcript] = field(default_factory=list)
    licences: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Feed:
    """A feed. `licences`: of every episode that names none of its own; `language`: null where it is not declared. `problem`: why the
    rest of it was not read.
    """

    language: str | None = None
    licences: list[str] = field(default_factory=list)
    episodes: list[Episode] = field(default_factory=list)
    problem: str | None = None

    def urls(self) -> list[str]:
        """What its episodes name, each once: recordings and transcripts, in order."""
        named = (url for one in self.episodes for url in (*one.recordings, *(text.url for text in one.transcripts)))
        return list(dict.fromkeys(named))


def is_feed(data: bytes) -> bool:
    """Whether the bytes begin like a feed."""
    head = data[:_HEAD_BYTES].lower()
    return b"<rss" in head or (b"<feed" in head and b"w3.org/2005/atom" in head)


def read_feed(data: bytes, url: str) -> Feed:
    """The feed at `url`, up to the first damage; entities are never expanded. In the charset that fits where the declared one does not."""
    feed = _read(data, url, None)
    is_misread = feed.problem is not None and not (data.isascii() and feed.episodes)
    if is_misread and len(data) <= _DECODED_BYTES and (found := decode(data, None)) is not None:
        again = _read(found.text.encode(), url, "utf-8")
        return again if len(again.urls()) >= len(feed.urls()) else feed
    return feed


def _read(data: bytes, url: str, charset: str | None) -> Feed:
    reading = _Reading(url)
    reading.feed.problem = read_xml([data], reading, namespaces=True, charset=charset)
    if not (reading.feed.episodes or reading.feed.problem):
        reading.feed.problem = "it names no episode"
    return reading.feed


class _Reading:
    """Where the reader stands: names of the open elements, the text of the innermost, the episode it is in."""

    def __init__(self, url: str) -> None:
        self.feed = Feed()
        self._url, self._path, self._text = url, list[str](), ""
        self._attributes: Mapping[str, str] = {}
        self._episode: Episode | None = None
        self._elements = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        space, _, local = name.rpartition(" ")
        self._path.append(local)
        self._elements += 1
        if len(self._path) > _DEPTH:
            raise Stop(f"its elements are nested more than {_DEPTH} deep")
        if self._elements > _MAX_ELEMENTS:
            raise Stop(f"it has more than {_MAX_ELEMENTS} elements")
        self._text, self._attributes = "", attributes
        if local in _EPISODES:
            if len(self.feed.episodes) == MAX_EPISODES:
                raise Stop(f"it has more than {MAX_EPISODES} episodes")
            self._episode = Episode()
            self.feed.episodes.append(self._episode)
        elif local == "enclosure":
            self._enclosed(attributes.get("url"), attributes.get("type", ""))
        elif local == "link" and attributes.get("rel") == "enclosure":
            self._enclosed(attributes.get("href"), attributes.get("type", ""))
        elif local == "link" and attributes.get("rel") == "license":
            self._licences().append(attributes.get("href", ""))
        elif local == "transcript" and space:
            self._transcribed(attributes)

    def end(self, name: str) -> None:
        space, _, local = name.rpartition(" ")
        text, self._text = self._text.strip(), ""
        self._path.pop()
        parent = self._path[-1] if self._path else ""
        if local in _EPISODES:
            self._episode = None
        elif local == "license" and space:
            resource = next((value for key, value in self._attributes.items() if key.endswith("resource")), "")
            if said := self._attributes.get("url") or text or resource:
                self._licences().append(said)
        elif local == "title" and self._episode is not None and parent in _EPISODES:
            self._episode.title = self._episode.title or text
        elif local == "language" and parent == "channel":
            self.feed.language = text or None
        self._attributes = {}

    def characters(self, text: str) -> None:
        if len(self._text) < _TEXT_CHARS:
            self._text += text[:_TEXT_CHARS]

    def _enclosed(self, url: str | None, media_type: str) -> None:
        found = self._absolute(url)
        if self._episode is not None and found and not media_type.lower().startswith(("video/", "image/")):
            self._episode.recordings.append(found)

    def _transcribed(self, attributes: Mapping[str, str]) -> None:
        found = self._absolute(attributes.get("url"))
        if self._episode is not None and found:
            self._episode.transcripts.append(
                Transcript(url=found, media_type=attributes.get("type"), language=attributes.get("language"))
            )

    def _licences(self) -> list[str]:
        return self.feed.licences if self._episode is None else self._episode.licences

    def _absolute(self, url: str | None) -> str | None:
        found = absolute((url or "").strip(), self._url) if url else None
        return found.partition("#")[0] if found and found.startswith(("http://", "https://")) else None
