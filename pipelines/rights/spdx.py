"""Names of licences: text or URL to SPDX expression, and SPDX expression to the class that a policy allows or not."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import license_expression
from license_expression import AND, OR

from pipelines.rights.markup import pattern

MAX_EXPRESSION_CHARS = 2000  # Chosen: the parser recurses; the longest real expressions (Linux packages) have about 600
UNVERSIONED = "LicenseRef-headwater-"  # + "cc-by-sa": Creative Commons terms named without their version
PUBLIC_DOMAIN_USA = "LicenseRef-headwater-public-domain-usa"
GUTENBERG_COPYRIGHTED = "LicenseRef-headwater-gutenberg-copyrighted"

PUBLIC_DOMAIN = "LicenseRef-scancode-public-domain"  # a dedication in the author's own words


class LicenceClass(StrEnum):
    """What a licence asks of the user, from free to closed. The order of the members is the order of strictness."""

    PUBLIC_DOMAIN = "public_domain", "no rights are claimed: CC0, PDM, Unlicense"
    PERMISSIVE = "permissive", "attribution at most: MIT, BSD, Apache-2.0, CC-BY"
    SHAREALIKE = "sharealike", "derivatives keep the terms: CC-BY-SA, GPL, LGPL, MPL, ODbL"
    UNKNOWN = "unknown", "no licence, or a name we cannot class"
    RESTRICTED = "restricted", "no commercial use, no derivatives, or proprietary: CC-BY-NC, CC-BY-ND, BUSL"

    explanation: str

    def __new__(cls, value: str, explanation: str) -> "LicenceClass":
        """A member carries the sentence that documents it."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.explanation = explanation
        return member


# Chosen: unknown stands below restricted, so that `MIT AND CC-BY-NC-4.0 AND what-is-this` is restricted, and above the
# rest, so that an unknown part of an AND spoils it.
STRICTNESS = {member: rank for rank, member in enumerate(LicenceClass)}

# Terms that are on no list.
_OWN = {
    # Source: the Project Gutenberg License, 1.C ("in the public domain in the United States ... we do not claim a right to
    # prevent you from copying, distributing, performing, displaying or creating derivative works") and 1.E.2.
    PUBLIC_DOMAIN_USA: LicenceClass.PUBLIC_DOMAIN,
    # Source: the same, 1.E.3: the holder of the copyright adds terms of his own, which stand in each file.
    GUTENBERG_COPYRIGHTED: LicenceClass.RESTRICTED,
}

# Exceptions to the GPL that leave what a tool writes under "terms of your choice", "without restriction". Source: their texts on
# spdx.org. Not those for linking (GCC, Classpath) and for parts of a program built with the tool (Libtool, Autoconf-generic).
_FREES_OUTPUT = ("Bison-exception-1.24", "Bison-exception-2.2", "Autoconf-exception-2.0", "Autoconf-exception-3.0")

# Source: the categories of ScanCode LicenseDB, which license-expression carries (2,579 licences).
_CATEGORIES = {
    "Public Domain": LicenceClass.PUBLIC_DOMAIN,
    "Permissive": LicenceClass.PERMISSIVE,
    "Copyleft": LicenceClass.SHAREALIKE,
    "Copyleft Limited": LicenceClass.SHAREALIKE,
    "Source-available": LicenceClass.RESTRICTED,
    "Free Restricted": LicenceClass.RESTRICTED,
    "Proprietary Free": LicenceClass.RESTRICTED,
    "Commercial": LicenceClass.RESTRICTED,
}


@cache
def licence_class(expression: str | None) -> LicenceClass:
    """The class of an SPDX expression: OR takes the freest part, AND the strictest, WITH the licence's own, unless it frees output.

    Null, an expression that does not parse and an id nobody knows are `unknown`.
    """
    parsed = _parsed(expression or "")
    return LicenceClass.UNKNOWN if parsed is None else _class_of(parsed)


def strictest(classes: "set[LicenceClass]") -> LicenceClass:
    """The strictest of at least one class."""
    return max(classes, key=STRICTNESS.__getitem__)


