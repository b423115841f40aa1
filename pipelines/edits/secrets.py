"""What opens a door: keys and tokens of services, private keys, passwords that stand in code and addresses.

A token with a service's own prefix is taken by its form; what is only called a password or a key must look random too (letters and
digits, many different ones). Placeholders, examples and words are left: they open nothing.
"""

import base64
import binascii
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import re2

from pipelines.edits.spans import May, Span

PLACEHOLDER = "<secret>"


class Secret(NamedTuple):
    """One kind: its pattern, whose first group (or all of it) is replaced, and what must be true of that beside its form."""

    kind: str
    pattern: re2._Regexp
    check: Callable[[str], bool]


# Chosen: bits a character, of Shannon's entropy over the characters of the value: random hexadecimal of 32 digits has 3.6 on average and
# 3.2 in the worst of 10,000, random base64 of 20 has 4.0; words run together have 3 and less.
_TOKEN_BITS, _KEY_BITS, _PASSWORD_BITS = 3.0, 3.2, 2.8
_SHORTEST_KEY, _SHORTEST_PASSWORD, _SHORTEST_URL_PASSWORD = 16, 8, 6
# What people write where a secret would stand. A random token of 40 characters holds one of these once in some thousands.
_PLACEHOLDERS = re2.compile(
    r"(?i)example|sample|dummy|placeholder|change[-_.]?me|change[-_.]?this|your[-_.]?|xxxx|\*\*\*|\.\.\.|redacted|insert|replace|fixme|todo"
    r"|^(?:none|null|true|false|undefined|nil)$|secret|passw|passphrase|token|api[-_]?key|fake|default|12345|abcdef|abc123|qwerty|foobar|testing|test[-_]|[-_]test|credential|provider"
    r"|0000000|1111111|aaaaaaa|deadbeef"
)
_NO_VALUE = re2.compile(r"[\s<>{}()\[\]`\"']|%[sd(]|^\$|^%|^@|://")
# Names of things: words and numbers with signs between, paths, dotted names, constants.
_WORDS = re2.compile(
    r"^[A-Za-z_]\w*(?:(?:\.|::|->)[A-Za-z_]\w*)+$|^/?[A-Za-z]+(?:[-_./:][A-Za-z]*[0-9]{0,4})*/?$|^[A-Za-z]+[0-9]{1,4}$|^[0-9.,:/_-]+$|^v?[0-9]+(?:\.[0-9]+)+[A-Za-z0-9.+-]*$"
)


def entropy(value: str) -> float:
    """Bits a character: `"aaaa"` -> 0.0, `"abcd"` -> 2.0."""
    return -sum(n / len(value) * math.log2(n / len(value)) for n in Counter(value).values()) if value else 0.0


def _is_token(value: str) -> bool:
    return entropy(value) >= _TOKEN_BITS and not _PLACEHOLDERS.search(value)


def _is_key(value: str) -> bool:
    return len(value) >= _SHORTEST_KEY and entropy(value) >= _KEY_BITS and _is_random(value)


def _is_password(value: str) -> bool:
    return len(value) >= _SHORTEST_PASSWORD and entropy(value) >= _PASSWORD_BITS and _is_random(value)


def _is_random(value: str) -> bool:
    has_both = any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
    return has_both and not (_PLACEHOLDERS.search(value) or _NO_VALUE.search(value) or _WORDS.search(value))


def _is_url_password(value: str) -> bool:
    is_word = value.isalpha() and (value.islower() or value.isupper() or value.istitle())
    return len(value) >= _SHORTEST_URL_PASSWORD and not (
        is_word or _PLACEHOLDERS.search(value) or _NO_VALUE.search(value)
    )


def _is_mixed(value: str) -> bool:
    return _is_token(value) and any(c.isupper() for c in value) and any(c.islower() for c in value)


def _is_digits_and_letters(value: str) -> bool:
    return _is_mixed(value) and any(c.isdigit() for c in value)


def _is_jwt(value: str) -> bool:
    """Whether the first part is the header of a token (RFC 7515, section 4); the one that jwt.io prints opens nothing."""
    header = value.partition(".")[0]
    try:
        found = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return False
    return (
        isinstance(found, dict) and "alg" in found and not value.endswith("SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c")
    )


