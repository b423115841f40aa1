"""Texts of licences, known by phrases that stand in them whatever the comment signs, line breaks and quotes around.

    known_texts(bytes) -> the licences whose terms stand there, each with its place

A family is an opening phrase and the licences that open so; the phrases that follow, up to the next opening, decide which.
Terms that open like a family and go on like none of its licences are a licence we cannot name: null, never the nearest.
"""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from pipelines.rights.markup import pattern
from pipelines.rights.spdx import PUBLIC_DOMAIN

if TYPE_CHECKING:
    import re2

# What may stand between two words: anything but letters and digits, and the words that begin a comment in M4 and batch files.
GAP = r"(?:[^a-z0-9]|\b(?:dnl|rem|quot)\b)+"
# Chosen: the longest text decided by what follows its opening (OpenSSL's) has 3,000 bytes; comment signs may double them.
REGION_BYTES = 6000


def phrase(words: str) -> str:
    """The pattern of a run of words, each of which is a pattern too; one that begins with `~` may be missing."""
    first, *rest = words.split()
    return rf"\b{first}" + "".join(f"(?:{GAP}{w[1:]})?" if w.startswith("~") else GAP + w for w in rest)


def any_of(*phrases: str) -> "re2._Regexp":
    """The pattern of these phrases."""
    return pattern("|".join(map(phrase, phrases)).encode())


@dataclass(frozen=True, slots=True)
class Name:
    """A licence in a text, with its bytes. `expression`: SPDX; null for terms that open like one we know and are none.

    `is_exact`: it is said which version, or there is but one.
    """

    start: int
    end: int
    expression: str | None
    is_exact: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Licence:
    """It is this one where one phrase of `has` stands in the region (empty: always) and none of `lacks`."""

    expression: str | None
    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()


_Family = tuple[str, tuple[_Licence, ...]]  # the opening, and the licences that open so
_Questions: TypeAlias = (
    "tuple[tuple[re2._Regexp | None, re2._Regexp | None, str | None], ...]"  # has, lacks, expression
)


def _l(expression: str | None, *has: str, lacks: tuple[str, ...] = ()) -> _Licence:
    return _Licence(expression=expression, has=has, lacks=lacks)


# Conditions that no licence of these families has; with them it is another one.
_RESTRICTIONS = ("commons clause", "non commercial", "noncommercial", "not for commercial use")

# Source: the texts on spdx.org/licenses, license list 3.25; the order is that of the questions to ask.
_GRANTS: tuple[_Family, ...] = (
    (
        "permission is hereby granted free of charge to any person",
        (
            _l(None, *_RESTRICTIONS),
            _l("OFL-1.1", "copy of the font software"),
            _l("BSL-1.0", "person or organization obtaining a copy of the software and accompanying documentation"),
            _l("Unicode-DFS-2016", "unicode data files", "data files and ~any associated documentation"),
            _l("JSON", "shall be used for good not evil"),
            _l("NCSA", "redistributions of source code must retain"),
            _l("ICU", r"provided that the above copyright notice s\b"),
            _l("X11", "except as contained in this notice the names?"),
            _l("MIT", "permission notice ~s ~including .{0,60}shall be included in all"),
            _l("MIT-0", "associated documentation files", lacks=("following conditions?", "provided that")),
            _l(None),
        ),
    ),
    (
        "permission to use copy modify ~and ~or (?:distribute|sell) ~and ~(?:sell|distribute) th(?:is|e) software",
        (
            _l(None, *_RESTRICTIONS),
            _l("curl", "except as contained in this notice the name of a copyright holder"),
            _l("MIT-open-group", "except as contained in this notice the names? of the open group"),
            _l("dtoa", "this entire notice is included in all copies"),
            _l("PostgreSQL", "without a written agreement"),
            _l("HPND", "(?:supporting|accompanying) documentation"),
            _l("ISC", "appear in all copies"),
            _l("0BSD", "with or without fee is hereby granted", lacks=("provided that",)),
            _l("HPND-Markus-Kuhn", "and without fee is hereby granted", lacks=("provided that",)),
            _l(None),
        ),
    ),
    (
        "redistribution and use ~of ~this ~software in source and binary forms?",
        (
            _l(None, *_RESTRICTIONS),
            _l("BSD-3-Clause-No-Nuclear-License", "nuclear facility"),
            _l("OpenSSL", "openssl toolkit"),
            _l("Apache-1.1", "apache software foundation", "apache group"),
            _l("PHP-3.01", "may not be called php"),
            _l("bzip2-1.0.6", "origin of this software must not be misrepresented"),
            _l(None, "products derived from this software may not be called"),
            _l("BSD-4-Clause", "advertising materials mentioning features"),
            _l("BSD-3-Clause-Clear", "no express or implied licenses to any party ~s patent rights"),
            _l("BSD-3-Clause", "neither the names?", "nor the names?", "used to endorse or promote"),
            _l("BSD-2-Clause", "redistributions in binary form must reproduce", "redistributions in binary form must include"),
            _l("BSD-1-Clause", "redistributions of source code must retain"),
            _l(None),
        ),
    ),
    (
        "permission is granted to anyone to use this software for any purpose",
        (_l(None, *_RESTRICTIONS), _l("Zlib", "altered source versions must be plainly marked"), _l(None)),
    ),
    (
        "permission is hereby granted to use copy modify and distribute this source code",
        (_l("Libpng", "altered versions must be plainly marked"), _l(None)),
    ),
)  # fmt: skip

_MONTH = r"(?:january|february|march|june|july|november|december)"


