"""What the classifiers of spam and hate may say of a text that is kept. The bounds are those of their cards, from validation texts."""

from pipelines.stage import Rule, rule_judge
from schemas.reasons import Reason

_CARD = (
    "Chosen: the lowest bound that at most 1 % of clean validation texts lie above; pipelines/models/shipped/{}.json"
)

SPAM_CLASSIFIER = rule_judge(
    "spam.classifier",
    1,
    (
        Rule(
            name="max_probability", signal="spam_probability", at_most=0.5, reason=Reason.SPAM_LIKELY,
            source=_CARD.format("spam"),
        ),
    ),
)  # fmt: skip

_BOUNDS = {
    "slur": (0.5, Reason.HATE_SLUR), "threat": (0.5, Reason.HATE_THREAT), "dehumanisation": (0.5, Reason.HATE_DEHUMANISATION),
    "incitement": (0.5, Reason.HATE_INCITEMENT), "exclusion": (0.5, Reason.HATE_EXCLUSION),
    "derogation": (0.5, Reason.HATE_DEROGATION), "abuse": (0.95, Reason.HATE_ABUSE),
}  # fmt: skip

HATE_CLASSIFIER = rule_judge(
    "hate.classifier",
    1,
    (
        *(
            Rule(
                name=f"max_{kind}", signal=f"hate_{kind}_probability", at_most=bound, reason=reason, source=_CARD.format("hate")
            )
            for kind, (bound, reason) in _BOUNDS.items()
        ),
        Rule(
            name="max_peak", signal="hate_peak_probability", at_most=1.0, reason=Reason.HATE_PASSAGE,
            source="Chosen: off; a page is not dropped for one passage, which it may quote. 0.95 drops pages for their worst 80 words",
        ),
    ),
)  # fmt: skip
