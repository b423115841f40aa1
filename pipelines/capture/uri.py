"""What we ask of a URI: its sort key, its host, its origin. One WHATWG parse (ada-url); an odd URI gives null."""

import ada_url
from ada_url import HostType


def _parsed(uri: str | None) -> ada_url.URL | None:
    if not uri:
        return None
    try:
        return ada_url.URL(uri)
    except ValueError:  # UnicodeError too: a lone surrogate
        return None


def uri_key(uri: str | None) -> str | None:
    """The key that sorts a site's pages together; null for URIs without a host.

    Scheme, user, default port and fragment are left out; labels of a name are reversed, those of an address are not:
    `uri_key("https://www.Example.com/a?b=1#c")` is `com,example,www)/a?b=1`, `uri_key("dns:example.com")` is null.
    Source: the Sort-friendly URI Reordering Transform of the Internet Archive, without its rewriting of paths.
    """
    url = _parsed(uri)
    if url is None or not url.hostname:
        return None
    name = url.hostname.lower()
    if url.host_type == HostType.DEFAULT:
        name = ",".join(reversed(name.rstrip(".").split(".")))
    port = f":{url.port}" if url.port else ""
    return f"{name}{port}){url.pathname or '/'}{url.search}"


def host(uri: str | None) -> str | None:
    """The host, lower case, as the URL standard reads it; null where there is none."""
    url = _parsed(uri)
    return (url.hostname.lower() or None) if url is not None else None


def origin(uri: str | None) -> str | None:
    """`scheme://host[:port]` of an http or https URI, default port left out; null for all others."""
    url = _parsed(uri)
    return str(url.origin) if url is not None and url.protocol in ("http:", "https:") else None


def same_site(a: str | None, b: str | None) -> bool:
    """Whether one host is the other, or lies below it: `img.a.example` and `www.a.example` are of `a.example`.

    No list of public suffixes is asked, so two sites of one owner under names of their own are not the same.
    """
    one, other = ((host(uri) or "").removeprefix("www.") for uri in (a, b))
    return bool(one and other) and (one == other or one.endswith(f".{other}") or other.endswith(f".{one}"))


def path(uri: str | None) -> str | None:
    """The path, percent-encoded as the URL standard does, without query; null for an odd URI."""
    url = _parsed(uri)
    return str(url.pathname) if url is not None else None


def absolute(target: str, base: str | None) -> str | None:
    """`target` (say, of a Location header) resolved against `base`; null where they make no URI."""
    try:
        return str(ada_url.join_url(base, target) if base else ada_url.URL(target).href)
    except ValueError:
        return None


def address(target: str, base: str | None) -> str | None:
    """What an attribute of a page leads to, as an absolute http(s) URL without fragment; null for all else."""
    target = target.strip().partition("#")[0]
    found = absolute(target, base) if target else None
    return found if found is not None and found.startswith(("http://", "https://")) else None
