"""Asking an ASGI application in this process: one request, its answer."""

import asyncio
from typing import Any, NamedTuple
from urllib.parse import urlencode

from pipelines.audit.open import Ledger
from pipelines.store import Store
from pipelines.takedown.register import requests

HOST = "lookup.example"


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str


def ask(
    app: Any, path: str, *, method: str = "GET", client: str = "192.0.2.7", body: bytes = b"", **headers: str
) -> Answer:
    """The answer; a name in `headers` has `_` for `-`."""
    place, _, query = path.partition("?")
    sent = {"host": HOST} | {name.replace("_", "-"): value for name, value in headers.items()}
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": place, "raw_path": place.encode(),
        "query_string": query.encode(), "root_path": "", "scheme": "http", "client": (client, 5), "server": (HOST, 80),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items()],
    }  # fmt: skip
    said: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    asyncio.run(app(scope, receive, send))
    found = {name.decode(): value.decode() for name, value in said[0]["headers"]}
    return Answer(said[0]["status"], found, b"".join(one.get("body", b"") for one in said[1:]).decode())


def look_up(app: Any, query: str, **more: Any) -> Answer:
    return ask(app, "/?" + urlencode({"q": query}), **more)


def registered(store: Store) -> list[dict[str, Any]]:
    """The register of requests as it stands."""
    with Ledger.open(store) as ledger:
        return requests(ledger.db)
