"""What would be done with a page: split, measure and judge without a ledger. Every judge runs on every item."""

import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines import recipe as recipes
from pipelines import rooms
from pipelines.capture.address import NO_HOSTS, Hosts
from pipelines.capture.archive import Captured, capture_archive
from pipelines.capture.crawl import Round, crawl
from pipelines.capture.crawl_plan import CrawlPlan
from pipelines.capture.file_type import HEAD_BYTES, media_type
from pipelines.capture.frontier import REDIRECTS, same
from pipelines.capture.inputs import is_url
from pipelines.capture.layout import ARCHIVES
from pipelines.capture.subject import upload_uri
from pipelines.capture.uri import absolute
from pipelines.capture.warc import PAYLOAD_CAP, read_payload
from pipelines.evidence import licences_of
from pipelines.inspect_rights import said_of
from pipelines.lanes import LANES
from pipelines.lanes.lane import Lane
from pipelines.recipe import Recipe
from pipelines.rights.agreements import agreement_rows
from pipelines.rights.evidence import Statement, header_statements, html_statements
from pipelines.rights.file_rights import file_statements
from pipelines.rights.licences import header_licences, html_licences
from pipelines.rights.site_file import ASKED_PATHS
from pipelines.rights.weighed import Evidence
from pipelines.spine import align_signals
from pipelines.store import Store
from schemas.annotation import SAID, Role
from schemas.capture import CAPTURE, Outcome
from schemas.decision import Verdict
from schemas.digest import digest, sha256
from schemas.errors import SourceError
from schemas.item import item_schema
from schemas.reasons import Reason
from schemas.rights import LICENCE, RIGHTS, ROBOTS

ROWS = 256
MOST_BYTES = PAYLOAD_CAP  # of a file: what no lane takes a payload over
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
FORMS = {"html": "text/html", "text": "text/plain"}
# Keys of a line that names a file, and what their words are to it.
SAYS = {"text": Role.CAPTION, "caption": Role.CAPTION, "transcript": Role.TRANSCRIPT}

Found = Mapping[str, Any]


def inspect(
    inputs: Sequence[str],
    *,
    jsonl: str | None = None,
    lane: str = "web",
    recipe: str | None = None,
    hosts: Hosts = NO_HOSTS,
) -> Iterator[Found]:
    """One JSON-ready object an item: of pages, then of the lines of `jsonl`, of archives, of URLs; each in the order given.

    Keys: id, lane, text, language, licence, signals, decisions: [{stage, verdict, reason, signal, value, threshold, detail}];
    rights, robots and licences: what was said, see `pipelines.inspect_rights`.
    A URL or an archive that gives no item has one object {id, error} instead, and so has every damaged place of an archive.
    `hosts`: names that are not in DNS, for URLs.

    Raises:
        SourceError: an input is missing, too large, or a URL of another scheme, or a line of `jsonl` has none of the known forms.
    """
    if not inputs and not jsonl:
        raise SourceError("nothing to inspect: give a PATH or a URL, or --jsonl FILE")
    if lane not in (names := [known.name for known in LANES]):
        raise SourceError(f"lane {lane!r} is not one of {', '.join(names)}")
    made = recipes.load(recipe) if recipe else recipes.of_lane(lane)
    if lane not in (names := [known.name for known in made.lanes]):
        raise SourceError(f"recipe {recipe} has no lane {lane!r}; it has: {', '.join(names)}")
    way = made.lane(lane)
    urls = [entry for entry in inputs if is_url(entry)]
    if others := [entry for entry in inputs if _SCHEME.match(entry) and entry not in urls]:
        raise SourceError(f"{others[0]} is a URL that is not read; give one of http or https, or a path")
    archives = [entry for entry in inputs if entry.lower().endswith(ARCHIVES) and entry not in urls]
    lines = [{"id": entry, "path": entry} for entry in inputs if entry not in urls and entry not in archives]
    lines += list(_lines(jsonl)) if jsonl else []
    for at in range(0, len(lines), ROWS):
        yield from _inspect_lines(made, way, lines[at : at + ROWS])
    for entry in archives:
        if not Path(entry).is_file():
            raise SourceError(f"{entry} does not exist")
        yield from _all_of_archive(made, way, Path(entry), entry)
    if urls:
        yield from _inspect_urls(made, way, urls, hosts)


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


