"""Recordings: a short one gives one child, the sound as FLAC with the best words that anybody says of it; a long one whose words
have times gives a child for each stretch of its cues.

    split_audio(AUDIO_SPLIT, items, payloads, child) -> (children, decisions)

The bytes are only ever decoded in the killable child, whose findings become facts. Valid FLAC is kept byte for byte; all
else is written as FLAC: integers sample by sample in their 8, 16 or 24 bits, floats and lossy codecs in 16. A recording of
which nobody says anything is dropped undecoded (`transcript_missing`), unless a recogniser writes its words; one that cannot be
read to its end is quarantined.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipelines.child import Child, Limits
from pipelines.models.files import SILERO_VAD, model_path
from pipelines.models.optional import model_file
from pipelines.split import audio_child
from pipelines.split.caption import primary, tidy
from pipelines.split.children import children
from pipelines.split.media import read_media
from pipelines.split.segments import Segment, by_cues
from pipelines.split.sound_meter import MEASURED
from pipelines.stage import Shape, Stage
from schemas.annotation import Role
from schemas.digest import sha256
from schemas.errors import ModelMissing, RecipeError
from schemas.item import ID
from schemas.reasons import Reason

AUDIO_FACTS = pa.struct(
    [
        *MEASURED,
        pa.field("tags", pa.list_(pa.string())),  # sorted; empty for none, null for a root
        pa.field("text_role", pa.string()),  # transcript | caption: what the text is to the recording
        pa.field("text_location", pa.string()),  # where its sayer has it: table, figcaption, ...; recogniser
        pa.field("start_s", pa.float64()),  # where in the recording the item lies; null where it is all of it
        pa.field("end_s", pa.float64()),
        pa.field("synthetic", pa.bool_()),  # whether a machine wrote the text
        pa.field("machine_text", pa.string()),  # what the recogniser hears; null for nothing, and without one
    ]
)

# What is heard comes before what is said about it, what was written for it before what stands near it.
ROLES = (Role.TRANSCRIPT, Role.CAPTION)
MACHINE = "recogniser"  # the location of a machine's words
LOCATIONS = ("table", "file", "member", "transcript", "figcaption", "json_ld", "title")

# Chosen: decoding, measuring and encoding take about 10 ms of processor time a second of stereo sound, so an hour takes 36 s, and
# twice that where it is read again to be cut in its pauses;
# memory holds the file, its FLAC and two copies of that on the way out, each of 64 MiB at most.
LIMITS = Limits(row_seconds=480.0, cpu_seconds=240, memory_bytes=512 * 2**20)


def audio_reader(limits: Limits | None = None) -> Child:
    """The child that `split_audio` needs; it starts with the first batch. Close it when done."""
    return Child(audio_child, audio_child.RESULT, limits or LIMITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """What goes with one recording. `whole`: the words of all of it (`best`); null for none. `cut`: its cues, joined.

    `cue`: the annotation of the first cue, for what all have alike; null without cues.
    """

    whole: Mapping[str, Any] | None
    cut: Sequence[Segment] = ()
    cue: Mapping[str, Any] | None = None


def split_audio(
    stage: Stage, items: pa.RecordBatch, payloads: pa.RecordBatch, child: Child
) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """The children in the order of their parents, and one decision for each parent.

    `payloads` are `rooms.PAYLOADS`, row by row with the items. Dropped: without words, or of a format that is not read.
    Quarantined: what is too large, or does not decode to its end.

    Raises:
        ModelMissing: a model file is not there, or another one than the recipe names.
    """
    languages = stage.settings["languages"]
    assert isinstance(languages, tuple)
    said = payloads.column("said")
    words = [_words(stage, one or (), languages) for one in said.to_pylist()]
    rows, read, found = read_media(
        stage, items, payloads, child,
        requests=_requests, words=words, wordless=Reason.TRANSCRIPT_MISSING, what="recording",
    )  # fmt: skip
    cut = [
        (row, ordinal, segment, spoken)
        for row, segments in zip(rows.tolist(), read.column("segments").to_pylist(), strict=True)
        for ordinal, segment in enumerate(segments)
        if (spoken := _of_segment(words[row], segment)) is not None
    ]
    at = pa.array([row for row, *_ in cut], pa.int64())
    return _children(stage, items.take(at), said.take(at), cut), found


def _words(stage: Stage, said: Sequence[Mapping[str, Any]], languages: Sequence[str]) -> _Words | None:
    """The words of one recording; null where nobody says any, and no machine may write them."""
    cues = _track([one for one in said if one["start_s"] is not None], languages)
    whole = [one for one in said if one["start_s"] is None]
    if cues:
        whole.append(cues[0] | {"text": " ".join(cue["text"] for cue in cues)})
    found = best(whole, languages)
    if found is None:
        return _Words(whole=None) if _writes(stage) else None
    spoken = [Segment(cue["start_s"], cue["end_s"], cue["text"]) for cue in cues]
    cut = by_cues(spoken, longest_s=stage.number("segment_seconds"), pause_s=stage.number("pause_seconds"))
    return _Words(whole=found, cut=cut, cue=cues[0] if cues else None)


def _track(cues: Sequence[Mapping[str, Any]], languages: Sequence[str]) -> list[dict[str, Any]]:
    """The cues of one sayer in one language, the best there is, tidy and in order of time; those without words left out."""
    tracks: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for cue in cues:
        if text := tidy(cue["text"]):
            tracks.setdefault((cue["capture_id"], cue["language"]), []).append({**cue, "text": text})
    if not tracks:
        return []
    first = {key: found[0] for key, found in tracks.items()}
    best_of = best(list(first.values()), languages)
    assert best_of is not None
    key = next(
        key for key, one in first.items() if (key[0], primary(key[1])) == (best_of["capture_id"], best_of["language"])
    )
    return sorted(tracks[key], key=lambda cue: (cue["start_s"], cue["end_s"]))


def _of_segment(words: _Words | None, segment: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The annotation whose words go with a segment, as `best` gives it; null for none. A machine's has no capture."""
    assert words is not None
    if segment["span"] is not None:
        assert words.cue is not None
        return {**words.cue, "language": primary(words.cue["language"]), "text": words.cut[segment["span"]].text}
    if words.whole is not None:
        return words.whole
    if segment["machine_text"] is None:
        return None
    role, text = Role.TRANSCRIPT.value, tidy(segment["machine_text"])
    return {"capture_id": None, "role": role, "text": text, "language": None, "location": MACHINE}


