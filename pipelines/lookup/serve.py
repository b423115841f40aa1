"""Serving the page: limits with numbers, the address it listens on, and the server."""

import secrets
import socket
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import uvicorn

from pipelines.lookup.app import Lookup, application
from pipelines.lookup.filing import file
from pipelines.lookup.limit import Limit
from pipelines.lookup.releases import Releases
from pipelines.store import Store
from pipelines.takedown.register import DUE
from schemas.errors import InputError

# Chosen: a person who looks up a few sites is never stopped; a program that lists a corpus needs days.
READS, READ_EVERY_S = 30, 2.0
WRITES, WRITE_EVERY_S = 5, 720.0


def lookup_page(
    store: Store, hosts: Sequence[str], *, clock: Callable[[], float] = time.monotonic,
    now: Callable[[], datetime] = lambda: datetime.now(UTC), key: bytes | None = None,
) -> Lookup:  # fmt: skip
    """The page over a store, with its limits. `hosts`: Host headers that are ours. `clock`: seconds; `now`: when a request is received."""
    return Lookup(
        releases=Releases(store=store, clock=clock),
        file=lambda asks: file(store, asks, at=now()),
        reads=Limit(burst=READS, every_s=READ_EVERY_S, clock=clock),
        writes=Limit(burst=WRITES, every_s=WRITE_EVERY_S, clock=clock),
        hosts=frozenset(name.lower() for name in hosts),
        days=DUE.days,
        key=key or secrets.token_bytes(32),
    )


def serve(
    store: Store, *, host: str, port: int, names: Sequence[str], proxy: str | None, ready: Callable[[str], None]
) -> None:
    """Serve until interrupted. `names`: Host headers beside the address itself; `proxy`: whose X-Forwarded-For is believed.

    `ready` is told the address once it listens.

    Raises:
        InputError: the address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
        except OSError as error:
            raise InputError(
                f"{host} port {port} cannot be listened on: {error.strerror}; choose another --port"
            ) from error
        listening.listen(128)
        port = listening.getsockname()[1]
        own = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}", f"localhost:{port}", *names]
        config = uvicorn.Config(
            application(lookup_page(store, own)), http="h11", h11_max_incomplete_event_size=16_384, access_log=False, log_config=None,
            server_header=False, limit_concurrency=64, timeout_keep_alive=5, proxy_headers=proxy is not None,
            forwarded_allow_ips=proxy or "", lifespan="off", ws="none",
        )  # fmt: skip
        ready(f"http://{own[0]}/")
        uvicorn.Server(config).run(sockets=[listening])
