"""Spans of a text that are replaced by placeholders, and the text that is left."""

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntFlag, auto

# (text) -> what of it should go, in any order; later kinds give way to earlier ones where they overlap.
Finder = Callable[[str], Iterable["Span"]]


class May(IntFlag):
    """What a text may hold, one bit each; what is not there need not be looked for."""

    EMAIL = auto()
    NUMBER = auto()  # of an account, a card, a person, a telephone
    IPV4 = auto()
    IPV6 = auto()
    TOKEN = auto()  # a secret that its form gives away
    NAMED = auto()  # one that is called so


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` of a text, and what they are. `placeholder` stands in their place."""

    start: int
    end: int
    kind: str
    placeholder: str


def joined(found: Iterable[Span]) -> list[Span]:
    """The spans in order, with those that overlap made one: it is of the kind that was found first, and has all their characters."""
    spans: list[tuple[int, Span]] = []
    for rank, span in sorted(enumerate(found), key=lambda pair: (pair[1].start, pair[0])):
        if spans and span.start < spans[-1][1].end:
            last_rank, last = spans[-1]
            best_rank, best = min((last_rank, last), (rank, span), key=lambda pair: pair[0])
            spans[-1] = best_rank, Span(last.start, max(last.end, span.end), best.kind, best.placeholder)
        else:
            spans.append((rank, span))
    return [span for _, span in spans]


def replaced(text: str, spans: Sequence[Span]) -> str:
    """The text with each span's placeholder in its place. `spans`: in order, without overlap."""
    pieces, at = [], 0
    for span in spans:
        pieces += [text[at : span.start], span.placeholder]
        at = span.end
    return "".join([*pieces, text[at:]])


def redacted(text: str, find: Finder) -> tuple[str, list[Span]]:
    """The text in which `find` finds nothing any more, and what was replaced, in characters of the text as it was given.

    A placeholder can bring together what was apart ("a@b.de@c.de"), so it looks again until nothing is left. The result is in NFC
    if the text was: a mark that would combine with a placeholder goes with it.
    """
    spans: list[Span] = []
    new = text
    while found := list(find(new)):
        more = joined([*spans, *(_whole(text, _original(span, spans)) for span in found)])
        if more == spans:
            break
        spans, new = more, replaced(text, more)
    return new, spans


def _original(span: Span, spans: Sequence[Span]) -> Span:
    """A span of the text with placeholders as one of the text before; what touches a placeholder takes all that it stands for."""

    def place(at: int, *, is_end: bool) -> int:
        grown = 0  # by how much the text with placeholders is longer, up to here
        for old in spans:
            begin = old.start + grown
            stop = begin + len(old.placeholder)
            if at <= begin:
                break
            if at < stop:
                return old.end if is_end else old.start
            grown = stop - old.end
        return at - grown

    return Span(place(span.start, is_end=False), place(span.end, is_end=True), span.kind, span.placeholder)


def _whole(text: str, span: Span) -> Span:
    end = span.end
    while end < len(text) and unicodedata.combining(text[end]):
        end += 1
    return span if end == span.end else Span(span.start, end, span.kind, span.placeholder)
