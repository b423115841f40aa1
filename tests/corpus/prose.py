"""English and German prose from sentence frames and word lists: plain enough to read, varied enough to pass every rule.

The same seed always gives the same text. Frames hold at most three fixed words in a row, so that no text repeats itself.
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


def sentence(chance: random.Random, language: str = "en") -> str:
    """One sentence with a capital and a full stop."""
    words = WORDS[language]
    parts = [part if part == "," else chance.choice(words[part]) for part in chance.choice(ORDERS)]
    text = " ".join(parts).replace(" ,", ",")
    return text[0].upper() + text[1:] + "."


def paragraphs(seed: object, count: int = 4, sentences: int = 5, language: str = "en") -> list[str]:
    """Paragraphs that never hold the same sentence twice."""
    chance = random.Random(f"{language}:{seed}")
    used: set[str] = set()
    found = []
    for _ in range(count):
        lines = []
        while len(lines) < sentences:
            line = sentence(chance, language)
            if line not in used:
                used.add(line)
                lines.append(line)
        found.append(" ".join(lines))
    return found
