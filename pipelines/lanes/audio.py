"""Recordings with their words: one sound in, as FLAC with the best transcript or caption out."""

from pipelines.dedup.audio import AUDIO_DEDUP, audio_dedup
from pipelines.edits.pii import PII_REDACT
from pipelines.lanes.lane import Lane
from pipelines.measures.audio import AUDIO_STATISTICS
from pipelines.measures.caption import CAPTION_LANGUAGE
from pipelines.measures.harm import HATE_MEASURE, SPAM_MEASURE
from pipelines.measures.overlap import OVERLAP_MEASURE
from pipelines.policies.audio import AUDIO_QUALITY
from pipelines.policies.harm import HATE_CLASSIFIER, SPAM_CLASSIFIER
from pipelines.policies.language import LANGUAGE_WANTED
from pipelines.policies.overlap import OVERLAP
from pipelines.shard.sample import audio_samples
from pipelines.split.audio import AUDIO_FACTS, AUDIO_SPLIT, audio_reader
from schemas.annotation import Role
from schemas.sample import AUDIO_TEXT

AUDIO = Lane(
    name="audio",
    modality="audio",
    media_types=("audio/*", "application/ogg"),
    decoder=audio_reader,
    facts=AUDIO_FACTS,
    split=AUDIO_SPLIT,
    measures=(CAPTION_LANGUAGE, AUDIO_STATISTICS, SPAM_MEASURE, HATE_MEASURE, OVERLAP_MEASURE),
    judges=(AUDIO_QUALITY, LANGUAGE_WANTED, SPAM_CLASSIFIER, HATE_CLASSIFIER, OVERLAP),
    edits=(PII_REDACT,),
    dedup=audio_dedup(AUDIO_DEDUP),
    config=AUDIO_TEXT,
    samples=audio_samples,
    roles=(Role.TRANSCRIPT, Role.CAPTION, Role.TAG),
)
