"""Books and other long texts: a file in, the whole of its text out, one item a book."""

import dataclasses

from pipelines.dedup.spans import DEDUP_SPANS
from pipelines.dedup.text import TEXT_DEDUP, text_dedup
from pipelines.edits.pii import PII_REDACT
from pipelines.lanes.lane import Lane
from pipelines.measures.harm import HATE_MEASURE, SPAM_MEASURE
from pipelines.measures.language import LANGUAGE
from pipelines.measures.overlap import OVERLAP_MEASURE
from pipelines.measures.stop_words import STOP_WORD_COUNT
from pipelines.measures.text import TEXT_STATISTICS
from pipelines.policies.books import BOOK_QUALITY
from pipelines.policies.harm import HATE_CLASSIFIER, SPAM_CLASSIFIER
from pipelines.policies.language import LANGUAGE_WANTED
from pipelines.policies.overlap import OVERLAP
from pipelines.rights.book_notices import book_licence_rows
from pipelines.shard.sample import text_samples
from pipelines.split.book import BOOK_FACTS, BOOK_SPLIT, book_reader
from pipelines.split.book_child import BOOK_TYPES
from schemas.sample import TEXT

BOOK_DEDUP = dataclasses.replace(
    TEXT_DEDUP.override(
        {
            # Chosen: one word in 18 may differ (old spelling, hyphens, errors of OCR). Editions of one book lie at 0.99 once their
            # notices are off, and at 0.856 with them; of 1,711 pairs of inaugural addresses the closest at 0.007.
            "threshold": 0.6,
        },
        where="dedup.books",
    ),
    name="dedup.books",
)

BOOKS = Lane(
    name="books",
    modality="text",
    media_types=BOOK_TYPES,
    decoder=book_reader,
    facts=BOOK_FACTS,
    split=BOOK_SPLIT,
    measures=(LANGUAGE, TEXT_STATISTICS, STOP_WORD_COUNT, SPAM_MEASURE, HATE_MEASURE, OVERLAP_MEASURE),
    judges=(LANGUAGE_WANTED, BOOK_QUALITY, SPAM_CLASSIFIER, HATE_CLASSIFIER, OVERLAP),
    edits=(PII_REDACT,),
    dedup=text_dedup(BOOK_DEDUP),
    config=TEXT,
    samples=text_samples,
    spans=DEDUP_SPANS,
    evidence=book_licence_rows,
)
