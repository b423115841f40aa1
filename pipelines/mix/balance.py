"""Balance of what captions speak of: common entries of a list give up a share of their items, rare ones keep all.

Source: Xu et al. 2023, Demystifying CLIP Data (MetaCLIP), arXiv 2309.16671, algorithm 1: an item stands for every entry its caption
holds; of an entry with more items than t each is kept with probability t / count, and an item stays if one of its entries keeps it.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.mix import unit
from pipelines.stage import decisions
from schemas.decision import Verdict
from schemas.digest import Json
from schemas.errors import RecipeError
from schemas.reasons import Reason

STAGE = "mix.balance"
_MOST_WORDS = 8  # Chosen: entries of more words (0.1 % of titles) are met too rarely to be over a bound
_NOT_WORDS = r"[^\pL\pM\pN]+"


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Which lanes are balanced by which list. `entries`: its path as written in the recipe; `sha256`: of its bytes, hex.

    `at_most`: items an entry keeps, t in the paper. `keep_unmatched`: whether items that hold no entry stay (the paper: not).
    """

    entries: str = ""
    lanes: tuple[str, ...] = ("image_caption",)
    at_most: int = 20_000  # Source: the same, section 3.4: t = 20k for 400M pairs
    keep_unmatched: bool = True
    sha256: str = ""
    path: Path = field(default=Path(), compare=False)

    @property
    def identity(self) -> tuple[Json, ...]:
        """What a recipe's digest knows of it: nothing where it is off."""
        return (self.sha256, list(self.lanes), self.at_most, self.keep_unmatched) if self.entries else ()


def read_entries(path: Path) -> tuple[str, pa.Array]:
    """The sha256 (hex) of a list of entries, one a line, and these as `ngrams` writes them, each once.

    Raises:
        RecipeError: it cannot be read, is not UTF-8 or holds no entry.
    """
    try:
        data = path.read_bytes()
        lines = pa.array(data.decode("utf-8-sig").splitlines(), pa.string())
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"[balance] entries {path} cannot be read as UTF-8 text, an entry a line: {error}") from error
    tidy = pc.utf8_trim(pc.replace_substring_regex(pc.utf8_lower(lines), _NOT_WORDS, " "), " ")
    found = tidy.filter(pc.not_equal(tidy, "")).unique()
    if not len(found):
        raise RecipeError(f"[balance] entries {path} holds no entry; give one a line")
    return hashlib.sha256(data).hexdigest(), found


def held(texts: pa.Array, entries: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """(row of a text, row of an entry) int64 of every entry a text holds, each pair once, ascending. Whole words, whatever their case.

    `"Two red foxes!"` holds "red foxes" and "two", not "fox".
    """
    lists = pc.split_pattern_regex(pc.utf8_lower(texts.fill_null("")), _NOT_WORDS)
    words, parents = lists.flatten(), pc.list_parent_indices(lists).to_numpy()
    is_word = pc.not_equal(words, "")
    words, parents = words.filter(is_word), parents[is_word.to_numpy(zero_copy_only=False)]
    longest = min(_MOST_WORDS, int(pc.max(pc.count_substring(entries, " ")).as_py()) + 1)
    rows, found, grams = [], [], words
    for n in range(1, longest + 1):
        size = len(words) - n + 1
        if size <= 0:
            break
        if n > 1:
            grams = pc.binary_join_element_wise(grams.slice(0, size), words.slice(n - 1), " ")
        place = pc.index_in(grams, value_set=entries).fill_null(-1).to_numpy()
        is_held = (place >= 0) & (parents[:size] == parents[n - 1 :])
        rows.append(parents[:size][is_held])
        found.append(place[is_held])
    none = np.array([], np.int64)
    pairs = np.unique(np.stack([np.concatenate([none, *rows]), np.concatenate([none, *found])], axis=1), axis=0)
    return pairs[:, 0], pairs[:, 1]


def kept(item_ids: pa.Array, texts: pa.Array, entries: pa.Array, *, at_most: int, keep_unmatched: bool, seed: int) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """bool[n], the items that stay; and float64[n], how many items hold the rarest entry of each (0: it holds none).

    Whether an item stays follows from its id, its entries and their counts: not from the order of the rows.
    """
    rows, held_by = held(texts, entries)
    counts = np.bincount(held_by, minlength=len(entries))[held_by]
    stays = counts <= at_most
    drawn = np.flatnonzero(~stays)
    keys = [item_ids[int(rows[at])].as_py() + entries[int(held_by[at])].as_py().encode() for at in drawn]
    stays[drawn] = unit("balance", seed, pa.array(keys, pa.binary())) < at_most / counts[drawn]
    found = np.zeros(len(item_ids), dtype=bool)
    found[rows[stays]] = True
    rarest = np.full(len(item_ids), np.inf)
    np.minimum.at(rarest, rows, counts)
    is_unmatched = np.isinf(rarest)
    found[is_unmatched] = keep_unmatched
    return found, np.where(is_unmatched, 0.0, rarest)


def decide(balance: Balance, item_ids: pa.Array, texts: pa.Array, seed: int) -> pa.Table:
    """A drop decision (`over_represented`, or `no_entry`) for each item the balance leaves out, in the order of the items.

    Raises:
        RecipeError: the list is gone, or another one than when the recipe was loaded.
    """
    digest, entries = read_entries(balance.path)
    if digest != balance.sha256:
        raise RecipeError(f"[balance] entries {balance.entries} was changed while it was used; run again")
    stays, rarest = kept(
        item_ids, texts, entries, at_most=balance.at_most, keep_unmatched=balance.keep_unmatched, seed=seed
    )
    out = np.flatnonzero(~stays)
    found = decisions(item_ids.take(pa.array(out)), STAGE)
    values = rarest[out].astype(object)
    is_unmatched = rarest[out] == 0
    for mask, reason in ((is_unmatched, Reason.NO_ENTRY), (~is_unmatched, Reason.OVER_REPRESENTED)):
        found.set(
            mask, Verdict.DROP, reason, signal="items_of_rarest_entry", value=values, threshold=float(balance.at_most)
        )
    return pa.Table.from_batches([found.batch()])
