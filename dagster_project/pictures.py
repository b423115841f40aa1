"""Pictures people decide from: PNG bytes out, drawn without a display."""

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.kernels.thumbnail import SIDE, THUMBNAIL
from pipelines.phases import LaneRun
from pipelines.shard.tar import read_shard
from pipelines.site import Site

Stage = tuple[str, int]  # (stage, items that came through it)
SHEET_COLUMNS, SHEET_ROWS, THUMB = 8, 4, 128  # Chosen: 32 thumbnails tell a lane at a glance; about 100 kB
FATE_ROWS, MOST_FATES = 2, 12  # Chosen: 16 of a fate; 12 fates are 1024 x 3648 pixels, under 2 MB


class Thumb(NamedTuple):
    """A picture to be shown. `rgb`: uint8[SIDE, SIDE, 3], squeezed into a square; `width`, `height`: of the picture."""

    rgb: bytes
    width: int
    height: int
    caption: str


def inline(png: bytes) -> str:
    """Markdown that shows the picture without a file beside it."""
    return f"![picture](data:image/png;base64,{base64.b64encode(png).decode()})"


def funnel(lanes: Mapping[str, Sequence[Stage]]) -> bytes:
    """Bars: how many items of each lane are left after each stage, from the roots down."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 0.8 + 0.32 * sum(len(stages) + 1 for stages in lanes.values())))
    axes = figure.subplots()
    names, sizes = [], []
    for lane, stages in lanes.items():
        for stage, n in stages:
            names.append(f"{lane}: {stage}")
            sizes.append(n)
    bars = axes.barh(range(len(names)), sizes, color="#3b6ea5")
    axes.bar_label(bars, padding=3, fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("items left")
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    return _png(figure)


def contact_sheets(release: Path) -> dict[str, bytes]:
    """Lane name -> a sheet of the first pictures of its first shard, for lanes that hold pictures."""
    sheets = {}
    for lane in sorted(path for path in release.iterdir() if path.is_dir()):
        tars = sorted((lane / "data").glob("train-*.tar")) or sorted((lane / "data").glob("*.tar"))
        found: list[tuple[bytes, str]] = []
        for tar in tars:
            for sample in read_shard(tar):
                if "jpg" in sample.parts and len(found) < SHEET_COLUMNS * SHEET_ROWS:
                    found.append((sample.parts["jpg"], sample.parts["txt"].decode()))
            if len(found) >= SHEET_COLUMNS * SHEET_ROWS:
                break
        if found:
            sheets[lane.name] = sheet(found)
    return sheets


def fates(site: Site, found: LaneRun, dispositions: pa.Table) -> dict[str, list[Thumb]]:
    """ "kept", "merged" or the reason -> some of a lane's pictures that ended so, the most common fate first; none without pictures.

    Chosen by item id, so that the same run shows the same ones. Thumbnails are what the decoding child made of the pictures.
    """
    parts = found.parts("split", "items")
    if THUMBNAIL not in [field.type for field in found.lane.facts] or not parts:
        return {}
    ends = dispositions.select(["item_id", "state", "reason"])
    fate = pc.coalesce(ends.column("reason"), ends.column("state"))
    counts = {row["values"]: row["counts"] for row in pc.value_counts(fate).to_pylist()}
    pictures: dict[str, list[Thumb]] = {name: [] for name in sorted(counts, key=lambda name: (-counts[name], name))}
    for part in parts:
        items = site.store.read_part(part, ["item_id", "facts", "text"])
        at = pc.index_in(items.column("item_id").combine_chunks(), value_set=ends.column("item_id").combine_chunks())
        for row, end in zip(items.to_pylist(), fate.take(at).to_pylist(), strict=True):
            if row["facts"] and end is not None and len(pictures[end]) < SHEET_COLUMNS * FATE_ROWS:
                facts = row["facts"]
                pictures[end].append(Thumb(facts["thumbnail"], facts["width"], facts["height"], row["text"] or ""))
    return {f"{name} ({counts[name]})": thumbs for name, thumbs in pictures.items() if thumbs}


def sheet_of_fates(found: Mapping[str, Sequence[Thumb]]) -> bytes:
    """A PNG of pictures under the name of what became of them; at most MOST_FATES of these, FATE_ROWS rows each."""
    from PIL import Image, ImageDraw

    shown = list(found.items())[:MOST_FATES]
    rows = [-(-min(len(thumbs), SHEET_COLUMNS * FATE_ROWS) // SHEET_COLUMNS) for _, thumbs in shown]
    page = Image.new("RGB", (SHEET_COLUMNS * THUMB, sum(16 + row * (THUMB + 16) for row in rows) or 1), "white")
    draw, top = ImageDraw.Draw(page), 0
    for (name, thumbs), row in zip(shown, rows, strict=True):
        draw.rectangle((0, top, page.width, top + 14), fill="#3b6ea5")
        draw.text((4, top + 1), _plain(name), fill="white")
        top += 16
        for number, thumb in enumerate(thumbs[: row * SHEET_COLUMNS]):
            left, above = number % SHEET_COLUMNS * THUMB, top + number // SHEET_COLUMNS * (THUMB + 16)
            page.paste(_shown(thumb), (left + 2, above + 2))
            draw.text((left + 2, above + THUMB), _plain(thumb.caption[:20]), fill="black")
        top += row * (THUMB + 16)
    out = io.BytesIO()
    page.save(out, "PNG", optimize=True)
    return out.getvalue()


def _shown(thumb: Thumb) -> Any:
    """The thumbnail in its picture's shape."""
    from PIL import Image

    scale = (THUMB - 4) / max(thumb.width, thumb.height)
    size = tuple(max(1, round(side * scale)) for side in (thumb.width, thumb.height))
    return Image.frombytes("RGB", (SIDE, SIDE), thumb.rgb).resize(size, Image.Resampling.BICUBIC)


def _plain(text: str) -> str:
    """The text in letters that Pillow's own font has."""
    return text.encode("latin-1", "replace").decode("latin-1")


def sheet(found: Sequence[tuple[bytes, str]]) -> bytes:
    """Thumbnails with the beginning of their captions. These bytes come from our own shards: decoded and encoded before."""
    from PIL import Image, ImageDraw

    rows = -(-len(found) // SHEET_COLUMNS)
    page = Image.new("RGB", (SHEET_COLUMNS * THUMB, rows * (THUMB + 16)), "white")
    draw = ImageDraw.Draw(page)
    for number, (data, caption) in enumerate(found):
        left, top = number % SHEET_COLUMNS * THUMB, number // SHEET_COLUMNS * (THUMB + 16)
        with Image.open(io.BytesIO(data)) as picture:
            picture.thumbnail((THUMB - 4, THUMB - 4))
            page.paste(picture.convert("RGB"), (left + 2, top + 2))
        draw.text((left + 2, top + THUMB), caption[:20], fill="black")
    out = io.BytesIO()
    page.save(out, "PNG")
    return out.getvalue()


def _png(figure) -> bytes:  # type: ignore[no-untyped-def]
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=100)
    return out.getvalue()
