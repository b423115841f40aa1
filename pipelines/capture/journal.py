"""What one round of a crawl asked and was answered, in the store, so that a retry fetches nothing again and stays polite.

    <folder>/<host>/<n>.asked     the claim to ask a host for the n-th time, made by exclusive create before the request
    <folder>/<host>/<n>.answer    what came of it

Of all workers of a round one wins each claim: that is the lease of a host, and it ends with the deadline of the exchange. A claim
whose worker died without an answer is never made again for a page: nobody knows whether the server was asked.
"""

import itertools
import json
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from pathlib import Path
from typing import Any

from pipelines.capture.fetch import Fetched
from pipelines.capture.rounds import left
from pipelines.store import Store
from schemas.capture import Outcome
from schemas.digest import sha256
from schemas.reasons import Reason

_FIELDS = ("status", "ip", "truncated", "detail")
_INSTANCES, _OPEN = itertools.count(), set[int]()  # of this process: which journals are still being written


class State(Enum):
    """What is known of a URL that has no answer."""

    NEW = auto()  # nobody asked
    ASKED = auto()  # a worker is asking now
    IN_DOUBT = auto()  # a worker asked, and died before it wrote what came


class RoundOver(Exception):
    """Another worker finished this round."""


@dataclass(slots=True)
class _Host:
    """Claims of one host, by URL; the numbers that have an answer; the next number."""

    claims: dict[str, int] = field(default_factory=dict)
    answered: set[int] = field(default_factory=set)
    next: int = 0


class Journal:
    """The journal of one round in `folder` of the store. `lasts_s`: of a claim; `over`: a path that exists once the round is over.

    Not for two event loops at once; several processes may write to one folder.
    """

    def __init__(self, store: Store, folder: str, *, clock: Callable[[], float], lasts_s: float, over: str) -> None:
        self._store, self._folder, self._clock, self._lasts_s, self._over = store, folder, clock, lasts_s, over
        self._hosts: dict[str, _Host] = {}
        self._instance = next(_INSTANCES)
        _OPEN.add(self._instance)

    def is_new(self, host: str, url: str) -> bool:
        """Whether it is known, without a look into the store, that nobody asked for the URL as far as this worker has seen."""
        return host in self._hosts and url not in self._hosts[host].claims

    def find(self, host: str, url: str) -> Fetched | State:
        """The last answer for a URL of this host, or what is known without one."""
        one = self._index(host)
        number = one.claims.get(url)
        if number is None:
            return State.NEW
        if number not in one.answered and not self._store.exists(self._path(host, number, "answer")):
            return State.ASKED if self._is_alive(host, number) else State.IN_DOUBT
        one.answered.add(number)
        return self.read(host, url)

    def claim(self, host: str, url: str) -> bool:
        """Whether this worker may ask the host now; if not, another one has asked it since.

        Raises:
            RoundOver: there is nothing left to ask.
        """
        one = self._index(host)
        until = self._clock() + self._lasts_s
        body = json.dumps({"url": url, "owner": [*_process(os.getpid()), self._instance], "until": until})
        is_won = self._store.create(self._path(host, one.next, "asked"), body.encode())
        if self._store.exists(self._over):
            raise RoundOver
        if is_won:
            one.claims[url] = one.next
            one.next += 1
        else:
            del self._hosts[host]
        return is_won

    def write(self, host: str, answer: Fetched) -> None:
        """Keep what came of the last claim for the answer's URL."""
        one = self._hosts[host]
        number = one.claims[answer.url]
        parts = (answer.request, answer.header_block, answer.body)
        head = {name: getattr(answer, name) for name in _FIELDS} | {
            "url": answer.url, "outcome": answer.outcome.value, "fetched_at": answer.fetched_at.isoformat(),
            "reason": answer.reason and answer.reason.value, "lengths": [len(part) for part in parts],
        }  # fmt: skip
        self._store.put(self._path(host, number, "answer"), (json.dumps(head).encode() + b"\n", *parts))
        one.answered.add(number)

    def read(self, host: str, url: str) -> Fetched:
        """The answer for a URL that has one."""
        return _answer(self._store.read(self._path(host, self._index(host).claims[url], "answer")))

    def close(self) -> None:
        """No more is written by this worker: its claims without an answer are in doubt."""
        _OPEN.discard(self._instance)

    def _index(self, host: str) -> _Host:
        if host not in self._hosts:
            one = self._hosts[host] = _Host()
            for path in self._store.list(f"{self._folder}/{_name(host)}"):
                number, _, kind = path.rpartition("/")[2].partition(".")
                if kind == "answer":
                    one.answered.add(int(number))
                elif kind == "asked":
                    one.next = max(one.next, int(number) + 1)
                    url = json.loads(self._store.read(path))["url"]
                    one.claims[url] = max(int(number), one.claims.get(url, 0))
        return self._hosts[host]

    def _is_alive(self, host: str, number: int) -> bool:
        """Whether the worker that made a claim may still write its answer."""
        said = json.loads(self._store.read(self._path(host, number, "asked")))
        machine, process, began, instance = said["owner"]
        if machine == socket.gethostname() and began is not None:
            if [machine, process, began] != _process(process):
                return False
            if process == os.getpid():
                return instance in _OPEN
        return bool(self._clock() < said["until"])

    def _path(self, host: str, number: int, kind: str) -> str:
        return f"{self._folder}/{_name(host)}/{number:06d}.{kind}"


def _answer(data: bytes) -> Fetched:
    """The answer in a file of the journal."""
    end = data.index(b"\n") + 1
    said: dict[str, Any] = json.loads(data[:end])
    _, request, block, body = itertools.accumulate(said["lengths"], initial=end)
    return Fetched(
        url=said["url"], outcome=Outcome(said["outcome"]), fetched_at=datetime.fromisoformat(said["fetched_at"]),
        request=data[end:request], header_block=data[request:block], body=data[block:body],
        reason=said["reason"] and Reason(said["reason"]), **{name: said[name] for name in _FIELDS},
    )  # fmt: skip


def unfinished(store: Store) -> Iterator[tuple[str, str, Fetched | None]]:
    """Path and URL of every claim and answer in the journals that are left; with an answer itself."""
    for path in left(store):
        if path.endswith(".asked"):
            yield path, json.loads(store.read(path))["url"], None
        elif path.endswith(".answer"):
            answer = _answer(store.read(path))
            yield path, answer.url, answer


def _name(host: str) -> str:
    """A folder's name: hosts hold brackets and colons, which not every store takes."""
    return sha256(host.encode())[:8].hex()


def _process(number: int) -> list[Any]:
    """Machine, number and start of a process: a number alone is given out again. The start is null where nobody can tell."""
    try:
        began = Path(f"/proc/{number}/stat").read_text("utf-8").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        began = None
    return [socket.gethostname(), number, began]
