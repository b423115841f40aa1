"""Recordings: each root gives one child, the sound as FLAC with the best words that anybody says of it.

    split_audio(AUDIO_SPLIT, items, payloads, child) -> (children, decisions)

The bytes are only ever decoded in the killable child, whose findings become facts. Valid FLAC is kept byte for byte; all
else is written as FLAC: integers sample by sample in their 8, 16 or 24 bits, floats and lossy codecs in 16. A recording of
which nobody says anything is dropped undecoded (`transcript_missing`); one that cannot be read to its end is quarantined.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from pipelines.child import Child, Limits
from pipelines.split import audio_child
from pipelines.split.caption import primary, tidy
from pipelines.split.children import children
from pipelines.split.media import read_media
from pipelines.stage import Shape, Stage
from schemas.annotation import Role
from schemas.digest import sha256
from schemas.item import ID
from schemas.reasons import Reason

AUDIO_FACTS = pa.struct(
    [
        *audio_child.MEASURED,
        pa.field("tags", pa.list_(pa.string())),  # sorted; empty for none, null for a root
        pa.field("text_role", pa.string()),  # transcript | caption: what the text is to the recording
        pa.field("text_location", pa.string()),  # where its sayer has it: table, figcaption, ...
    ]
)

# What is heard comes before what is said about it, what was written for it before what stands near it.
ROLES = (Role.TRANSCRIPT, Role.CAPTION)
LOCATIONS = ("table", "file", "member", "transcript", "figcaption", "json_ld", "title")

# Chosen: decoding, measuring and encoding take about 4 ms of processor time a second of stereo sound, so an hour takes 15 s;
# memory holds the file, its FLAC and two copies of that on the way out, each of 64 MiB at most.
LIMITS = Limits(row_seconds=180.0, cpu_seconds=90, memory_bytes=512 * 2**20)


def audio_reader(limits: Limits | None = None) -> Child:
    """The child that `split_audio` needs; it starts with the first batch. Close it when done."""
    return Child(audio_child, audio_child.RESULT, limits or LIMITS)


def split_audio(
    stage: Stage, items: pa.RecordBatch, payloads: pa.RecordBatch, child: Child
) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """The children in the order of their parents, and one decision for each parent.

    `payloads` are `rooms.PAYLOADS`, row by row with the items. Dropped: without words, or of a format that is not read.
    Quarantined: what is too large, or does not decode to its end.
    """
    languages = stage.settings["languages"]
    assert isinstance(languages, tuple)
    words = [best(said or (), languages) for said in payloads.column("said").to_pylist()]
    rows, read, found = read_media(
        stage, items, payloads, child,
        requests=_requests, words=words, wordless=Reason.TRANSCRIPT_MISSING, what="recording",
    )  # fmt: skip
    spoken = [text for row in rows if (text := words[row]) is not None]
    at = pa.array(rows)
    return _children(stage, items.take(at), payloads.column("said").take(at), spoken, read), found


def best(said: Sequence[Mapping[str, Any]], languages: Sequence[str]) -> Mapping[str, Any] | None:
    """The annotation (of `schemas.annotation.SAID`) whose words go with the recording, tidy; null where nobody says any.

    By `ROLES`, then `LOCATIONS` (others last), then one in a wanted language, in their order, then as they come.
    """
    wanted = [primary(language) for language in languages]

    def rank(one: Mapping[str, Any]) -> tuple[int, ...]:
        return ROLES.index(one["role"]), _place(LOCATIONS, one["location"]), _place(wanted, one["language"])

    spoken = [
        {**one, "text": tidy(one["text"]), "language": primary(one["language"])} for one in said if one["role"] in ROLES
    ]
    return min((one for one in spoken if one["text"]), key=rank, default=None)


def _place(order: Sequence[str | None], value: str | None) -> int:
    return order.index(value) if value in order else len(order)


def _requests(stage: Stage, payloads: pa.RecordBatch) -> pa.RecordBatch:
    """What the child is asked: each recording with the settings it is to be read by."""
    n, settings = len(payloads), stage.settings
    columns = {name: payloads.column(name) for name in ("data", "media_type")}
    columns["max_bytes"] = pa.array([settings["max_bytes"]] * n, pa.int64())
    columns |= {name: pa.array([settings[name]] * n, pa.float64()) for name in ("max_seconds", "silence_dbfs")}
    return pa.RecordBatch.from_pydict(columns)


def _children(
    stage: Stage, parents: pa.RecordBatch, said: pa.Array, words: Sequence[Mapping[str, Any]], read: pa.RecordBatch
) -> pa.RecordBatch:
    """One child for each parent, row by row with what is said of it, the best of that, and what decoding found."""
    facts = {
        "tags": pa.array([_tags(all_of_it or ()) for all_of_it in said.to_pylist()], pa.list_(pa.string())),
        "text_role": pa.array([one["role"] for one in words], pa.string()),
        "text_location": pa.array([one["location"] for one in words], pa.string()),
    }
    facts |= {field.name: read.column(field.name) for field in audio_child.MEASURED}
    own = zip(words, parents.column("capture_id").to_pylist(), strict=True)
    sayers = [None if one["capture_id"] == capture else one["capture_id"] for one, capture in own]
    media = read.column("flac")
    sounds = zip(parents.column("content_sha256").to_pylist(), media.to_pylist(), strict=True)
    return children(
        stage,
        parents,
        facts=pa.StructArray.from_arrays([facts[field.name] for field in AUDIO_FACTS], fields=list(AUDIO_FACTS)),
        content_sha256=[captured if flac is None else sha256(flac) for captured, flac in sounds],
        columns={
            "modality": "audio",
            "media_type": "audio/flac",
            "language": [one["language"] for one in words],
            "text": [one["text"] for one in words],
            "text_capture_id": pa.array(sayers, ID),
            "payload": parents.column("payload"),
            "media": media,
        },
    )


def _tags(said: Sequence[Mapping[str, Any]]) -> list[str]:
    return sorted({tidy(one["text"]) for one in said if one["role"] == Role.TAG} - {""})


AUDIO_SPLIT = Stage(
    name="split.audio",
    version=1,
    shape=Shape.SPLIT,
    fn=split_audio,
    parameters=(
        ("languages", ()),  # of words in several languages the first of these is taken; a source sets its own
        ("max_bytes", 64 * 2**20),  # of the capture, and of its FLAC; Chosen: six minutes of CD sound, half an hour of speech
        ("max_seconds", 3600.0),  # Chosen: nothing much longer fits in max_bytes, and it bounds the processor time
        ("silence_dbfs", -60.0),  # Source: ffmpeg, filter silencedetect, default of `noise`
    ),
)  # fmt: skip
