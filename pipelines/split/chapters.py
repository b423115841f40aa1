"""Where the chapters of a text begin: by its markup where it has some, else by the lines that chapters are called by.

In: a tidy text. Out: its headings in order, places in characters. Linear in the text; runs in the killable child.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

MAX_CHAPTERS = 5_000  # Chosen: the books with most chapters (the Bible, codes of law) have some 1,300
_TITLE_CHARS = 200  # Chosen: old titles tell the chapter; longer "headings" are paragraphs
_TITLE_LINES = 3
_GAP = 4  # Chosen: characters between a name and the title below it: a tidy text has at most two blank lines
# Chosen: headings with nothing between them are a table of contents from the fourth on; book, part, chapter are three.
_CONTENTS = 4

_DIVISIONS = (
    "chapter|book|part|volume|canto|act|scene|letter|stave|section|"  # English
    "kapitel|buch|teil|akt|aufzug|auftritt|szene|brief|chapitre|livre|partie|tome|acte|scène|chant|lettre|"  # German, French
    "cap[ií]tulo|libro|parte|acto|escena|carta|capitolo|atto|scena|livro|hoofdstuk|deel|bedrijf|toneel|"  # Spanish to Dutch
    "rozdział|kapitola|глава|часть|книга|действие|luku|osa|fejezet"  # Polish, Czech, Russian, Finnish, Hungarian
)
_ORDINALS = (
    "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last|one|two|three|four|five|six|seven|eight|nine|ten|"
    "eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty"
)
_MATTER = (
    "preface|introduction|foreword|prologue|epilogue|conclusion|afterword|appendix|vorwort|einleitung|nachwort|anhang|"
    "préface|avant-propos|épilogue|prólogo|epílogo|prefazione|voorwoord|предисловие|эпилог"
)
# What a chapter is called by; after it stands nothing, a mark, or a title that does not go on like a sentence.
_NAMED = re.compile(
    rf"((?:the )?(?:{_DIVISIONS}) (?:[ivxlcdm]{{1,8}}|\d{{1,4}}|(?:the )?(?:{_ORDINALS})(?:[- ](?:{_ORDINALS}))?)\b"
    rf"|\w{{1,20}}te[rs]? (?:kapitel|buch|teil|akt|aufzug|auftritt)\b|(?:{_MATTER})\b(?: [ivxlcdm\d]{{1,4}}\b)?"
    rf"|第[〇一二三四五六七八九十百千\d]{{1,7}}[章回卷編编節节])(?:$|[.:,;)\]—–-]| (?-i:[^a-z]))",
    re.IGNORECASE,
)
_BLOCK = re.compile(r"(?:(?<=\n\n)|\A)[^\n]+(?:\n[^\n]+)*")
_MARKS = {
    "text/markdown": re.compile(r"^(#{1,3})[ \t]+([^\n]*)", re.MULTILINE),
    "text/asciidoc": re.compile(r"^(={2,4})[ \t]+([^\n]*)", re.MULTILINE),
}
_FENCE = re.compile(r"^(?:```|~~~|----|\.\.\.\.)[^\n]*$", re.MULTILINE)


class Heading(NamedTuple):
    """A heading and where it stands, in characters."""

    start: int
    end: int
    title: str

    @property
    def name(self) -> str:
        """What it is called by, lower case: `chapter i` of `CHAPTER I. Down the Rabbit-Hole`; else the title."""
        match = _NAMED.match(self.title)
        return (match[1] if match else self.title).casefold()


def heading(start: int, raw: str) -> Heading:
    """The heading whose text, which may go over several lines, stands at `start`."""
    return Heading(start, start + len(raw), " ".join(raw.split())[:_TITLE_CHARS].rstrip())


def chapters(text: str, marked: Sequence[Heading]) -> list[Heading]:
    """The chapters among `marked`, the headings of the markup; where it has none, among the lines of the text.

    Where two headings call themselves chapters, the others (title, author, contents) are none. Contents are none.
    """
    found = [one for one in marked or _blocks(text) if one.title]
    named = [one for one in found if _NAMED.match(one.title)]
    return _without_contents(text, found if marked and len(named) < 2 else named)[:MAX_CHAPTERS]


def markup_headings(text: str, media_type: str) -> list[Heading]:
    """The headings of a Markdown or AsciiDoc text, those in listings left out; none for texts of other kinds."""
    if media_type not in _MARKS:
        return []
    fences = [match.start() for match in _FENCE.finditer(text)]
    listings = list(zip(fences[::2], fences[1::2], strict=False))[::-1]
    found = []
    for match in _MARKS[media_type].finditer(text):
        while listings and listings[-1][1] < match.start():
            listings.pop()
        if not listings or match.start() < listings[-1][0]:
            title = heading(match.start(), match[2].rstrip("#= ")).title
            found.append(Heading(match.start(), match.end(), title))
    return found


def _blocks(text: str) -> list[Heading]:
    """What stands between blank lines and is short enough for a heading; a bare name takes the title below it along."""
    found: list[Heading] = []
    for match in _BLOCK.finditer(text):
        if match.end() - match.start() > 2 * _TITLE_CHARS or match[0].count("\n") >= _TITLE_LINES:
            continue
        block = heading(match.start(), match[0])
        last = found[-1] if found else None
        if (
            last
            and block.start - last.end <= _GAP
            and _is_bare(last)
            and "\n" not in match[0]
            and _is_title(block.title)
        ):
            found[-1] = Heading(last.start, block.end, f"{last.title} {block.title}")
        else:
            found.append(block)
    return found


def _is_bare(one: Heading) -> bool:
    match = _NAMED.match(one.title)
    return match is not None and match.end() >= len(one.title)


def _is_title(line: str) -> bool:
    """Whether its words begin with a capital, but for short ones, and it is no name: no sentence, no speech."""
    return _NAMED.match(line) is None and all(word[:1].isupper() or len(word) < 4 for word in line.split())


def _without_contents(text: str, found: Sequence[Heading]) -> list[Heading]:
    """The headings without the tables of contents: runs of at least `_CONTENTS` that have no words between them.

    The last of a run has words after it. It is the first chapter where the run names it twice, else one more entry.
    """
    kept: list[Heading] = []
    run: list[Heading] = []
    for number, one in enumerate(found, 1):
        end = found[number].start if number < len(found) else len(text)
        run.append(one)
        if text[one.end : end].strip() or end == len(text):
            is_contents = len(run) >= _CONTENTS
            is_chapter = not is_contents or one.name in {entry.name for entry in run[:-1]}
            kept += [] if is_contents else run[:-1]
            kept += [one] if is_chapter else []
            run = []
    return kept