def _class_of(node: object) -> LicenceClass:
    if isinstance(node, AND | OR):
        pick = max if isinstance(node, AND) else min
        return pick((_class_of(part) for part in node.args), key=STRICTNESS.__getitem__)
    key = str(getattr(node, "license_symbol", node))
    if key.startswith("GPL-") and str(getattr(node, "exception_symbol", None)) in _FREES_OUTPUT:
        return LicenceClass.PERMISSIVE
    if key in _OWN:
        return _OWN[key]
    if key.startswith(UNVERSIONED):
        return _creative_commons_class(key.removeprefix(UNVERSIONED).split("-"))
    return _classes().get(key, LicenceClass.UNKNOWN)


def _creative_commons_class(terms: list[str]) -> LicenceClass:
    if "nc" in terms or "nd" in terms:
        return LicenceClass.RESTRICTED
    return LicenceClass.SHAREALIKE if "sa" in terms else LicenceClass.PERMISSIVE


def _parsed(expression: str) -> "license_expression.LicenseExpression | None":
    """The tree of an expression; null for one that is empty, broken or absurdly long."""
    if len(expression) > MAX_EXPRESSION_CHARS:
        return None
    try:
        return _spdx().parse(expression.strip())
    except (license_expression.ExpressionError, license_expression.ExpressionParseError):
        return None


@cache
def _spdx() -> "license_expression.Licensing":
    return license_expression.get_spdx_licensing()  # 70 ms


@cache
def _classes() -> dict[str, LicenceClass]:
    """Class by SPDX id, for every licence of the index that has an id and a category of ours."""
    found = {}
    for entry in license_expression.get_license_index():
        if entry["category"] in _CATEGORIES:
            for key in [entry["spdx_license_key"], *entry["other_spdx_license_keys"]]:
                found[key] = _CATEGORIES[entry["category"]]
    return found


_CC_URL = pattern(
    rb"creativecommons\.org/(?:licenses/(by(?:-(?:nc|nd|sa))*|(?:nc|nd|sa)(?:-(?:nc|nd|sa))*)"
    rb"(?:/([1-4]\.[0-9]))?(?:/([a-z]{2,3})(?:[/?#]|$))?|publicdomain/(zero|mark)\b|licenses/(publicdomain)\b)"
)
_URLS = (
    (pattern(rb"opensource\.org/licen[cs]es?/([a-z0-9.-]+?)(?:\.html|\.php)?(?:[/?#]|$)"), ""),
    (pattern(rb"spdx\.org/licenses/([a-z0-9.+-]+?)(?:\.html|\.json)?(?:[/?#]|$)"), ""),
    (pattern(rb"apache\.org/licenses/license-([0-9.]+?)(?:\.html|\.txt)?(?:[?#]|$)"), "Apache-"),
    (pattern(rb"gnu\.org/licenses/(?:old-licenses/)?((?:gpl|lgpl|agpl)-[0-9.]+?)(?:[.-][a-z.-]+)?(?:[?#]|$)"), ""),
    (pattern(rb"gnu\.org/licenses/(?:old-licenses/)?(fdl-[0-9.]+?)(?:[.-][a-z.-]+)?(?:[?#]|$)"), "G"),
)
_OPEN_DATA = pattern(rb"opendatacommons\.org/licenses/(odbl|by|pddl)\b")
_OPEN_DATA_IDS = {b"odbl": "ODbL-1.0", b"by": "ODC-By-1.0", b"pddl": "PDDL-1.0"}

