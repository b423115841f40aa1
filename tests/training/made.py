"""Small releases to train on: sentences, drawn pictures and made sounds, and a quiz; every item a function of its number."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import soundfile
from PIL import Image, ImageDraw

from pipelines.shard.card import Card
from pipelines.shard.release import ShardSet, assemble_lane, assemble_release
from pipelines.shard.sample import Sample, sample_json
from pipelines.shard.writer import shard_plan, write_shard
from schemas.digest import sha256
from schemas.item import sample_key, text_sha256
from schemas.sample import AUDIO_TEXT, IMAGE_TEXT, TEXT, SampleConfig
from schemas.shard import Split
from schemas.source import SourceCard, SourceKind

COLOURS = {"red": (220, 40, 40), "green": (40, 180, 60), "blue": (50, 80, 220), "yellow": (230, 210, 50)}
SHAPES = ("circle", "square", "triangle", "bar")
TOWNS = ("Ulm", "Bath", "Nara", "Lund", "Cork", "Brno", "Graz", "Oulu", "Pisa", "Vigo")
TRADES = ("baker", "miller", "potter", "weaver", "mason", "cooper")
CONFIGS: dict[str, SampleConfig] = {"web": TEXT, "quiz": TEXT, "image_caption": IMAGE_TEXT, "audio": AUDIO_TEXT}
SIZES = {"web": 60, "quiz": 40, "image_caption": 48, "audio": 24}


def sentence(n: int) -> str:
    town, trade, colour = TOWNS[n % 10], TRADES[n // 10 % 6], tuple(COLOURS)[n // 3 % 4]
    return (
        f"The {trade} of {town} lives in a {colour} house by the river. Every morning the {trade} walks to the market of "
        f"{town} and sells what was made the day before. When it rains, people in {town} stay under the {colour} roof. "
        f"Number {n} is the story of how the {trade} came to {town}."
    )


def quiz(n: int) -> str:
    town, trade = TOWNS[n % 10], TRADES[(n // 10 + n) % 6]
    return f'{{"question": "Who lives at house {n} in {town}?", "answer": "The {trade} of {town}."}}'


def picture(n: int) -> tuple[bytes, str]:
    names = tuple(COLOURS)
    shape, colour, ground = SHAPES[n % 4], names[n // 4 % 4], names[(n // 4 + 1 + n // 16) % 4]
    image = Image.new("RGB", (48, 40), COLOURS[ground])
    draw = ImageDraw.Draw(image)
    x, y = 8 + n % 7, 6 + n % 5
    points = {"triangle": [(x, y + 24), (x + 12, y), (x + 24, y + 24)]}
    if shape == "circle":
        draw.ellipse((x, y, x + 24, y + 24), fill=COLOURS[colour])
    elif shape == "triangle":
        draw.polygon(points[shape], fill=COLOURS[colour])
    else:
        draw.rectangle((x, y, x + 24, y + (24 if shape == "square" else 8)), fill=COLOURS[colour])
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    return out.getvalue(), f"A {colour} {shape} on {ground} ground."


def sound(n: int) -> tuple[bytes, str]:
    height, way = ("low", "middle", "high")[n % 3], ("steady", "rising", "falling")[n // 3 % 3]
    seconds = 0.6 + 0.1 * (n % 5)
    time = np.arange(int(16_000 * seconds)) / 16_000
    start = {"low": 200, "middle": 600, "high": 1800}[height]
    end = start * {"steady": 1.0, "rising": 1.5, "falling": 0.66}[way]
    wave = 0.4 * np.sin(2 * np.pi * np.cumsum(np.linspace(start, end, len(time))) / 16_000)
    out = io.BytesIO()
    soundfile.write(out, wave, 16_000, format="FLAC", subtype="PCM_16")
    return out.getvalue(), f"A {height} {way} tone."


def item_id(lane: str, n: int) -> bytes:
    return sha256(f"{lane} {n}".encode())


def sample(lane: str, n: int, text: str | None = None) -> Sample:
    """Item `n` of a lane; `text` in place of its own."""
    config = CONFIGS[lane]
    payload, said = {"image_caption": picture, "audio": sound}.get(lane, lambda n: (b"", ""))(n)
    text = text or said or (quiz(n) if lane == "quiz" else sentence(n))
    content = sha256(payload) if payload else text_sha256(text)
    about = {
        "capture_id": sha256(b"capture" + item_id(lane, n)), "source": lane, "domain": None, "language": "en",
        "license": "CC0-1.0", "media_type": "text/plain", "content_sha256": content,
    }  # fmt: skip
    fields = _fields(config, lane, n, text, content)
    parts = {"json": sample_json(fields, config.json)}
    if payload:
        parts |= {config.payload or "": payload, "txt": text.encode()}
    return Sample(item_id=item_id(lane, n), parts=parts, meta=about)


def _fields(config: SampleConfig, lane: str, n: int, text: str, content: bytes) -> Mapping[str, object]:
    provenance = {
        "uid": sample_key(item_id(lane, n)), "url": None, "page_url": None, "license": "CC0-1.0", "license_source": "card",
        "retrieved_at": None, "http_status": None, "sha256_original": None, "sha256": content.hex(),
        "rights": {"decision": "allow", "signals": []},
    }  # fmt: skip
    if config is TEXT:
        metadata = provenance | {"title": None, "language": "en", "media_type": "text/plain"}
        return {
            "text": text, "id": item_id(lane, n).hex(), "source": lane, "created": None, "added": None,
            "metadata": metadata,
        }  # fmt: skip
    if config is IMAGE_TEXT:
        sizes = {"width": 48, "height": 40, "original_width": 48, "original_height": 40}
        return (
            provenance
            | {"caption": text, "caption_source": "alt", "other_captions": [], "orientation": None, "language": "en"}
            | sizes
        )
    facts = {
        "text": [text],
        "tag": [],
        "language": "en",
        "duration": 1.0,
        "sample_rate": 16_000,
        "channels": 1,
        "start": None,
        "end": None,
        "synthetic": False,
    }
    return provenance | facts


def lane(folder: Path, name: str, samples: Sequence[tuple[Split, Sample]], max_samples: int = 100) -> None:
    """Write one lane of a release."""
    receipts = []
    for split in Split:
        mine = [one for which, one in samples if which == split]
        sizes = np.array([sum(map(len, one.parts.values())) for one in mine])
        ids = pa.array([one.item_id for one in mine], pa.binary(32))
        for index, rows in enumerate(shard_plan(ids, sizes, 7, max_samples=max_samples)):
            picked = [mine[row] for row in rows]
            receipts.append(
                write_shard(folder, config=CONFIGS[name], lane=name, split=split, index=index, samples=picked)
            )
    source = SourceCard(name=name, kind=SourceKind.SYNTHETIC, title=name, provider="us", contact="a@example.org")
    card = Card(title=name, summary="Made for tests.", contact="a@example.org", sources=(source,))
    assemble_lane(folder, ShardSet(lane=name, config=CONFIGS[name], seed=7, card=card), receipts)


def split_of(n: int) -> Split:
    """One in seven held out, in turn for validation and for test."""
    return Split.TRAIN if n % 7 else (Split.VALIDATION, Split.TEST)[n // 7 % 2]


def release(folder: Path, sizes: Mapping[str, int] = SIZES) -> Path:
    """A release with so many items a lane."""
    for name, size in sizes.items():
        lane(folder / name, name, [(split_of(n), sample(name, n)) for n in range(size)])
    assemble_release(folder, list(sizes))
    return folder
