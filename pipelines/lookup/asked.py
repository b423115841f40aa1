"""What was typed into the page: a domain, or the URL of one page, in the forms a ledger may know it by. Never a path, an id or a file."""

from dataclasses import dataclass
from itertools import product

import ada_url

from schemas.errors import InputError

# Chosen: longer URLs than this are hardly ever captured, and what is shown again stays readable.
MOST_CHARS = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`kind`: domain | url. `value`: the host, or the URL as the URL standard writes it. `forms`: URIs that mean the same page."""

    kind: str
    value: str
    forms: tuple[str, ...] = ()


def read(text: str) -> Asked:
    """What the text asks for: `river.example` a domain, `river.example/a` and `https://river.example/a` a URL.

    `www.river.example` is the domain `river.example`: who has the one has the other, and pages are captured under either.

    Raises:
        InputError: it is empty, too long, or neither.
    """
    text = text.strip()
    if not text:
        raise InputError("Type a domain, such as example.org, or the address of a page.")
    if len(text) > MOST_CHARS:
        raise InputError(f"That is longer than {MOST_CHARS} characters; give the domain alone.")
    has_scheme = "://" in text
    try:
        url = ada_url.URL(text if has_scheme else f"http://{text}")
    except ValueError:
        raise InputError("That is neither a domain nor the address of a page.") from None
    if url.protocol not in ("http:", "https:") or url.username or url.password:
        raise InputError(
            "Only addresses that begin with http:// or https://, without a name or password, can be looked up."
        )
    if "." not in url.hostname.strip("."):
        raise InputError("A domain has at least two parts, such as example.org.")
    if not has_scheme and not (set(text) & set("/?#:")):
        host = url.hostname.rstrip(".")
        bare = host.removeprefix("www.")
        return Asked(kind="domain", value=bare if "." in bare else host)
    href = url.href.partition("#")[0]
    return Asked(kind="url", value=href, forms=_forms(text.partition("#")[0] if has_scheme else href, href))


def _forms(typed: str, href: str) -> tuple[str, ...]:
    """The URL as typed and as written, under both schemes, with and without `www.` and a last slash."""
    rest = href.partition("://")[2].removeprefix("www.")
    ends = {rest, rest.removesuffix("/"), f"{rest}/"} if "?" not in rest else {rest}
    made = {f"{scheme}://{www}{end}" for scheme, www, end in product(("http", "https"), ("", "www."), ends)}
    return tuple(sorted(made | {typed, href}))
