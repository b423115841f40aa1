"""A guard before the Dagster page: who may ask it at all. Plain ASGI, no work of its own.

The web server takes a mutation from any page that the same browser shows, also on loopback (measured on 1.13.27): a stranger's
page could start or delete runs. So the Host must be ours (no DNS rebinding), whatever changes something must come from our own
page, and off loopback a token is asked for.
"""

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "headwater_token"
_SAFE = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """`app` behind the rules. `hosts`: allowed Host headers, lower case, with the port. `token`: null where none is asked."""

    app: App
    hosts: frozenset[str]
    token: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, or refuse with one sentence."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        refusal = self.refusal(scope)
        if refusal is None:
            await self.app(scope, receive, _with_cookie(send, self.token) if self._by_query(scope) else send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": refusal})
        else:
            headers = [(b"content-type", b"text/plain; charset=utf-8")]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": refusal.encode()})

    def refusal(self, scope: Scope) -> str | None:
        """Why this request is refused, or null."""
        headers = _headers(scope)
        if headers.get("host", "").lower() not in self.hosts:
            return f"refused: this page answers to {', '.join(sorted(self.hosts))} only"
        changes = scope["type"] == "websocket" or scope["method"] not in _SAFE
        if changes and not self._is_own(headers):
            return "refused: the request comes from another page"
        if self.token is not None and not self._has_token(scope, headers):
            return "refused: open the page with the ?token= that `headwater ui` printed"
        return None

    def _is_own(self, headers: dict[str, str]) -> bool:
        """Whether a browser says that our own page asks, or no browser does (they all send one of these two)."""
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if site is not None and site not in ("same-origin", "none"):
            return False
        return origin is None or urlsplit(origin).netloc.lower() in self.hosts

    def _has_token(self, scope: Scope, headers: dict[str, str]) -> bool:
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        return any(
            hmac.compare_digest(given.encode(), str(self.token).encode())
            for given in (bearer, _cookie(headers), _query(scope))
        )

    def _by_query(self, scope: Scope) -> bool:
        return self.token is not None and bool(_query(scope))


def _headers(scope: Scope) -> dict[str, str]:
    """Lower-case name -> value; of a repeated header the values are joined, so that two of them match nothing."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key = name.decode("latin-1").lower()
        found[key] = f"{found[key]}, {value.decode('latin-1')}" if key in found else value.decode("latin-1")
    return found


def _query(scope: Scope) -> str:
    return parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])[0]


def _cookie(headers: dict[str, str]) -> str:
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def _with_cookie(send: Send, token: str | None) -> Send:
    """The same `send`, with the token kept in the browser: only this page reads it, and it is not in later addresses."""

    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            cookie = f"{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict".encode()
            message = {**message, "headers": [*message.get("headers", ()), (b"set-cookie", cookie)]}
        await send(message)

    return sent
