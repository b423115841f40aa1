"""Which language a text is in: fastText's lid.176 on the first 2,000 characters, and the script where there are few letters.

lid.176: Joulin et al. 2016, arXiv 1607.01759 and 1612.03651; trained on Wikipedia, Tatoeba and SETimes; 176 languages.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.models.fasttext import label_counts, predict
from pipelines.models.files import LID_176, model_path
from pipelines.stage import Shape, Stage

# Chosen: they give the language of the whole text for 2,123 of 2,131 pages of manuals, in a third of the time.
HEAD_CHARACTERS = 2000
# Chosen: of the 176 languages, those are claimed that the model saw so many examples of. On the sentences of the UDHR it knows .97
# of those of the 54 such languages there; .92 where 20,000 examples count, .77 of all (`python -m tests.measures.udhr`).
CLAIMED_EXAMPLES = 50_000
# Chosen: under so many letters, or so little probability, the script is asked first. Of 543 UDHR sentences in such scripts,
# cut to 4 characters, the model alone got 85 % right, with the script 97 %; at 20 characters both got 98 %.
FEW_LETTERS, SURE = 40, 0.5
# Chosen: a name or a unit in another script does not change what a line is written in.
SCRIPT_SHARE = 0.7
# Addresses name hosts and people, and white space other than U+0020 ends what fastText reads.
_NOISE = r"(?:https?://|www\.)\S*|\S+@\S+|\s+"
_HINT = r"https?://|www\.|@"  # of every text with an address: cheap, and true of few; fastText takes white space as it comes

_HAN = ("zh", "ja", "yue", "wuu")  # and more: it decides nothing by itself

# Scripts that one language is written in, or one by far: the first is the language unless the model says another of them.
# First and last code point. Source: Unicode Blocks.txt; Unicode CLDR, languageScript data.
SCRIPTS = (
    (0x0370, 0x03FF, ("el",)), (0x0530, 0x058F, ("hy",)), (0x0590, 0x05FF, ("he", "yi")), (0x0780, 0x07BF, ("dv",)),
    (0x0A00, 0x0A7F, ("pa",)), (0x0A80, 0x0AFF, ("gu",)), (0x0B00, 0x0B7F, ("or",)), (0x0B80, 0x0BFF, ("ta",)),
    (0x0C00, 0x0C7F, ("te",)), (0x0C80, 0x0CFF, ("kn",)), (0x0D00, 0x0D7F, ("ml",)), (0x0D80, 0x0DFF, ("si",)),
    (0x0E00, 0x0E7F, ("th",)), (0x0E80, 0x0EFF, ("lo",)), (0x0F00, 0x0FFF, ("bo",)), (0x1000, 0x109F, ("my",)),
    (0x10A0, 0x10FF, ("ka", "xmf")), (0x1100, 0x11FF, ("ko",)), (0x1200, 0x139F, ("am",)), (0x1780, 0x17FF, ("km",)), (0x1F00, 0x1FFF, ("el",)),
    (0x3040, 0x30FF, ("ja",)), (0x3130, 0x318F, ("ko",)), (0x3400, 0x9FFF, _HAN), (0xAC00, 0xD7AF, ("ko",)),
    (0xF900, 0xFAFF, _HAN), (0x20000, 0x323AF, _HAN),
)  # fmt: skip
_STARTS = [first for first, _, _ in SCRIPTS]

# Labels of the model that mean another language in BCP 47 than in Wikipedia, whose codes they are.
# Source: IANA language subtag registry: als is Tosk Albanian, gsw Alemannic.
_BCP_47 = {"als": "gsw"}

_FIELDS = [pa.field("language", pa.string()), pa.field("language_confidence", pa.float64())]


def measure_language(stage: Stage, items: pa.RecordBatch) -> pa.StructArray:
    """`language`: BCP 47 code; `language_confidence`: 0..1, rounded to 0.001, 1.0 where the script decides.

    Both are null for a text that is null or has no letter in its first 2,000 characters.
    """
    texts = pc.utf8_slice_codeunits(items.column("text").fill_null(""), 0, HEAD_CHARACTERS)
    noisy = pc.match_substring_regex(texts, _HINT)
    plain = pc.replace_substring_regex(texts.filter(noisy), pattern=_NOISE, replacement=" ")
    heads = pc.replace_with_mask(texts, noisy, plain).to_pylist()
    found = predict(model_path(LID_176.name, stage.paths), heads)
    decided = [_decide(head, *(answer or (None, 0.0))) for head, answer in zip(heads, found, strict=True)]
    languages = pa.array([language for language, _ in decided], pa.string())
    confidences = pa.array([confidence for _, confidence in decided], pa.float64())
    return pa.StructArray.from_arrays([languages, confidences], fields=_FIELDS)


def _decide(head: str, label: str | None, probability: float) -> tuple[str | None, float | None]:
    letters = list(islice(filter(str.isalpha, head), FEW_LETTERS))
    if not letters or label is None:
        return None, None
    is_unsure = len(letters) < FEW_LETTERS or probability < SURE
    written = script_languages(letters) if is_unsure else ()
    if written:
        return label if label in written else written[0], 1.0
    return _BCP_47.get(label, label), round(probability, 3)


def examples() -> dict[str, int]:
    """Language -> how many examples of it the model was trained on, for all its languages."""
    return {_BCP_47.get(label, label): many for label, many in label_counts(model_path(LID_176.name)).items()}


def script_languages(letters: Sequence[str]) -> tuple[str, ...]:
    """The languages that the script of these letters is used for; none where it says nothing.

    Han beside kana is Japanese, Han alone says nothing: `"東京へ行く"` -> `("ja",)`, `"東京"` -> `()`.
    """
    counts = Counter(_of_letter(ord(letter)) for letter in letters)
    if ("ja",) in counts:
        counts[("ja",)] += counts.pop(_HAN, 0)
    written, count = max(counts.items(), key=lambda pair: (pair[1], pair[0]), default=((), 0))
    return written if written != _HAN and count >= SCRIPT_SHARE * len(letters) else ()


def _of_letter(point: int) -> tuple[str, ...]:
    first, last, written = SCRIPTS[max(0, bisect_right(_STARTS, point) - 1)]
    return written if first <= point <= last else ()


LANGUAGE = Stage(
    name="measure.language",
    version=2,
    shape=Shape.MEASURE,
    fn=measure_language,
    models=((LID_176.name, LID_176.sha256),),
    signals=tuple(field.name for field in _FIELDS),
)
