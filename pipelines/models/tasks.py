"""The classifiers: what each tells apart, what it learns from, and how.

fastText: Joulin et al. 2016, arXiv 1607.01759; quantized as in arXiv 1612.03651.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One classifier. `clean`: the label of texts without fault; `labels`: the others, each a signal of its own.

    `aliases`: label of a data file -> labels of the task; none: such rows are passed over. `fit`: what fastText is told.
    `least_bounds`: no threshold of a label is below it, nor any below 0.5. `made`: texts from frames for each of its sets, 0 for none; `plain_made`: for each clean set of spam's, as further clean texts.
    `repeat`: how often texts of files with more than one label are learnt from; `most_plain`: at most so many texts of a file with one label.
    """

    name: str
    clean: str
    labels: tuple[str, ...]
    aliases: Mapping[str, tuple[str, ...]]
    fit: tuple[tuple[str, float | int | str], ...]
    least_bounds: tuple[tuple[str, float], ...] = ()
    made: int = 0
    plain_made: int = 0
    repeat: int = 1
    most_plain: int = 1 << 62

    @property
    def every(self) -> tuple[str, ...]:
        """All labels, the clean one last."""
        return (*self.labels, self.clean)


KINDS = ("slur", "threat", "dehumanisation", "incitement", "exclusion", "derogation", "abuse")

SPAM = Task(
    name="spam",
    clean="ham",
    labels=("spam",),
    aliases={"spam": ("spam",), "ham": ("ham",), "clean": ("ham",), "Not Toxic": ("ham",), "Toxic": ()},
    # Chosen on validation parts: runs of 3 words or letter n-grams gain nothing on messages, and find more in ordinary pages.
    fit=(
        ("loss", "softmax"),
        ("dim", 16),
        ("epoch", 10),
        ("lr", 0.5),
        ("wordNgrams", 2),
        ("bucket", 50_000),
        ("minCount", 2),
    ),
    made=80,
    repeat=3,
    most_plain=600,
)
HATE = Task(
    name="hate",
    clean="clean",
    labels=KINDS,
    aliases={
        **{kind: (kind,) for kind in KINDS}, "clean": ("clean",), "ham": ("clean",), "spam": (), "Toxic": ("abuse",), "Not Toxic": ("clean",),
    },
    # Chosen on validation parts: letter n-grams find misspelt words, and take "a trumpet" for a name that comments abuse.
    fit=(
        ("loss", "ova"), ("dim", 8), ("epoch", 10), ("lr", 0.5), ("wordNgrams", 2), ("bucket", 350_000),
        ("minCount", 2),
    ),
    # Chosen: toxic comments have no kind, and what they are about (a brain, a party, a game) is met in clean captions and questions.
    least_bounds=(("abuse", 0.95),),
    made=200,
    plain_made=60,
    repeat=4,
    most_plain=2000,
)  # fmt: skip
QUALITY = Task(
    name="quality",
    clean="web",
    labels=("reference",),
    aliases={"reference": ("reference",), "web": ("web",), "1": ("reference",), "0": ("web",)},
    # Source: Li et al. 2024, arXiv 2406.11794 (DCLM), section 4.4 and appendix: fastText on unigrams and bigrams; the rest is its default.
    fit=(
        ("loss", "softmax"),
        ("dim", 100),
        ("epoch", 5),
        ("lr", 0.1),
        ("wordNgrams", 2),
        ("bucket", 2_000_000),
        ("minCount", 1),
    ),
)
TASKS = {task.name: task for task in (SPAM, HATE, QUALITY)}
