"""Rules for pictures. The numbers of web-scale sets are higher; these keep drawings and small photographs that people collect."""

from pipelines.stage import Rule, rule_judge
from schemas.reasons import Reason

DATACOMP = "Gadre et al. 2023, DataComp, arXiv 2304.14108, basic filtering"
COYO = "Byeon et al. 2022, COYO-700M, README, image level filters"

IMAGE_QUALITY = rule_judge(
    "quality.image",
    1,
    (
        Rule(
            name="min_side", signal="min_side_px", at_least=24, reason=Reason.PICTURE_TOO_SMALL,
            source="Chosen: trackers have 1, bullets and site icons 16 pixels; of 591 Tux Paint stamps 7 have fewer than 24, half "
            f"have fewer than 113. For photographs off the web take 200: {DATACOMP}; {COYO}",
        ),
        Rule(
            name="max_aspect_ratio", signal="aspect_ratio", at_most=3.0, reason=Reason.ODD_ASPECT_RATIO,
            source=f"{DATACOMP}; {COYO}; beyond it lie banners, rules and buttons",
        ),
        Rule(
            name="min_entropy", signal="entropy_bits", at_least=0.2, reason=Reason.PICTURE_BLANK,
            source="Chosen: one colour has 0, 97 % of one and 3 % of another 0.19, the plainest of 591 stamps, a minus sign, 0.59",
        ),
    ),
)  # fmt: skip

# Both signals are null, and so drop nothing, where the measure is off.
CLIP_QUALITY = rule_judge(
    "quality.clip",
    1,
    (
        Rule(
            name="max_unsafe_score", signal="unsafe_score", at_most=0.5, reason=Reason.PICTURE_UNSAFE,
            source="Chosen: where a head that was fitted as logistic regression says rather yes than no; take the number at which yours "
            "has the recall you want",
        ),
        Rule(
            name="min_clip_score", signal="clip_score", at_least=0.28, reason=Reason.CAPTION_MISMATCH, languages=("en",),
            source="Schuhmann et al. 2022, LAION-5B, arXiv 2210.08402, section 3.2: 0.28 for English by ViT-B/32 (LAION-400M, arXiv "
            "2111.02114: 0.3); another model has another scale: DataComp (Gadre et al. 2023, arXiv 2304.14108) takes the best 30 % by "
            "ViT-L/14 instead",
        ),
    ),
)  # fmt: skip
