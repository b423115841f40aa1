import asyncio
import time

from pipelines.capture.fetch import Client
from pipelines.capture.journal import Journal
from pipelines.capture.turns import Turns
from pipelines.store import Store
from tests.capture.server import http, serving


def asked(folder, paths, *, delay_s, round_s=60.0, slow=0.0):
    """The log of a server whose one host is asked for all paths at once, and what came of each."""

    def answer(connection):
        time.sleep(slow)
        connection.send(http(b"x"))

    async def at_once(port):
        client = Client(user_agent="x", clock=lambda: 0.0, hosts={"river.example": ("127.0.0.1", port)})
        journal = Journal(Store(root=str(folder)), "hosts", clock=client.clock, lasts_s=60.0, over="over")
        turns = Turns(client, journal, delay_s=delay_s, round_s=round_s)
        return await asyncio.gather(*(turns.ask("river.example", f"http://river.example{path}") for path in paths))

    with serving(dict.fromkeys(paths, answer)) as (port, log):
        return log, asyncio.run(at_once(port))


def test_requests_that_are_made_at_once_are_sent_one_at_a_time_a_delay_apart(tmp_path):
    paths = [f"/{n}" for n in range(5)]
    log, _ = asked(tmp_path, paths, delay_s=0.02, slow=0.02)
    assert log.paths() == paths
    assert {one.open for one in log.asked} == {1}
    assert min(log.gaps("river.example")) >= 0.04  # the delay begins when the answer is there


def test_when_the_round_is_over_nothing_more_is_begun(tmp_path):
    log, came = asked(tmp_path, ["/1", "/2", "/3"], delay_s=0.1, round_s=0.15)
    assert log.paths() == ["/1"]
    assert came[1:] == ["the round ends before river.example may be asked"] * 2
