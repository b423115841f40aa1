"""Phone numbers: found by RE2, then held against the numbering plan of their country (`phonenumbers`).

+44 20 7946 0958                       anywhere: an international number says its country
Tel. 030 23125-014                     after a word for a telephone: a number of the countries the text's language is spoken in
(202) 555-0143, 202-555-0143           in English alone: the North American way of writing is like no other
"""

from collections.abc import Iterator
from functools import cache
from types import ModuleType

import re2

# Countries whose national numbers a text in this language is likely to mean; of a text without a language, only after words.
# Source: CLDR 48, territory information: where the language is official and most spoken.
_COUNTRIES = {
    "ar": "EG SA AE MA", "bg": "BG", "cs": "CZ", "da": "DK", "de": "DE AT CH", "el": "GR", "en": "US GB CA AU IE NZ IN ZA",
    "es": "ES MX AR CO CL PE", "et": "EE", "fi": "FI", "fr": "FR BE CH CA", "he": "IL", "hi": "IN", "hr": "HR", "hu": "HU", "id": "ID",
    "it": "IT CH", "ja": "JP", "ko": "KR", "lt": "LT", "lv": "LV", "nl": "NL BE", "no": "NO", "nb": "NO", "pl": "PL", "pt": "BR PT",
    "ro": "RO", "ru": "RU", "sk": "SK", "sl": "SI", "sr": "RS", "sv": "SE", "th": "TH", "tr": "TR", "uk": "UA", "vi": "VN", "zh": "CN TW HK",
}  # fmt: skip
_UNKNOWN = (
    "US",
    "GB",
    "DE",
    "FR",
)  # Chosen: of a text without a language; a word for a telephone stands before the number

_GAP = r"[ \x{a0}\x{202f}().\-/]{0,3}"
_INTERNATIONAL = re2.compile(rf"\+\(?[1-9](?:{_GAP}[0-9]){{6,14}}")
_WORDS = (
    r"tel|tél|telephone|téléphone|telefon|telefono|teléfono|telefone|telefoon|telefonnummer|phone|phones|phone number|fon|fono|mobile|mobil|handy|cell"
    r"|cellphone|cellulare|celular|móvil|movil|portable|gsm|fax|telefax|call|call us|whatsapp|sms|hotline|anruf|rufnummer|tlf|puh|тел|телефон|τηλ"
)
_MARKED = re2.compile(
    rf"(?i)(?:(?:^|[^\pL\pN])(?:{_WORDS})|\x{{260e}}|\x{{1f4de}}|電話|电话|전화)[ \t\x{{a0}}.:\-–)#=\"']{{0,6}}"
    rf"(?:nr|no|number|n°|num)?[ \t\x{{a0}}.:#\"']{{0,4}}(\(?\+?[0-9](?:{_GAP}[0-9]){{6,13}})"
)
_DATE = re2.compile(r"^(?:[12][0-9]{3}[-./][01]?[0-9][-./][0-3]?[0-9]|[0-3]?[0-9][-./][01]?[0-9][-./][12][0-9]{3})\b")
# Ways of writing a number in a language that are like no other number's; the plan of the country is asked too.
_WRITTEN = {
    "en": (
        (re2.compile(r"(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[-.])[2-9][0-9]{2}[-.][0-9]{4}"), "US"),
        (re2.compile(r"\(?0[0-9]{2,4}\)?[ -]?[0-9]{3,4}[ -]?[0-9]{3,4}"), "GB"),
    ),
    "fr": ((re2.compile(r"0[1-9](?:[ .\x{a0}][0-9]{2}){4}"), "FR"),),
}


def phones(text: str, language: str | None) -> Iterator[tuple[int, int]]:
    """Start and end of each phone number that could be somebody's."""
    if "+" in text:
        for match in _INTERNATIONAL.finditer(text):
            if not text[: match.start()][-1:].isalnum() and (
                end := _valid_end(text, match.start(), match.end(), (None,))
            ):
                yield match.start(), end
    tongue = (language or "").partition("-")[0]
    countries: tuple[str | None, ...] = tuple(_COUNTRIES[tongue].split()) if tongue in _COUNTRIES else _UNKNOWN
    for match in _MARKED.finditer(text):
        if not _DATE.search(match[1]) and (end := _valid_end(text, match.start(1), match.end(1), countries)):
            yield match.start(1), end
    for pattern, country in _WRITTEN.get(tongue, ()):
        for match in pattern.finditer(text):
            if (
                _is_apart(text, *match.span())
                and _valid_end(text, match.start(), match.end(), (country,)) == match.end()
            ):
                yield match.span()


def _valid_end(text: str, start: int, end: int, countries: tuple[str | None, ...]) -> int | None:
    """Where a valid number that begins here ends: numbers that follow it, with a gap between, may not belong to it."""
    while end - start >= 7:
        is_decimal = text[end : end + 1] == "." and text[end + 1 : end + 2].isdigit()
        if (
            not is_decimal
            and not text[end : end + 1].isalnum()
            and any(_is_valid(text[start:end], country) for country in countries)
        ):
            return end
        while end > start and text[end - 1].isdigit():
            end -= 1
        while end > start and not text[end - 1].isdigit():
            end -= 1
    return None


def _is_apart(text: str, start: int, end: int) -> bool:
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    return not (before.isalnum() or before in ("-", ".", "/", "_", "=") or after.isalnum() or after in ("-", "_", "/"))


def _is_valid(number: str, country: str | None) -> bool:
    plans = _plans()
    try:
        return bool(plans.is_valid_number(plans.parse(number, country)))
    except plans.NumberParseException:
        return False


@cache
def _plans() -> ModuleType:
    # The plans of all countries take 40 MB on disk and are read country by country: a text without candidates reads none.
    import phonenumbers

    return phonenumbers
