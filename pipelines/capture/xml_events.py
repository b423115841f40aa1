"""Foreign XML read as events, up to the first damage. Entities are never expanded: a document type ends the reading."""

from collections.abc import Iterable
from typing import Protocol
from xml.parsers import expat

_FED = 64 << 10


class Stop(Exception):
    """Enough was read; a reader may raise it."""


class Reader(Protocol):
    """What is told of each element: its name and attributes, its end, and characters between, in pieces."""

    def start(self, name: str, attributes: dict[str, str], /) -> None:
        """An element begins."""

    def end(self, name: str, /) -> None:
        """It ends."""

    def characters(self, text: str, /) -> None:
        """A piece of the text in it."""


def read_xml(pieces: Iterable[bytes], reader: Reader, *, namespaces: bool = False) -> None:
    """Tell the reader what stands in the pieces, in order; what follows damage is not told.

    `namespaces`: names come as `URI name` instead of `prefix:name`.
    """

    def stop(*_: object) -> None:
        raise Stop

    parser = expat.ParserCreate(namespace_separator=" ") if namespaces else expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = stop
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.characters
    try:
        for piece in pieces:
            for at in range(0, len(piece), _FED):
                parser.Parse(piece[at : at + _FED], False)
    except (Stop, expat.ExpatError, ValueError, LookupError):
        pass  # damage; the last two: an encoding that Python does not have
