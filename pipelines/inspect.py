"""What would be done with a page: split, measure and judge without a ledger. Every judge runs on every item."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines import recipe as recipes
from pipelines import rooms
from pipelines.capture.archive import capture_archive
from pipelines.capture.layout import ARCHIVES
from pipelines.capture.warc import read_payload
from pipelines.lanes import LANES
from pipelines.lanes.lane import Lane
from pipelines.recipe import Recipe
from pipelines.rights.evidence import Statement, header_statements, html_statements
from pipelines.rights.judge import Evidence
from pipelines.rights.licences import html_licences
from pipelines.rights.notices import book_licence_rows
from pipelines.spine import align_signals, licences_of
from schemas.annotation import SAID
from schemas.capture import CAPTURE, Outcome
from schemas.decision import Verdict
from schemas.digest import digest, sha256
from schemas.errors import SourceError
from schemas.item import item_schema
from schemas.rights import LICENCE, RIGHTS, ROBOTS

ROWS = 256
FORMS = {"html": "text/html", "text": "text/plain"}

Found = Mapping[str, Any]


def inspect(
    inputs: Sequence[str], *, jsonl: str | None = None, lane: str = "web", recipe: str | None = None
) -> Iterator[Found]:
    """One JSON-ready object an item, in input order.

    Keys: id, lane, text, language, licence, signals, decisions: [{stage, verdict, reason, signal, value, threshold, detail}].

    Raises:
        SourceError: an input is missing, or a line of `jsonl` has none of the known forms.
    """
    if not inputs and not jsonl:
        raise SourceError("nothing to inspect: give a PATH, or --jsonl FILE")
    if lane not in (names := [known.name for known in LANES]):
        raise SourceError(f"lane {lane!r} is not one of {', '.join(names)}")
    made = recipes.load(recipe or lane)
    if lane not in (names := [known.name for known in made.lanes]):
        raise SourceError(f"recipe {recipe} has no lane {lane!r}; it has: {', '.join(names)}")
    way = made.lane(lane)
    lines = [_page_line(entry) for entry in inputs if not entry.lower().endswith(ARCHIVES)]
    lines += list(_lines(jsonl)) if jsonl else []
    for at in range(0, len(lines), ROWS):
        yield from _inspect_lines(made, way, lines[at : at + ROWS])
    for entry in inputs:
        if entry.lower().endswith(ARCHIVES):
            yield from _inspect_archive(made, way, Path(entry))


def _page_line(entry: str) -> dict[str, Any]:
    if entry.startswith(("http://", "https://")):
        raise SourceError(
            f"{entry}: inspect reads files; fetch the page by a recipe (`from = [{entry!r}]`), then ask `headwater why {entry}`"
        )
    return {"id": entry, "path": entry}


def _lines(name: str) -> Iterator[dict[str, Any]]:
    try:
        with sys.stdin.buffer if name == "-" else open(name, "rb") as file:
            for number, raw in enumerate(file, 1):
                if not raw.strip():
                    continue
                try:
                    line = json.loads(raw)
                except ValueError as error:
                    raise SourceError(f"{name}, line {number}: not JSON: {error}") from error
                if not isinstance(line, dict) or "id" not in line or not line.keys() & {"html", "text", "path"}:
                    raise SourceError(f'{name}, line {number}: needs "id" and one of "text", "html", "path"')
                for form in line.keys() & {"html", "text", "path"}:
                    if not isinstance(line[form], str):
                        raise SourceError(f'{name}, line {number}: "{form}" must be a string')
                if not isinstance(line.get("headers", {}), dict):
                    raise SourceError(f'{name}, line {number}: "headers" must be an object')
                yield line if "path" not in line else {**line, "path": str(_beside(name, line["path"]))}
    except OSError as error:
        raise SourceError(f"{name} cannot be read: {error.strerror}") from error


def _beside(name: str, path: str) -> Path:
    """A path of a line: as it is, or relative to the file that names it."""
    found = Path(path)
    return found if found.exists() or name == "-" else Path(name).parent / path


def _content(line: Found) -> tuple[bytes, str]:
    """(bytes, media type) of one line."""
    for form, media_type in FORMS.items():
        if form in line:
            return str(line[form]).encode("utf-8", "replace"), media_type
    path = Path(line["path"])
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error
    head = data[:1024].lstrip().lower()
    is_html = path.suffix.lower() in (".html", ".htm", ".xhtml") or head.startswith((b"<!doctype html", b"<html"))
    return data, "text/html" if is_html else "text/plain"


def _inspect_lines(recipe: Recipe, lane: Lane, lines: Sequence[Found]) -> Iterator[Found]:
    contents = [_content(line) for line in lines]
    captures, rights, licences = [], [], []
    for number, (line, (data, media_type)) in enumerate(zip(lines, contents, strict=True)):
        capture_id, content = digest("inspect", number, str(line["id"]), data), sha256(data)
        headers = [(str(name), str(value)) for name, value in (line.get("headers") or {}).items()]
        captures.append(
            {"capture_id": capture_id, "source": recipe.sources[0].card.name, "outcome": Outcome.FETCHED.value,
             "uri": line.get("url"), "media_type": media_type, "headers": headers, "record_type": "resource",
             "payload": {"uri": "", "offset": 0, "length": len(data), "sha256": content}, "payload_bytes": len(data)}
        )  # fmt: skip
        said = header_statements(headers) + (html_statements(data) if media_type == "text/html" else [])
        rights += [_right(statement, capture_id, content) for statement in said]
        hits = html_licences(data, line.get("url")) if media_type == "text/html" else []
        licences += [
            {"capture_id": capture_id, "location": hit.location, "locator": hit.locator, "expression": hit.expression,
             "raw": hit.raw, "evidence_sha256": content}
            for hit in hits
        ]  # fmt: skip
        licences += book_licence_rows(line.get("url"), capture_id, data, content)
    evidence = Evidence(
        captures=pa.Table.from_pylist(captures, schema=CAPTURE),
        rights=pa.Table.from_pylist(rights, schema=RIGHTS),
        licences=pa.Table.from_pylist(licences, schema=LICENCE),
        robots=ROBOTS.empty_table(),
        card_licences={},
    )
    yield from _judged(recipe, lane, evidence, [data for data, _ in contents], [line["id"] for line in lines])


def _right(statement: Statement, capture_id: bytes, content: bytes) -> dict[str, Any]:
    fields = {
        name: getattr(statement, name) for name in ("mechanism", "usage", "verdict", "agent", "locator", "excerpt")
    }
    return {**fields, "capture_id": capture_id, "subject_kind": "capture", "evidence_sha256": content}


def _inspect_archive(recipe: Recipe, lane: Lane, path: Path) -> Iterator[Found]:
    if not path.is_file():
        raise SourceError(f"{path} does not exist")
    batches = list(capture_archive(path, source=recipe.sources[0].card.name, stored_uri=str(path)))
    robots = pa.Table.from_batches([batch.robots for batch in batches], schema=ROBOTS)
    rights = pa.Table.from_batches([batch.rights for batch in batches], schema=RIGHTS)
    with path.open("rb") as file:
        for batch in batches:
            fetched = pc.equal(batch.captures.column("outcome"), Outcome.FETCHED.value)
            taken = pc.and_(
                fetched, pc.is_in(batch.captures.column("media_type"), value_set=pa.array(lane.media_types))
            )
            captures = pa.Table.from_batches([batch.captures]).filter(taken)
            data = []
            for place in captures.column("payload").to_pylist():
                file.seek(place["offset"])
                data.append(read_payload(file.read(place["length"])).payload)
            evidence = Evidence(
                captures=captures,
                rights=rights,
                licences=pa.Table.from_batches([batch.licences]),
                robots=robots,
                card_licences={},
            )
            yield from _judged(recipe, lane, evidence, data, captures.column("uri").to_pylist())


def _judged(recipe: Recipe, lane: Lane, evidence: Evidence, data: list[bytes], names: Sequence[Any]) -> Iterator[Found]:
    """The items of these captures with everything said of them, in capture order."""
    captures = rooms.one_batch(evidence.captures)
    roots = rooms.roots(lane, captures, licences_of(captures, evidence.licences), np.arange(len(captures)))
    columns: dict[str, Any] = {name: captures.column(name) for name in ("charset", "media_type", "uri")}
    columns |= {"data": pa.array(data, pa.large_binary()), "said": pa.array([[]] * len(captures), SAID)}
    payloads = pa.RecordBatch.from_pydict(columns).select(rooms.PAYLOADS.names)
    with lane.decoder() as child:
        children, _, split = rooms.split(lane, roots, payloads, child)
    childless = roots.filter(pc.invert(pc.is_in(roots.column("item_id"), value_set=children.column("parent_id"))))
    items = rooms.one_batch(pa.Table.from_batches([children, childless], schema=item_schema(lane.facts)))
    measured, failed = rooms.measure(lane, children)
    signals = align_signals(items, pa.Table.from_batches([measured]))
    items = rooms.with_language(items, signals)
    said: dict[bytes, list[Found]] = {}
    for batch in [split, failed, *rooms.judge(lane, recipe.rights, items, signals, evidence)]:
        for row in batch.to_pylist():
            if row["verdict"] != Verdict.SPLIT:
                kept = ("stage", "verdict", "reason", "signal", "value", "threshold", "detail")
                said.setdefault(row["item_id"], []).append({name: row[name] for name in kept})
    order = {capture: number for number, capture in enumerate(captures.column("capture_id").to_pylist())}
    rows = zip(items.to_pylist(), signals.drop_columns(["item_id"]).to_pylist(), strict=True)
    for item, values in sorted(rows, key=lambda pair: order[pair[0]["capture_id"]]):
        yield {
            "id": names[order[item["capture_id"]]], "lane": lane.name, "text": item["text"] or "", "language": item["language"],
            "licence": item["licence"], "signals": values, "decisions": said.get(item["item_id"], []),
        }  # fmt: skip
