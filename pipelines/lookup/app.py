"""The page as an ASGI application: who may ask how often, what is read and what is written, and under which headers it goes out.

Reads are GET and change nothing. The one thing that writes is the form: it needs our own page as its origin, and a token that only the
browser which was given the form can send back. Without scripts, cookies of others, or anything fetched from elsewhere.
"""

import hashlib
import hmac
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import resources
from urllib.parse import parse_qs, urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from pipelines.lookup import page
from pipelines.lookup.answer import answer
from pipelines.lookup.asked import Asked, read
from pipelines.lookup.limit import Limit
from pipelines.lookup.releases import Releases
from schemas.errors import HeadwaterError, InputError, NotFound

log = logging.getLogger(__name__)

COOKIE = "headwater_form"
QUERY_BYTES = 8192  # Chosen: MOST_CHARS characters, each percent-encoded, and some names
BODY_BYTES = 16_384
CONTACT_CHARS = 200
# No script, no frame, no form that goes elsewhere. `same-origin`, not `no-referrer`: with that, browsers send `Origin: null` with our own form.
HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex, nofollow",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOut:
    """What was asked to be taken out. `scope`: domain | url; `basis`: of `page.BASES`; `contact`: a mail address, personal; null: none."""

    scope: str
    value: str
    basis: str
    contact: str | None


