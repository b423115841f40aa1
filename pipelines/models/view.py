"""What a classifier reads of a text: windows of it, in the canonical view, as lines of tokens."""

from collections.abc import Sequence
from functools import cache
from itertools import product

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.kernels.canonical import canonical, windows
from pipelines.models import frames

# Chosen: about 80 words, so that one sentence still weighs in its window; 16 windows read pages of 8 kB whole.
WINDOW_BYTES, MOST_WINDOWS = 512, 16
# Words that turn a sentence round.
NEGATIONS = (
    "not", "never", "no", "nothing", "nobody", "no one", "none", "neither", "nor", "cannot", "without", "dont", "isnt", "arent", "wouldnt",
    *(f"{verb}n't" for verb in ["are", "is", "do", "does", "did", "ca", "wo", "should", "would", "could", "must", "have", "has", "was", "were", "ai", "need"]),
)  # fmt: skip
# Words of speech about speech, and of what is thought of it.
SAYING = (
    "say", "says", "saying", "said", "write", "writes", "writing", "wrote", "written", "call", "calls", "calling", "called", "claim", "claims", "claimed",
    "claiming", "shout", "shouts", "shouted", "shouting", "yell", "yelled", "tell", "told", "think", "thinks", "believe", "believes", "believing",
    "post", "posts", "posted", "posting", "comment", "comments", "commented", "tweet", "tweets", "tweeted", "statement", "statements", "word", "words", "term", "idea",
    "slogan", "message", "messages", "joke", "jokes", "comparing", "compare", "treating", "treat", "language", "slur", "slurs", "rhetoric", "hearing", "heard", "chant", "chanted",
    "chanting", "letter", "graffiti", "banner", "phrase", "sentence", "insult", "insults", "remark", "remarks", "stereotype", "stereotypes", "speech", "threatening", "hating",
)  # fmt: skip
OBJECTING = (
    "racist", "racists", "racism", "sexist", "sexism", "homophobic", "homophobia", "transphobic", "transphobia", "islamophobic", "islamophobia", "antisemitic", "antisemitism",
    "xenophobic", "bigot", "bigots", "bigoted", "bigotry", "hateful", "prejudice", "discrimination", "discriminatory", "hate speech", "wrong", "unacceptable", "shame", "shameful", "ashamed",
    "offensive", "ignorant", "ignorance", "cruel", "nonsense", "lie", "lies", "disgusting", "vile", "apologise", "apologised", "apologize", "apologized", "apology", "banned", "fined", "convicted",
    "deleted", "removed", "reported", "report", "investigating", "investigated", "arrested", "outrage", "tolerate", "tolerated", "stand up", "stop", "crime", "crimes", "untrue", "false", "not true",
    "not okay", "not ok", "not acceptable", "harmful", "hurtful", "disrespectful", "awful", "horrible", "terrible", "condemn", "condemned", "condemns", "reject", "police", "court", "propaganda",
)  # fmt: skip
SWEARING = (
    "fuck", "fucking", "fucked", "fucker", "fuckin", "shit", "shitty", "damn", "damned", "goddamn", "bloody", "freaking", "crap", "ass", "arse", "bollocks", "bullshit", "hell", "stfu", "wtf",
)  # fmt: skip
_QUOTES = r"[\x{201C}\x{201D}\x{201E}\x{AB}\x{BB}\x{201F}]"
# Two words or more in quotation marks with a word before, or two behind: what somebody else said.
_QUOTED = r'(\w[^"]*)"[^"\s]+\s+[^"]+"'
_QUOTED_FIRST = r'^\W*"[^"\s]+\s+[^"]+"([^"\w]*\w+\W+\w+)'
# Names of classes are two capitals, which no canonical text has, and share no run of three letters with each other: groups, slurs, vermin,
# bad, harm, harmed, insults, swearing; A as they stand, L with no group in the text, N negated, Q objected to.
_HOSTILE = "([VBHD])A"


