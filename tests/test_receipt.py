"""Receipts: a room is found again by its key, and of two who make it at once the first counts."""

import pyarrow as pa

from pipelines.receipt import room
from pipelines.store import Store

KEY = bytes(32)


def made(number):
    return lambda: ([("table", pa.table({"number": [number]}))], {"rows": 1})


def test_a_room_that_was_made_is_found(tmp_path):
    store = Store(root=str(tmp_path))
    first = room(store, "web", "split", KEY, made(1))
    again = room(store, "web", "split", KEY, made(2))
    assert (first.reused, again.reused) == (False, True)
    assert again.parts == first.parts


def test_who_comes_second_has_the_receipt_of_the_first(tmp_path):
    store = Store(root=str(tmp_path))
    winners = []

    def slow():
        winners.append(room(store, "web", "crawled", KEY, made(1)))  # another process, meanwhile
        return made(2)()

    assert room(store, "web", "crawled", KEY, slow).parts == winners[0].parts