def _is_private_key(value: str) -> bool:
    """Whether there is a key between the lines: at least 64 characters of base64 that are not all the same few."""
    body = "".join(c for c in value.partition("-----\n")[2] or value[30:] if c.isalnum() or c in "+/")
    return len(body) >= _SHORTEST_PRIVATE_KEY and len(set(body)) > 20


_SHORTEST_PRIVATE_KEY = 64  # Source: RFC 8410, section 10.3: the shortest there is, of Ed25519, in base64

_PASSWORD_NAME = r"(?:passw(?:or)?d|pwd|passphrase|passwort|contraseña|mot_?de_?passe)"
_KEY_NAME = (
    r"(?:secret|api[_\-]?key|apikey|access[_\-]?key|auth[_\-]?key|private[_\-]?key|encryption[_\-]?key|signing[_\-]?key|account[_\-]?key"
    r"|secret[_\-]?key|_key|(?:access|auth|api|bearer|refresh|bot|session|deploy)[_\-]?token|_token|credential)s?"
)
_SUFFIX = r"(?:[_\-]?(?:value|hash|base64|b64|prod|production|dev|live|main|[0-9]))?"
_IS = r"""["']?\]?\s{0,4}(?::=|=>|=|:)\s{0,4}"""


def _quoted(name: str) -> str:
    return rf"""(?i){name}{_SUFFIX}{_IS}[rbuf]?["'`]([^\s"'`]{{8,}})["'`]"""


def _bare(name: str) -> str:
    # As in a file of settings: alone on its line, without quotes.
    return rf"(?im)^[ \t]*(?:export\s+|set\s+)?[\w.\-]*{name}{_SUFFIX}[ \t]*[=:][ \t]*([^\s\"'`;,#]{{8,}})[ \t]*$"


def _secret(kind: str, pattern: str, check: Callable[[str], bool] = _is_token) -> Secret:
    return Secret(kind, re2.compile(pattern), check)


