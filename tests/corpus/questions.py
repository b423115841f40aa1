"""Questions and answers to fine-tune on: about the pictures' world, small sums, and plain facts. Sixty short texts, no two alike.

Question: ...
Answer: ...
"""

import random

from tests.corpus.scenes import COLOURS, GROUNDS, KINDS, NUMBERS

WORDS = (
    "none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
)  # fmt: skip
OPPOSITES = {
    "above": "below",
    "below": "above",
    "left of": "right of",
    "right of": "left of",
}
FACTS = (
    ("How many days has a leap year?", "It has 366 days."),
    ("Why does ice float?", "It is lighter than water."),
    ("Where does the sun rise?", "It rises in the east."),
    ("What do bees carry?", "They carry pollen."),
    ("What do blue and yellow make?", "They make green."),
    ("How many sides has a triangle?", "It has three sides."),
    ("What does a lock do?", "It lifts boats."),
    ("What is faster, light or sound?", "Light is faster."),
    ("What does a miller do?", "He grinds grain."),
    ("Which animal builds dams?", "The beaver builds dams."),
    ("How many months has a year?", "It has twelve months."),
    ("What does a puddle become?", "It becomes vapour."),
)


def questions() -> list[str]:
    """The sixty texts, in a fixed order."""
    chance = random.Random("questions")
    makers = (_between, _counted, _row, _sum)
    found: dict[str, None] = {}
    for make in (make for _ in range(12) for make in makers):
        wanted = len(found) + 1
        while len(found) < wanted:  # a text that was drawn before is drawn again
            found[make(chance)] = None
    return [*found, *(_text(*fact) for fact in FACTS)]


def _text(question: str, answer: str) -> str:
    return f"Question: {question}\nAnswer: {answer}"


def _between(chance: random.Random) -> str:
    first, second = chance.sample(KINDS, 2)
    place, ground = chance.choice(sorted(OPPOSITES)), chance.choice(sorted(GROUNDS))
    return _text(
        f"On {ground} a {first} is {place} a {second}. Where is the {second}?", f"It is {OPPOSITES[place]} the {first}."
    )


def _counted(chance: random.Random) -> str:
    count, colour = chance.choice(sorted(NUMBERS)), chance.choice(sorted(COLOURS))
    kind, taken = chance.choice(("circle", "square", "star", "ring")), chance.randrange(1, count)
    return _text(
        f"Of {WORDS[count]} {colour} {kind}s {WORDS[taken]} must go. How many can stay?",
        f"{WORDS[count - taken].title()} can stay.",
    )


def _row(chance: random.Random) -> str:
    kinds, colours = chance.sample(KINDS, 2), chance.sample(sorted(COLOURS), 2)
    asked = chance.randrange(2)
    (first, second), colour = [f"{c} {k}" for c, k in zip(colours, kinds, strict=True)], colours[asked]
    return _text(f"I see one {first} and one {second}. Which colour is the {kinds[asked]}?", f"It is {colour}.")


def _sum(chance: random.Random) -> str:
    a, b = chance.randrange(1, 10), chance.randrange(1, 10)
    return _text(f"What is {WORDS[a]} and {WORDS[b]}?", f"It is {WORDS[a + b]}.")
