"""Where the text of a licence can be read: addresses of the licences that an SPDX expression names."""

import re
from functools import cache

import license_expression

# Source: Creative Commons, "Licensing types" and the addresses of its deeds: kind, version, and the country of a ported licence.
_DEED = re.compile(r"CC-(BY(?:-NC)?(?:-ND|-SA)?)-([1-4]\.\d)(?:-([A-Z]{2,3}))?")
_OWN = "LicenseRef-"


def licence_links(expression: str) -> list[tuple[str, str]]:
    """(id, address of its text) of each listed licence and exception in an expression, in its order; ids that no list has are left out.

    "MIT OR CC-BY-4.0" -> [("MIT", "https://spdx.org/licenses/MIT.html"), ("CC-BY-4.0", "https://creativecommons.org/licenses/by/4.0/")].
    """
    words = dict.fromkeys(re.findall(r"[A-Za-z0-9.+-]+", expression))
    return [(word, _address(word)) for word in words if word in _listed() and not word.startswith(_OWN)]


def _address(name: str) -> str:
    if name == "CC0-1.0":
        return "https://creativecommons.org/publicdomain/zero/1.0/"
    if deed := _DEED.fullmatch(name):
        kind, version, country = deed.groups()
        ported = f"{country.lower()}/" if country else ""
        return f"https://creativecommons.org/licenses/{kind.lower()}/{version}/{ported}"
    return f"https://spdx.org/licenses/{name}.html"


@cache
def _listed() -> frozenset[str]:
    """Every id that SPDX gives a licence or an exception."""
    names = (
        name
        for entry in license_expression.get_license_index()
        for name in [entry["spdx_license_key"], *entry["other_spdx_license_keys"]]
    )
    return frozenset(name for name in names if name)
