"""Similar texts of a user's own file, and spans that stand in several, without recipe, site or ledger: all of them, exactly."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from pipelines.dedup.json_lines import json_lines, json_object
from pipelines.kernels import runs
from pipelines.kernels.grams import Shingle, grams
from pipelines.kernels.join import similar_sets
from pipelines.kernels.minhash import Flat
from schemas.errors import InputError

Id: TypeAlias = str | int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """The texts of a file in order, and the id of each."""

    ids: tuple[Id, ...]
    texts: tuple[str, ...]


def read_lines(path: Path) -> Lines:
    """The lines `{"id": ..., "text": ...}` of a file; blank ones are passed over, other keys are ignored.

    Raises:
        InputError: the file cannot be read; or lines are not such objects, have no text, or have an id that an earlier one has. The
            first five are named, with what is wrong.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    first: dict[Id, int] = {}

    def read(number: int, line: bytes) -> str:
        name, text = _id_and_text(line)
        if name in first:
            raise ValueError(f"has the id {name!r} of line {first[name]}")
        first[name] = number
        return text

    cure = 'Every line must be a JSON object with an id of its own and a text: {"id": "a1", "text": "..."}'
    texts = tuple(json_lines(data, read, where=str(path), cure=cure))
    return Lines(ids=tuple(first), texts=texts)


def _id_and_text(line: bytes) -> tuple[Id, str]:
    row = json_object(line)
    for key in ("id", "text"):
        if key not in row:
            raise ValueError(f"has no {key}")
    name, text = row["id"], row["text"]
    if not isinstance(name, str | int) or isinstance(name, bool):
        raise ValueError("has an id that is neither a string nor a whole number")
    if not isinstance(text, str):
        raise ValueError("has a text that is no string")
    if isinstance(name, str) and not name.isascii():
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise ValueError("has an id that is no Unicode text") from error
    return name, text


def similar(texts: Sequence[str], shingle: Shingle, at_least: float) -> Iterator[tuple[int, int, float]]:
    """(a, b, Jaccard similarity of their distinct shingles) of every pair of texts at or above a similarity, a < b, ascending by a.

    Raises:
        InputError: the similarity is not above 0 and at most 1.
    """
    if not 0.0 < at_least <= 1.0:
        raise InputError(
            f"a similarity of at least {at_least:g} is none: give a number above 0 and at most 1, such as 0.8"
        )
    return _pairs(grams(texts, shingle), at_least)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """A run of words that stands in text `b`, and stood before in text `a` (numbers; the same one where it stands twice in it).

    a_place, b_place: characters, from and up to.
    """

    a: int
    a_place: tuple[int, int]
    b: int
    b_place: tuple[int, int]
    words: int


def repeated(texts: Sequence[str], span_words: int) -> Iterator[Repeat]:
    """The runs of at least so many words that stand further up, each with the first place that has its first words; by text and place.

    Letters and digits are compared, in lower case and without accents.

    Raises:
        InputError: a run of fewer than one word is asked for.
    """
    if span_words < 1:
        raise InputError(f"a span of at least {span_words} words is none: give a number from 1 on, such as 50")
    return _repeated(texts, span_words)


def _repeated(texts: Sequence[str], span_words: int) -> Iterator[Repeat]:
    words = runs.cut(pa.array([text.encode("utf-8", "replace").decode() for text in texts], pa.large_string()))
    there, first, counts = runs.repeats(words, span_words)
    of = [np.searchsorted(words.ends, column, side="right") - 1 for column in (first, there)]
    places = [(words.start[column], words.end[column + counts - 1]) for column in (first, there)]
    columns = (of[0], *places[0], of[1], *places[1], counts)
    for a, a_start, a_end, b, b_start, b_end, count in zip(*(column.tolist() for column in columns), strict=True):
        yield Repeat(a=a, a_place=(a_start, a_end), b=b, b_place=(b_start, b_end), words=count)


def _pairs(sets: Flat[np.uint64], at_least: float) -> Iterator[tuple[int, int, float]]:
    """As `similar`. Equal sets are compared once with the others: a thousand copies are one set, and their pairs are made as they are told."""
    copies: dict[bytes, list[int]] = {}
    for row, (start, end) in enumerate(zip(sets.offsets[:-1], sets.offsets[1:], strict=True)):
        copies.setdefault(sets.values[start:end].tobytes(), []).append(row)
    groups = list(copies.values())
    sizes = sets.sizes[[rows[0] for rows in groups]]
    values = np.concatenate([np.frombuffer(key, np.uint64) for key in copies] or [np.empty(0, np.uint64)])
    distinct = Flat(values=values, offsets=np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64))
    near: dict[int, list[tuple[int, float]]] = {}
    for left, right, found in zip(*(column.tolist() for column in similar_sets(distinct, at_least)), strict=True):
        near.setdefault(left, []).append((right, found))
        near.setdefault(right, []).append((left, found))
    group = {row: number for number, rows in enumerate(groups) for row in rows}
    for a in range(len(sets)):
        others = [(group[a], 1.0), *near.get(group[a], ())]
        later = ((groups[number][bisect_right(groups[number], a) :], found) for number, found in others)
        yield from sorted((a, b, found) for rows, found in later for b in rows)