def _content(line: Found, lane: Lane) -> tuple[bytes, str]:
    """(bytes, media type) of one line: the file it names, else its HTML or text."""
    if "path" not in line:
        form = "html" if "html" in line else "text"
        data = str(line[form]).encode("utf-8", "replace")
        named = _name(line) if lane.takes_files and form == "text" else ""
        return data, media_type(named, data[:HEAD_BYTES]) if named else FORMS[form]
    path = Path(line["path"])
    try:
        if path.is_file() and (size := path.stat().st_size) > MOST_BYTES:
            raise SourceError(
                f"{path} has {size:,} bytes; inspect reads files of at most {MOST_BYTES:,}: cut it, or run it as a source"
            )
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error
    if lane.takes_files:
        return data, media_type(path.name, data[:HEAD_BYTES])
    head = data[:1024].lstrip().lower()
    is_html = path.suffix.lower() in (".html", ".htm", ".xhtml") or head.startswith((b"<!doctype html", b"<html"))
    return data, "text/html" if is_html else "text/plain"


def _name(line: Found) -> str:
    """What a line's content is called: its rules may go by path."""
    return str(line.get("name") or line.get("path") or "")


def _uri(line: Found, lane: Lane, source: str) -> str | None:
    if "url" in line or not lane.takes_files:
        return line.get("url")
    name = _name(line).replace("\\", "/").lstrip("./")
    return upload_uri(source, name) if name else None


def _inspect_lines(recipe: Recipe, lane: Lane, lines: Sequence[Found]) -> Iterator[Found]:
    contents = [_content(line, lane) for line in lines]
    source = recipe.sources[0].card.name
    captures, rights, licences, said = [], [], [], []
    for number, (line, (data, kind)) in enumerate(zip(lines, contents, strict=True)):
        capture_id, content = digest("inspect", number, str(line["id"]), data), sha256(data)
        headers = [(str(name), str(value)) for name, value in (line.get("headers") or {}).items()]
        uri = _uri(line, lane, source)
        captures.append(
            {"capture_id": capture_id, "source": source, "outcome": Outcome.FETCHED.value,
             "uri": uri, "media_type": kind, "headers": headers, "record_type": "resource",
             "payload": {"uri": "", "offset": 0, "length": len(data), "sha256": content}, "payload_bytes": len(data)}
        )  # fmt: skip
        stated = (
            header_statements(headers) + (html_statements(data) if kind == "text/html" else []) + file_statements(data)
        )
        rights += [_right(statement, capture_id, content) for statement in stated]
        hits = header_licences(headers, line.get("url"))
        hits += html_licences(data, line.get("url")) if kind == "text/html" else []
        licences += [
            {"capture_id": capture_id, "location": hit.location, "locator": hit.locator, "expression": hit.expression,
             "raw": hit.raw, "evidence_sha256": content}
            for hit in hits
        ]  # fmt: skip
        if lane.evidence:
            named = uri or upload_uri(source, str(line["id"]))
            licences += [row for row in lane.evidence(named, capture_id, data, content) if row["subject"] is None]
        said.append(_said(line, lane, capture_id))
    evidence = Evidence(
        captures=pa.Table.from_pylist(captures, schema=CAPTURE),
        rights=pa.Table.from_pylist([*rights, *_stated(recipe)], schema=RIGHTS),
        licences=pa.Table.from_pylist(licences, schema=LICENCE),
        robots=ROBOTS.empty_table(),
        card_licences=_card_licences(recipe),
    )
    yield from _judged(recipe, lane, evidence, [data for data, _ in contents], [line["id"] for line in lines], said)


