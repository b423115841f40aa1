"""Sentences that MADLAD-400 calls questionable: what share of a text's sentences they are.

Source: Kudugunta et al. 2023, arXiv 2309.04662, section 2.4. A sentence is one of `pipelines.kernels.pieces`.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.kernels.pieces import Piece, Pieces, sentences
from pipelines.measures.language import HEAD_CHARACTERS
from pipelines.models.fasttext import predict
from pipelines.models.files import LID_176, model_path
from pipelines.stage import Shape, Stage

Mask = npt.NDArray[np.bool_]

LIST_WORDS, LIST_SHARE = 12, 0.5  # a sentence of at least so many words, more than half of them with a capital
LENGTHS = (20, 500)  # characters: shorter or longer is odd
TECHNICAL_SHARE = 0.2  # of characters that are digits or brackets
# Of the paper's fifth kind ("cursed" substrings) only the idea: these are ours, what stands in menus, players, shops and
# error pages and hardly in prose.
CURSED = (
    r"lorem ipsum", r"javascript is (?:disabled|required)", r"enable (?:javascript|cookies)", r"click here to", r"add to cart",
    r"skip to (?:main )?content", r"page not found", r"404 error", r"powered by wordpress", r"your browser does not support",
    r"all rights reserved", r"notify me of (?:new|follow-up)", r"fill in your details below", r"required fields are marked",
    r"you must be logged in", r"this post was last modified", r"&(?:nbsp|amp|quot|lt|gt);", r"\[(?:edit|citation needed)\]",
    r"\bxxx\b", r"porn(?:hub|o)?\b", r"\bviagra\b", r"\bcialis\b", r"function ?\(\)", r"var [a-z_]+ ?=", r"\\u[0-9a-f]{4}",
    r"bitte aktivieren sie javascript", r"seite (?:wurde )?nicht gefunden", r"ihr browser unterst[uü]tzt",
)  # fmt: skip
_CURSED = rf"(?i){'|'.join(CURSED)}"

KINDS = ("list_case", "odd_length", "technical", "cursed", "other_language")
SIGNALS = ("questionable_sentence_ratio", *(f"{kind}_sentence_ratio" for kind in KINDS))


def sentence_statistics(stage: Stage, items: pa.RecordBatch) -> pa.StructArray:
    """float64, 0..1: the shares of a text's sentences that are questionable, and why; 0.0 without sentences, null without text.

    `other_language_sentence_ratio` is null unless the stage is set to ask (`languages`), as it costs a language id a sentence:
    then those are questionable too whose language is not that of the text's first 2,000 characters.
    """
    texts = items.column("text")
    found, n = sentences(texts), len(texts)
    kinds = _kinds(found)
    asks = bool(stage.settings["languages"])
    if asks:
        model = model_path(LID_176.name, stage.paths)
        kinds["other_language"] = _other_language(model, texts, found, ~kinds["odd_length"])
    kinds = {"questionable": np.logical_or.reduce(list(kinds.values())), **kinds}
    many = np.maximum(found.per_text(np.ones(len(found.rows), np.int64), n), 1)
    missing = texts.is_null().to_numpy(zero_copy_only=False)
    columns = [pa.array(found.per_text(mask, n) / many, mask=missing) for mask in kinds.values()]
    columns += [] if asks else [pa.nulls(n, pa.float64())]
    return pa.StructArray.from_arrays(columns, names=SIGNALS)


def _kinds(found: Pieces) -> dict[str, Mask]:
    characters, words = found.counts[:, Piece.CHARACTERS], found.counts[:, Piece.WORDS]
    return {
        "list_case": (words >= LIST_WORDS) & (found.counts[:, Piece.CAPITALIZED] > LIST_SHARE * words),
        "odd_length": (characters < LENGTHS[0]) | (characters > LENGTHS[1]),
        "technical": found.counts[:, Piece.TECHNICAL] > TECHNICAL_SHARE * characters,
        "cursed": pc.match_substring_regex(found.texts, _CURSED).to_numpy(zero_copy_only=False),
    }


def _other_language(model: Path, texts: pa.Array, found: Pieces, may: Mask) -> Mask:
    """bool[sentences]: those of `may` that the model takes for another language than the beginning of their text."""
    heads = pc.utf8_slice_codeunits(texts.fill_null(""), 0, HEAD_CHARACTERS).to_pylist()
    whole = np.array([answer and answer[0] for answer in predict(model, heads)], dtype=object)
    at = np.flatnonzero(may)
    own = np.array(
        [answer and answer[0] for answer in predict(model, found.texts.take(pa.array(at)).to_pylist())], object
    )
    mask = np.zeros(len(may), np.bool_)
    mask[at] = own != whole[found.rows[at]]
    return mask


SENTENCE_STATISTICS = Stage(
    name="measure.sentences",
    version=1,
    shape=Shape.MEASURE,
    fn=sentence_statistics,
    parameters=(("languages", False),),
    models=((LID_176.name, LID_176.sha256),),
    signals=SIGNALS,
)
