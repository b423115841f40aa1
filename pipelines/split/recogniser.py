"""Words by machine: a network that gives a letter for each moment (CTC, as wav2vec 2.0 has it), read by its best letters.

Source: Graves et al. 2006 (ICML, "Connectionist temporal classification"), best path decoding.
"""

import json
from collections.abc import Mapping
from functools import cache
from itertools import groupby

import numpy as np

from pipelines.child import RowFailed
from pipelines.split.voice import F32, session
from schemas.reasons import Reason

# Names of tokens that are no letters. Source: Hugging Face transformers, Wav2Vec2CTCTokenizer: the first of these there is blank.
_BLANKS = ("<pad>", "[PAD]", "<blank>")
_NO_LETTERS = {*_BLANKS, "<s>", "</s>", "<unk>", "[UNK]"}
_SPACE = "|"
_LEAST = 400  # samples; Source: Baevski et al. 2020 (arXiv 2006.11477), section 4.2: its encoder sees 25 ms at once
_EPSILON = (
    1e-7  # Source: transformers, Wav2Vec2FeatureExtractor: of zero mean and unit variance, as the network was trained
)


def recognise(path: str, vocabulary: str, sound: F32) -> str:
    """What the network at `path` hears in float32[samples] at 16 kHz; empty for nothing.

    `vocabulary`: a JSON object of token -> number. Input: float32[1, samples], output: float32[1, moments, tokens].

    Raises:
        RowFailed: the network is none of this kind.
    """
    if len(sound) < _LEAST:
        return ""
    network = session(path)
    even = (sound - sound.mean()) / np.sqrt(sound.var() + _EPSILON)
    try:
        (logits,) = network.run([network.get_outputs()[0].name], {network.get_inputs()[0].name: even[None]})
    except Exception as error:
        raise RowFailed(Reason.STAGE_FAILED, f"the recogniser failed: {type(error).__name__}") from error
    tokens = _tokens(vocabulary)
    letters = (tokens.get(int(best), "") for best, _ in groupby(logits[0].argmax(axis=-1).tolist()))
    return " ".join("".join(letters).replace(_SPACE, " ").split())


@cache
def _tokens(vocabulary: str) -> Mapping[int, str]:
    """Number -> letters; none for blanks."""
    return {int(number): token for token, number in json.loads(vocabulary).items() if token not in _NO_LETTERS}
