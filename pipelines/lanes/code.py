"""Source code: files of an upload or an archive in, one text an item out."""

from pipelines.capture.code_type import SOURCE_TYPES
from pipelines.dedup.code import CODE_DEDUP
from pipelines.dedup.text import text_dedup
from pipelines.edits.pii import PII_REDACT
from pipelines.lanes.lane import Lane
from pipelines.measures.code import CODE_STATISTICS
from pipelines.measures.overlap import OVERLAP_MEASURE
from pipelines.policies.code import CODE_QUALITY
from pipelines.policies.overlap import OVERLAP
from pipelines.policies.owners import CODE_OWNERS
from pipelines.rights.code_licences import licence_rows
from pipelines.shard.sample import text_samples
from pipelines.split.code import CODE_FACTS, CODE_SPLIT, code_reader
from schemas.sample import TEXT

CODE = Lane(
    name="code",
    modality="text",
    media_types=("text/*", *SOURCE_TYPES),
    decoder=code_reader,
    facts=CODE_FACTS,
    split=CODE_SPLIT,
    measures=(CODE_STATISTICS, OVERLAP_MEASURE),
    judges=(CODE_OWNERS, CODE_QUALITY, OVERLAP),
    edits=(PII_REDACT,),
    dedup=text_dedup(CODE_DEDUP),
    config=TEXT,
    samples=text_samples,
    evidence=licence_rows,
)
