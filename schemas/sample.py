"""The sample: what an item looks like inside a published shard. Per config: its tar parts, the keys and types of its
JSON, and the columns of its per-sample Parquet file.

Readers outside Headwater live on these names, so a change here is a new SHARDSET_VERSION. `license` is spelled as the
tools that read shards spell it; everywhere else in Headwater the word is licence.
"""

from dataclasses import dataclass

import pyarrow as pa

from schemas.digest import Json, digest
from schemas.item import ID

STRING = pa.string()
STRINGS = pa.list_(pa.field("item", STRING, nullable=False))


def _needed(name: str, kind: pa.DataType) -> pa.Field:
    return pa.field(name, kind, nullable=False)


# Recorded signals as "mechanism:verdict"; decision is `unknown` where none was recorded.
RIGHTS = pa.struct([_needed("decision", STRING), _needed("signals", STRINGS)])

# In the JSON of every config. Digests are lower-case hex, times RFC 3339 UTC with microseconds.
PROVENANCE = (
    _needed("uid", STRING),  # the sample's key
    pa.field("url", STRING),  # of the captured bytes, redacted; null for damage and for files without a URI
    pa.field("page_url", STRING),  # of the page they were found on; a page's own URL for text
    pa.field("license", STRING),  # SPDX expression concluded from evidence; null: none was found
    pa.field("license_source", STRING),  # a location as in schemas.rights.LICENCE, or card; null: not recorded
    pa.field("retrieved_at", STRING),  # when the source answered; null where the archive does not say
    pa.field("http_status", pa.int64()),  # null where there was no HTTP answer
    pa.field("sha256_original", STRING),  # of the payload as captured
    _needed("sha256", STRING),  # of what is published: the payload part, or the text in NFC
    _needed("rights", RIGHTS),
)

# First columns of every per-sample Parquet file: where the sample lies. `offset` in `parts` is that of the content.
PLACE = (
    _needed("key", STRING),
    _needed("item_id", ID),
    _needed("shard", STRING),  # train-000000
    _needed("index", pa.int32()),  # place in the shard, from 0
    _needed("offset", pa.int64()),  # byte of the sample's first tar header
    _needed("length", pa.int64()),  # bytes of all its members with headers and padding
    _needed("parts", pa.list_(pa.struct([
        _needed("part", STRING), _needed("offset", pa.int64()), _needed("size", pa.int64()), _needed("sha256", ID),
    ]))),
)  # fmt: skip

# What an item's Parquet row says beside its place. A lane may add columns of its own behind these.
ABOUT = (
    _needed("capture_id", ID),
    _needed("source", STRING),
    pa.field("domain", STRING),  # host of the captured URI; null for files
    pa.field("language", STRING),
    pa.field("license", STRING),
    _needed("media_type", STRING),
    _needed("content_sha256", ID),
)


def _described(field: pa.Field) -> dict[str, Json]:
    """A field in words of our own, so that a release of pyarrow that prints types otherwise changes no digest."""
    children = [field.type.field(i) for i in range(field.type.num_fields)]
    return {
        "name": field.name,
        "nullable": field.nullable,
        "type": str(field.type) if not children else "list" if pa.types.is_list(field.type) else "struct",
        "of": [_described(child) for child in children],
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleConfig:
    """What the samples of one modality hold.

    `parts` are the tar extensions, sorted; `payload` is the one whose bytes `sha256` in the JSON covers, or None where
    that is the text. In `json` only scalars are ever null. `about` is what its Parquet rows say beside the place.
    """

    name: str
    parts: tuple[str, ...]
    payload: str | None
    json: pa.Schema
    about: tuple[pa.Field, ...] = ABOUT

    @property
    def digest(self) -> bytes:
        """The schema digest that shards of this config carry in their header."""
        return digest("sample", self.name, self.parts, self.payload, [_described(field) for field in self.json])

    @property
    def meta(self) -> pa.Schema:
        """The schema of the per-sample Parquet file."""
        return pa.schema([*PLACE, *self.about])


TEXT = SampleConfig(
    name="text",
    parts=("json",),
    payload=None,
    json=pa.schema(
        [
            _needed("text", STRING),
            _needed("id", STRING),  # item_id
            _needed("source", STRING),
            pa.field("created", STRING),  # date the text itself claims; null: it claims none
            pa.field("added", STRING),  # when the source was captured
            _needed(
                "metadata",
                pa.struct(
                    [
                        *PROVENANCE,
                        pa.field("title", STRING),
                        pa.field("language", STRING),
                        _needed("media_type", STRING),
                    ]
                ),
            ),
        ]
    ),
)

IMAGE_TEXT = SampleConfig(
    name="image_text",
    parts=("jpg", "json", "txt"),
    payload="jpg",
    json=pa.schema(
        [
            *PROVENANCE,
            _needed("caption", STRING),  # the same string as the txt part
            _needed("caption_source", STRING),  # alt | title | figcaption | og | json_ld | upload
            # What else the same page or upload says of the picture, best first, without the caption itself.
            _needed("other_captions", pa.list_(pa.field("item", pa.struct([
                _needed("text", STRING), _needed("source", STRING), pa.field("language", STRING),
            ]), nullable=False))),
            pa.field("language", STRING),  # of the caption
            _needed("width", pa.int64()),
            _needed("height", pa.int64()),
            _needed("original_width", pa.int64()),
            _needed("original_height", pa.int64()),
            # Exif's 1..8 where the jpg part is to be turned to be seen upright (it says so itself); null: it is upright.
            pa.field("orientation", pa.int64()),
        ]
    ),
)  # fmt: skip

AUDIO_TEXT = SampleConfig(
    name="audio_text",
    parts=("flac", "json", "txt"),
    payload="flac",
    json=pa.schema(
        [
            *PROVENANCE,
            _needed("text", STRINGS),  # captions or the transcript; the txt part is the first
            _needed("tag", STRINGS),
            pa.field("language", STRING),
            _needed("duration", pa.float64()),  # seconds
            _needed("sample_rate", pa.int64()),  # hertz
            _needed("channels", pa.int64()),
            pa.field("start", pa.float64()),  # seconds; where in the captured recording it lies; null: it is all of it
            pa.field("end", pa.float64()),
            _needed("synthetic", pa.bool_()),  # whether a machine wrote the text
        ]
    ),
)

CONFIGS: dict[str, SampleConfig] = {config.name: config for config in (TEXT, IMAGE_TEXT, AUDIO_TEXT)}
