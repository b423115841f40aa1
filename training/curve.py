"""The loss curve: a row a step as Parquet, and a picture of it."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

CURVE = pa.schema(
    [
        pa.field("step", pa.int64(), nullable=False),  # steps taken, from 1
        pa.field("loss", pa.float64(), nullable=False),  # all of it
        pa.field("ce", pa.float64(), nullable=False),  # next token, nats, weighted
        pa.field("contrast", pa.float64(), nullable=False),  # 0 where a step had fewer than two pairs
        pa.field("pairs", pa.int64(), nullable=False),
        pa.field("norm", pa.float64(), nullable=False),  # of the gradient, before clipping
        pa.field("rate", pa.float64(), nullable=False),
    ]
)
Point = dict[str, float | int]


def read(folder: Path, last_step: int) -> list[Point]:
    """The points up to a step; none where there is no curve yet."""
    path = folder / "curve.parquet"
    if not path.is_file():
        return []
    return [point for point in pq.ParquetFile(path).read().to_pylist() if point["step"] <= last_step]


def write(folder: Path, points: list[Point]) -> None:
    """Write curve.parquet, whole or not at all."""
    path = folder / "curve.parquet"
    temporary = path.with_suffix(".tmp")
    pq.write_table(pa.Table.from_pylist(points, CURVE), temporary, compression="zstd")
    temporary.replace(path)


def draw(folder: Path, points: list[Point], held_out: list[tuple[int, float]]) -> None:
    """Write curve.png: the loss of each step, and the held-out loss where it was measured."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot([point["step"] for point in points], [point["ce"] for point in points], lw=0.8, label="training")
    if held_out:
        axes.plot(*zip(*held_out, strict=True), "o-", ms=4, label="held out")
    axes.set(xlabel="step", ylabel="next-token loss, nats", title=folder.name)
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(folder / "curve.png", dpi=100)