def _writes(stage: Stage) -> bool:
    """Whether the words of a recogniser count."""
    return bool(stage.settings["recogniser"] and stage.settings["machine_transcripts"])


def best(said: Sequence[Mapping[str, Any]], languages: Sequence[str]) -> Mapping[str, Any] | None:
    """The annotation (of `schemas.annotation.SAID`) whose words go with the recording, tidy; null where nobody says any.

    Those first that may be used most freely; then by `ROLES`, then `LOCATIONS` (others last), then one in a wanted language, in their
    order, then as they come.
    """
    wanted = [primary(language) for language in languages]

    def rank(one: Mapping[str, Any]) -> tuple[int, ...]:
        free = one.get("rights_rank") or 0
        return free, ROLES.index(one["role"]), _place(LOCATIONS, one["location"]), _place(wanted, one["language"])

    spoken = [
        {**one, "text": tidy(one["text"]), "language": primary(one["language"])} for one in said if one["role"] in ROLES
    ]
    return min((one for one in spoken if one["text"]), key=rank, default=None)


def _place(order: Sequence[str | None], value: str | None) -> int:
    return order.index(value) if value in order else len(order)


def _requests(stage: Stage, payloads: pa.RecordBatch, words: Sequence[_Words]) -> pa.RecordBatch:
    """What the child is asked: each recording with the settings it is to be read by."""
    n = len(payloads)
    cut = [[{"start_s": one.start_s, "end_s": one.end_s} for one in said.cut] or None for said in words]
    network, vocabulary = _recogniser(stage)
    columns = {name: payloads.column(name) for name in ("data", "media_type")}
    columns |= {name: pa.array([stage.settings[name]] * n) for name in audio_child.SETTINGS}
    columns |= {"spans": pa.array(cut, audio_child.SPANS), "by_voice": pa.array([said.whole is None for said in words])}
    fixed = {"voice": _voice(stage), "recogniser": network, "vocabulary": vocabulary}
    columns |= {name: pa.array([value] * n, pa.string()) for name, value in fixed.items()}
    return pa.RecordBatch.from_pydict(columns)


def _recogniser(stage: Stage) -> tuple[str | None, str | None]:
    """The path of a network that writes down what it hears, and its tokens as JSON; nulls where it is off."""
    network, tokens = model_file(stage, "recogniser"), model_file(stage, "recogniser_tokens")
    if network is None or tokens is None:
        return None, None
    text = tokens.read_text("utf-8", errors="replace")
    try:
        if isinstance(json.loads(text), dict):
            return str(network), text
    except ValueError:
        pass
    raise ModelMissing(f"stage {stage.name}: {tokens} is no JSON object of token -> number, as a recogniser has it")


