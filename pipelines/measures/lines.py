"""Lines that are no part of what a page says: how much of a text lies in lines that C4 or RefinedWeb would remove.

Nothing is removed here: `pipelines.edits.lines` does, by the same kinds, and judges may read the shares. Words, lines and marks
are those of `pipelines.kernels.pieces`; a line may be of several kinds.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import re2

from pipelines.kernels.pieces import Piece, Pieces, lines
from pipelines.stage import Shape, Stage

Mask = npt.NDArray[np.bool_]

# Source: Raffel et al. 2020, section 2.2: the least number of words of a line.
C4_WORDS = 5
# Source: Raffel et al. 2020, section 2.2, of English pages; the German, French and Spanish ones are ours.
POLICIES = (
    "terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies",
    "verwendet cookies", "verwenden cookies", "nutzt cookies", "nutzen cookies", "einsatz von cookies", "verwendung von cookies",
    "utilise des cookies", "utilisons des cookies", "utilisation de cookies", "utilisation des cookies",
    "utiliza cookies", "utilizamos cookies", "uso de cookies",
)  # fmt: skip
# Source: Penedo et al. 2023 (RefinedWeb), arXiv 2306.01116, appendix G.2: a line of at most so many words is looked at for a
# pattern of navigation. The paper shows one word or two of each kind; those here are ours, in four languages. A notice of rights is
# none: it is evidence, and stays in the text.
NAVIGATION_WORDS = 10
_OPENING = (
    r"sign[ -]?(?:in|up)", r"log[ -]?(?:in|out)", r"skip to (?:main )?content", r"share (?:this|on)", r"follow us", r"back to top",
    r"einloggen", r"anmelden", r"registrieren", r"zum inhalt (?:springen|wechseln)", r"nach oben", r"folge uns", r"teilen (?:auf|mit)",
    r"se connecter", r"s'inscrire", r"aller au contenu", r"partager (?:sur|cet)", r"haut de page",
    r"iniciar sesi[oó]n", r"reg[ií]strate", r"saltar al contenido", r"compartir en",
)  # fmt: skip
_CLOSING = (
    r"read more", r"continue reading", r"learn more", r"show more", r"view all", r"see all", r"load more",
    r"weiterlesen", r"mehr lesen", r"mehr erfahren", r"mehr anzeigen", r"alle anzeigen",
    r"lire la suite", r"en savoir plus", r"voir plus", r"leer m[aá]s", r"seguir leyendo", r"ver m[aá]s",
)  # fmt: skip
_ANYWHERE = (
    r"items? in (?:your )?(?:cart|basket)", r"add to (?:cart|basket|wish ?list)", r"leave a (?:comment|reply)",
    r"in den warenkorb", r"artikel im warenkorb", r"kommentar hinterlassen",
    r"ajouter au panier", r"laisser un commentaire",
    r"a[nñ]adir al carrito", r"deja un comentario",
)  # fmt: skip
_NAVIGATION = (
    rf"(?i)^[^\pL\pN]*(?:{'|'.join(_OPENING)})\b|\b(?:{'|'.join(_CLOSING)})[^\pL\pN]*$|\b(?:{'|'.join(_ANYWHERE)})\b"
)
_COUNTED = (
    "likes?", "shares?", "comments?", "views?", "retweets?", "reposts?", "followers?", "repl(?:y|ies)", "votes?", "reviews?", "ratings?",
    "kommentare?", "antworten?", "aufrufe", "gef[aä]llt mir", "j'aime", "commentaires?", "vues", "partages?", "r[eé]ponses?",
    "me gusta", "comentarios?", "visitas", "respuestas?",
)  # fmt: skip
_COUNTER_WORDS = 4  # "1,234 me gusta" has three
_COUNTER = rf"(?i)^[^\pL\pN]*[0-9][0-9.,\x{{a0}} ]*[km]?\+? *(?:{'|'.join(_COUNTED)})[^\pL\pN]*$"

C4_KINDS = ("javascript", "policy", "few_words", "no_end_mark")
REFINEDWEB_KINDS = ("uppercase", "numeric", "counter", "one_word", "navigation")
KINDS = C4_KINDS + REFINEDWEB_KINDS
# Source: Penedo et al. 2024 (FineWeb), arXiv 2406.17557, section 3.6.
SHORT_LINE_CHARACTERS = 30

SIGNALS = (
    *(f"{kind}_line_word_ratio" for kind in KINDS), "c4_line_word_ratio", "refinedweb_line_word_ratio",
    "end_mark_line_ratio", "short_line_ratio",
)  # fmt: skip


def line_kinds(found: Pieces) -> dict[str, Mask]:
    """bool[lines] of each kind of line.

    javascript: holds the word; policy: one of `POLICIES`; few_words: under 5; no_end_mark: ends with none of `.!?"` and their
    like; uppercase: more than half of its letters are; numeric: digits and no letter; counter: "3 likes"; one_word;
    navigation: at most ten words, and begins, ends or is marked as links of navigation are.
    """
    words, letters = found.counts[:, Piece.WORDS], found.counts[:, Piece.LETTERS]
    return {
        "javascript": _among(found, "(?i)javascript", found.counts[:, Piece.CHARACTERS] >= len("javascript")),
        "policy": _among(found, rf"(?i)\b(?:{'|'.join(map(re2.escape, POLICIES))})\b", words >= 2),
        "few_words": words < C4_WORDS,
        "no_end_mark": found.counts[:, Piece.MARKS] == 0,
        "uppercase": 2 * found.counts[:, Piece.UPPERCASE] > letters,
        "numeric": (letters == 0) & (found.counts[:, Piece.DIGITS] > 0),
        "counter": _among(found, _COUNTER, (words <= _COUNTER_WORDS) & (found.counts[:, Piece.DIGITS] > 0) & (letters > 0)),
        "one_word": words == 1,
        "navigation": _among(found, _NAVIGATION, (words <= NAVIGATION_WORDS) & (letters > 0)),
    }  # fmt: skip


def _among(found: Pieces, pattern: str, may: Mask) -> Mask:
    """bool[lines]: those of `may` that match the pattern; the others are not looked at."""
    mask = np.zeros(len(may), np.bool_)
    at = np.flatnonzero(may)
    mask[at] = pc.match_substring_regex(found.texts.take(pa.array(at)), pattern).to_numpy(zero_copy_only=False)
    return mask


def line_statistics(stage: Stage, items: pa.RecordBatch) -> pa.StructArray:
    """float64, 0..1, null for a null text: the share of its words that lie in lines of a kind, 0.0 where it has no word.

    `c4_` and `refinedweb_line_word_ratio`: in lines that these would remove. `end_mark_line_ratio` and `short_line_ratio`: the
    share of its lines that end in a mark, and of those of at most 30 characters.
    """
    texts = items.column("text")
    found, n = lines(texts), len(texts)
    kinds = line_kinds(found)
    words = found.per_text(found.counts[:, Piece.WORDS], n)
    many = found.per_text(np.ones(len(found.rows), np.int64), n)
    kinds["c4"], kinds["refinedweb"] = any_of(kinds, C4_KINDS), any_of(kinds, REFINEDWEB_KINDS)
    short = found.counts[:, Piece.CHARACTERS] <= SHORT_LINE_CHARACTERS
    columns = [found.per_text(found.counts[:, Piece.WORDS] * mask, n) / np.maximum(words, 1) for mask in kinds.values()]
    columns += [found.per_text(mask, n) / np.maximum(many, 1) for mask in (~kinds["no_end_mark"], short)]
    missing = texts.is_null().to_numpy(zero_copy_only=False)
    return pa.StructArray.from_arrays([pa.array(column, mask=missing) for column in columns], names=SIGNALS)


def any_of(kinds: Mapping[str, Mask], names: Sequence[str]) -> Mask:
    """bool[lines]: those that are of one of these kinds."""
    return np.logical_or.reduce([kinds[name] for name in names])  # type: ignore[no-any-return]


LINE_STATISTICS = Stage(
    name="measure.lines", version=2, shape=Shape.MEASURE, fn=line_statistics, signals=SIGNALS
)  # fmt: skip
