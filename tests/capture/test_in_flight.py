import asyncio
from contextlib import ExitStack

from pipelines.capture.connection import Connections
from pipelines.capture.fetch import Client, fetch
from pipelines.capture.in_flight import InFlight
from pipelines.capture.wire import LARGE_BYTES
from tests.capture.server import http, serving


def test_who_comes_first_is_served_first_and_no_more_is_held_than_there_is():
    async def sizes():
        room, served, most = InFlight(10), [], 0

        async def one(size):
            nonlocal most
            with room.share() as share:
                await share.take(size)
                served.append(size)
                holding.append(size)
                most = max(most, sum(holding))
                await asyncio.sleep(0)
                holding.remove(size)

        holding = []
        await asyncio.gather(*(one(size) for size in (6, 4, 9, 1, 10)))
        return served, most

    assert asyncio.run(sizes()) == ([6, 4, 9, 1, 10], 10)


def test_one_that_no_longer_waits_takes_nothing():
    async def left():
        room = InFlight(10)
        with ExitStack() as stack:
            await stack.enter_context(room.share()).take(8)
            task = asyncio.create_task(room.share().__enter__().take(5))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        with room.share() as share:
            await asyncio.wait_for(share.take(10), 1)
            return share.taken

    assert asyncio.run(left()) == 10


def test_large_answers_wait_for_room_and_small_ones_do_not():
    body = bytes(LARGE_BYTES + 1)
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    answers = {"/small": http(bytes(LARGE_BYTES)), "/long": http(body), "/chunked": chunked}
    asked = []

    async def room(size):
        asked.append(size)
        await asyncio.sleep(0.3)

    async def all_of(port):
        client = Client(
            user_agent="x", clock=lambda: 0.0, hosts={"river.example": ("127.0.0.1", port)}, deadline_s=0.25, max_bytes=1 << 20
        )  # fmt: skip
        kept = Connections()
        found = [await fetch(f"http://river.example{path}", client, kept=kept, room=room) for path in answers]
        kept.close()
        return [(one.truncated, len(one.body)) for one in found]

    with serving(answers, is_keeping=True) as (port, _):
        found = asyncio.run(all_of(port))
    assert found == [(None, LARGE_BYTES), (None, LARGE_BYTES + 1), (None, LARGE_BYTES + 1)]
    assert asked == [LARGE_BYTES + 1, 1 << 20]
