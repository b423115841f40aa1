"""What texts share with the entries of sets: decontamination against evaluation sets, and overlap with protected works.

A hit is a run of at least `ngram` words, or the whole of a shorter problem, whose distinct words, numbers left out, have letters enough to
say something (SHORTEST_LETTERS, SOLUTION_LETTERS): so tables and the bones of programs are none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from pipelines.dedup.sets import Entry
from pipelines.kernels.overlap import OPENS_WORD, Index, Runs, Stream, index, runs, stream

NGRAM = 13  # Source: Brown et al. 2020 (GPT-3), appendix C
NUMERALS = frozenset(
    b"zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen "
    b"twenty".split()
)  # "1 one 2 two" is a table too
SHORTEST_LETTERS = 16  # Chosen: "Who wrote Hamlet?" has 14, and stands in texts that never saw a test
# Chosen: two a word of prose; the bones of a loop (`for i in range(n): for j in range(n)`), which stand in any program, have fewer.
SOLUTION_LETTERS = 26
# Source: Brown et al. 2020, appendix C: n-grams in more than ten documents are forms, not problems. Here: entries of one set.
MOST_ENTRIES = 10
BATCH_CHARACTERS = 8 << 20  # of texts looked at together; Chosen: 80 MB of memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A run that a text shares with an entry. `length`: its words. `place`: characters of the text, from and up to."""

    set: str
    item: str | int
    words: str
    length: int
    place: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sets:
    """Entries, ready to be looked for. texts: of all entries; of: the number of the entry that each belongs to; is_ask: see `sets.ASKS`.

    ngram: the least run of words. silent: entries too short to be looked for.
    """

    entries: tuple[Entry, ...]
    texts: tuple[str, ...]
    known: Index
    of: np.ndarray
    is_ask: np.ndarray
    ngram: int
    silent: tuple[Entry, ...]


def known_sets(entries: Sequence[Entry], ngram: int = NGRAM) -> Sets:
    """The entries with their index, in linear time (0.1 s a MB)."""
    texts: list[str] = []
    of, is_ask = [], []
    for number, entry in enumerate(entries):
        for asks, group in ((True, entry.asks), (False, entry.answers)):
            for text in dict.fromkeys(group):
                texts.append(text.encode("utf-8", "replace").decode())
                of.append(number)
                is_ask.append(asks)
    made = stream(pa.array(texts, pa.large_string()))
    loud = {
        number
        for row, number in enumerate(of)
        if is_ask[row] and _letters(made, *made.ends[row : row + 2]) >= SHORTEST_LETTERS
    }
    return Sets(
        entries=tuple(entries), texts=tuple(texts), known=index(made), of=np.array(of, np.int64), is_ask=np.array(is_ask, bool), ngram=ngram,
        silent=tuple(entry for number, entry in enumerate(entries) if number not in loud),
    )  # fmt: skip


def _letters(made: Stream, start: int, end: int) -> int:
    """The letters (UTF-8 bytes) of the distinct words of a part of a stream that are no numbers."""
    cuts = np.flatnonzero(made.opens[start + 1 : end] & OPENS_WORD) + 1
    data = made.data[start:end].tobytes()
    edges = [0, *cuts.tolist(), len(data)]
    words = {data[a:b] for a, b in pairwise(edges)}
    return sum(len(word) for word in words if not word.isdigit() and word not in NUMERALS)


def overlaps(sets: Sets, texts: Sequence[str]) -> Iterator[list[Hit]]:
    """The hits of each text, in order; those of a text by place.

    A run within a longer one of the same set is left out, and so is a run that more than `MOST_ENTRIES` entries of a set share alike.
    """
    for batch in _batches(texts):
        yield from batch_overlaps(sets, pa.array(batch, pa.large_string()))


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for text in texts:
        batch.append(text if text.isascii() else text.encode("utf-8", "replace").decode())
        size += len(text)
        if size >= BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def batch_overlaps(sets: Sets, texts: pa.Array) -> list[list[Hit]]:
    """As `overlaps`, of one batch."""
    made = stream(texts)
    found = runs(sets.known, made, sets.ngram)
    by_text: dict[int, list[int]] = {}
    seen: dict[tuple[int, int], int] = {}
    for row in range(len(found.text)):
        if _says_something(sets, found, row, seen):
            by_text.setdefault(int(found.text[row]), []).append(row)
    return [_hits(sets, made, texts, found, by_text.get(n, [])) for n in range(len(texts))]


def _says_something(sets: Sets, found: Runs, row: int, seen: dict[tuple[int, int], int]) -> bool:
    words, at = int(found.words[row]), int(found.at[row])
    if words < sets.ngram and not sets.is_ask[found.entry[row]]:
        return False
    key = (at, at + int(found.end[row] - found.start[row]))
    if key not in seen:
        seen[key] = _letters(sets.known.entries, *key)
    return seen[key] >= (SHORTEST_LETTERS if sets.is_ask[found.entry[row]] else SOLUTION_LETTERS)


def _hits(sets: Sets, made: Stream, texts: pa.Array, found: Runs, rows: list[int]) -> list[Hit]:
    """The hits of one text, by place; `rows` are its runs."""
    if not rows:
        return []
    of = {row: int(sets.of[found.entry[row]]) for row in rows}
    places: dict[tuple[str, int, int], list[int]] = {}
    for row in rows:
        places.setdefault((sets.entries[of[row]].set, int(found.start[row]), int(found.end[row])), []).append(row)
    reach: dict[str, int] = {}
    hits = []
    # By start, the longest first: a run lies within another where it ends no later than one before it did.
    for (name, start, end), alike in sorted(places.items(), key=lambda one: (one[0][1], -one[0][2], one[0][0])):
        if end <= reach.get(name, -1):
            continue
        reach[name] = end
        first, last = int(made.source[start]), int(made.source[end - 1]) + 1
        words = " ".join(texts[int(found.text[rows[0]])].as_py()[first:last].split())
        by_entry = {of[row]: row for row in _closest(sets, found, alike, words)}
        if len(by_entry) > MOST_ENTRIES:
            continue
        for number, row in sorted(by_entry.items()):
            item = sets.entries[number].item
            hits.append(Hit(set=name, item=item, words=words, length=int(found.words[row]), place=(first, last)))
    return hits


def _closest(sets: Sets, found: Runs, alike: list[int], words: str) -> list[int]:
    """Of runs at the same place those whose entry has the same marks too, if any: `(` and `<` are all that some problems differ in."""
    if len(alike) == 1:
        return alike
    same = [row for row in alike if _bare(_entry_text(sets, found, row)) == _bare(words)]
    return same or alike


def _bare(text: str) -> str:
    return "".join(text.split()).lower()


def _entry_text(sets: Sets, found: Runs, row: int) -> str:
    entries, at = sets.known.entries, int(found.at[row])
    end = at + int(found.end[row] - found.start[row])
    return sets.texts[int(found.entry[row])][entries.source[at] : entries.source[end - 1] + 1]
