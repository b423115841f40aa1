"""Checksums of numbers that name a person or an account: each tells whether digits (and letters) could have been issued.

All take the bare characters, without spaces or hyphens, in capitals. A check digit lets one random number in ten (Luhn) to one in
97 through, so kinds that rest on a weak one need words beside it too (`pipelines.edits.personal`).
"""

from collections.abc import Sequence

# Source: SWIFT, IBAN Registry, release 97: characters of an IBAN by country.
IBAN_LENGTH = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28, "CH": 21, "CR": 22,
    "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22,
    "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30,
    "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27,
    "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31,
    "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip


def digits(text: str) -> list[int]:
    """The digits of a text of digits, as numbers."""
    return [int(one) for one in text]


def weighted(numbers: Sequence[int], weights: Sequence[int]) -> int:
    """The sum of the products."""
    return sum(number * weight for number, weight in zip(numbers, weights, strict=True))


def luhn(number: str) -> bool:
    """Source: ISO/IEC 7812-1, annex B: `4539148803436467` -> true."""
    doubled = [d if i % 2 == 0 else (d * 2 - 9 if d > 4 else d * 2) for i, d in enumerate(reversed(digits(number)))]
    return sum(doubled) % 10 == 0


def iban(number: str) -> bool:
    """Source: ISO 13616-1: the length of its country, and 1 modulo 97 with the first four characters moved to the end."""
    if IBAN_LENGTH.get(number[:2]) != len(number):
        return False
    moved = number[4:] + number[:4]
    return int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


def card_issuer(number: str) -> str | None:
    """Whose payment card this could be, by first digits and length; null for nobody's.

    Source: ISO/IEC 7812 ranges as Visa, Mastercard, American Express, Discover, JCB, UnionPay and Diners publish them. Cards of 13
    digits are not issued any more.
    """
    n, size = int(number[:6]), len(number)
    if number[0] == "4" and size in (16, 19):
        return "visa"
    if size == 16 and (510_000 <= n <= 559_999 or 222_100 <= n <= 272_099):
        return "mastercard"
    if size == 15 and number[:2] in ("34", "37"):
        return "american_express"
    if size == 16 and (n // 100 == 6011 or 644_000 <= n <= 659_999):
        return "discover"
    if size == 16 and 352_800 <= n <= 358_999:
        return "jcb"
    if size in (16, 17, 18, 19) and number[:2] == "62":
        return "unionpay"
    if size == 14 and (300_000 <= n <= 305_999 or number[:2] in ("36", "38")):
        return "diners"
    return None


def us_ssn(number: str) -> bool:
    """Source: SSA, POMS RM 10201.035: no area 000, 666 or 9xx, no group 00, no serial 0000. There is no check digit."""
    return number[:3] not in ("000", "666") and number[0] != "9" and number[3:5] != "00" and number[5:] != "0000"


def uk_nino(number: str) -> bool:
    """Source: HMRC, National Insurance Manual NIM39110: two letters, six digits, A to D; some letters are never used."""
    first, second = number[0], number[1]
    is_prefix = first not in "DFIQUV" and second not in "DFIQUVO"
    return is_prefix and number[:2] not in ("BG", "GB", "NK", "KN", "TN", "NT", "ZZ")


def de_tax_id(number: str) -> bool:
    """Source: § 139b AO; ISO/IEC 7064, MOD 11,10. Of the first ten digits one comes twice or three times, the others once at most."""
    if number[0] == "0" or len(set(number[:10])) not in (8, 9):
        return False
    product = 10
    for digit in digits(number[:10]):
        total = (digit + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(number[10])


def fr_nir(number: str) -> bool:
    """Source: INSEE: sex, year, month, department (2A and 2B count as 19 and 18), and 97 less the rest modulo 97."""
    if number[0] not in "1278" or not (1 <= int(number[3:5]) <= 12 or int(number[3:5]) >= 20):
        return False
    body = number[:13].replace("2A", "19").replace("2B", "18")
    return body.isdigit() and 97 - int(body) % 97 == int(number[13:])


def es_dni(number: str) -> bool:
    """Source: Orden INT/2058/2008: DNI and NIE (X, Y, Z as 0, 1, 2); the letter is the number modulo 23."""
    body = number[:-1].translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(body) % 23] == number[-1]


_ODD = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        strict=True,
    )
)  # fmt: skip