# "CC BY-SA 4.0", "CC-BY 3.0 DE", "Creative Commons (BY-SA)"
_CODE = pattern(
    rb"\b(?:CC|Creative[\s-]+Commons)[\s(-]+(BY(?:[\s/-]+(?:NC|ND|SA)\b)*)[\s)-]*(?:([1-4]\.[0-9])(?:[\s-]+([a-z]{2,3})\b)?)?"
)
# "Creative Commons Namensnennung - Weitergabe unter gleichen Bedingungen 3.0 Deutschland Lizenz"
_NAME = pattern(rb"\bCreative[\s-]+Commons\b((?:[^.<]|\.[0-9]){0,150})")
_ZERO = pattern(rb"\bCC[\s-]?(?:0|zero)\b(?:[\s-]*(1\.0))?")
_TERMS = (
    ("by", pattern(rb"\b(?:attribution|namensnennung|paternit\S+|reconocimiento|atribui\S+|attribuzione)")),
    ("nc", pattern(rb"non[\s-]?commercial|nicht[\s-]?kommerziell|keine\s+kommerziell|pas\s+d.utilis|nocomercial")),
    ("nd", pattern(rb"no[\s-]?deriv|keine\s+bearbeitung|pas\s+de\s+modif|sinobraderivada")),
    ("sa", pattern(rb"share[\s-]?alike|weitergabe\s+unter\s+gleichen|partage|compartir\S*igual")),
)  # fmt: skip
_WORD_BREAK = pattern(rb"[\s/-]+")
_VERSION = pattern(rb"\b([1-4]\.[0-9])\b")


def from_url(url: str) -> str | None:
    """The SPDX id a licence URL stands for, also inside another URL (web archives); null where it names none we know.

    A Creative Commons port without an SPDX id counts as the unported licence of its version.
    """
    raw = url.strip().encode()
    if match := _CC_URL.search(raw):
        terms, version, port, domain, old = (part and part.decode().lower() for part in match.groups())
        if old:
            return "CC-PDDC"
        if domain:
            return "CC0-1.0" if domain == "zero" else "CC-PDM-1.0"
        return creative_commons(terms.split("-"), version, port)
    if match := _OPEN_DATA.search(raw):
        return _OPEN_DATA_IDS[match.group(1).lower()]
    for known, prefix in _URLS:
        if match := known.search(raw):
            return from_id(prefix + match.group(1).decode())
    return None


def from_text(text: str) -> str | None:
    """The SPDX id of the first Creative Commons licence a text names, in its short or its long form; null for none."""
    return next((mention.expression for mention in mentions(text.encode())), None)


@dataclass(frozen=True, slots=True, order=True)
class Mention:
    """A licence named in running text, with its bytes."""

    start: int
    end: int
    expression: str


def mentions(raw: bytes) -> list[Mention]:
    """Every Creative Commons licence named in `raw`, in order; of overlapping names the first."""
    found = [Mention(match.start(), match.end(), "CC0-1.0") for match in _ZERO.finditer(raw)]
    for match in _CODE.finditer(raw):
        terms = _WORD_BREAK.sub(b"-", match.group(1)).decode().lower().split("-")
        named = creative_commons(terms, _text(match.group(2)), _text(match.group(3)))
        found.append(Mention(match.start(), match.end(), named))
    for match in _NAME.finditer(raw):
        terms = [term for term, words in _TERMS if words.search(match.group(1))]
        if "by" in terms:
            version = _VERSION.search(match.group(1))
            named = creative_commons(terms, _text(version and version.group(1)), None)
            found.append(Mention(match.start(), match.end(), named))
    apart: list[Mention] = []
    for mention in sorted(found):
        if not apart or mention.start >= apart[-1].end:
            apart.append(mention)
    return apart


def from_id(text: str) -> str | None:
    """The normalised form of an SPDX id or expression, every part of which is known; else null."""
    parsed = _parsed(text)
    if parsed is None or _spdx().unknown_license_keys(parsed):
        return None
    return str(parsed)


def creative_commons(terms: list[str], version: str | None, port: str | None) -> str:
    """The SPDX id of Creative Commons terms: `(["by", "sa"], "3.0", "de")` is CC-BY-SA-3.0-DE.

    Terms in any order; a port or version SPDX has no id for falls back to the unported or the unversioned form.
    """
    # SPDX puts NC before ND before SA, whatever the page does (1.0 licences were called nd-nc).
    wanted = [term for term in ("by", "nc", "nd", "sa") if term in terms]
    base = "CC-" + "-".join(wanted).upper()
    candidates = [f"{base}-{version}-{port.upper()}"] if version and port else []
    candidates += [f"{base}-{version}"] if version else []
    known = _classes()
    return next((key for key in candidates if key in known), UNVERSIONED + base.lower())


def _text(raw: bytes | None) -> str | None:
    return raw.decode() if raw else None