# Sources: the services' own pages on the form of their keys, as of 2026.
SECRETS = (
    _secret(
        "private_key",
        r"(-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:[A-Za-z0-9+/=\s\\\"',:.;()\-]+?)-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----)",
        _is_private_key,
    ),
    _secret("aws_access_key", r"\b((?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16})\b"),
    _secret("aws_secret_key", r"""(?i)aws.{0,24}(?:secret|key|token).{0,24}?["'=:\s]([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+=]|$)""", _is_digits_and_letters),
    _secret("gcp_api_key", r"\b(AIza[0-9A-Za-z_\-]{35})"),
    _secret("gcp_oauth", r"\b(GOCSPX-[A-Za-z0-9_\-]{28}|ya29\.[0-9A-Za-z_\-]{30,})", _is_mixed),
    _secret("azure_key", r"(?i)(?:AccountKey|SharedAccessKey)=([A-Za-z0-9+/]{43,86}==?)", _is_mixed),
    _secret("github_token", r"\b(gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})\b", _is_mixed),
    _secret("gitlab_token", r"\b(gl(?:pat|ptt|dt|rt|cbt|ft|soat|agent|imt|oas)-[A-Za-z0-9_\-]{20,64})"),
    _secret("slack_token", r"\b(xox[abeoprs]-[0-9A-Za-z\-]{10,}|xapp-[0-9]-[0-9A-Za-z\-]{20,})"),
    _secret("slack_webhook", r"hooks\.slack\.com/(?:services|workflows)/(T[A-Z0-9]{7,12}/[A-Z0-9]{8,12}/[A-Za-z0-9]{16,64})"),
    _secret("stripe_key", r"\b((?:sk|rk)_(?:live|test)_[0-9A-Za-z]{16,}|whsec_[0-9A-Za-z+/=]{24,128})", _is_digits_and_letters),
    _secret("openai_key", r"\b(sk-(?:proj-|svcacct-|admin-|None-|ant-[a-z0-9]{3,8}-|or-v1-)?[A-Za-z0-9_\-]{32,})", lambda v: _is_token(v) and sum(c.isdigit() for c in v) >= 3),
    _secret("huggingface_token", r"\b((?:hf|api_org)_[A-Za-z]{34})\b", _is_mixed),
    _secret("npm_token", r"\b(npm_[A-Za-z0-9]{36})\b", _is_mixed),
    _secret("pypi_token", r"\b(pypi-AgE[A-Za-z0-9_\-]{50,})", _is_mixed),
    _secret("sendgrid_key", r"\b(SG\.[A-Za-z0-9_\-]{22}\.[A-Za-z0-9_\-]{43})", _is_mixed),
    _secret("telegram_token", r"\b([0-9]{8,10}:AA[A-Za-z0-9_\-]{33})\b", _is_mixed),
    _secret("service_token", r"\b(dop_v1_[a-f0-9]{64}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}|dapi[a-f0-9]{32}|key-[a-f0-9]{32}|AGE-SECRET-KEY-1[0-9A-Z]{58})\b"),
    _secret("jwt", r"\b(eyJ[A-Za-z0-9_\-]{10,}\.eyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{10,})", _is_jwt),
    _secret("url_password", r"""\b[a-zA-Z][a-zA-Z0-9+.\-]{1,20}://[^\s/:@"'<>]*:([^\s/:@"'<>]{6,})@[^\s/]""", _is_url_password),
    _secret("authorization", r"""(?i)\bauthorization["']?\s{0,3}[:=,]\s{0,3}["']?(?:basic|bearer|token)\s+([A-Za-z0-9+/_\-.=]{16,})""", _is_key),
    _secret("password", _quoted(_PASSWORD_NAME), _is_password),
    _secret("password", _bare(_PASSWORD_NAME), _is_password),
    _secret("api_key", _quoted(_KEY_NAME), _is_key),
    _secret("api_key", _bare(_KEY_NAME), _is_key),
)  # fmt: skip
_NAMED = frozenset(("aws_secret_key", "azure_key", "authorization", "password", "api_key"))
# One of these is in every text that such a pattern can match: what Arrow looks for first.
_FORMS = (
    r"PRIVATE KEY|AKIA|ASIA|ABIA|ACCA|AIza|GOCSPX-|ya29\.|gh[pousr]_[A-Za-z0-9]{36}|github_pat_|gl(?:pat|ptt|dt|rt|cbt|ft|soat|agent|imt|oas)-|xox[abeoprs]-|xapp-|hooks\.slack"
    r"|[sr]k_(?:live|test)_|whsec_|sk-[A-Za-z0-9_\-]{32}|hf_[A-Za-z]{34}|api_org_|npm_[A-Za-z0-9]{36}|pypi-AgE|SG\.|:AA[A-Za-z0-9_\-]{33}|dop_v1|shp(?:at|ca|pa|ss)_|dapi[a-f0-9]{32}|key-[a-f0-9]{32}"
    r"|AGE-SECRET|eyJ|://[^\s/:@\"'<>]*:[^\s/:@\"'<>]{6}"
)
_NAMES = r"(?i:authorization|(?:passw|pwd|passphrase|contrase|passe|secret|key|token|credential)[\w\-]*[\"']?\]?\s{0,4}(?:=|:))"
# Slow to look for, so that the run of characters alone is looked for before.
_RUN = r"[A-Za-z0-9/+]{40}"
_NAMED_RUN = rf"(?i)(?:aws|key|account|access)[^\n]{{0,48}}{_RUN}"


def may_hold_secrets(texts: pa.Array) -> npt.NDArray[np.uint8]:
    """uint8[n] of `May`: what of this kind each text (string) may hold; 0 for a null."""
    is_named = _holds(texts, _NAMES)
    others = np.flatnonzero(_holds(texts, _RUN) & ~is_named)
    is_named[others] = _holds(texts.take(pa.array(others)), _NAMED_RUN)
    return _holds(texts, _FORMS) * np.uint8(May.TOKEN) | is_named * np.uint8(May.NAMED)


def _holds(texts: pa.Array, pattern: str) -> npt.NDArray[np.bool_]:
    return np.array(pc.match_substring_regex(texts, pattern).fill_null(False))


def secrets(text: str, may: May) -> Iterator[Span]:
    """What of the text would open something."""
    for one in SECRETS:
        if may & (May.NAMED if one.kind in _NAMED else May.TOKEN):
            for match in one.pattern.finditer(text):
                if one.check(match[1]):
                    yield Span(match.start(1), match.end(1), one.kind, PLACEHOLDER)
