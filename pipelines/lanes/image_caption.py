"""Pictures with captions: one picture in, as JPEG with the best of what is said of it out."""

from pipelines.dedup.image import IMAGE_DEDUP, image_dedup
from pipelines.edits.pii import PII_REDACT
from pipelines.lanes.lane import Lane
from pipelines.measures.caption import CAPTION_LANGUAGE, CAPTION_STATISTICS
from pipelines.measures.clip import CLIP
from pipelines.measures.harm import HATE_MEASURE, SPAM_MEASURE
from pipelines.measures.image import IMAGE_STATISTICS
from pipelines.measures.overlap import OVERLAP_MEASURE
from pipelines.measures.text import TEXT_STATISTICS
from pipelines.policies.caption import CAPTION_QUALITY
from pipelines.policies.harm import HATE_CLASSIFIER, SPAM_CLASSIFIER
from pipelines.policies.image import CLIP_QUALITY, IMAGE_QUALITY
from pipelines.policies.language import LANGUAGE_WANTED
from pipelines.policies.overlap import OVERLAP
from pipelines.rights.picture import picture_licence_rows
from pipelines.shard.sample import image_samples
from pipelines.split.image import IMAGE_FACTS, IMAGE_SPLIT, image_reader
from schemas.annotation import Role
from schemas.sample import IMAGE_TEXT

IMAGE_CAPTION = Lane(
    name="image_caption",
    modality="image",
    media_types=("image/*",),
    decoder=image_reader,
    facts=IMAGE_FACTS,
    split=IMAGE_SPLIT,
    measures=(
        CAPTION_LANGUAGE,
        TEXT_STATISTICS,
        CAPTION_STATISTICS,
        SPAM_MEASURE,
        HATE_MEASURE,
        IMAGE_STATISTICS,
        CLIP,
        OVERLAP_MEASURE,
    ),
    judges=(IMAGE_QUALITY, LANGUAGE_WANTED, CAPTION_QUALITY, SPAM_CLASSIFIER, HATE_CLASSIFIER, CLIP_QUALITY, OVERLAP),
    edits=(PII_REDACT,),
    dedup=image_dedup(IMAGE_DEDUP),
    config=IMAGE_TEXT,
    samples=image_samples,
    evidence=picture_licence_rows,
    roles=(Role.CAPTION, Role.TITLE),
)
