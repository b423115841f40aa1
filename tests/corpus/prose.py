"""English and German prose from sentence frames and word lists: plain enough to read, varied enough to pass every rule.

The same seed always gives the same text.
"""

import random

WORDS = {
    "en": {
        "who": [
            "the miller",
            "a ferryman",
            "the old surveyor",
            "our neighbour",
            "the bridge keeper",
            "a young botanist",
            "the parish clerk",
            "two fishermen",
            "the lock keeper",
            "a travelling painter",
            "the schoolteacher",
            "a retired engineer",
            "the beekeeper",
            "a quiet cartographer",
            "the village doctor",
            "an apprentice carpenter",
        ],
        "did": [
            "measured",
            "described",
            "repaired",
            "remembered",
            "painted",
            "crossed",
            "mapped",
            "followed",
            "restored",
            "watched",
            "recorded",
            "explored",
            "cleaned",
            "sketched",
            "praised",
            "surveyed",
        ],
        "what": [
            "the upper weir",
            "a narrow footbridge",
            "the flooded meadow",
            "an overgrown towpath",
            "the stone culvert",
            "a rusted sluice gate",
            "the northern spring",
            "an abandoned tannery",
            "the mill race",
            "a bend of the river",
            "the reed beds",
            "a forgotten milestone",
            "the winter moorings",
            "a row of willows",
            "the gravel bank",
            "the salmon ladder",
        ],
        "when": [
            "before sunrise",
            "after the long rain",
            "during the dry summer",
            "late in the autumn",
            "on a foggy morning",
            "when the snow had melted",
            "in the second week of May",
            "while the market was open",
            "shortly after noon",
            "towards the end of the century",
            "between two storms",
            "on the shortest day",
        ],
        "why": [
            "because the water had risen",
            "since nobody else would",
            "so that the boats could pass",
            "to please the council",
            "for the sake of the fish",
            "although the work was slow",
            "in order to settle an argument",
            "with little more than a rope",
            "as the older records suggest",
            "despite the warnings of the guild",
            "and wrote a careful report",
            "without asking for payment",
        ],
    },
    "de": {
        "who": [
            "der Müller",
            "eine Fährfrau",
            "der alte Landvermesser",
            "unsere Nachbarin",
            "der Brückenwärter",
            "eine junge Botanikerin",
            "der Gemeindeschreiber",
            "zwei Fischer",
            "die Schleusenwärterin",
            "ein reisender Maler",
            "die Lehrerin",
            "der Imker",
        ],
        "did": [
            "vermaß",
            "beschrieb",
            "erneuerte",
            "malte",
            "überquerte",
            "kartierte",
            "beobachtete",
            "reinigte",
            "zeichnete",
            "lobte",
        ],
        "what": [
            "das obere Wehr",
            "einen schmalen Steg",
            "die überflutete Wiese",
            "den zugewachsenen Treidelpfad",
            "den steinernen Durchlass",
            "ein rostiges Schütz",
            "die nördliche Quelle",
            "eine verlassene Gerberei",
            "den Mühlgraben",
            "eine Biegung des Flusses",
        ],
        "when": [
            "vor Sonnenaufgang",
            "nach dem langen Regen",
            "im trockenen Sommer",
            "spät im Herbst",
            "an einem nebligen Morgen",
            "als der Schnee geschmolzen war",
            "in der zweiten Maiwoche",
            "kurz nach Mittag",
        ],
        "why": [
            "weil das Wasser gestiegen war",
            "da es sonst niemand tat",
            "damit die Boote vorbeikamen",
            "dem Rat zuliebe",
            "trotz der Warnungen der Zunft",
            "obwohl die Arbeit langsam ging",
            "und schrieb einen sorgfältigen Bericht",
        ],
    },
}
ORDERS = (
    ("who", "did", "what", "when"),
    ("when", ",", "who", "did", "what", "why"),
    ("who", "did", "what", "why"),
    ("who", "did", "what", "when", "why"),
)


class Deck:
    """Words of a language, each dealt once before any comes again, so that a text does not repeat itself."""

    def __init__(self, chance: random.Random, language: str) -> None:
        self._chance, self._words = chance, WORDS[language]
        self._left: dict[str, list[str]] = {}

    def deal(self, slot: str) -> str:
        """The next word of a slot."""
        if not self._left.get(slot):
            self._left[slot] = self._chance.sample(self._words[slot], len(self._words[slot]))
        return self._left[slot].pop()


def paragraphs(seed: object, count: int = 4, sentences: int = 4, language: str = "en") -> list[str]:
    """Paragraphs of plain sentences, each with a capital and a full stop."""
    chance = random.Random(f"{language}:{seed}")
    deck = Deck(chance, language)
    found = []
    for number in range(count * sentences):
        words = [part if part == "," else deck.deal(part) for part in ORDERS[number % len(ORDERS)]]
        text = " ".join(words).replace(" ,", ",")
        found.append(text[0].upper() + text[1:] + ".")
    return [" ".join(found[i : i + sentences]) for i in range(0, len(found), sentences)]
