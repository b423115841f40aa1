"""The guard before the Dagster page: strangers' pages, other host names and missing tokens are refused."""

import asyncio
import socket

import pytest

from dagster_project.__main__ import unusable
from dagster_project.guard import COOKIE, Guard

HOSTS = frozenset({"127.0.0.1:3000", "localhost:3000"})


async def _app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"page"})


def ask(guard, method="GET", query=b"", kind="http", **headers):
    """(status or close code, headers sent) for one request."""
    headers = {"host": "localhost:3000", **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope = {
        "type": kind,
        "method": method,
        "query_string": query,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items() if value is not None],
    }
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "websocket.connect"}

    asyncio.run(guard(scope, receive, send))
    return sent[0].get("status", sent[0].get("code")), dict(sent[0].get("headers", []))


OPEN = Guard(app=_app, hosts=HOSTS)
CLOSED = Guard(app=_app, hosts=HOSTS, token="s3cret")


@pytest.mark.parametrize("host", ["localhost:3000", "127.0.0.1:3000", "LOCALHOST:3000"])
def test_its_own_names_are_served(host):
    assert ask(OPEN, host=host)[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:3000", "localhost", "localhost:3001", "", None])
def test_another_host_name_is_refused(host):
    assert ask(OPEN, host=host)[0] == 403


@pytest.mark.parametrize(
    "said",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:8080"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": "http://localhost:3000", "sec_fetch_site": "cross-site"},
    ],
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_what_another_page_asks_to_change_is_refused(kind, said):
    assert ask(OPEN, "POST", kind=kind, **said)[0] == (403 if kind == "http" else 1008)


@pytest.mark.parametrize("said", [{}, {"origin": "http://localhost:3000"}, {"sec_fetch_site": "same-origin"}])
def test_our_own_page_and_tools_may_change_things(said):
    assert ask(OPEN, "POST", **said)[0] == 200


def test_a_link_from_another_page_may_be_followed():
    assert ask(OPEN, "GET", sec_fetch_site="cross-site")[0] == 200


@pytest.mark.parametrize(
    "given", [{}, {"authorization": "Bearer wrong"}, {"cookie": f"{COOKIE}=wrong"}, {"cookie": "="}]
)
def test_without_the_token_nothing_is_served(given):
    assert ask(CLOSED, **given)[0] == 403


@pytest.mark.parametrize("given", [{"authorization": "Bearer s3cret"}, {"cookie": f"{COOKIE}=s3cret"}])
def test_with_the_token_it_is_served(given):
    assert ask(CLOSED, **given)[0] == 200


def test_a_token_in_the_address_is_kept_as_a_cookie_of_this_page_alone():
    status, headers = ask(CLOSED, query=b"token=s3cret")
    assert status == 200
    assert headers[b"set-cookie"] == f"{COOKIE}=s3cret; Path=/; HttpOnly; SameSite=Strict".encode()
    assert ask(CLOSED, query=b"token=s3cre")[0] == 403


def test_a_port_that_cannot_be_listened_on_is_told_before_anything_starts():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert unusable("127.0.0.1", taken.getsockname()[1]) == "Address already in use"
    assert "port must be 0-65535" in unusable("127.0.0.1", 99_999_999)
    assert unusable("127.0.0.1", 0) is None
