"""Rules for captions: short texts, of which most rules for pages say nothing true."""

from pipelines.stage import Rule, rule_judge
from schemas.reasons import Reason

DATACOMP = "Gadre et al. 2023, DataComp, arXiv 2304.14108, basic filtering"
COYO = "Byeon et al. 2022, COYO-700M, README, text level filters"
LISTED = "Chosen: what stands in place of a caption, by the list and the pattern in pipelines/split/caption.py"

# Chosen: languages that put an article before a noun. In these 2 to 5 % of the stamps' captions are of one word; in Russian,
# Greek or Arabic 20 to 34 % are, for there "a frog" is one.
WITH_ARTICLES = ("ca", "da", "de", "en", "es", "fr", "gl", "it", "nb", "nl", "nn", "no", "oc", "pt", "sv")

CAPTION_QUALITY = rule_judge(
    "quality.caption",
    1,
    (
        Rule(name="file_name", signal="caption_is_file_name", at_most=0, reason=Reason.CAPTION_FILE_NAME, source=LISTED),
        Rule(
            name="boilerplate", signal="caption_is_boilerplate", at_most=0, reason=Reason.CAPTION_BOILERPLATE, source=LISTED
        ),
        Rule(
            name="min_found_words", signal="found_word_count", at_least=2, reason=Reason.TOO_FEW_WORDS, languages=WITH_ARTICLES,
            source="Chosen: of captions found on pages only, where one word is a name or a button; \"a frog\" is two. 3 are asked "
            f"for by {DATACOMP} (and more than 5 characters) and {COYO}",
        ),
        Rule(name="min_words", signal="word_count", at_least=1, reason=Reason.TOO_FEW_WORDS,
             source="Chosen: whoever uploads a caption means it, be it one word"),
        Rule(name="max_words", signal="word_count", at_most=256, reason=Reason.TOO_MANY_WORDS, source=COYO),
        Rule(name="max_characters", signal="character_count", at_most=1000, reason=Reason.TOO_MANY_WORDS, source=COYO),
        Rule(
            name="min_alphabetic_word_ratio", signal="alphabetic_word_ratio", at_least=0.3, reason=Reason.TOO_FEW_ALPHABETIC_WORDS,
            source="Chosen: \"1 ¥ (Japanese)\" has a third; sizes, prices, dates and hashes have less",
        ),
        Rule(
            name="max_repeated_word_ratio", signal="repeated_word_ratio", at_most=0.7, reason=Reason.REPEATED_WORDS,
            source="Chosen: of 8,710 captions of the stamps in 15 languages none repeats more than \"Fire! Fire! Fire!\", 0.67",
        ),
        Rule(
            name="max_phrases_per_100_words", signal="advertising_phrases_per_100_words", at_most=10.0, reason=Reason.SPAM_WORDS,
            source="Chosen: one phrase such as \"buy now\" in a caption of fewer than ten words is most of what it says",
        ),
    ),
)  # fmt: skip
