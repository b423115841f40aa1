"""Transcripts with times: WebVTT, SubRip, LRC, and the JSON that podcasts and Whisper write. Read leniently, cue by cue.

    read_cues(text, "talk.en.vtt") -> Cues(found=[Cue(start_s=0.0, end_s=2.5, text="Hello.")], problems=[])

A cue that cannot be read costs itself and is named; all else of the file counts. Linear in the text.
"""

import html
import math
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

LONGEST_S = 1e6  # Chosen: eleven days; what is later is no time of a recording
MAX_CUES = 50_000  # Chosen: a word each for six hours of speech
_TEXT_CHARS = 10_000  # Chosen: of one cue; subtitles have two lines of 42

# Source: WebVTT (W3C), 4.1, timestamps; SubRip writes a comma, hours of any length are allowed, and files without them go about.
_TIME = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,6}))?"
_TIMES = re.compile(rf"\s*{_TIME}\s*-+>\s*{_TIME}(?:\s.*)?")
_LRC_TIME = re.compile(r"\[(\d{1,3}):(\d{1,2}(?:[.:]\d{1,3})?)\]")
_LRC_END_S = 5.0  # Chosen: the last line of a song has no end; it is as long as one
# Source: WebVTT, 4.2.2: cue spans (<v Name>, <c.class>, <i>) and times within; SubRip takes {\an8} along.
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,500}>|<[\d:.]{1,20}>|</?>|\{\\[^{}]{0,50}\}")
_NUMBER = re.compile(r"\d{1,9}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}")
_SEGMENTS = (
    ("start", "end", "text"),
    ("startTime", "endTime", "body"),
)  # Source: openai/whisper; Podcast namespace, transcripts


class Cue(NamedTuple):
    """Words and when they are heard, seconds from the start of the recording; `start_s` < `end_s`, text on one line."""

    start_s: float
    end_s: float
    text: str


@dataclass(slots=True, kw_only=True)
class Cues:
    """found: in order of time. problems: (number of the cue, from 1; what is wrong with it)."""

    found: list[Cue] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)

    def add(self, number: int, start_s: float, end_s: float, text: str) -> None:
        """Take a cue, if it is one. Without words it is none, and nothing is wrong with that."""
        if not text:
            return
        if not (math.isfinite(start_s) and 0 <= start_s < end_s <= LONGEST_S):
            is_read = math.isfinite(start_s) and math.isfinite(end_s)
            what = f"it goes from {start_s:g} to {end_s:g} s" if is_read else "its times cannot be read"
            self.problems.append((number, what))
        elif len(text) > _TEXT_CHARS:
            self.problems.append((number, f"it has more than {_TEXT_CHARS} characters"))
        elif len(self.found) >= MAX_CUES:
            self.problems.append((number, f"it comes after {MAX_CUES} others"))
        else:
            self.found.append(Cue(start_s, end_s, text))


def read_cues(text: str, name: str) -> Cues:
    """The cues of a file of this name, which tells its format (.lrc; all else is read as WebVTT or SubRip)."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "\ufffd")
    cues = Cues()
    for number, (start_s, end_s, said) in enumerate(_lrc(text) if name.lower().endswith(".lrc") else _blocks(text), 1):
        cues.add(number, start_s, end_s, said)
    cues.found.sort(key=lambda cue: cue[:2])
    return cues


def json_cues(values: Mapping[str, object]) -> Cues | None:
    """The cues of a JSON transcript; null where it is none: no list `segments` of objects with times and words."""
    rows = values.get("segments")
    if not isinstance(rows, list) or not rows:
        return None
    keys = next(
        (keys for keys in _SEGMENTS if isinstance(rows[0], dict) and keys[0] in rows[0] and keys[2] in rows[0]), None
    )
    if keys is None:
        return None
    cues = Cues()
    for number, row in enumerate(rows, 1):
        start, end, text = (row.get(key) if isinstance(row, dict) else None for key in keys)
        if isinstance(start, int | float) and isinstance(end, int | float) and isinstance(text, str):
            cues.add(number, float(min(start, 1e300)), float(min(end, 1e300)), _plain(text))
        else:
            cues.problems.append((number, "it has no times, or no words"))
    cues.found.sort(key=lambda cue: cue[:2])
    return cues


def language_of(name: str) -> tuple[str, str | None]:
    """(the name without suffix and language, the language): `talk.en.vtt` -> `("talk", "en")`, `talk.vtt` -> `("talk", None)`."""
    stem = posixpath.splitext(name)[0]
    rest, suffix = posixpath.splitext(stem)
    if rest and _LANGUAGE.fullmatch(suffix[1:]):
        return rest, suffix[1:].replace("_", "-")
    return stem, None


def _blocks(text: str) -> Iterator[tuple[float, float, str]]:
    """(start, end, words) of each line of times and the lines below it, up to an empty one or the next times.

    Times that cannot be read are NaN. Notes, styles and regions of WebVTT hold no arrow, so they are nothing here. What a cue
    repeats of the one before it, as live captions that roll up do, is left out.
    """
    lines, before = text.split("\n"), list[str]()
    arrows = [at for at, line in enumerate(lines) if "-->" in line]
    for at, following in zip(arrows, [*arrows, len(lines) + 1][1:], strict=True):
        said = []
        for line in lines[at + 1 : following]:
            if not line.strip():
                break
            said.append(_plain(line))
        else:
            # No empty line before the next cue: its number stands there.
            if said and following <= len(lines) and _NUMBER.fullmatch(said[-1]):
                said.pop()
        said = [line for line in said if line]
        shown = next((n for n in range(min(len(said), len(before)), 0, -1) if said[:n] == before[-n:]), 0)
        start_s, end_s = _times(lines[at])
        yield start_s, end_s, " ".join(said[shown:] if said != before else said)
        before = said


def _times(line: str) -> tuple[float, float]:
    match = _TIMES.fullmatch(line)
    if match is None:
        return math.nan, math.nan
    start, end = (_seconds(*match.groups()[at : at + 4]) for at in (0, 4))
    return start, end


def _seconds(hours: str | None, minutes: str, seconds: str, fraction: str | None) -> float:
    return int(hours or 0) * 3600 + int(minutes) * 60 + float(f"{seconds}.{fraction or 0}")


def _lrc(text: str) -> Iterator[tuple[float, float, str]]:
    """As `_blocks`; a line ends where the next begins. A line may have several times, at each of which it is sung."""
    found = []
    for line in text.split("\n"):
        times = _LRC_TIME.findall(line)
        said = _plain(_LRC_TIME.sub(" ", line))
        found += [(int(minutes) * 60 + float(seconds.replace(":", ".")), said) for minutes, seconds in times]
    found.sort()
    ends = [start for start, _ in found[1:]] + [start + _LRC_END_S for start, _ in found[-1:]]
    for (start, said), end in zip(found, ends, strict=True):
        yield start, end, said


def _plain(line: str) -> str:
    """The line without tags, entities read, white space single."""
    return " ".join(html.unescape(_TAG.sub("", line)).split())