Filer = Callable[[OptOut], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """What the page stands on. `file`: puts a request into the register and gives its name. `hosts`: lower-case Host headers that are ours.

    `days`: until a request is to be answered.
    """

    releases: Releases
    file: Filer
    reads: Limit
    writes: Limit
    hosts: frozenset[str]
    days: int
    key: bytes  # of the form's tokens; new with each process


def application(lookup: Lookup) -> Starlette:
    """The page, ready to be served."""
    style = resources.files("pipelines.lookup").joinpath("style.css").read_bytes()

    async def stylesheet(request: Request) -> Response:
        return Response(style, media_type="text/css")

    async def home(request: Request) -> Response:
        query = _field(request.url.query, "q")
        if not query:
            return HTMLResponse(page.home())
        status, found = await _found(lookup, query)
        return HTMLResponse(
            page.problem(found, query) if isinstance(found, str) else page.results(found, query), status
        )

    async def api(request: Request) -> Response:
        status, found = await _found(lookup, _field(request.url.query, "q"))
        return JSONResponse({"error": found} if isinstance(found, str) else found, status)

    async def form(request: Request) -> Response:
        nonce = secrets.token_urlsafe(16)
        given = HTMLResponse(page.opt_out(_field(request.url.query, "q"), _token(lookup.key, nonce)))
        given.set_cookie(
            COOKIE, nonce, path="/opt-out", httponly=True, samesite="strict", secure=request.url.scheme == "https"
        )
        return given

    async def file(request: Request) -> Response:
        return await _file(lookup, request)

    async def filed(request: Request) -> Response:
        name = _field(request.url.query, "request")
        if not name.isascii() or not name.replace("-", "").isalnum() or len(name) > 64:
            return HTMLResponse(page.problem("That is no number of a request."), 404)
        return HTMLResponse(page.filed(name, lookup.days))

    async def missing(request: Request, error: Exception) -> Response:
        status = getattr(error, "status_code", 404)
        said = "There is no such page." if status == 404 else "That is not asked in this way."
        return _refusal(request.url.path, status, said)

    async def broken(request: Request, error: Exception) -> Response:
        return _refusal(request.url.path, 500, "That cannot be answered now.")

    return Starlette(
        routes=[
            Route("/", home, methods=["GET"]),
            Route("/style.css", stylesheet, methods=["GET"]),
            Route("/api/lookup", api, methods=["GET"]),
            Route("/opt-out", form, methods=["GET"]),
            Route("/opt-out", file, methods=["POST"]),
            Route("/filed", filed, methods=["GET"]),
        ],
        middleware=[Middleware(_Gate, lookup=lookup)],
        exception_handlers={404: missing, 405: missing, 500: broken},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gate:
    """Before every request: is it for us, short enough, and not one too many? After it: the headers."""

    app: ASGIApp
    lookup: Lookup

    def __init__(self, app: ASGIApp, lookup: Lookup) -> None:
        object.__setattr__(self, "app", app)
        object.__setattr__(self, "lookup", lookup)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answered = self._refused(Request(scope)) or self.app
        await answered(scope, receive, _with_headers(send))

    def _refused(self, request: Request) -> Response | None:
        path = request.url.path
        if request.headers.get("host", "").lower() not in self.lookup.hosts:
            return _refusal(path, 421, "This page does not answer to that name.")
        if len(request.scope["query_string"]) > QUERY_BYTES or len(request.scope.get("raw_path") or b"") > QUERY_BYTES:
            return _refusal(path, 414, "That address is too long.")
        if path == "/style.css":
            return None
        client = request.client.host if request.client else ""
        limits = [self.lookup.reads, self.lookup.writes] if request.method == "POST" else [self.lookup.reads]
        wait = max(limit.wait_s(client) for limit in limits)
        if not wait:
            return None
        refused = _refusal(path, 429, f"That was often; ask again in {wait} s.")
        refused.headers["retry-after"] = str(wait)
        return refused


def _refusal(path: str, status: int, said: str) -> Response:
    return (
        JSONResponse({"error": said}, status) if path.startswith("/api/") else HTMLResponse(page.problem(said), status)
    )


def _with_headers(send: Send) -> Callable[..., Awaitable[None]]:
    async def sent(message: dict) -> None:  # type: ignore[type-arg]
        if message["type"] == "http.response.start":
            own = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            message = {**message, "headers": [*message.get("headers", ()), *own]}
        await send(message)

    return sent


async def _found(lookup: Lookup, query: str) -> tuple[int, str | dict[str, object]]:
    """The status and the answer, or the sentence that says why there is none."""
    try:
        asked = read(query)
    except InputError as error:
        return 400, str(error)
    try:
        return 200, await run_in_threadpool(_answer, lookup.releases, asked)
    except NotFound:
        return 503, "Nothing was committed to this corpus yet."
    except HeadwaterError:
        log.exception("the lookup page cannot answer")  # without what was asked
        return 503, "That cannot be answered now; ask again later."


def _answer(releases: Releases, asked: Asked) -> dict[str, object]:
    with releases.held() as ledgers:
        return answer(ledgers, asked, gone=releases.gone)


async def _file(lookup: Lookup, request: Request) -> Response:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES:
            return _refusal(request.url.path, 413, "That is too long.")
    text = body.decode("utf-8", "replace")
    query, token = _field(text, "q"), _field(text, "token")
    nonce = request.cookies.get(COOKIE, "")
    if not _is_own(lookup.hosts, request) or not hmac.compare_digest(
        token.encode(), _token(lookup.key, nonce).encode()
    ):
        return _refusal(request.url.path, 403, "The form was not sent from this page, or is too old; open it again.")
    basis, contact = _field(text, "basis"), _field(text, "contact").strip()
    try:
        asked = read(query)
        if basis not in page.BASES:
            raise InputError("Choose one of the reasons.")
        if len(contact) > CONTACT_CHARS or (contact and ("@" not in contact or not contact.isprintable())):
            raise InputError("That is no mail address; leave it out, or give one to answer to.")
    except InputError as error:
        return HTMLResponse(page.opt_out(query, token, said=str(error)), 400)
    asks = OptOut(scope=asked.kind, value=asked.value, basis=basis, contact=contact or None)
    try:
        name = await run_in_threadpool(lookup.file, asks)
    except HeadwaterError:
        log.exception("the lookup page cannot file a request")
        return HTMLResponse(
            page.opt_out(query, token, said="The request cannot be filed now; send it again later."), 503
        )
    return RedirectResponse(f"/filed?request={name}", 303)


def _is_own(hosts: frozenset[str], request: Request) -> bool:
    """Whether a browser says that our own page sends the form; all that are kept send one of these two headers."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is None and origin is None:
        return False
    return site in (None, "same-origin") and (origin is None or urlsplit(origin).netloc.lower() in hosts)


def _token(key: bytes, nonce: str) -> str:
    """What the form must bring back beside the cookie; nothing where there is no cookie to go with it."""
    return hmac.new(key, nonce.encode(), hashlib.sha256).hexdigest() if nonce else secrets.token_hex(32)


def _field(text: str, name: str) -> str:
    """The first value of a field of a query or form; empty where it is not there or there are too many fields."""
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=10, errors="replace").get(name, [""])[0]
    except ValueError:
        return ""
