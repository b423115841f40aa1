"""What names or reaches a person: e-mail, phone, IP address, IBAN, payment card, national ids.

Candidates are found by RE2, so a text takes time in proportion to its length, whatever it holds; then each is checked: by its
checksum, its country's numbering plan, its range, and, where that is weak, by the words before it. Addresses written in words
("anna at mail dot example") and names are not found.
"""

import ipaddress
from collections.abc import Callable, Iterator
from string import hexdigits
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import re2

from pipelines.edits import checks
from pipelines.edits.phones import phones
from pipelines.edits.spans import May, Span

EMAIL, IP, PHONE, IBAN, CARD = "email", "ip", "phone", "iban", "payment_card"

# One of these is in every number below: seven digits with few other signs between them, or letters and digits as ids have them.
_LONG_NUMBER = r"[0-9](?:[ \x{a0}\x{202f}().\-/]{0,3}[0-9]){6}|[A-Z]{2} ?[0-9]{2}[ \x{a0}-]?[A-Z0-9]{2}|[0-9]{6}[-+A-FU-Y][0-9]{3}|[A-Z]{6}[0-9]{2}[A-Z]|[XYZ][0-9]{7}"

# Source: RFC 5321, section 4.1.2, without quoted local parts and address literals; letters of all scripts by RFC 6531.
_EMAIL = re2.compile(r"[\pL\pN_][\pL\pN._%+'-]*@(?:[\pL\pN](?:[\pL\pN-]*[\pL\pN])?\.)+\pL\pL+")
# Last labels that are suffixes of files or names in code, and no domains: `icon@2x.png`, `x@w.mean()`.
_NO_DOMAIN = frozenset(
    (
        "png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "css", "js", "mjs", "ts", "tsx", "jsx", "json", "html", "htm", "xml", "yaml", "yml",
        "toml", "txt", "md", "java", "cpp", "class",
    )
)  # fmt: skip
# Names of services, not of people. Source: git-clone(1), "ssh://" and the scp-like syntax.
_SERVICES = ("git@", "hg@", "svn@")

_ESCAPE = re2.compile(r".*%[0-9A-Fa-f]{2}")
# What stands before a password in a URL, which `pipelines.edits.secrets` looks at: `ftp://anna:` before `x@host.example`.
_LOGIN = re2.compile(r"://[^\s/@\"'<>]*:$")
_LONGEST_LOGIN = 128  # Chosen: characters of a scheme and a user's name

