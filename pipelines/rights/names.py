"""Names of licences as people write them, to SPDX: whole values of package files, and names in running text.

    from_name("GPLv2+")                              -> "GPL-2.0-or-later"
    names_in(b"... released under the MIT License")  -> [MIT]

A value of which a part is not understood names nothing: what was added may take back what the name gives.
"""

import re
from functools import cache
from typing import TYPE_CHECKING

from pipelines.rights import spdx
from pipelines.rights.markup import pattern
from pipelines.rights.spdx import LicenceClass, licence_class
from pipelines.rights.texts import GAP, Name, phrase

if TYPE_CHECKING:
    import re2

BSD = spdx.UNVERSIONED + "bsd"  # "the BSD licence": which one is not said; all are permissive
PERL = "Artistic-1.0-Perl OR GPL-1.0-or-later"
VALUE_CHARS = 200  # Chosen: what is longer is no name but a text

_L, _V = "~licen[sc]ed?", "~(?:version|v)"
# (SPDX, names that say so anywhere, names that say so only where a licence is asked for). The first that fits counts.
_NAMES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("Apache-1.1", (f"apache ~software licen[sc]e {_V} v?1 1",), ()),
    ("Apache-2.0", (f"apache ~software ~public licen[sc]e {_V} ~v?2 ~0", "apache licensed"), (f"apache ~software {_V} v?2 ~0", "apache2", f"a(?:sl|l) {_V} v?2 ~0", "apache")),
    ("0BSD", ("(?:zero|0) clause bsd", "bsd zero clause", "0bsd"), ()),
    ("BSD-4-Clause", (f"(?:4|four) clause bsd {_L}", "bsd ~licen[sc]e (?:4|four) clause", "original bsd licen[sc]e"), ("bsd 4", "bsd4")),
    ("BSD-3-Clause", (f"(?:3|three) clause ~new bsd {_L}", "bsd ~licen[sc]e (?:3|three) clause", "(?:new|modified|revised) bsd licen[sc]e"), ("bsd 3", "bsd3", "(?:new|modified|revised) bsd")),
    ("BSD-2-Clause", (f"(?:2|two) clause bsd {_L}", "bsd ~licen[sc]e (?:2|two) clause", "(?:simplified|freebsd) ~bsd licen[sc]e"), ("bsd 2", "bsd2", "simplified bsd")),
    (BSD, ("bsd ~style licen[sc]ed?",), ("bsd ~style",)),
    ("MIT-0", ("mit no attribution", "mit 0 licen[sc]e"), ("mit 0",)),
    ("MIT", ("(?:mit|expat) ~(?:expat|x11|x) ~style licen[sc]ed?",), ("(?:mit|expat) ~(?:x11|expat)",)),
    ("ISC", ("isc licen[sc]ed?",), ("iscl?",)),
    ("MPL-1.1", (f"mozilla public licen[sc]e {_V} v?1 1", "mpl v?1 1"), ("mplv?1 1",)),
    ("MPL-2.0", (f"mozilla public licen[sc]e {_V} ~v?2 ~0", "mpl v?2 ~0"), ("mpl ~2", "mplv2")),
    ("EPL-1.0", (f"eclipse public licen[sc]e {_V} v?1 0", "epl v?1 ~0"), ()),
    ("EPL-2.0", (f"eclipse public licen[sc]e {_V} ~v?2 ~0", "epl v?2 ~0"), ("epl",)),
    ("CDDL-1.1", (f"common development and distribution licen[sc]e {_V} 1 1", "cddl v?1 1"), ()),
    ("CDDL-1.0", (f"common development and distribution licen[sc]e {_V} ~1 ~0", "cddl ~v?1 ~0"), ()),
    (PERL, ("same terms as ~the perl",), ("perl ~5", "perl_5")),
    ("Artistic-2.0", (f"artistic licen[sc]e {_V} v?2 ~0",), ("artistic v?2 ~0", "artistic_2")),
    ("Artistic-1.0", (f"artistic licen[sc]e {_V} ~v?1 ~0",), ("artistic",)),
    ("PSF-2.0", ("(?:python software foundation|psf|python) licen[sc]e",), ("psfl?", "psf 2 ~0", "python software foundation")),
    ("BSL-1.0", ("boost software licen[sc]e",), ("boost", "bsl 1 0")),
    ("Zlib", ("zlib ~libpng licen[sc]e",), ("zlib ~libpng",)),
    ("Unlicense", ("unlicense",), ()),
    ("WTFPL", ("wtfpl",), ()),
    ("UPL-1.0", ("universal permissive licen[sc]e",), ()),
    ("OFL-1.1", ("sil open font licen[sc]e",), ("ofl ~1 ~1",)),
    ("EUPL-1.2", (f"european union public licen[sc]e {_V} 1 2", "eupl v?1 2"), ()),
    (spdx.PUBLIC_DOMAIN, (), ("public domain",)),
)  # fmt: skip