def it_codice_fiscale(number: str) -> bool:
    """Source: Decreto Ministeriale 23 December 1976, tables of odd and even places."""
    total = 0
    for place, one in enumerate(number[:15], 1):
        total += _ODD[one] if place % 2 else (int(one) if one.isdigit() else ord(one) - ord("A"))
    return chr(ord("A") + total % 26) == number[15]


def nl_bsn(number: str) -> bool:
    """Source: Besluit burgerservicenummer, the test of eleven."""
    return int(number) > 0 and weighted(digits(number), (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def be_national(number: str) -> bool:
    """Source: Arrêté royal, 3 April 1984: 97 less the number modulo 97; from 2000 on with a 2 before it."""
    if int(number[2:4]) > 12 or int(number[4:6]) > 31:
        return False
    return int(number[9:]) in (97 - int(number[:9]) % 97, 97 - int("2" + number[:9]) % 97)


def pl_pesel(number: str) -> bool:
    """Source: Ustawa o ewidencji ludności, 24 September 2010; the month carries the century."""
    if not 1 <= int(number[2:4]) % 20 <= 12 or not 1 <= int(number[4:6]) <= 31:
        return False
    return weighted(digits(number), (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0


def br_cpf(number: str) -> bool:
    """Source: Receita Federal: two check digits modulo 11; one digit eleven times is nobody's."""
    if len(set(number)) == 1:
        return False
    numbers = digits(number)
    for size in (9, 10):
        rest = weighted(numbers[:size], range(size + 1, 1, -1)) * 10 % 11 % 10
        if rest != numbers[size]:
            return False
    return True


def cn_resident(number: str) -> bool:
    """Source: GB 11643-1999; ISO/IEC 7064, MOD 11-2, over a region and a date of birth."""
    year, month, day = int(number[6:10]), int(number[10:12]), int(number[12:14])
    if not (1900 <= year <= 2100 and 1 <= month <= 12 and 1 <= day <= 31):
        return False
    total = weighted(digits(number[:17]), [2**place % 11 for place in range(17, 0, -1)])
    return "10X98765432"[total % 11] == number[17]


def fi_hetu(number: str) -> bool:
    """Source: Digital and Population Data Services Agency: `ddmmyy`, century, `nnn`, and a sign for the number modulo 31."""
    body = number[:6] + number[7:10]
    if not (1 <= int(number[:2]) <= 31 and 1 <= int(number[2:4]) <= 12 and int(number[7:10]) >= 2):
        return False
    return "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(body) % 31] == number[10]


def se_personal(number: str) -> bool:
    """Source: Skatteverket, SKV 704: ten digits `yymmddnnnc` that are a date (from day 61: a coordination number) and keep to Luhn."""
    return 1 <= int(number[2:4]) <= 12 and 1 <= int(number[4:6]) % 60 <= 31 and luhn(number)


def ch_ahv(number: str) -> bool:
    """Source: Zentrale Ausgleichsstelle: 756, and the check digit of EAN-13."""
    return (10 - weighted(digits(number[:12]), (1, 3) * 6) % 10) % 10 == int(number[12])


_D = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678", "5987604321", "6598710432", "7659821043", "8765932104",
    "9876543210",
)  # fmt: skip
_P = (
    "0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip


def in_aadhaar(number: str) -> bool:
    """Source: UIDAI, twelve digits, the first from 2 on, with Verhoeff's check digit (Verhoeff 1969, dihedral group D5)."""
    state = 0
    for place, digit in enumerate(reversed(digits(number))):
        state = int(_D[state][int(_P[place % 8][digit])])
    return number[0] not in "01" and state == 0


def ca_sin(number: str) -> bool:
    """Source: Service Canada: nine digits that keep to Luhn; none begins with 0 or 8."""
    return number[0] not in "08" and luhn(number)


def au_tfn(number: str) -> bool:
    """Source: Australian Taxation Office: nine digits, their weighted sum a multiple of eleven."""
    return weighted(digits(number), (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def kr_resident(number: str) -> bool:
    """Source: Resident Registration Act: a date of birth, a digit for sex and century, weights 2 to 9 and 2 to 5."""
    if not (1 <= int(number[2:4]) <= 12 and 1 <= int(number[4:6]) <= 31 and number[6] in "12345678"):
        return False
    total = weighted(digits(number[:12]), (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5))
    return (11 - total % 11) % 10 == int(number[12])
