"""Which addresses and URLs a crawl may ask at all: the guard against being led into somebody's own network.

In: an address or a URL. Out: null, or in words why it is refused. `ipaddress.is_global` is not used: on Python 3.11 it lets
20 of 73 bad addresses through.
"""

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from types import MappingProxyType

import ada_url
from ada_url import HostType

Hosts = Mapping[str, tuple[str, int]]  # host name -> (address, port): names that are not looked up in DNS
NO_HOSTS: Hosts = MappingProxyType({})

# Source: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and what updates it, up to RFC 9780), the multicast
# and deprecated blocks (RFC 1112, RFC 3068, RFC 3879, RFC 4291). Blocks that are globally reachable but hold no web site
# (AS112, AMT, anycast of protocols) are in it too.
_BLOCKS = (
    ("0.0.0.0/8", "this network"),
    ("10.0.0.0/8", "private use"),
    ("100.64.0.0/10", "shared address space of carriers"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link local"),
    ("172.16.0.0/12", "private use"),
    ("192.0.0.0/24", "IETF protocol assignments"),
    ("192.0.2.0/24", "documentation"),
    ("192.31.196.0/24", "AS112"),
    ("192.52.193.0/24", "multicast tunnelling (AMT)"),
    ("192.88.99.0/24", "6to4 relays"),
    ("192.168.0.0/16", "private use"),
    ("192.175.48.0/24", "AS112"),
    ("198.18.0.0/15", "benchmarking"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("255.255.255.255/32", "broadcast"),
    ("240.0.0.0/4", "reserved"),
    ("::/128", "unspecified"),
    ("::1/128", "loopback"),
    ("::/96", "IPv4-compatible"),
    ("::ffff:0:0/96", "IPv4-mapped"),
    ("::ffff:0:0:0/96", "IPv4-translated"),
    ("64:ff9b::/96", "NAT64"),
    ("64:ff9b:1::/48", "NAT64 for local use"),
    ("100::/64", "discard only"),
    ("100:0:0:1::/64", "dummy prefix"),
    ("2001::/32", "Teredo"),
    ("2001:2::/48", "benchmarking"),
    ("2001:10::/28", "ORCHID"),
    ("2001:20::/28", "ORCHIDv2"),
    ("2001:30::/28", "drone remote identification"),
    ("2001::/23", "IETF protocol assignments"),
    ("2001:db8::/32", "documentation"),
    ("2002::/16", "6to4"),
    ("2620:4f:8000::/48", "AS112"),
    ("3fff::/20", "documentation"),
    ("5f00::/16", "segment routing"),
    ("fc00::/7", "unique local"),
    ("fe80::/10", "link local"),
    ("fec0::/10", "site local"),
    ("ff00::/8", "multicast"),
)
_NETWORKS: tuple[tuple[IPv4Network | IPv6Network, str], ...] = tuple((ip_network(b), name) for b, name in _BLOCKS)
_GLOBAL_UNICAST = IPv6Network("2000::/3")  # Source: IANA IPv6 Address Space: all that was ever given out to sites
# Source: RFC 5214, section 6.1: an interface identifier that ends in an IPv4 address, under any prefix.
_ISATAP = frozenset((0x0000_5EFE, 0x0200_5EFE))
_PORTS = frozenset(("", "80", "443"))  # ada-url leaves the scheme's own port out


@lru_cache(4096)
def refusal(ip: str) -> str | None:
    """The special-purpose block that holds this address, or null for an address that sites on the internet have.

    Every IPv6 form that embeds an IPv4 address is refused as a whole, whichever address it embeds; so a network that has
    only NAT64 cannot crawl IPv4 sites. `refusal("127.0.0.1")` is `"127.0.0.0/8 (loopback)"`.
    """
    try:
        address = ip_address(ip)
    except ValueError:
        return "no IP address"
    for network, name in _NETWORKS:
        if address.version == network.version and address in network:
            return f"{network} ({name})"
    if isinstance(address, IPv6Address):
        if address not in _GLOBAL_UNICAST:
            return "outside 2000::/3 (no global unicast)"
        if int(address) >> 32 & 0xFFFF_FFFF in _ISATAP:
            return "::5efe:0:0 (ISATAP)"
    return None


def url_refusal(url: str, hosts: Hosts = NO_HOSTS) -> str | None:
    """Why no request may be made for this URL, or null. The host's addresses are checked when it is resolved.

    http and https only, no user name, ports 80 and 443 (and the one a host of `hosts` is served at), no host that is
    itself a refused address. One WHATWG parse: `http://2130706433/` and `http://0x7f.1/` are 127.0.0.1.
    """
    try:
        parsed = ada_url.URL(url)
    except ValueError:
        return "no URL that can be read"
    if parsed.protocol not in ("http:", "https:"):
        return f"scheme {parsed.protocol.rstrip(':')}"
    if parsed.username or parsed.password:
        return "a user name in the URL"
    served = hosts.get(parsed.hostname)
    if parsed.port not in _PORTS and not (served and parsed.port == str(served[1])):
        return f"port {parsed.port}"
    if served is None and parsed.host_type != HostType.DEFAULT:
        block = refusal(parsed.hostname.strip("[]"))
        return f"address in {block}" if block else None
    return None
