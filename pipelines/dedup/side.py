"""Two similar texts side by side: only where they differ, with the words around it."""

import re
from difflib import SequenceMatcher

WORDS_COMPARED = 2_000  # Chosen: difflib takes half a second for the worst two texts of so many words
WORDS_AROUND = 4
WORDS_SHOWN = 40
GAP = " … "

_PIECE = re.compile(r"\s*\S+")


def differences(a: str, b: str, most: int = 5) -> list[tuple[str, str]]:
    """The first `most` places where two texts differ, as they stand in each, with four words before and after; near ones are one.

    White space alone is no difference. Only the first 2,000 words of each are looked at.
    `("one two three", "one 2 three")` -> `[("one two three", "one 2 three")]`; equal texts give none.
    """
    left, right = (_PIECE.findall(text, 0)[:WORDS_COMPARED] for text in (a, b))
    matcher = SequenceMatcher(None, [word.strip() for word in left], [word.strip() for word in right], autojunk=False)
    places = [(group[0], group[-1]) for group in matcher.get_grouped_opcodes(WORDS_AROUND)]
    return [(_shown(left[first[1] : last[2]]), _shown(right[first[3] : last[4]])) for first, last in places[:most]]


def _shown(words: list[str]) -> str:
    """The words with one space between them; of a long run the two ends."""
    text = [word.strip() for word in words]
    if len(text) > WORDS_SHOWN:
        return " ".join(text[: WORDS_SHOWN // 2]) + GAP + " ".join(text[-WORDS_SHOWN // 2 :])
    return " ".join(text)