# "GNU Lesser General Public License as published by the Free Software Foundation; either version 2.1 of the License, or (at
# your option) any later version" or "LGPLv2.1+": family, number, whether later versions count too.
_LATER = (
    rf"(?:\+|{GAP}(?:or|and)(?:{GAP}at{GAP}your{GAP}option)?(?:{GAP}any)?{GAP}(?:later|newer|above|greater|higher)\b)"
)
_NUMBER = rf"(?:{GAP})?(?:version|v)?(?:{GAP})?([123](?:\.[01])?)(?:{GAP}of{GAP}the{GAP}licen[sc]e)?({_LATER}|\b)"
_PUBLISHED = phrase("as published by the free software foundation")
_GNU = (
    rf"\b(?:gnu{GAP})?(?:(lesser|library|affero){GAP})?(?:gnu{GAP})?general{GAP}public{GAP}licen[sc]es?\b"
    rf"(?:(?:{GAP}{_PUBLISHED})?(?:{GAP}(?:[al]?gpl|either|under|in|the|its|version|v)\b)*{_NUMBER})?"
    rf"|\b([al]?)gpl(?:{_NUMBER}|\b)"
)
# "version 2 of the GNU General Public License"
_BEFORE = rf"version{GAP}([123](?:\.[01])?)({_LATER})?{GAP}of{GAP}the{GAP}(?:gnu{GAP})?(?:(lesser|library|affero){GAP})?general{GAP}public"
_NOTHING = r"[^\x00-\xff]"
_KIND = {"": "GPL", "lesser": "LGPL", "library": "LGPL", "affero": "AGPL", "l": "LGPL", "a": "AGPL"}
_OLDEST = {"GPL": "1.0", "LGPL": "2.0", "AGPL": "1.0"}


@cache
def _pattern(*, short: bool) -> "re2._Regexp":
    """One group a row of `_NAMES`, whose names are all matched, or only those that need no question (not `short`)."""
    rows = ["|".join(phrase(name) + r"\b" for name in (*full, *(brief if short else ()))) for _, full, brief in _NAMES]
    return pattern("|".join(f"({row or _NOTHING})" for row in rows).encode())


@cache
def _gnu() -> "tuple[re2._Regexp, re2._Regexp]":
    return pattern(_GNU.encode()), pattern(_BEFORE.encode())


def names_in(data: bytes, *, short: bool = False) -> list[Name]:
    """The licences named in a text, in order; of overlapping names the first. `short`: `MIT` alone is a name too."""
    found = [
        Name(match.start(), match.end(), _NAMES[match.lastindex - 1][0])
        for match in _pattern(short=short).finditer(data)
    ]
    found += [Name(m.start, m.end, m.expression) for m in spdx.mentions(data)]
    return _apart(found + gnu_names(data))


