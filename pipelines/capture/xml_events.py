"""Foreign XML read as events, up to the first damage. Entities are never expanded: a document type that declares some ends the reading."""

from collections.abc import Iterable
from typing import Protocol
from xml.parsers import expat

_FED = 64 << 10
# Chosen: of one tag or comment; the parser looks at all of it again with each piece (64 MiB took 24 s and 400 MiB, expat 2.5).
_TOKEN_BYTES = 1 << 20


class Stop(Exception):
    """Enough was read; a reader may raise it. With a text where something is wrong."""


class Reader(Protocol):
    """What is told of each element: its name and attributes, its end, and characters between, in pieces."""

    def start(self, name: str, attributes: dict[str, str], /) -> None:
        """An element begins."""

    def end(self, name: str, /) -> None:
        """It ends."""

    def characters(self, text: str, /) -> None:
        """A piece of the text in it."""


def read_xml(
    pieces: Iterable[bytes], reader: Reader, *, namespaces: bool = False, charset: str | None = None
) -> str | None:
    """Tell the reader what stands in the pieces, in order; what follows damage is not told. What was wrong, or null.

    `namespaces`: names come as `URI name` instead of `prefix:name`. `charset`: whatever the document declares.
    """

    def declared(_name: str, _system: str | None, _public: str | None, declares: bool) -> None:
        if declares:
            raise Stop("its document type declares entities")

    parser = expat.ParserCreate(charset, namespace_separator=" ") if namespaces else expat.ParserCreate(charset)
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = declared
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.characters
    fed = 0
    try:
        for piece in pieces:
            for at in range(0, len(piece), _FED):
                parser.Parse(piece[at : at + _FED], False)
                fed += min(_FED, len(piece) - at)
                if fed - max(0, parser.CurrentByteIndex) > _TOKEN_BYTES:
                    return f"one piece of it is longer than {_TOKEN_BYTES} bytes"
        parser.Parse(b"", True)
    except Stop as error:
        return str(error) or None
    except (expat.ExpatError, ValueError, LookupError) as error:  # the last two: an encoding that Python does not have
        return str(error)
    return None
