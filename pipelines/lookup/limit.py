"""How often one client may ask. Addresses are held in memory alone, and forgotten when they are quiet."""

import ipaddress
import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

MOST_CLIENTS = 10_000  # Chosen: about 2 MB; who was quiet longest is forgotten first


@dataclass(slots=True, kw_only=True)
class Limit:
    """`burst` at once, then one more every `every_s` seconds, a client. `clock`: seconds, any start."""

    burst: int
    every_s: float
    clock: Callable[[], float]
    _left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait_s(self, client: str) -> int:
        """0 where the client may ask now, and has then; else the whole seconds until it may."""
        now, name = self.clock(), network(client)
        with self._lock:
            left, at = self._left.pop(name, (float(self.burst), now))
            left = min(float(self.burst), left + (now - at) / self.every_s)
            is_free = left >= 1
            self._left[name] = (left - 1 if is_free else left, now)
            while len(self._left) > MOST_CLIENTS:
                self._left.popitem(last=False)
        return 0 if is_free else math.ceil((1 - left) * self.every_s)


def network(client: str) -> str:
    """Who counts as one client: an IPv4 address, or the 64 bits of IPv6 that one customer has; else the text as it is."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return client