def _titles() -> tuple[_Family, ...]:
    """Licences known by their title alone: they are long, or nobody changes them."""
    gnu = (
        ("", "GPL", ("1", "2", "3")), ("lesser ", "LGPL", ("2.1", "3")), ("library ", "LGPL", ("2",)), ("affero ", "AGPL", ("3",)),
    )  # fmt: skip
    found = [
        (rf"gnu {kind}general public license version {v.replace('.', ' ')} ~\d+ {_MONTH}", f"{name}-{_minor(v)}-only")
        for kind, name, versions in gnu
        for v in versions
    ]
    found += [(f"gnu free documentation license version 1 {v} {_MONTH}", f"GFDL-1.{v}-only") for v in (1, 2)]
    found += [
        (rf"gnu free documentation license version 1 3 ~\d+ {_MONTH}", "GFDL-1.3-only"),
        ("apache license version 2 0 january 2004", "Apache-2.0"),
        ("mozilla public license version 2 0", "MPL-2.0"),
        ("mozilla public license version 1 1", "MPL-1.1"),
        ("eclipse public license v 1 0", "EPL-1.0"),
        ("eclipse public license v 2 0", "EPL-2.0"),
        ("common public license version 1 0", "CPL-1.0"),
        ("common development and distribution license ~cddl version 1 0", "CDDL-1.0"),
        ("common development and distribution license ~cddl version 1 1", "CDDL-1.1"),
        ("artistic license 2 0", "Artistic-2.0"),
        ("the clarified artistic license", "ClArtistic"),
        ("the artistic license preamble", "Artistic-1.0"),
        ("this is free and unencumbered software released into the public domain", "Unlicense"),
        ("cc0 1 0 universal", "CC0-1.0"),
        ("beopen com license agreement", "Python-2.0"),
        ("python software foundation license version 2", "PSF-2.0"),
        ("do what the fuck you want to public license", "WTFPL"),
        ("sil open font license version 1 1", "OFL-1.1"),
        ("universal permissive license ~upl version 1 0", "UPL-1.0"),
        (r"european union public licen[cs]e v 1 2", "EUPL-1.2"),
        (r"european union public licen[cs]e v 1 1", "EUPL-1.1"),
        ("academic free license v 3 0", "AFL-3.0"),
        ("open software license v 3 0", "OSL-3.0"),
        ("microsoft public license ms pl", "MS-PL"),
        ("microsoft reciprocal license ms rl", "MS-RL"),
        ("you may make and give away verbatim copies of the source form of the software", "Ruby"),
        ("business source license 1 1", "BUSL-1.1"),
        ("server side public license version 1", "SSPL-1.0"),
        ("elastic license 2 0", "Elastic-2.0"),
        ("polyform noncommercial license", "PolyForm-Noncommercial-1.0.0"),
        ("commons clause license condition", "LicenseRef-scancode-commons-clause"),
        # The notes that GNU's build tools leave in what they write.
        ("copying and distribution of this file with or without modification are permitted in any medium", "FSFAP"),
        ("free software foundation gives unlimited permission to copy distribute and modify it", "FSFUL"),
        ("free software foundation gives unlimited permission to copy and or distribute it with or without modifications", "FSFULLR"),
        ("the author disclaims copyright to this source code", "blessing"),
    ]  # fmt: skip
    found += [(words, PUBLIC_DOMAIN) for words in _DEDICATIONS]
    return tuple((title, (_l(expression),)) for title, expression in found)


def _minor(version: str) -> str:
    return version if "." in version else f"{version}.0"


_DEDICATIONS = (
    "(?:placed|put|released|dedicated|donated) (?:in|into|to) the public domain",
    "(?:this|the) ~source (?:file|code|program|software|module|script|work|library|header) is ~hereby in the public domain",
    "100 public domain",
)


# Said before a dedication, it takes it back, or is of something else.
_NOT_ALL = pattern(rb"\bnot\b|n't\b|\bparts?\b|\bportions?\b|\bsome\b|\b(?:based|derived)\b")


@cache
def _families() -> tuple[_Questions, ...]:
    """The questions of each family, compiled."""
    compiled = []
    for _, licences in (*_GRANTS, *_titles()):
        questions = (
            (any_of(*one.has) if one.has else None, any_of(*one.lacks) if one.lacks else None) for one in licences
        )
        compiled.append(tuple((*pair, one.expression) for pair, one in zip(questions, licences, strict=True)))
    return tuple(compiled)


@cache
def _openings() -> "re2._Regexp":
    return pattern("|".join(f"({phrase(opening)})" for opening, _ in (*_GRANTS, *_titles())).encode())


def known_texts(data: bytes) -> list[Name]:
    """The licences whose terms stand in `data`, in order, each once. Linear in its length, whatever the bytes."""
    matches = list(_openings().finditer(data))
    found: dict[str | None, Name] = {}
    ends = [*(match.start() for match in matches), len(data)][1:]
    for match, end in zip(matches, ends, strict=True):
        region = data[match.start() : min(end, match.start() + REGION_BYTES)]
        expression = _decide(_families()[match.lastindex - 1], region)
        if expression == PUBLIC_DOMAIN and _NOT_ALL.search(data[max(match.start() - 80, 0) : match.start()]):
            continue
        found.setdefault(expression, Name(match.start(), match.end(), expression))
    return list(found.values())


def _decide(questions: _Questions, region: bytes) -> str | None:
    for has, lacks, expression in questions:
        if (has is None or has.search(region)) and not (lacks and lacks.search(region)):
            return expression
    return None
