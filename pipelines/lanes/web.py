"""Web pages: HTML or plain text in, one text an item out."""

from pipelines.dedup.text import TEXT_DEDUP, text_dedup
from pipelines.edits.pii import PII_REDACT
from pipelines.lanes.lane import Lane
from pipelines.measures.language import LANGUAGE
from pipelines.measures.text import TEXT_STATISTICS
from pipelines.policies.c4 import C4_QUALITY
from pipelines.policies.gopher import GOPHER_QUALITY, GOPHER_REPETITION
from pipelines.policies.language import LANGUAGE_WANTED
from pipelines.policies.spam import SPAM_PHRASES
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
    measures=(LANGUAGE, TEXT_STATISTICS),
    judges=(LANGUAGE_WANTED, GOPHER_QUALITY, GOPHER_REPETITION, C4_QUALITY, SPAM_PHRASES),
    edits=(PII_REDACT,),
    dedup=text_dedup(TEXT_DEDUP),
    config=TEXT,
    samples=text_samples,
    takes_files=False,
)