def gnu_names(data: bytes) -> list[Name]:
    """Where the GPL, LGPL or AGPL is named. Without a number it is `GPL-1.0-or-later`: any version, as it says itself."""
    plain, before = _gnu()
    found = [_gnu_name(m, m[3], m[1], m[2]) for m in before.finditer(data)]
    for match in plain.finditer(data):
        kind, number, later = (match[1] or "", match[2], match[3]) if match[4] is None else match.groups()[3:]
        found.append(_gnu_name(match, kind, number, later))
    return _apart(found)


def _gnu_name(match: "re2._Match", kind: bytes | str | None, number: bytes | None, later: bytes | None) -> Name:
    family = _KIND[(kind.decode() if isinstance(kind, bytes) else kind or "").lower()]
    if number is None:
        return Name(match.start(), match.end(), f"{family}-{_OLDEST[family]}-or-later", False)
    version = number.decode() if b"." in number else f"{number.decode()}.0"
    raw = f"{family}-{version}-{'or-later' if later else 'only'}"
    expression = spdx.from_id(raw) or f"{family}-{_OLDEST[family]}-or-later"
    return Name(match.start(), match.end(), expression)


def _apart(found: list[Name]) -> list[Name]:
    apart: list[Name] = []
    for name in sorted(found, key=lambda name: (name.start, -name.end)):
        if not apart or name.start >= apart[-1].end:
            apart.append(name)
    return apart


# Words around a name that change nothing.
_FILLER = re.compile(
    rb"(?i)\b(?:the|an?|under|terms|of|licen[sc]e[ds]?|see|file|for|details|in|txt|md|rst|osi|approved|version|software|gnu)\b|[^a-z0-9+]"
)
_OR_LATER = re.compile(
    r"(?i),?\s*\b(?:or|and)\s+(?:\(?at your option\)?\s+)?(?:any\s+)?(?:later|newer|greater)(?:\s+versions?)?\b|\(>=\s*([0-9.]+)\)"
)
_EXCEPTION = re.compile(r"(?i)\s+with\s+[\w -]{1,60}\bexceptions?$")
_JOINTS = re.compile(r"(?i)\s*(?:(\bor\b|/|\|)|\band\b|&|;|,(?!\s*(?:version|v\.?\s*\d)))\s*")


def from_name(value: str) -> str | None:
    """The SPDX expression a package file means; null for none, or where a part of the value is not understood.

    `"MIT/Apache-2.0"` -> `"MIT OR Apache-2.0"`, `"GPL (>= 2)"` -> `"GPL-2.0-or-later"`, `"MIT with exceptions"` -> null.
    """
    text = value.strip()
    if not text or len(text) > VALUE_CHARS:
        return None
    if known := spdx.from_id(text) or spdx.from_id(text.replace("/", " OR ")) or spdx.from_url(text):
        return known
    if match := _EXCEPTION.search(text):
        base = from_name(text[: match.start()])
        # An exception to copyleft frees less than it leaves bound; one to MIT takes freedom away.
        return base if licence_class(base) is LicenceClass.SHAREALIKE else None
    text = _OR_LATER.sub(lambda m: f" {m[1]}+" if m[1] else "+", text.replace("Library or Lesser", "Lesser"))
    joints = {"OR" if match[1] else "AND" for match in _JOINTS.finditer(text)}
    parts = [part for part in _JOINTS.split(text)[::2] if part]
    named = [_one(part) for part in parts]
    if not named or None in named or len(joints) > 1:
        return None
    return f" {joints.pop() if joints else 'OR'} ".join(
        dict.fromkeys(f"({n})" if " " in n and len(named) > 1 else n for n in named if n)
    )


def _one(part: str) -> str | None:
    """The one licence that a value without "or" and "and" names, if nothing but filler stands around the name."""
    if known := spdx.from_id(part):
        return known
    raw = part.encode()
    found = names_in(raw, short=True)
    if not found:
        return None
    rest, at = b"", 0
    for name in found:  # "Mozilla Public License 2.0 (MPL 2.0)"
        if name is found[0] or raw[name.start - 1 : name.start] == b"(":
            rest, at = rest + raw[at : name.start], name.end
    return found[0].expression if not _FILLER.sub(b"", rest + raw[at:]) else None
