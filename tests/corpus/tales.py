"""Tales: chapters of plain English about one trade each, dealt from small decks of phrases so that none comes twice.

The same seed always gives the same chapters. Phrases are short, so that two sentences seldom share a run of five words.
"""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DECKS = {
    "time": (
        "at first light", "before the bells", "towards evening", "after supper", "on the third day", "by lantern light", "that same hour",
        "when the rain stopped", "all through April", "in the dog days", "on market day", "at low water", "long past midnight",
        "one Sunday", "in the first frost", "while others slept", "as autumn came", "the next morning", "for seven nights", "at noon",
        "within the week", "once more", "between two storms", "on the shortest day", "after the thaw",
    ),
    "did": (
        "mended", "carried", "counted", "hid", "sketched", "traded", "polished", "measured", "unlocked", "remembered", "buried", "painted",
        "sold", "weighed", "copied", "guarded", "cleaned", "lost", "found", "borrowed", "sharpened", "folded", "lifted", "tested",
        "named", "dragged", "emptied", "inspected", "wrapped", "admired",
    ),
    "thing": (
        "a brass key", "the ledger", "an oak chest", "two lanterns", "the green boat", "a coil of rope", "the tide table", "a cracked bell",
        "some letters", "the red flag", "a sack of barley", "the spare wheel", "an iron hook", "nine candles", "the old map", "a tin whistle",
        "the best hammer", "a blue jar", "the winter stores", "a broken oar", "the church clock", "a pair of boots", "the long ladder",
        "an almanac", "the copper kettle", "a bundle of reeds", "the heavy anchor", "a silver coin", "the stable door", "a wooden horse",
    ),
    "place": (
        "behind the weir", "under the bridge", "in the loft", "by the kiln", "along the dyke", "near the chapel", "at the ford",
        "below the hill", "in the yard", "beside the ferry", "across the marsh", "on the landing", "down in the cellar", "past the toll house",
        "among the alders", "at the crossroads", "over the threshold", "outside the inn", "upstream", "in the boathouse",
    ),
    "weather": (
        "The wind had turned", "Fog lay everywhere", "It was bitterly cold", "Rain fell in sheets", "The sky was clear", "A gale was rising",
        "The river ran brown", "Snow covered the lane", "The air smelt of smoke", "Swallows flew low", "Not a leaf moved", "The moon was full",
        "Ice creaked on the pond", "Thunder came closer", "The heat would not break", "The stars were out",
    ),
    "feeling": (
        "uneasy", "proud", "out of breath", "almost cheerful", "tired", "curious", "ashamed", "quite sure", "hungry", "relieved", "stubborn",
        "hopeful", "alone", "grateful", "cross", "content", "puzzled", "wide awake", "patient", "homesick",
    ),
    "saying": (
        "Nobody crosses tonight", "You count too slowly", "The water decides", "Ask the miller instead", "I have seen worse winters",
        "Keep the lamp burning", "That rope will hold", "We owe them nothing", "There is bread enough", "Tell me the truth",
        "My father built this", "It cannot last", "Leave the door open", "They will come back", "Every debt has its day",
        "You may keep it", "The bell is cracked", "Listen to the river", "I never learned to swim", "We start at dawn",
        "Wait for the signal", "That was no accident", "Someone moved the stones", "Write it down", "A promise is a promise",
        "The boat is yours", "Do not look back", "This is the last barrel", "Someone has to go", "I should have known",
        "Our luck has turned", "Take the longer road", "The key was here", "It belongs to all of us", "Nothing is lost yet",
    ),
    "reply": (
        "nobody answered", "the others laughed", "the dog barked", "a door slammed", "the fire hissed", "no one stirred", "the clock struck two",
        "somebody sighed", "the kettle boiled over", "the shutters rattled", "a child began to cry", "the candle went out", "boots scraped",
        "the room fell silent", "heads turned", "the ferry horn blew", "an owl called", "glasses clinked",
    ),
    "why": (
        "to settle the matter", "out of habit", "for the sake of peace", "because winter was near", "without a word", "as agreed",
        "to please the council", "for a small fee", "in case of floods", "against good advice", "with great care", "to win a wager",
        "since no one else would", "with both hands", "for old times' sake", "just to be certain", "and said so", "by mistake",
    ),
    "thought": (
        "whether spring would come", "what the stranger wanted", "how deep it was", "who had lit the fire", "why the geese had left",
        "where the path ended", "how much was left", "what his mother would say", "which of them lied", "when the post would arrive",
        "whose footprints these were", "if the beam would bear it", "how the song went on", "what lay upstream",
    ),
}  # fmt: skip
FRAMES = (
    "{weather}. {who} {did} {thing} {place}.",
    "{Time}, {who} {did} {thing} {why}.",
    "“{saying},” said {who}, and {reply}.",
    "{who} felt {feeling} and {did} {thing}.",
    "{who} wondered {thought}.",
    "{Place}, {who} {did} {thing}, {feeling} as ever.",
    "“{saying},” {who} answered. “{saying}.”",
    "{Thing} lay {place}; {reply}.",
    "{Time} {who} {did} {thing} and {did} {thing}.",
    "Nobody asked {thought}, so {who} {did} {thing} {time}.",
    "{weather}, yet {who} was {feeling}.",
    "{who} looked for {thing} {place}, found {thing} instead, and was {feeling}.",
    "Had {who} known {thought}, {thing} would have stayed {place}.",
    "{Why}, {who} {did} {thing}; {who} only {did} {thing}.",
    "“{saying},” {who} whispered {time}.",
    "So they {did} {thing} {place} {why}, and {reply}.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tale:
    """A book before it is printed. `chapters`: (heading, paragraphs)."""

    title: str
    author: str
    year: int
    chapters: tuple[tuple[str, tuple[str, ...]], ...]


class _Deck:
    """Phrases by slot, each dealt once before any comes again."""

    def __init__(self, chance: random.Random, decks: Mapping[str, Sequence[str]]) -> None:
        self._chance, self._decks = chance, decks
        self._left: dict[str, list[str]] = {}

    def deal(self, slot: str) -> str:
        if not self._left.get(slot):
            self._left[slot] = self._chance.sample(self._decks[slot], len(self._decks[slot]))
        return self._left[slot].pop()


def tale(title: str, author: str, year: int, people: tuple[str, ...], headings: tuple[str, ...]) -> Tale:
    """The book of this title. `people`: who act in it, by name."""
    chance = random.Random(f"tale:{title}")
    deck = _Deck(chance, DECKS | {"who": people})
    chapters = tuple((heading, _chapter(chance, deck)) for heading in headings)
    return Tale(title=title, author=author, year=year, chapters=chapters)


def _chapter(chance: random.Random, deck: _Deck) -> tuple[str, ...]:
    """Ten paragraphs of five or six sentences: about 4 kB."""
    found, frames = [], list[str]()
    for n in range(10):
        sentences = []
        for _ in range(5 + n % 2):
            frames = frames or chance.sample(FRAMES, len(FRAMES))
            sentences.append(_filled(frames.pop(), deck))
        found.append(" ".join(sentences))
    return tuple(found)


def _filled(frame: str, deck: _Deck) -> str:
    """The frame with a phrase in each slot; a slot in capitals begins a sentence."""

    def phrase(slot: re.Match[str]) -> str:
        text = deck.deal(slot[1].lower())
        return text[0].upper() + text[1:] if slot[1][0].isupper() else text

    return re.sub(r"{(\w+)}", phrase, frame)