def _said(line: Found, lane: Lane, capture_id: bytes) -> list[Found]:
    """What is said of a line's file: its words in the line, or in the text file beside it that has its name."""
    if not lane.roles or "path" not in line:
        return []
    words = {role: str(line[key]) for key, role in SAYS.items() if line.get(key)}
    beside = Path(line["path"]).with_suffix(".txt")
    if not words and beside.is_file():
        words = {Role.CAPTION: beside.read_text("utf-8", "replace").strip()}
    return [
        {"capture_id": capture_id, "role": role.value, "text": text, "language": line.get("language"), "location": "file",
         "locator": str(line["id"])}
        for role, text in words.items()
        if text and role in lane.roles
    ]  # fmt: skip


def _right(statement: Statement, capture_id: bytes, content: bytes) -> dict[str, Any]:
    fields = {
        name: getattr(statement, name) for name in ("mechanism", "usage", "verdict", "agent", "locator", "excerpt")
    }
    return {**fields, "capture_id": capture_id, "subject_kind": "capture", "evidence_sha256": content}


def _captured(recipe: Recipe, path: Path) -> list[Captured]:
    return list(capture_archive(path, source=recipe.sources[0].card.name, stored_uri=str(path)))


def _all_of_archive(recipe: Recipe, lane: Lane, path: Path, name: str) -> Iterator[Found]:
    """The items of an archive, and what of it gave none: {id, error}."""
    batches = _captured(recipe, path)
    is_empty = True
    for item in _inspect_archive(recipe, lane, path, batches):
        is_empty = False
        yield item
    rows = [row for batch in batches for row in batch.captures.to_pylist()]
    damaged = [row for row in rows if row["outcome"] == Outcome.DAMAGED]
    yield from (
        {"id": name, "error": f"{row['outcome']}: {row['detail'] or Reason(row['reason']).explanation}"}
        for row in damaged
    )
    if is_empty and not damaged:
        kinds = f"({', '.join(lane.media_types)})"
        yield {"id": name, "error": f"{len(rows)} captures, none of which lane {lane.name} reads {kinds}"}


def _inspect_archive(recipe: Recipe, lane: Lane, path: Path, batches: Sequence[Captured]) -> Iterator[Found]:
    robots = pa.Table.from_batches([batch.robots for batch in batches], schema=ROBOTS)
    rights = pa.Table.from_batches([batch.rights for batch in batches], schema=RIGHTS)
    rights = pa.concat_tables([rights, pa.Table.from_pylist(_stated(recipe), schema=RIGHTS)])
    with path.open("rb") as file:
        for batch in batches:
            fetched = pc.equal(batch.captures.column("outcome"), Outcome.FETCHED.value)
            taken = pc.and_(fetched, lane.accepts(batch.captures.column("media_type")))
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
                card_licences=_card_licences(recipe),
            )
            yield from _judged(recipe, lane, evidence, data, captures.column("uri").to_pylist())


def _stated(recipe: Recipe) -> list[Found]:
    """What the cards state of terms and contracts, as of now."""
    return [row for source in recipe.sources for row in agreement_rows(source.card, datetime.now(UTC))]


def _card_licences(recipe: Recipe) -> dict[str, str | None]:
    return {source.card.name: source.card.licence for source in recipe.sources}


def _inspect_urls(recipe: Recipe, lane: Lane, urls: Sequence[str], hosts: Hosts) -> Iterator[Found]:
    """Each URL asked for now, as politely as in a crawl and by its rules; the WARC that held the answers is gone afterwards."""
    source = recipe.sources[0]
    known = {url: page for url in urls if (page := absolute(url, None))}
    plan = CrawlPlan(
        source=source.card.name, contact=source.card.contact, seeds=tuple(known.values()), max_depth=0,
        max_pages=len(known) * (1 + REDIRECTS), delay_s=source.crawl.delay_s, round_s=source.crawl.round_s,
        max_bytes=source.crawl.max_bytes, site_files=ASKED_PATHS,
    )  # fmt: skip
    with tempfile.NamedTemporaryFile(suffix=".warc.gz") as file, tempfile.TemporaryDirectory() as folder:
        at = Round(store=Store(root=folder), folder="hosts", over="over", began=time.time())
        silent = crawl(plan, file, clock=time.time, at=at, hosts=hosts).outcomes.to_pylist()
        file.flush()
        batches = _captured(recipe, Path(file.name))
        items: dict[str, list[Found]] = {}
        for found in _inspect_archive(recipe, lane, Path(file.name), batches):
            items.setdefault(same(found["id"]), []).append(found)
    rows = {
        same(row["uri"]): row for row in [*silent, *(row for batch in batches for row in batch.captures.to_pylist())]
    }
    for url in urls:
        row = _last(rows, known[url]) if url in known else None
        if row is None or same(row["uri"]) not in items:
            yield {"id": url, "error": _why_not(row, lane)}
        else:
            yield from ({**found, "id": url} for found in items[same(row["uri"])])


