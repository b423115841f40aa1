"""Questions and answers to fine-tune on: about the pictures' world, small sums, and plain facts. Sixty texts, no two alike.

Question: ...
Answer: ...
"""

import random

from tests.corpus.scenes import COLOURS, GROUNDS, KINDS, NUMBERS

OPPOSITES = {
    "above": "below",
    "below": "above",
    "to the left of": "to the right of",
    "to the right of": "to the left of",
}
# (what is asked, the short answer, why)
FACTS = (
    ("How many days has a leap year, and which month is longer in it", "A leap year has 366 days",
     "February then has 29 days instead of 28, so that the calendar keeps up with the sun"),
    ("Why does ice float on a pond in winter instead of sinking to the ground", "Ice floats because it is lighter than water",
     "Water grows as it freezes, and so the same weight takes up more room than before"),
    ("In which part of the sky does the sun rise, and where does it go down", "The sun rises in the east and sets in the west",
     "It only seems to move: the earth turns towards the east, once in every day"),
    ("What do bees carry from flower to flower while they look for food", "Bees carry pollen",
     "It clings to their hair, falls off at the next flower, and there lets the seeds begin to grow"),
    ("Which colour do you get if you mix blue paint with yellow paint", "Blue and yellow make green",
     "Each of the two paints swallows a part of the light, and what both of them leave over looks green to us"),
    ("How many sides has a triangle, and how many corners", "A triangle has three sides and three corners",
     "Where two sides meet there is one corner, so both numbers must always be the same"),
    ("What is a lock on a river for, and who uses it", "A lock lifts boats up or lets them down",
     "Water is let into a chamber with gates until the boat lies as high as the river beyond, and then the gates are opened"),
    ("Why do we see lightning before we hear the thunder", "Light is much faster than sound",
     "Both begin at the same moment, but sound needs about three seconds for every kilometre and light next to nothing"),
    ("What does a miller do with the grain that farmers bring to the mill", "A miller grinds grain into flour",
     "Two heavy stones turn against each other, and wind, water or an engine keeps them moving"),
    ("Which animal builds dams of branches across small rivers", "The beaver builds dams",
     "Behind a dam the water is deep, so that the door of its house lies below the surface and no fox comes in"),
    ("How long does the moon need from one full moon to the next", "The moon needs about twenty-nine and a half days",
     "Our months were once made after it, which is why most of them are nearly as long"),
    ("What happens to the water in a puddle on a warm day", "The water turns into vapour",
     "It rises into the air without being seen, and comes back as dew, fog or rain when the air grows cold"),
)  # fmt: skip


def questions() -> list[str]:
    """The sixty texts, in a fixed order."""
    chance = random.Random("questions")
    makers = (_between, _counted, _row, _sum)
    return [make(chance) for _ in range(12) for make in makers] + [_fact(chance, *fact) for fact in FACTS]


def _text(question: str, answer: str) -> str:
    return f"Question: {question}\nAnswer: {answer}"


def _between(chance: random.Random) -> str:
    kinds, colours = chance.sample(KINDS, 2), chance.sample(sorted(COLOURS), 2)
    first, second = (f"{colour} {kind}" for colour, kind in zip(colours, kinds, strict=True))
    place, ground = chance.choice(sorted(OPPOSITES)), chance.choice(sorted(GROUNDS))
    return _text(
        f"Look at this picture: on {ground} there are two shapes. The {first} lies {place} the {second}, and there is nothing "
        f"else to see. Seen from the {first}, where is the {kinds[1]}, and which colour has it?",
        f"The {kinds[1]} is {OPPOSITES[place]} the {kinds[0]}. It is {colours[1]}. If one shape lies {place} another, then the other "
        f"must lie {OPPOSITES[place]} the first.",
    )


def _counted(chance: random.Random) -> str:
    count, colour, kind = (
        chance.choice(sorted(NUMBERS)),
        chance.choice(sorted(COLOURS)),
        chance.choice(("circle", "square", "star", "ring")),
    )
    taken, ground = chance.randrange(1, count), chance.choice(sorted(GROUNDS))
    left, more = count - taken, chance.choice(("a child", "the wind", "a painter", "the rain"))
    are = f"{left} {kind}s are" if left > 1 else f"only one {kind} is"
    return _text(
        f"{NUMBERS[count]} {colour} {kind}s lie in a row on {ground}. Then {more} takes away {taken} of them, and the others stay just "
        f"as they were. How many {colour} {kind}s can you still count on the {ground}?",
        f"Now {are} left. There were {count} at first, and {taken} went away: {count} less {taken} is {left}. Their colour has not "
        f"changed, so what you see on the {ground} is still {colour}.",
    )


def _row(chance: random.Random) -> str:
    kinds, colours = chance.sample(KINDS, 3), chance.sample(sorted(COLOURS), 3)
    first, middle, last = (f"{colour} {kind}" for colour, kind in zip(colours, kinds, strict=True))
    asked = chance.randrange(3)
    where = ("farthest to the left", "in the middle", "farthest to the right")[asked]
    return _text(
        f"From left to right a drawing shows a {first}, a {middle} and a {last}. All three are of the same size. Which shape stands "
        f"{where}, and what are the colours of the two others?",
        f"The {kinds[asked]} stands {where}; it is {colours[asked]}. The two others are "
        f"{' and '.join(colour for n, colour in enumerate(colours) if n != asked)}. Reading goes from the left, so the {kinds[0]} comes "
        f"first and the {kinds[2]} comes last.",
    )


def _sum(chance: random.Random) -> str:
    seats, trips, empty = chance.randrange(4, 13), chance.randrange(2, 6), chance.randrange(1, 4)
    what, whom = chance.choice(
        (("ferry", "passengers"), ("cart", "sacks"), ("boat", "barrels"), ("basket", "loaves"), ("shelf", "jars"))
    )
    day = chance.choice(("Monday", "Tuesday", "Thursday", "Friday", "Saturday"))
    total = seats * trips - empty
    return _text(
        f"On {day} a {what} with room for {seats} {whom} was filled {trips} times. The last time {empty} of its places stayed empty. How "
        f"many {whom} were there on the whole day?",
        f"There were {total} {whom}. With every place taken it would be {trips} times {seats}, which makes {seats * trips}. The last time "
        f"{empty} fewer came, and {seats * trips} less {empty} is {total}.",
    )


def _fact(chance: random.Random, asked: str, answer: str, why: str) -> str:
    asker = chance.choice(("A child", "My neighbour", "A traveller", "The baker", "Her brother", "A sailor"))
    when = chance.choice(
        ("on the way to school", "over breakfast", "by the river", "last winter", "while it rained", "at the fair")
    )
    return _text(
        f"{asker} once asked me this {when}, and I did not know what to say. {asked}? Please give the answer first, and then the reason, "
        "in words that everybody understands.",
        f"{answer}. {why}. You can see it for yourself if you take the time to look.",
    )
