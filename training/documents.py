"""Documents: what a row of training is filled with. Each asks one thing of the model; its layout says by which ids.

    text        bos text eos                               every id counts 1
    caption     bos <image> codes </image> text eos        codes 0.1, text 1
    transcribe  bos <audio> codes </audio> text eos        codes 0.1, text 1
    answer      bos <user> question <assistant> text eos   text 1
    repair      bos <image> codes-with-gaps <repair> missing-codes </image> eos    missing 0.5 (likewise for sounds)
    pair        bos <image> codes </image> <embed>  and apart from it  bos text <embed>    contrastive only

Documents of a row cannot see each other, so all objectives share one forward pass. Source of the weights: TRAINING.md 2.4.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from schemas.plan import copies, random_words
from schemas.training import DOCUMENT, Kind
from training.config import Config
from training.vocabulary import Special

# Markup of each kind beside text, given and the final eos.
_MARKUP = {Kind.CAPTION: 3, Kind.TRANSCRIBE: 3, Kind.ANSWER: 3}
_PAIR_MARKUP = 6
_REPAIR_MARKUP = 5
_OPEN = {"image": (Special.IMAGE, Special.END_IMAGE), "audio": (Special.AUDIO, Special.END_AUDIO)}
_ABOUT = {"image": Kind.CAPTION, "audio": Kind.TRANSCRIBE, "question": Kind.ANSWER}
_HIDING = 16  # the use of random words (schemas.plan has 0..2) that decides which codes a repair hides
Row = Mapping[str, Any]
Part = tuple[list[Special] | np.ndarray, float]  # ids, and the weight of each


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """How much predicting an id counts, by what it is."""

    text: float = 1.0
    given: float = 0.1
    missing: float = 0.5


TRAINING = Weights()
# To measure: the text of captions and transcripts alone, and the missing codes.
MEASURING = Weights(given=0.0, missing=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document in ids. `weights`: float32, of being predicted, 0 for what is only given, so always for the first id.

    `second`: where the second, hidden-from half begins (pair only), else the length.
    """

    kind: Kind
    ids: np.ndarray
    weights: np.ndarray
    second: int


def documents(index: pa.Table, config: Config) -> pa.Table:
    """The documents (DOCUMENT but for `plan_digest`) of a token index, in its order. Items with a problem give none."""
    mix = {kind: float(getattr(config.mix, kind.value)) for kind in Kind}
    rows = [row for item in index.to_pylist() if item["problem"] is None for row in _of_item(item, config)]
    kinds = np.array([row["kind"] for row in rows], dtype=object)
    times = np.zeros(len(rows), np.int32)
    for kind in Kind:
        (mine,) = np.nonzero(kinds == kind)
        times[mine] = copies([rows[at]["item_id"] for at in mine], kind, mix[kind])
    counted = [row | {"copies": n} for row, n in zip(rows, times.tolist(), strict=True)]
    return pa.Table.from_pylist(counted, pa.schema([one for one in DOCUMENT if one.name != "plan_digest"]))


def repair_length(codes: int, hidden: float) -> int:
    """How many of `codes` a repair hides: at least one, so that there is something to learn."""
    return max(1, round(codes * hidden))


def _of_item(item: Row, config: Config) -> Iterator[dict[str, Any]]:
    text, given, modality = item["text_length"], item["given_length"], item["modality"]
    row, start = config.model.row_tokens, 0
    if modality != "text" and item["is_whole"]:
        kind = _ABOUT[modality]
        markup = given + _MARKUP[kind]
        start = max(0, min(text, row - markup - 1))
        if start:
            yield _row(item, kind, 0, start, markup + start + (start == text))
    if modality in _OPEN and given:
        hidden = repair_length(given, config.tokens.hidden)
        yield _row(item, Kind.REPAIR, 0, 0, given + hidden + _REPAIR_MARKUP)
    if modality == "image":
        half = min(text, config.tokens.pair_text, row - given - _PAIR_MARKUP)
        yield _row(item, Kind.PAIR, 0, half, given + half + _PAIR_MARKUP)
    while start < text:  # what the first document had no room for, or all of a text
        end = min(text, start + row - 1)
        end -= end == text and end - start == row - 1  # room for eos
        yield _row(item, Kind.TEXT, start, end - start, end - start + 1 + (end == text))
        start = end


def _row(item: Row, kind: Kind, start: int, tokens: int, length: int) -> dict[str, Any]:
    item_id, content = item["item_id"], item["content_sha256"]
    facts = {"kind": kind.value, "start": start, "tokens": tokens, "length": length}
    return {"item_id": item_id, "content_sha256": content, **facts}


def assemble(
    document: Row, item: Row, ids: np.ndarray, *, hidden: float, weights: Weights, seed: int, epoch: int, place: int
) -> Document:
    """A document of DOCUMENT in ids. `item`: its row of the token index; `ids`: the token file.

    Which codes a repair hides follows from (seed, epoch, place), `place` being the document's number.
    """
    kind = Kind(document["kind"])
    start, tokens = document["start"], document["tokens"]
    text = _span(ids, item["text_start"] + start, tokens)
    given = _span(ids, item["given_start"], item["given_length"])
    ending = [Special.EOS] if start + tokens == item["text_length"] else []
    opens, closes = _OPEN.get(item["modality"], (Special.USER, Special.ASSISTANT))
    parts: list[Part]
    match kind:
        case Kind.TEXT:
            parts = [([Special.MORE if start else Special.BOS], 0.0), (text, weights.text), (ending, weights.text)]
        case Kind.CAPTION | Kind.TRANSCRIBE | Kind.ANSWER:
            about = 0.0 if kind is Kind.ANSWER else weights.given
            parts = [([Special.BOS, opens], 0.0), (given, about), ([closes], 0.0)]
            parts += [(text, weights.text), (ending, weights.text)]
        case Kind.REPAIR:
            keys = random_words(seed, _HIDING, epoch, place, len(given))
            gaps = np.sort(np.argsort(keys, kind="stable")[: repair_length(len(given), hidden)])
            holed = given.copy()
            holed[gaps] = Special.HIDDEN
            parts = [([Special.BOS, opens], 0.0), (holed, 0.0), ([Special.REPAIR], 0.0)]
            parts += [(given[gaps], weights.missing), ([closes, Special.EOS], 0.0)]
        case Kind.PAIR:
            parts = [([Special.BOS, opens], 0.0), (given, 0.0), ([closes, Special.EMBED, Special.BOS], 0.0)]
            parts += [(text, 0.0), ([Special.EMBED], 0.0)]
    second = len(given) + 4 if kind is Kind.PAIR else document["length"]
    return _joined(kind, parts, second)


def _span(ids: np.ndarray, start: int, length: int) -> np.ndarray:
    return ids[start : start + length].astype(np.int64)


def _joined(kind: Kind, parts: list[Part], second: int) -> Document:
    ids = np.concatenate([np.asarray(part, np.int64) for part, _ in parts])
    weights = np.concatenate([np.full(len(part), weight, np.float32) for part, weight in parts])
    return Document(kind=kind, ids=ids, weights=weights, second=second)
