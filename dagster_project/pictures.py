"""Pictures people decide from: PNG bytes out, drawn without a display."""

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipelines.shard.tar import read_shard

Stage = tuple[str, int]  # (stage, items that came through it)
SHEET_COLUMNS, SHEET_ROWS, THUMB = 8, 4, 128  # Chosen: 32 thumbnails tell a lane at a glance; about 100 kB


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
