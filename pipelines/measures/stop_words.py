"""How many of the most common words of its language a text has at all: prose has some in every paragraph, lists have none."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.kernels.stop_words import stop_words
from pipelines.stage import Shape, Stage

# English: Rae et al. 2021, arXiv 2112.11446, appendix A.1.1. The others are ours, from knowledge of the languages: short words
# of grammar that stand in almost every paragraph. Held to be right by the Universal Declaration of Human Rights (the tests).
STOP_WORDS = {
    "en": "the be to of and that have with",
    "ar": "من في على إلى أن عن التي هذا مع ما لا كان",
    "bg": "на и за да се от в с не е по са",
    "bs": "i u je na se da za su od s ne koji",
    "ca": "de la i que el en a els les per un amb",
    "cs": "a v na se je že s z do o jako by",
    "da": "og i at det er en til af på med for den",
    "de": "der die und in zu den das nicht ist mit von auf",
    "el": "και το της να του η με για που την από είναι",
    "es": "de la que el en y los se del las por con",
    "et": "ja on ei et see kui oma ka mis või",
    "fa": "و در به از که این را با است برای آن یک",
    "fi": "ja on ei että se oli hän mutta kun myös ovat tai",
    "fr": "de la le et les des en un que est pour dans",
    "he": "של את על לא הוא כי זה גם עם היא או כל",
    "hi": "के है में की और का को से हैं पर यह ने",
    "hr": "i u je na se da za su od s ne koji",
    "hu": "a az és hogy nem is egy ez meg van azt volt",
    "id": "yang dan di dengan untuk dari ini dalam tidak pada itu adalah",
    "it": "di e il la che in un per non del è una",
    "lt": "ir kad yra su į iš tai kaip bet ar",
    "lv": "un ir ka no par uz ar tā kas bet",
    "ms": "yang dan di dengan untuk dari ini dalam tidak pada itu adalah",
    "nl": "de het een en van in is dat op te niet zijn",
    "no": "og i det er en til av på som med for å",
    "pl": "w i na z do się nie jest to że o jak",
    "pt": "de a o que e do da em um para com não",
    "ro": "de și în a la cu pe o nu că este care",
    "ru": "и в не на что с как это по но он из",
    "sk": "a v na sa je že s z do o ako by",
    "sl": "in je na v se da za so ki z pa ne",
    "sr": "и у да је на се за од су са не који i u da je na se za od su sa ne koji",
    "sv": "och i att det som en på är av för med",
    "tr": "ve bir bu için de da ile çok olarak ne daha gibi her veya olan",
    "uk": "і в на що не з до та як це за у",
    "vi": "và của là các có trong được cho một không với người",
}
_LANGUAGES = pa.array(list(STOP_WORDS))
_LISTS = tuple(tuple(words.split()) for words in STOP_WORDS.values())


def count_stop_words(stage: Stage, items: pa.RecordBatch) -> pa.StructArray:
    """`stop_word_count`, int64: how many words of its language's list are in the text at all; English 0..8, others 0..24.

    Null for a null text, and where the language is undecided or has no list.
    """
    texts = items.column("text")
    lists = pc.index_in(items.column("language"), value_set=_LANGUAGES)
    counts = stop_words(texts, lists.fill_null(-1).to_numpy().astype(np.int64), _LISTS)
    missing = pc.or_(texts.is_null(), lists.is_null()).to_numpy(zero_copy_only=False)
    return pa.StructArray.from_arrays([pa.array(counts, mask=missing)], names=["stop_word_count"])


STOP_WORD_COUNT = Stage(
    name="measure.stop_words", version=1, shape=Shape.MEASURE, fn=count_stop_words, signals=("stop_word_count",)
)  # fmt: skip
