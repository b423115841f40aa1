"""Web pages: HTML or plain text in, one text an item out."""

from pipelines.dedup.spans import DEDUP_SPANS
from pipelines.dedup.text import TEXT_DEDUP, text_dedup
from pipelines.edits.lines import REMOVE_LINES
from pipelines.edits.pii import PII_REDACT
from pipelines.lanes.lane import Lane
from pipelines.measures.harm import HATE_MEASURE, SPAM_MEASURE
from pipelines.measures.language import LANGUAGE
from pipelines.measures.lines import LINE_STATISTICS
from pipelines.measures.overlap import OVERLAP_MEASURE
from pipelines.measures.quality import QUALITY_MEASURE
from pipelines.measures.sentences import SENTENCE_STATISTICS
from pipelines.measures.stop_words import STOP_WORD_COUNT
from pipelines.measures.text import TEXT_STATISTICS
from pipelines.measures.url import URL_CATEGORY
from pipelines.policies.c4 import C4_QUALITY
from pipelines.policies.fineweb import FINEWEB_QUALITY
from pipelines.policies.gopher import GOPHER_QUALITY, GOPHER_REPETITION
from pipelines.policies.harm import HATE_CLASSIFIER, SPAM_CLASSIFIER
from pipelines.policies.language import LANGUAGE_WANTED
from pipelines.policies.madlad import MADLAD_QUALITY
from pipelines.policies.overlap import OVERLAP
from pipelines.policies.quality import QUALITY_CLASSIFIER
from pipelines.policies.refinedweb import REFINEDWEB_QUALITY
from pipelines.policies.spam import SPAM_PHRASES
from pipelines.policies.url import URL_LISTED
from pipelines.shard.sample import text_samples
from pipelines.split.html import HTML_SPLIT, WEB_FACTS, html_reader
from schemas.sample import TEXT

WEB = Lane(
    name="web",
    modality="text",
    media_types=("text/html", "application/xhtml+xml", "text/plain"),
    decoder=html_reader,
    facts=WEB_FACTS,
    split=HTML_SPLIT,
    measures=(
        URL_CATEGORY, LANGUAGE, TEXT_STATISTICS, STOP_WORD_COUNT, LINE_STATISTICS, SENTENCE_STATISTICS, SPAM_MEASURE, HATE_MEASURE,
        QUALITY_MEASURE, OVERLAP_MEASURE,
    ),
    judges=(
        URL_LISTED, LANGUAGE_WANTED, GOPHER_QUALITY, GOPHER_REPETITION, C4_QUALITY, REFINEDWEB_QUALITY, FINEWEB_QUALITY, MADLAD_QUALITY,
        SPAM_PHRASES, SPAM_CLASSIFIER, HATE_CLASSIFIER, QUALITY_CLASSIFIER, OVERLAP,
    ),
    edits=(REMOVE_LINES, PII_REDACT),
    dedup=text_dedup(TEXT_DEDUP),
    config=TEXT,
    samples=text_samples,
    spans=DEDUP_SPANS,
    takes_files=False,
)  # fmt: skip