# Everything made of digits and dots, or of hex digits and colons, as long as it goes: what is an address is decided later,
# since RE2 has no look-around to see where one ends. With a letter before it, it is a version ("v1.2.3.4").
_IPV4 = re2.compile(r"[\pL_]?[0-9]+(?:\.[0-9]+){3,}")
_IPV6 = re2.compile(r":*(?:[\pL\pN_]+:+){2,}[\pL\pN_]+:*")
# Addresses that name nobody, for everybody has them. Documentation addresses are not here: texts pass them off as real.
# Source: IANA IPv4 Special-Purpose Address Registry; multicast, RFC 5771; reserved, RFC 1112.
_NOBODY = tuple(
    ipaddress.IPv4Network(block)
    for block in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
        "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
# Source: RFC 4291, section 2.4; IANA has given out global unicast addresses from this block only.
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
# Chosen: one address in 4,096 has four parts below 32; versions and sections ("ECMA 262 7.1.12.1") nearly always do.
_VERSION_PART = 32
_OID = ("2.5.4.", "2.5.29.")  # Source: RFC 5280, appendix A: of attributes and extensions of certificates
_VERSION_WORDS = re2.compile(
    r"""(?i)(?:\b(?:version|versions|ver|v|release|rev|revision|build|firmware|driver|update|upgrade|oid|objectidentifier|section|chapter|clause)\b\.?["']?|[=~<>^]=|\pL/)\s{0,3}[:=]?\s{0,3}["'(]?$"""
)

# Source: ISO 13616-1; groups of four with spaces, as printed on paper.
_IBAN = re2.compile(r"[A-Z]{2}[0-9]{2}(?:[ \x{a0}-]?[A-Z0-9]{4}){2,7}(?:[ \x{a0}-]?[A-Z0-9]{1,3})?")
_CARD = re2.compile(r"[0-9]{13,19}|[0-9]{4}(?:[ -][0-9]{4}){3}|[0-9]{4}[ -][0-9]{6}[ -][0-9]{4,5}")
_CARD_WORDS = re2.compile(
    r"(?i)(?:^|[^\pL\pN])(?:cards?|credit|debit|visa|master ?card|amex|american express|discover|maestro|cc|ccnum|pan|kreditkarte"
    r"|karte|carte|tarjeta|carta|cart[aã]o|kaart|karta)(?:$|[^\pL\pN])"
)
# Source: what Stripe, PayPal, Adyen and Visa print as numbers to test with; nobody's.
_TEST_CARDS = frozenset(
    (
        "4111111111111111", "4242424242424242", "4000056655665556", "4012888888881881", "4000000000000002", "5555555555554444",
        "5105105105105100", "5200828282828210", "2223003122003222", "378282246310005", "371449635398431", "6011111111111117",
        "6011000990139424", "3530111333300000", "30569309025904", "38520000023237", "36227206271667", "6200000000000005",
    )
)  # fmt: skip


# One of these is in every text in which something of that kind can be found.
_HINTS = (
    (May.EMAIL, "@"), (May.NUMBER, _LONG_NUMBER), (May.IPV4, r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]"), (May.IPV6, r":[0-9A-Fa-f]{0,4}:"),
)  # fmt: skip


def may_hold(texts: pa.Array) -> npt.NDArray[np.uint8]:
    """uint8[n] of `May`: what of this kind each text (string) may hold; 0 for a null."""
    found = np.zeros(len(texts), np.uint8)
    for kind, hint in _HINTS:
        is_hit = pc.match_substring_regex(texts, hint).fill_null(False).to_numpy(zero_copy_only=False)
        found |= is_hit * np.uint8(kind)
    return found


class NationalId(NamedTuple):
    """One country's number: what it looks like, what tells it from others, and the words that must come before it, if any."""

    kind: str
    pattern: re2._Regexp
    check: Callable[[str], bool]
    words: re2._Regexp | None
    named: str  # the pattern of these words


def _words(pattern: str) -> re2._Regexp:
    # RE2's own word boundary knows the letters of ASCII alone.
    return re2.compile(rf"(?i)(?:^|[^\pL\pN])(?:{pattern})(?:$|[^\pL\pN])")


def _id(kind: str, pattern: str, check: Callable[[str], bool], words: str = "") -> NationalId:
    return NationalId(kind, re2.compile(pattern), check, _words(words) if words else None, words)


# Sources: at each check in `pipelines.edits.checks`. Words are asked for wherever digits alone, or a weak check digit, would let a
# number of another kind through more often than once in some thousands.
NATIONAL_IDS = (
    _id("us_ssn", r"[0-9]{3}[- ]?[0-9]{2}[- ]?[0-9]{4}", checks.us_ssn, r"ssn|social security(?: (?:number|no|num))?|ss#|itin"),
    _id(
        "uk_nino", r"[A-Z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]", checks.uk_nino,
        r"nino?|ni (?:number|no)|national insurance(?: (?:number|no))?",
    ),
    _id(
        "de_tax_id", r"[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}", checks.de_tax_id,
        r"steuer-?id(?:entifikationsnummer|nr)?|steuerliche identifikationsnummer|idnr|tin|tax id",
    ),
    _id(
        "fr_nir", r"[1278] ?[0-9]{2} ?[0-9]{2} ?(?:[0-9]{2}|2[AB]) ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}", checks.fr_nir,
        r"nir|num[eé]ro de s[eé]curit[eé] sociale|s[eé]curit[eé] sociale|n° ?(?:de )?s[eé]cu(?:rit[eé])?|insee",
    ),
    _id("es_dni", r"(?:[0-9]{8}|[XYZ][0-9]{7})-?[A-Z]", checks.es_dni, r"d\.?n\.?i\.?|n\.?i\.?e\.?|n\.?i\.?f\.?|documento nacional"),
    _id(
        "it_codice_fiscale", r"[A-Z]{6}[0-9]{2}[ABCDEHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z]", checks.it_codice_fiscale,
    ),
    _id("nl_bsn", r"[0-9]{9}|[0-9]{3}\.[0-9]{3}\.[0-9]{3}|[0-9]{4}\.[0-9]{2}\.[0-9]{3}", checks.nl_bsn, r"bsn|burgerservicenummer|sofi-?nummer"),
    _id("be_national", r"[0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9]{3}\.[0-9]{2}", checks.be_national),
    _id("pl_pesel", r"[0-9]{11}", checks.pl_pesel, r"pesel"),
    _id("br_cpf", r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", checks.br_cpf),
    _id("br_cpf", r"[0-9]{11}", checks.br_cpf, r"cpf"),
    _id("cn_resident_id", r"[1-8][0-9]{5}(?:19|20)[0-9]{9}[0-9X]", checks.cn_resident),
    _id("fi_hetu", r"[0-9]{6}[-+A-FU-Y][0-9]{3}[0-9A-Y]", checks.fi_hetu, r"hetu|henkil[oö]tunnus(?:\w{0,4})|personbeteckning"),
    _id("se_personal", r"(?:[0-9]{2})?[0-9]{6}[-+]?[0-9]{4}", lambda n: checks.se_personal(n[-10:]), r"personn(?:umme)?r|personnummer|samordningsnummer"),
    _id("ch_ahv", r"756\.[0-9]{4}\.[0-9]{4}\.[0-9]{2}", checks.ch_ahv),
    _id("in_aadhaar", r"[2-9][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}", checks.in_aadhaar, r"aadhaar|aadhar|uidai|आधार"),
    _id("ca_sin", r"[1-79][0-9]{2}[- ]?[0-9]{3}[- ]?[0-9]{3}", checks.ca_sin, r"sin|social insurance(?: (?:number|no))?|nas"),
    _id("au_tfn", r"[0-9]{3} ?[0-9]{3} ?[0-9]{3}", checks.au_tfn, r"tfn|tax file(?: (?:number|no))?"),
    _id("kr_resident", r"[0-9]{6}-[1-8][0-9]{6}", checks.kr_resident, r"rrn|resident registration(?: (?:number|no))?|주민등록번호|주민번호"),
)  # fmt: skip
# Of most texts with a long number these two say that it is no id, so that nothing else need be asked.
_ANY_WORDS = _words("|".join(one.named for one in NATIONAL_IDS if one.named))
_ANY_WORDLESS = re2.compile("|".join(f"(?:{one.pattern.pattern})" for one in NATIONAL_IDS if one.words is None))
_WINDOW = (
    40  # Chosen: characters before a number in which the words are looked for: "Social security number (SSN), if any: "
)


def personal(text: str, language: str | None, may: May) -> Iterator[Span]:
    """What of the text names or reaches somebody. `language`: BCP 47; tells which countries' phone numbers are meant."""
    if may & May.EMAIL:
        yield from emails(text)
    if may & May.NUMBER:
        yield from _ibans(text)
        yield from _cards(text)
        yield from _national_ids(text)
        yield from (Span(start, end, PHONE, "<phone>") for start, end in phones(text, language))
    if may & May.IPV6:
        yield from _ipv6(text)
    if may & May.IPV4:
        yield from _ipv4(text)


def emails(text: str) -> Iterator[Span]:
    """The addresses of mail in the text."""
    for match in _EMAIL.finditer(text):
        start, end = match.span()
        if escape := _ESCAPE.search(match[0]):  # in a URL: by%20anna@mail.example.jpg
            start += escape.end()
        domain = match[0].rpartition("@")[2]
        if domain.rpartition(".")[2].lower() in _NO_DOMAIN:
            domain = domain.rpartition(".")[0]
            end = match.start() + match[0].rfind(".")
        after = text[end : end + 1]
        is_code = not domain.rpartition(".")[0] or not domain[-1].isalpha() or after in ("(", "[")
        is_service = after in (":", "/") and match[0].startswith(_SERVICES)
        if not (is_code or is_service or _LOGIN.search(text[max(0, start - _LONGEST_LOGIN) : start])):
            yield Span(start, end, EMAIL, "<email>")


def _ibans(text: str) -> Iterator[Span]:
    for match in _IBAN.finditer(text):
        if not stands_alone(text, match.start(), match.end()):
            continue
        length = checks.IBAN_LENGTH.get(match[0][:2], 0)
        end, bare = match.start(), ""
        while end < match.end() and len(bare) < length:
            bare += text[end] if text[end].isalnum() else ""
            end += 1
        if len(bare) == length and checks.iban(bare) and stands_alone(text, match.start(), end):
            yield Span(match.start(), end, IBAN, "<iban>")


def _cards(text: str) -> Iterator[Span]:
    for match in _CARD.finditer(text):
        start, end = match.span()
        number = _bare(match[0])
        is_grouped = len(number) < len(match[0])
        if (
            checks.card_issuer(number) and checks.luhn(number) and number not in _TEST_CARDS and len(set(number)) > 2
            and stands_alone(text, start, end) and (is_grouped or _has_before(_CARD_WORDS, text, start))
        ):  # fmt: skip
            yield Span(start, end, CARD, "<payment_card>")


def _national_ids(text: str) -> Iterator[Span]:
    has_words = bool(_ANY_WORDS.search(text))
    if not (has_words or _ANY_WORDLESS.search(text)):
        return
    for one in NATIONAL_IDS:
        if one.words is not None and not (has_words and one.words.search(text)):
            continue
        for match in one.pattern.finditer(text):
            start, end = match.span()
            if (
                stands_alone(text, start, end) and (one.words is None or _has_before(one.words, text, start))
                and one.check(_bare(match[0]) if one.kind != "fi_hetu" else match[0])
            ):  # fmt: skip
                yield Span(start, end, one.kind, "<national_id>")


def _bare(found: str) -> str:
    return "".join(c for c in found if c.isalnum())


def _has_before(words: re2._Regexp, text: str, start: int) -> bool:
    return bool(words.search(text[max(0, start - _WINDOW) : start]))


def stands_alone(text: str, start: int, end: int) -> bool:
    """Whether no letter or digit touches these characters, nor a sign that joins them to one: `1-2` within `0.1-2` does not."""
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    if before and (_joins(before[-1]) or (before[-1] in ".,-/+:" and before[:-1].isdigit())):
        return False
    return not (after and (_joins(after[0]) or (after[0] in ".,-/" and after[1:].isdigit())))


def _joins(one: str) -> bool:
    return one.isalnum() or one in "_%#"


def _ipv6(text: str) -> Iterator[Span]:
    for match in _IPV6.finditer(text):
        before, address, _ = _colons(match[0])
        is_network = text[match.end() : match.end() + 1] == "/" and text[match.end() + 1 : match.end() + 2].isdigit()
        if sum(map(bool, address.split(":"))) > 2 and not is_network and _is_public(address):
            start = match.start() + len(before)
            yield Span(start, start + len(address), IP, "<ip>")


def _ipv4(text: str) -> Iterator[Span]:
    for match in _IPV4.finditer(text):
        if match[0].count(".") == 3 and _is_public(match[0]) and not _is_version(text, match.start(), match.end()):
            yield Span(match.start(), match.end(), IP, "<ip>")


def _colons(found: str) -> tuple[str, str, str]:
    """A word with colons as (label, address, colon): `"from:2a00::1:"` -> `("from:", "2a00::1", ":")`."""
    label, _, rest = found.partition(":")
    before = "" if all(c in hexdigits for c in label) else f"{label}:"
    after = ":" if found.endswith(":") and not found.endswith("::") else ""
    return before, (rest if before else found).removesuffix(after), after


def _is_public(found: str) -> bool:
    try:
        address = ipaddress.ip_address(found)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        return address in _GLOBAL_UNICAST
    return not any(address in block for block in _NOBODY)


def _is_version(text: str, start: int, end: int) -> bool:
    """Whether four numbers with dots between them count something else than a machine: a version, a section, a network, a path to draw."""
    before, after = text[max(0, start - _WINDOW) : start], text[end : end + 2]
    if max(int(part) for part in text[start:end].split(".")) < _VERSION_PART or text[start:end].startswith(_OID):
        return True
    if (
        before.endswith((".", "-"))
        or after[:1].isalpha()
        or (after[:1] in ("/", "-", "+", "_") and after[1:].isalnum())
    ):
        return True  # a network (192.0.2.0/24), a build (12.0.31.4-beta), a path (.5s.22.5.5.5z)
    if _VERSION_WORDS.search(before):
        return True
    last = before[-16:].rstrip(" ,").rpartition(" ")[2] if before[-1:] in (" ", ",") else ""
    return (
        last.count(".") in (1, 2) and last.replace(".", "").replace("-", "").isdigit()
    )  # decimals: 2.09.65 3.33.65.99
