"""What all benchmarks share: seeded pages, a clock, a table."""

import argparse
import random
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from pipelines.dedup.signatures import RANKS
from pipelines.lanes.web import WEB
from pipelines.verbs import show
from schemas.digest import digest
from schemas.item import item_schema, text_sha256
from tests.corpus import archive
from tests.corpus.pages import Page, html
from tests.corpus.prose import paragraphs

Value = TypeVar("Value")
COPIES = 10  # every tenth page is a near copy of the one before it


@dataclass(frozen=True, kw_only=True)
class Timing:
    """One measured step: medians over the repeats. `cpu_s`: of this process and the children that ended in it."""

    name: str
    docs: int
    megabytes: float
    wall_s: float
    cpu_s: float

    @property
    def row(self) -> list[object]:
        """As the table shows it. Rates are by CPU time: another process beside this one changes the wall's by twice."""
        cpu = max(self.cpu_s, 1e-6)
        return [
            self.name,
            round(self.wall_s, 3),
            round(self.cpu_s, 3),
            round(self.docs / cpu),
            round(self.megabytes / cpu, 1),
        ]


def arguments(what: str, docs: int, given: Sequence[str] | None, **more: str) -> argparse.Namespace:
    """The arguments that every benchmark takes, and further options by name and help text."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--docs", type=int, default=docs, help=f"pages to make (default {docs})")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeat", type=int, default=3, help="the median counts (default 3)")
    parser.add_argument("--json", action="store_true")
    for name, told in more.items():
        parser.add_argument(f"--{name}", help=told)
    return parser.parse_args(given)


def pages(n: int, seed: int) -> list[Page]:
    """Pages of 1 to 12 paragraphs in English and German, every tenth a near copy; the same for the same seed."""
    chance = random.Random(seed)
    found: list[Page] = []
    for number in range(n):
        language = "de" if number % 7 == 3 else "en"
        text = paragraphs(f"{seed} {number}", chance.randint(1, 12), 4, language)
        if number % COPIES == COPIES - 1:
            text = [*paragraphs(f"{seed} {number - 1}", 10, 4), "This line alone is new."]
        elif number % COPIES == COPIES - 2:
            text = paragraphs(f"{seed} {number}", 10, 4)
        links = tuple(f"/{chance.randrange(n)}.html" for _ in range(20))
        body = html(f"Page {number}", text, links=links, lang=language)
        found.append(Page(host=f"h{number % 50}.example", path=f"/{number}.html", body=body, fate="kept"))
    return found


def warc(folder: Path, n: int, seed: int, files: int = 4) -> list[Path]:
    """The pages as archives of equal size."""
    made = pages(n, seed)
    return [archive.write(folder / f"{part}.warc.gz", made[part::files]) for part in range(files)]


def items(n: int, seed: int) -> pa.RecordBatch:
    """The texts of the pages as items of the web lane."""
    return items_of(["\n\n".join(_shown(page)) for page in pages(n, seed)])


def items_of(texts: Sequence[str]) -> pa.RecordBatch:
    """Texts as items of the web lane."""
    n = len(texts)
    columns = {
        "item_id": [digest("bench", number) for number in range(n)],
        "capture_id": [digest("capture", number) for number in range(n)],
        "source": ["bench"] * n,
        "modality": ["text"] * n,
        "media_type": ["text/plain"] * n,
        "text": texts,
        "content_sha256": [text_sha256(text) for text in texts],
    }
    schema = item_schema(WEB.facts)
    return pa.RecordBatch.from_arrays(
        [pa.array(columns.get(field.name, [None] * n), field.type) for field in schema], schema=schema
    )


def _shown(page: Page) -> list[str]:
    return [part.partition("</p>")[0] for part in page.body.decode().split("<p>")[1:]]


def megabytes(texts: pa.Array) -> float:
    """The UTF-8 bytes of texts, in millions."""
    return sum(len(text.encode()) for text in texts.to_pylist()) / 1e6


def ranks(items: pa.RecordBatch) -> pa.RecordBatch:
    """What election compares of these items: all alike."""
    n = len(items)
    columns = {
        "item_id": items.column("item_id"),
        "rights_rank": [1] * n,
        "quality": [1.0] * n,
        "fetched_at": [None] * n,
    }
    return pa.RecordBatch.from_arrays([pa.array(columns[field.name], field.type) for field in RANKS], schema=RANKS)


def timed(name: str, do: Callable[[], Value], *, docs: int, megabytes: float, repeat: int = 3) -> tuple[Timing, Value]:
    """(how long it took, what it gave last)."""
    walls, cpus = [], []
    for _ in range(repeat):
        wall, cpu = time.perf_counter(), _cpu()
        value = do()
        walls.append(time.perf_counter() - wall)
        cpus.append(_cpu() - cpu)
    wall, cpu = statistics.median(walls), statistics.median(cpus)
    return Timing(name=name, docs=docs, megabytes=round(megabytes, 2), wall_s=wall, cpu_s=cpu), value


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def report(title: str, found: Sequence[Timing], *, is_json: bool) -> None:
    """Print a table, or one JSON object."""
    if is_json:
        show.as_json({"title": title, "timings": [asdict(one) for one in found]})
    else:
        show.table(title, ("step", "wall s", "CPU s", "docs / CPU s", "MB / CPU s"), [one.row for one in found])