def lines(texts: pa.Array, *, name: str, known: Sequence[str] = frames.PARTS) -> pa.Array:
    """large_string[n]: each text as fastText reads it: canonical, marks apart from words, on one line.

    For `spam` all digits are alike: a price, a short code, a telephone number. For `hate` groups of people, and slurs, have a name
    in common each, so that what is learnt of one holds for all, and no group's name counts for or against a text.
    `known`: the part of the word lists that is used (to measure on words nobody listed).
    """
    view = canonical(texts)
    if name == "spam":
        view = pc.replace_substring_regex(view, r"[0-9]", "0")
    if name == "hate":
        view = _named(view, tuple(known))
    # A row of dots is no hundred words.
    view = pc.replace_substring_regex(pc.replace_substring_regex(view, r"\.{2,}", "…"), r"!{2,}", "‼")
    return pc.replace_substring_regex(view, r"([^\pL\pM\pN\s])", r" \1 ")


def _named(view: pa.Array, known: tuple[str, ...]) -> pa.Array:
    """Canonical texts with names of classes of words for words."""
    view = pc.replace_substring_regex(view, _QUOTES, '"')
    view = pc.replace_substring_regex(view, _QUOTED_FIRST, r" QU \1")
    view = pc.replace_substring_regex(view, _QUOTED, r"\1 QU ")
    for name, pattern in _classes(known):
        view = pc.replace_substring_regex(view, pattern, f" {name} ")
    view = pc.replace_substring_regex(view, rf"NO((?: +\w+){{0,5}} +){_HOSTILE}", r"NO\1\2N")
    is_about = pc.match_substring_regex(view, "GA|SA")
    is_objected = pc.and_(pc.match_substring_regex(view, "SY|QU"), pc.match_substring_regex(view, "WR"))
    is_negated = pc.and_(pc.match_substring_regex(view, "[VBHD]N"), pc.invert(pc.match_substring_regex(view, _HOSTILE)))
    for mask, names, to in (
        (pc.invert(is_about), _HOSTILE, "L"), (is_negated, "(G)A", "N"), (is_objected, "([GSIWVBHD])A", "Q"),
    ):  # fmt: skip
        view = pc.replace_with_mask(view, mask, pc.replace_substring_regex(view.filter(mask), names, rf"\1{to}"))
    return view


@cache
def _classes(known: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """(name, pattern) of each class of words that the hate model sees as one."""
    words = {key: frames.part_of(values, known) for key, values in frames.table("hate")["words"].items()}
    people = (*words["people"], "person", "man", "woman", "guy", "kid", "friend", "folk", "family")
    pairs = [f"{adjective} {noun}" for adjective, noun in product(words["adjective"], people)]
    return (
        ("SA", _any_of([*words["slur"], *words["slurs"]])),
        ("GA", _any_of([*words["groups"], *words["person"], *pairs])),
        ("VA", _any_of(words["vermin"])),
        ("HA", _any_of(words["harm"])),
        ("DA", _any_of(words["harmed"])),
        ("SY", _any_of(SAYING)),
        ("WR", _any_of(OBJECTING)),
        ("NO", _any_of(NEGATIONS)),
        ("BA", _any_of(words["bad"])),
        ("IA", _any_of(words["insult"])),
        ("WA", _any_of(SWEARING)),
        ("OK", _any_of(words["good"])),
        ("BR", _any_of(words["barred"])),
    )


def _any_of(phrases: Sequence[str]) -> str:
    found = sorted({phrase.lower() for phrase in phrases}, key=lambda phrase: (-len(phrase), phrase))
    return rf"\b(?:{'|'.join(found)})\b"


def window_lines(texts: pa.Array, *, name: str) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """The lines of the windows of all texts, and int64[lines], the row each is of; a null or empty text has none."""
    parts, rows = windows(texts, size=WINDOW_BYTES, most=MOST_WINDOWS)
    return lines(parts, name=name), rows