def _check(stage: Stage) -> None:
    if bool(stage.settings["recogniser"]) != bool(stage.settings["recogniser_tokens"]):
        raise RecipeError(
            f"{stage.name}: a recogniser is two files, a network and its tokens: give the sha256 of both, `recogniser` and "
            "`recogniser_tokens`, or of neither"
        )


def _voice(stage: Stage) -> str | None:
    """The path of the network that finds speech; null where its energy is to."""
    match stage.settings["voice"]:
        case "silero":
            try:
                return str(model_path(SILERO_VAD.name, stage.paths))
            except ModelMissing as error:
                raise ModelMissing(f'{error}; or do without: voice = "energy" under [stage."{stage.name}"]') from error
        case "energy":
            return None
    raise RecipeError(f'{stage.name}: voice is "silero" or "energy", not {stage.settings["voice"]!r}')


def _children(
    stage: Stage,
    parents: pa.RecordBatch,
    said: pa.Array,
    cut: Sequence[tuple[int, int, Mapping[str, Any], Mapping[str, Any]]],
) -> pa.RecordBatch:
    """One child for each row of parents: a segment of it with its words, and what is said of the whole."""
    segments = [segment for _, _, segment, _ in cut]
    words = [one for *_, one in cut]
    facts = {
        "tags": pa.array([_tags(all_of_it or ()) for all_of_it in said.to_pylist()], pa.list_(pa.string())),
        "text_role": pa.array([one["role"] for one in words], pa.string()),
        "text_location": pa.array([one["location"] for one in words], pa.string()),
        "synthetic": pa.array([one["location"] == MACHINE for one in words], pa.bool_()),
    }
    facts |= {f.name: pa.array([one[f.name] for one in segments], f.type) for f in AUDIO_FACTS if f.name not in facts}
    own = zip(words, parents.column("capture_id").to_pylist(), strict=True)
    sayers = [None if one["capture_id"] == capture else one["capture_id"] for one, capture in own]
    media = [one["flac"] for one in segments]
    sounds = zip(parents.column("content_sha256").to_pylist(), media, strict=True)
    return children(
        stage,
        parents,
        facts=pa.StructArray.from_arrays([facts[field.name] for field in AUDIO_FACTS], fields=list(AUDIO_FACTS)),
        content_sha256=[captured if flac is None else sha256(flac) for captured, flac in sounds],
        ordinals=[ordinal for _, ordinal, *_ in cut],
        columns={
            "modality": "audio",
            "media_type": "audio/flac",
            "language": [one["language"] for one in words],
            "text": [one["text"] for one in words],
            "text_capture_id": pa.array(sayers, ID),
            "payload": parents.column("payload"),
            "media": pa.array(media, pa.large_binary()),
        },
    )


def _tags(said: Sequence[Mapping[str, Any]]) -> list[str]:
    return sorted({tidy(one["text"]) for one in said if one["role"] == Role.TAG} - {""})


AUDIO_SPLIT = Stage(
    name="split.audio",
    version=4,
    shape=Shape.SPLIT,
    fn=split_audio,
    models=((SILERO_VAD.name, SILERO_VAD.sha256),),
    switches=(("recogniser", "recogniser"),),
    companions=(("recogniser_tokens", "recogniser_tokens"),),
    check=_check,
    parameters=(
        ("languages", ()),  # of words in several languages the first of these is taken; a source sets its own
        ("max_bytes", 64 * 2**20),  # of the capture, and of its FLAC; Chosen: six minutes of CD sound, half an hour of speech
        ("max_seconds", 3600.0),  # Chosen: nothing much longer fits in max_bytes, and it bounds the processor time
        ("silence_dbfs", -60.0),  # Source: ffmpeg, filter silencedetect, default of `noise`
        ("voice", "silero"),  # what finds speech; "energy" needs no model, and takes animals for people
        # A recording longer than this is cut. Source: Whisper's window (Radford et al. 2022, arXiv 2212.04356, section 2.1).
        ("segment_seconds", 30.0),
        ("pause_seconds", 0.5),  # Chosen: cues closer than this are one sentence or the next, not another scene
        ("recogniser", ""),  # sha256 of the file that the site names `recogniser`; empty: off
        ("recogniser_tokens", ""),  # sha256 of the JSON with what its outputs mean (`recogniser_tokens`)
        ("machine_transcripts", False),  # whether what the recogniser hears is the text where nobody says another
    ),
)  # fmt: skip
