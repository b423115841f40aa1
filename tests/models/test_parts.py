import random

import pyarrow as pa

from pipelines.models.parts import components, parts

WORDS = [
    "alder",
    "birch",
    "cedar",
    "elm",
    "fir",
    "gorse",
    "hazel",
    "ivy",
    "juniper",
    "larch",
    "maple",
    "nettle",
    "oak",
    "pine",
    "rowan",
    "sedge",
    "thorn",
    "willow",
    "yew",
    "ash",
]


def texts(n):
    chance = random.Random(0)
    return [" ".join([*chance.sample(WORDS, 3), *(f"{chance.random():.6f}"[2:] for _ in range(4))]) for _ in range(n)]


def test_near_copies_are_one_component_also_in_a_chain():
    a, b, c = "one two three four five six", "one two three four five six seven", "two three four five six seven eight"
    found = components(pa.array([a, "something else altogether", b, c])).tolist()
    assert found == [0, 1, 0, 0]


def test_near_copies_are_in_the_same_part():
    given = texts(60)
    named = parts(pa.array(given + [f"{text} again" for text in given]))
    assert named[:60] == named[60:]
    assert set(named) == {"train", "validation", "test"}


def test_the_part_of_a_text_depends_on_no_order():
    given = texts(40)
    assert dict(zip(given, parts(pa.array(given)), strict=True)) == dict(
        zip(given[::-1], parts(pa.array(given[::-1])), strict=True)
    )
