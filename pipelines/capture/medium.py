"""The picture or recording of a page: where it lies, and what the page says of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from schemas.annotation import Role

Kind = Literal["image", "audio"]  # what its media types begin with
KINDS: tuple[Kind, ...] = ("image", "audio")

SOUNDS = ("mp3", "ogg", "oga", "opus", "wav", "flac", "m4a", "aac")  # what names of recordings end in

# Attributes in which scripts find the picture they put in place of `src` when the reader comes near.
# Source: lazysizes, jQuery.lazyload, WordPress (Rocket, a3, Jetpack): the documentation of each.
_LAZY = ("data-src", "data-original", "data-lazy-src", "data-lazy")
_SOURCES = (*_LAZY, "src")
_SETS = ("srcset", "data-srcset", "data-lazy-srcset")
_LAZY_SETS = frozenset((*_LAZY, *_SETS[1:]))
# Source: HTML standard, "parse a srcset attribute": an address is all up to white space, and may end in the comma itself.
_CANDIDATE = re.compile(r"[\s,]*(\S+)(?:(?<!,)\s+([^,]*))?")
_MAX_CANDIDATES = 20  # Chosen: of one attribute; responsive pictures have up to a dozen widths


class Words(NamedTuple):
    """What a page says of a medium. `start`: byte of what says so; `language`: as declared, null for none."""

    role: Role
    text: str
    location: str
    start: int
    language: str | None


class Terms(NamedTuple):
    """The licence that a page names for one medium alone, as written. `start`: byte of what says so."""

    raw: str
    start: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Medium:
    """`urls`: every address, absolute http(s) without fragment, the best first. `is_link`: not shown, but linked to."""

    kind: Kind
    urls: tuple[str, ...]
    said: tuple[Words, ...] = ()
    terms: tuple[Terms, ...] = ()
    is_link: bool = False


def addresses(attributes: Mapping[str, str]) -> list[str]:
    """The addresses in the attributes of an img, audio or source tag, as written, the best first; some may be empty.

    The largest of a `srcset` is best, then what is loaded lazily, then `src`, which may be a placeholder for that.
    """
    sized = [pair for name in _SETS if name in attributes for pair in _candidates(attributes[name])]
    largest, *smaller = [address for _, address in sorted(sized, key=lambda pair: -pair[0])] or [""]
    return [largest, *(attributes[name] for name in _SOURCES if name in attributes), *smaller]


def is_lazy(attributes: Mapping[str, str]) -> bool:
    """Whether a script puts another picture in place of `src`."""
    return not attributes.keys().isdisjoint(_LAZY_SETS)


def _candidates(srcset: str) -> list[tuple[float, str]]:
    """(width or density, address) of each candidate; 1.0 where there is neither: `"a 1x, b 800w"` -> `[(1.0, "a"), (800.0, "b")]`."""
    found = []
    for match in _CANDIDATE.finditer(srcset):
        number = re.match(r"\d{1,6}(?:\.\d{1,6})?", match[2] or "")
        found.append((float(number[0]) if number else 1.0, match[1].rstrip(",")))
        if len(found) == _MAX_CANDIDATES:
            break
    return found