def _last(rows: Found, url: str) -> dict[str, Any]:
    """The row of the capture that asking for this URL ended with, behind redirects."""
    row: dict[str, Any] = rows[same(url)]
    for _ in range(REDIRECTS):
        location = dict(row["headers"]).get("location") if row["outcome"] == Outcome.REDIRECT else None
        row = rows.get(same(absolute(location, row["uri"]) or ""), row) if location else row
    return row


def _why_not(row: Found | None, lane: Lane) -> str:
    """Why asking for a URL gave no item."""
    if row is None:
        return f"{Outcome.REFUSED}: no URL that can be read"
    if row["outcome"] == Outcome.FETCHED:
        return f"{Outcome.FETCHED}: {row['media_type']}, which lane {lane.name} does not read ({', '.join(lane.media_types)})"
    answered = f"the server answered {row['status']}" if row["status"] else Outcome(row["outcome"]).explanation
    return f"{row['outcome']}: {row['detail'] or answered}"


def _judged(
    recipe: Recipe, lane: Lane, evidence: Evidence, data: list[bytes], names: Sequence[Any],
    heard: Sequence[Sequence[Found]] | None = None,
) -> Iterator[Found]:  # fmt: skip
    """The items of these captures with everything said of them, in capture order."""
    captures = rooms.one_batch(evidence.captures)
    roots = rooms.roots(lane, captures, licences_of(captures, evidence.licences), np.arange(len(captures)))
    columns: dict[str, Any] = {name: captures.column(name) for name in ("charset", "media_type", "uri")}
    columns |= {"data": pa.array(data, pa.large_binary()), "said": pa.array(heard or [[]] * len(captures), SAID)}
    payloads = pa.RecordBatch.from_pydict(columns).select(rooms.PAYLOADS.names)
    with lane.decoder() as child:
        children, _, split = rooms.split(lane, roots, payloads, child)
    childless = roots.filter(pc.invert(pc.is_in(roots.column("item_id"), value_set=children.column("parent_id"))))
    items = rooms.one_batch(pa.Table.from_batches([children, childless], schema=item_schema(lane.facts)))
    measured, failed = rooms.measure(lane, rooms.with_uri(children, evidence.captures))
    signals = align_signals(items, pa.Table.from_batches([measured]))
    items = rooms.with_language(items, signals)
    said: dict[bytes, list[Found]] = {}
    for batch in [split, failed, *rooms.judge(lane, recipe.rights, items, signals, evidence)]:
        for row in batch.to_pylist():
            if row["verdict"] != Verdict.SPLIT:
                kept = ("stage", "verdict", "reason", "signal", "value", "threshold", "detail")
                said.setdefault(row["item_id"], []).append({name: row[name] for name in kept})
    evidence_of = said_of(captures.column("capture_id"), evidence)
    order = {capture: number for number, capture in enumerate(captures.column("capture_id").to_pylist())}
    rows = zip(items.to_pylist(), signals.drop_columns(["item_id"]).to_pylist(), strict=True)
    for item, values in sorted(rows, key=lambda pair: order[pair[0]["capture_id"]]):
        yield {
            "id": names[order[item["capture_id"]]], "lane": lane.name, "text": item["text"] or "", "language": item["language"],
            "licence": item["licence"], "signals": values, "decisions": said.get(item["item_id"], []), **evidence_of[item["capture_id"]],
        }  # fmt: skip
