"""The closed list of reasons. Each names the defect, is stable for ever, and is documented in docs/reasons.md.

A reason says what is wrong with the row, never which condition it failed to meet: `too_few_words`, not `min_words`.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why an item is not kept (or was changed). The value is what the ledger stores."""

    # rights: always judged first
    ROBOTS_DISALLOWED = "robots_disallowed", "robots.txt, as of the fetch, bars an agent whose rules the recipe counts"
    ROBOTS_UNREACHABLE = "robots_unreachable", "robots.txt answered 5xx, 401, 403 or not at all: read as disallow"
    HEADER_OPT_OUT = "header_opt_out", "an HTTP header (X-Robots-Tag, TDM-Reservation, Content-Usage) reserves the use"
    META_OPT_OUT = "meta_opt_out", "a meta tag of the page (robots, tdm-reservation) reserves the use"
    FILE_OPT_OUT = "file_opt_out", "the metadata of the file itself (PLUS data mining, in XMP) reserves the use"
    SITE_OPT_OUT = "site_opt_out", "a site-wide file (tdmrep.json, ai.txt, Content-Signal) reserves the use"
    TERMS_OPT_OUT = (
        "terms_opt_out",
        "the terms of service or the contract that the source's card states bar the use, or have ended",
    )
    LICENCE_UNKNOWN = "licence_unknown", "no licence was found and the policy requires one"
    LICENCE_NOT_ALLOWED = "licence_not_allowed", "a licence was found and its class is outside the policy"
    LICENCE_CONFLICT = (
        "licence_conflict",
        "the evidence names licences of different classes; the strictest is not allowed",
    )
    OWNER_OPT_OUT = "owner_opt_out", "the owner of the repository is on the list of those who want to be left out"
    TAKEN_DOWN = "taken_down", "an accepted request covers this item"

    # capture and decoding
    ARCHIVE_DAMAGED = "archive_damaged", "bytes of an archive could not be read as a record"
    RECORD_TRUNCATED = "record_truncated", "the record ends before its declared length"
    DIGEST_MISMATCH = "digest_mismatch", "the payload does not have the digest that its record or a list declares"
    CONTENT_CODING_BROKEN = "content_coding_broken", "the declared content or transfer coding could not be undone"
    BLOCKED_BY_HASH = "blocked_by_hash", "the bytes are on a block list; nothing of them was kept, only this record"
    URL_TRAP = "url_trap", "the URL is of a kind that has no end (a calendar, a session); a crawl does not ask for it"
    ANSWER_NOT_ASKED = (
        "answer_not_asked",
        "the server sent a part (206), or that nothing has changed (304), and nobody had asked for that",
    )
    REDIRECT_UNCLEAR = (
        "redirect_unclear",
        "the server redirects to several places at once (Location headers that differ)",
    )
    TOO_LARGE = "too_large", "the payload is over the cap of its lane, in bytes, pixels or seconds"
    NOT_DECODABLE = "not_decodable", "the bytes are not valid in any charset or format that was declared or detected"
    SAMPLES_NOT_FINITE = "samples_not_finite", "the recording holds samples that are NaN or infinite"
    TIME_LIMIT = "time_limit", "the row used up its processor or wall time in the decoding child"
    MEMORY_LIMIT = "memory_limit", "the row used up its memory in the decoding child"
    DECODER_CRASHED = "decoder_crashed", "the decoding child died on this row"
    STAGE_FAILED = "stage_failed", "a stage raised an error on this row"

    # split
    NO_TEXT = "no_text", "no main text was found on the page"
    BINARY_FILE = "binary_file", "the bytes of a file taken for source are no text"
    FORMAT_NOT_SUPPORTED = (
        "format_not_supported",
        "the bytes are of a format that the lane does not read (SVG, HEIC, AAC)",
    )
    ENCRYPTED = "encrypted", "the content can only be read with a key (digital rights management)"
    CAPTION_MISSING = "caption_missing", "nothing that was captured says what the picture shows"
    TRANSCRIPT_MISSING = "transcript_missing", "nothing that was captured says what is heard: no transcript, no caption"

    # language and quality of text
    LANGUAGE_NOT_WANTED = "language_not_wanted", "the detected language is not one the source lists"
    LANGUAGE_UNCERTAIN = "language_uncertain", "the language detector is less sure than the threshold"
    TOO_FEW_WORDS = "too_few_words", "fewer words than the threshold"
    TOO_MANY_WORDS = "too_many_words", "more words than the threshold"
    ODD_WORD_LENGTH = "odd_word_length", "the mean word length is outside the range"
    TOO_MANY_SYMBOLS = "too_many_symbols", "too many hash signs or ellipses per word"
    TOO_MANY_BULLETS = "too_many_bullets", "too many lines start with a bullet"
    TOO_MANY_ELLIPSES = "too_many_ellipses", "too many lines end with an ellipsis"
    TOO_FEW_ALPHABETIC_WORDS = "too_few_alphabetic_words", "too few words hold a letter"
    TOO_FEW_STOP_WORDS = "too_few_stop_words", "too few of the language's most common words"
    DUPLICATE_LINES = "duplicate_lines", "too many lines (or characters in lines) repeat within the text"
    DUPLICATE_PARAGRAPHS = "duplicate_paragraphs", "too many paragraphs (or their characters) repeat within the text"
    REPEATED_NGRAMS = "repeated_ngrams", "the most common or repeated word n-grams cover too much of the text"
    LOREM_IPSUM = "lorem_ipsum", "the text holds placeholder Latin"
    CURLY_BRACKETS = "curly_brackets", "the text holds curly brackets, so it is likely code"
    JAVASCRIPT_NOTICE = "javascript_notice", "too many lines ask for Javascript or cookies"
    TOO_FEW_SENTENCES = "too_few_sentences", "fewer lines end in sentence punctuation than the threshold"
    TOO_FEW_END_MARKS = "too_few_end_marks", "too few lines end in a mark that ends a sentence"
    TOO_MANY_SHORT_LINES = "too_many_short_lines", "too many lines are short"
    BOILERPLATE_LINES = (
        "boilerplate_lines",
        "lines of notices, counters or navigation were removed, or are too much of the text",
    )
    QUESTIONABLE_SENTENCES = (
        "questionable_sentences",
        "too many sentences are lists, of odd length, technical, or hold what no prose does",
    )
    URL_LISTED = (
        "url_listed",
        "a list of the recipe names the address, its host or a word in it; the detail is the list's category",
    )
    EVALUATION_OVERLAP = (
        "evaluation_overlap",
        "the text holds a problem of an evaluation set, or its solution; the detail names set, entry and place",
    )
    PROTECTED_OVERLAP = (
        "protected_overlap",
        "the text shares more with a work on the list of protected ones than allowed",
    )
    SPAM_WORDS = "spam_words", "too many phrases of bulk advertising"
    SPAM_LIKELY = (
        "spam_likely",
        "the classifier takes the text for spam: bulk advertising, fraud, link farms, stuffed keywords",
    )
    UNLIKE_REFERENCE = "unlike_reference", "the recipe's own classifier finds the text too unlike its reference texts"

    # hate and abuse, by the classifier; counter-speech, quoted and reclaimed use are meant to stay
    HATE_SLUR = "hate_slur", "slurs used against people"
    HATE_THREAT = "hate_threat", "threats of violence against people for what they are"
    HATE_DEHUMANISATION = "hate_dehumanisation", "people compared with vermin, disease or things for what they are"
    HATE_INCITEMENT = "hate_incitement", "calls for violence against people for what they are"
    HATE_EXCLUSION = "hate_exclusion", "demands to take rights from people, or to expel them, for what they are"
    HATE_DEROGATION = "hate_derogation", "contempt or hatred of people for what they are"
    HATE_ABUSE = "hate_abuse", "insults and abuse of persons"
    HATE_PASSAGE = "hate_passage", "one passage of the text is more hateful than the threshold, whatever its kind"

    # quality of source code
    VENDORED = "vendored", "the file lies in a folder for code that was copied in from elsewhere"
    GENERATED = "generated", "a program wrote the file: it says so, or has the name of such files"
    MINIFIED = "minified", "script or style sheet packed for a browser"
    DATA_FILE = "data_file", "more lines or characters of data than the threshold"
    HIDDEN_TEXT = "hidden_text", "too little of the markup is text that a reader sees"
    SECRETS = "secrets", "the file holds more keys, tokens and passwords than the threshold"
    TEST_FILE = "test_file", "a test, beyond the share of tests that the recipe keeps"
    CONFIG_FILE = "config_file", "settings of a tool, beyond the share of them that the recipe keeps"
    TOO_FEW_LETTERS = "too_few_letters", "too few of the characters are letters"
    ENCODED_DATA = "encoded_data", "too much base64, hexadecimal or escaped data"
    LONG_LINES = "long_lines", "lines longer than the threshold, on average or at most"
    TOO_FEW_ALPHANUMERICS = "too_few_alphanumerics", "too few of the characters are letters or digits"
    TOO_FEW_CHARACTERS = "too_few_characters", "fewer characters than the threshold"

    # quality of pictures and captions
    PICTURE_TOO_SMALL = "picture_too_small", "the shorter side has fewer pixels than the threshold"
    ODD_ASPECT_RATIO = "odd_aspect_ratio", "the longer side is too many times the shorter one"
    PICTURE_BLANK = "picture_blank", "the picture is of one colour, or nearly"
    PICTURE_UNSAFE = "picture_unsafe", "a model takes the picture for unsafe to show, over the threshold"
    CAPTION_MISMATCH = "caption_mismatch", "a model finds the caption to fit its picture less than the threshold"
    CAPTION_FILE_NAME = "caption_file_name", "the caption is the name of a file"
    CAPTION_BOILERPLATE = "caption_boilerplate", "the caption would suit any picture (image, logo, click to enlarge)"
    REPEATED_WORDS = "repeated_words", "too many words of the caption repeat earlier ones"

    # quality of recordings
    SOUND_TOO_SHORT = "sound_too_short", "the recording is shorter than the threshold"
    SOUND_TOO_LONG = "sound_too_long", "the recording is longer than the threshold"
    LOW_SAMPLE_RATE = "low_sample_rate", "fewer samples a second than the threshold"
    SILENT = "silent", "the recording is silent, or as good as"
    CLIPPED = "clipped", "too many samples lie at the ends of the scale"
    TOO_MUCH_TEXT = "too_much_text", "more characters a second than anybody speaks: the text is not what is heard"

    TOO_LITTLE_TEXT = "too_little_text", "fewer characters a second of speech than the threshold: not all that is said"
    REPEATED_PHRASES = (
        "repeated_phrases",
        "the text goes round in circles, as that of a recogniser that has lost the thread",
    )
    NOISY = "noisy", "the estimated signal-to-noise ratio is below the threshold"
    NARROW_BAND = "narrow_band", "the spectrum ends below the threshold: a telephone's sound, whatever its sample rate"
    TOO_LITTLE_SPEECH = "too_little_speech", "people speak in less of the recording than the threshold"

    # edits (the item is changed, not lost)
    PERSONAL_DATA = "personal_data", "personal data or a secret was replaced by a placeholder"

    # group
    EXACT_DUPLICATE = "exact_duplicate", "the same text, pixels or samples as a kept item"
    NEAR_DUPLICATE = "near_duplicate", "verified similar to a kept item at or above the threshold"
    REPEATED_SPANS = (
        "repeated_spans",
        "spans of the text that a kept item holds word for word were cut, or too few words are left without them",
    )
    OVER_REPRESENTED = "over_represented", "what its caption speaks of is common, and the balance keeps a share of that"
    NO_ENTRY = "no_entry", "its caption holds no entry of the list that the lane is balanced by"
    OVER_QUOTA = "over_quota", "the mix asks for fewer items of this lane"

    explanation: str

    def __new__(cls, value: str, explanation: str = "") -> "Reason":
        """A member carries the sentence that documents it."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.explanation = explanation
        return member
