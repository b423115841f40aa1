"""What people look at of the unique room: how large clusters are, what each source loses, and pairs side by side."""

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dagster_project.pictures import inline
from pipelines.dedup.breaker import losses
from pipelines.dedup.duplicates import Duplicates
from pipelines.dedup.side import differences
from pipelines.group import Texts, sources
from pipelines.kernels.thumbnail import SIDE
from pipelines.phases import LaneRun
from pipelines.site import Site

PAIRS = 4  # Chosen: of the most alike, and of the least alike that still counted; enough to doubt a threshold
THUMB = 96
Pair = dict[str, Any]


def told(site: Site, found: LaneRun, grouped: Duplicates) -> Mapping[str, Any]:
    """The metadata of a lane's unique room; pairs are shown by their thumbnails where the lane has any, else by their texts."""
    items, captures = found.parts("edited", "items"), [order.capture for order in found.orders]
    lost = losses(sources(site, items, captures), grouped.duplicates)
    pairs = near_pairs(grouped.edges, PAIRS)
    metadata = {
        "cluster sizes": _markdown(inline(cluster_sizes(grouped.components.column("cluster_id")))),
        "removed per source": _markdown(
            _table(
                ("source", "removed", "of", "share"),
                [(name, loss.removed, loss.total, f"{loss.share:.3f}") for name, loss in lost.items()],
            )
        ),
    }
    if not pairs:
        return metadata
    if "thumbnail" in found.lane.dedup.table.names:
        shown = inline(side_by_side(_thumbnails(site, found, pairs)))
    else:
        shown = _table(("similarity", "one", "the other"), _texts(Texts(site, items), pairs))
    return metadata | {"pairs side by side": _markdown(shown)}


def near_pairs(edges: pa.RecordBatch, most: int) -> list[Pair]:
    """The most alike of the near pairs (`EDGE`), then the least alike: so many of each at most, each pair once."""
    near = edges.filter(pc.not_equal(edges.column("method"), "exact"))
    order = pc.sort_indices(
        near, sort_keys=[("similarity", "descending"), ("item_id", "ascending"), ("other_id", "ascending")]
    )
    rows: list[Pair] = near.take(order).to_pylist()
    return rows[:most] + rows[most:][-most:]


def cluster_sizes(clusters: pa.Array) -> bytes:
    """Bars: how many clusters there are of each size, from two items up. `clusters`: the cluster of each item."""
    from matplotlib.figure import Figure

    sizes = Counter(pc.value_counts(clusters).field("counts").to_pylist())
    shown = {str(size): n for size, n in sorted(sizes.items()) if size > 1}
    figure = Figure(figsize=(8, 2.6))
    axes = figure.subplots()
    axes.bar_label(axes.bar(list(shown), list(shown.values()), color="#3b6ea5"), padding=2, fontsize=8)
    axes.set_xlabel("items in a cluster of similar ones")
    axes.set_ylabel("clusters")
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=100)
    return out.getvalue()


def side_by_side(pairs: Sequence[tuple[bytes, bytes, str]]) -> bytes:
    """Two thumbnails a row, and what is said of them beside. They come from signatures: RGB, decoded before."""
    from PIL import Image, ImageDraw

    page = Image.new("RGB", (4 * THUMB, len(pairs) * THUMB), "white")
    draw = ImageDraw.Draw(page)
    for row, (left, right, said) in enumerate(pairs):
        for column, pixels in enumerate((left, right)):
            picture = Image.frombytes("RGB", (SIDE, SIDE), pixels).resize((THUMB - 4, THUMB - 4))
            page.paste(picture, (column * THUMB + 2, row * THUMB + 2))
        draw.text((2 * THUMB + 8, row * THUMB + THUMB // 2), said, fill="black")
    out = io.BytesIO()
    page.save(out, "PNG")
    return out.getvalue()


def _thumbnails(site: Site, found: LaneRun, pairs: Sequence[Pair]) -> list[tuple[bytes, bytes, str]]:
    wanted = pa.array({pair[side] for pair in pairs for side in ("item_id", "other_id")}, pa.binary(32))
    pixels: dict[bytes, bytes] = {}
    for part in found.parts("signed", "signature"):
        table = site.store.read_part(part, ["item_id", "thumbnail"])
        mine = table.filter(pc.is_in(table.column("item_id"), value_set=wanted))
        pixels |= dict(zip(*(column.to_pylist() for column in mine.columns), strict=True))
    return [(pixels[pair["item_id"]], pixels[pair["other_id"]], f"{pair['similarity']:.3f}") for pair in pairs]


def _texts(texts: Texts, pairs: Sequence[Pair]) -> list[tuple[str, str, str]]:
    rows = []
    for pair in pairs:
        ids = pa.array([pair["item_id"], pair["other_id"]], pa.binary(32))
        places = differences(*((text or "") for text in texts.load(ids).to_pylist())) or [("(the same text)",) * 2]
        cells = (" ... ".join(_cell(place[side]) for place in places) for side in (0, 1))
        rows.append((f"{pair['similarity']:.3f}", *cells))
    return rows


def _cell(text: str) -> str:
    """The text as one cell of a Markdown table, whatever is in it."""
    return "".join(f"&#{ord(mark)};" if mark in "|<>&`*_[]!\\" else mark for mark in text)


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _markdown(text: str) -> Mapping[str, Any]:
    return {"raw_value": text, "type": "md"}
