"""Tables of URLs: every row's URL is asked for as politely as in a crawl, and has one row of results, whatever became of it.

    url_column = "url"            makes the tables of a source such lists; caption_column, sha256_column, keep_columns beside it

404, timeout and refusal are results, not damage. Captions become annotations of what was fetched. Where the list names the SHA-256 of
what its author saw, other bytes are refused: an address that was sold or taken over since would speak with the captions of the old one.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeAlias

import pyarrow as pa

from pipelines.capture import words
from pipelines.capture.address import url_refusal
from pipelines.capture.ended import Ended
from pipelines.capture.entry import Caps, Entry, Upload, evidence, stored
from pipelines.capture.frontier import REDIRECTS
from pipelines.capture.inflate import BrokenError
from pipelines.capture.layout import File, Layout, Wanted
from pipelines.capture.live import archives_of, crawled_room, plan_of
from pipelines.capture.screen import OTHER_BYTES
from pipelines.capture.stored import open_stored
from pipelines.capture.tables import Row, read_rows
from pipelines.capture.uri import absolute
from pipelines.orders import CaptureOrder
from pipelines.receipt import Receipt, Tables, room
from pipelines.recipe import Recipe, Source
from pipelines.runner import Progress, run_orders
from pipelines.site import Site
from pipelines.suppression import suppression
from schemas.annotation import ANNOTATION
from schemas.capture import CAPTURE, Outcome
from schemas.digest import digest
from schemas.errors import SourceError
from schemas.item import ID
from schemas.reasons import Reason
from schemas.rights import LICENCE, RIGHTS, ROBOTS

_Row: TypeAlias = Mapping[str, Any]

LISTED = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),  # its line in JSON lines, else its place behind the header; from 1
        pa.field("url", pa.string(), nullable=False),  # as the table has it; of what was taken down a keyed digest
        pa.field("outcome", pa.string(), nullable=False),  # schemas.capture.Outcome
        pa.field("status", pa.int16()),  # of the last answer; null where there was none
        pa.field("error", pa.string()),  # why there are no bytes; null where there are
        pa.field("uri", pa.string()),  # what was captured in the end, behind redirects
        pa.field("media_type", pa.string()),
        pa.field("payload_bytes", pa.int64()),
        pa.field("payload_sha256", ID),
        pa.field("kept", pa.map_(pa.string(), pa.string()), nullable=False),  # keep_columns; what is no text as JSON
    ]
)

PART_ROWS = 20_000  # Chosen: rows that are fetched as one round: some MB of captions, and what a killed machine repeats of robots.txt
_HELD = (Outcome.FETCHED, Outcome.REVISIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """The capture receipts of a list, and those of them that hold LISTED, in the order of its rows; stored paths of archives."""

    receipts: tuple[Receipt, ...]
    results: tuple[Receipt, ...]
    archives: tuple[str, ...]
    ignored: tuple[str, ...] = ()


def list_source(
    recipe: Recipe, site: Site, source: Source, files: Sequence[File], label: str, *,
    clock: Callable[[], float] = time.time, progress: Progress,
) -> Listed:  # fmt: skip
    """What became of every row of these tables, in the round of this label: asked now, or found where it was asked before.

    Raises:
        SourceError: a table has no rows, or no column of URLs.
    """
    receipts: list[Receipt] = []
    results: list[Receipt] = []
    archives: list[str] = []
    for file in files:
        before = len(results)
        for number, rows in enumerate(_parts(site, source, file)):
            urls = sorted(
                {url for row in rows if (url := _url(source.layout, row)) and not url_refusal(url, site.host_overrides)}
            )
            layout = source.layout
            key = digest(
                "room", "crawled", 5, "list", source.card.name, file.sha256, number, label, layout.url_column,
                *([layout.sha256_column] if layout.sha256_column else []),
            )  # fmt: skip
            plan = replace(
                plan_of(source, urls, ()), is_list=True, max_depth=0, max_pages=len(urls) * (1 + REDIRECTS)
            )  # fmt: skip
            chain = f"-{file.sha256[:16]}-{number}"
            fetched = crawled_room(
                site, plan, key, recipe.block_lists, chain=chain, clock=clock, progress=progress, wanted=_wanted(layout, rows)
            )  # fmt: skip
            crawled = archives_of(site, fetched)
            orders = [CaptureOrder(source=source.card.name, files=(one,)) for one in crawled]
            captured = [done[0] for done in run_orders(recipe, site, orders, f"capture {source.card.name}", progress)]
            result = _result(site, source, file, rows, [fetched, *captured])
            receipts += [fetched, *captured, result]
            results.append(result)
            archives += [one.stored for one in crawled]
        if len(results) == before:
            raise SourceError(f"table {file.name} of source {source.card.name} holds no rows")
    return Listed(receipts=tuple(receipts), results=tuple(results), archives=tuple(archives))


def _parts(site: Site, source: Source, file: File) -> Iterator[list[Row]]:
    """The rows of a table, PART_ROWS at a time."""
    with open_stored(site.store, file.stored, file.length) as stream:
        rows = read_rows(stream, file.name, file.length, Caps())
        first = list(islice(rows, words.PEEKED))
        columns = words.columns_of(first)
        layout = source.layout
        for column in filter(
            None, (layout.url_column, layout.caption_column, layout.sha256_column, *layout.keep_columns)
        ):
            if columns and column not in columns:
                raise SourceError(
                    f"table {file.name} of source {source.card.name} has no column {column!r}, but {', '.join(sorted(columns))}; "
                    "see url_column, caption_column, sha256_column and keep_columns in the recipe"
                )
        rest = list(islice(rows, PART_ROWS - len(first)))
        while part := [*first, *rest]:
            yield part
            first, rest = [], list(islice(rows, PART_ROWS))


def _sha256(layout: Layout, row: Row) -> bytes | None:
    """What the bytes of a row must have, which none have where it is no digest; null where it does not say."""
    value = row.values.get(layout.sha256_column) if layout.sha256_column else None
    try:
        return bytes.fromhex(value) if isinstance(value, str) and value else value or None
    except ValueError:
        return b""


def _wanted(layout: Layout, rows: Sequence[Row]) -> frozenset[bytes] | None:
    """All that the rows say; null where one does not."""
    found = [_sha256(layout, row) for row in rows if row.problem is None]
    return None if None in found else frozenset(one for one in found if one is not None)


def _url(layout: Layout, row: Row) -> str | None:
    """The URL of a row, absolute and without fragment; null where it has none of a scheme that is asked."""
    value = row.values.get(layout.url_column)
    found = absolute(value.strip(), None) if isinstance(value, str) else None
    return found.partition("#")[0] if found and found.startswith(("http://", "https://")) else None


def _result(site: Site, source: Source, file: File, rows: Sequence[Row], receipts: Sequence[Receipt]) -> Receipt:
    """The room that joins rows and captures."""
    key = digest(
        "room", "listed", 1, [receipt.key for receipt in receipts], file.identity, source.layout, rows[0].number, len(rows)
    )  # fmt: skip
    return room(site.store, source.card.name, "listed", key, lambda: _joined(site, source, file, rows, receipts))


def _joined(
    site: Site, source: Source, file: File, rows: Sequence[Row], receipts: Sequence[Receipt]
) -> tuple[Tables, dict[str, int]]:
    captures = Ended(site.store, receipts, suppression(site))
    upload = Upload(
        store=site.store, source=source.card.name, layout=source.layout, caps=Caps(),
        wanted=Wanted(files=True, words=True, texts=False, evidence={}),
    )  # fmt: skip
    table = evidence(stored(upload, file, is_capped=False)[0])
    found, said, named = [], list[_Row](), list[_Row]()
    counts: dict[str, int] = {}
    for row in rows:
        one = _listed(source.layout, row, captures, site)
        found.append(one)
        counts[one["outcome"]] = counts.get(one["outcome"], 0) + 1
        if one["outcome"] in _HELD:
            said += _said(source.layout, table, one["uri"], row)
            named += words.licences(
                table, one["uri"], row.values.get(source.layout.licence_column), locator=f"row {row.number}"
            )
    return [
        ("listed", pa.Table.from_pylist(found, schema=LISTED)),
        ("capture", pa.Table.from_pylist([table.row], schema=CAPTURE)),
        ("rights", RIGHTS.empty_table()), ("robots", ROBOTS.empty_table()),
        ("licence", pa.Table.from_pylist(named, schema=LICENCE)),
        ("annotation", pa.Table.from_pylist(said, schema=ANNOTATION)),
    ], dict(sorted(counts.items()))  # fmt: skip


def _listed(layout: Layout, row: Row, captures: Ended, site: Site) -> dict[str, Any]:
    """The row of LISTED."""
    value = row.values.get(layout.url_column)
    base = {
        "row": row.number, "url": value if isinstance(value, str) else "",
        "kept": [(name, _text(row.values.get(name))) for name in layout.keep_columns if row.problem is None],
    }  # fmt: skip
    url = _url(layout, row)
    if row.problem is not None:
        return base | {"outcome": Outcome.DAMAGED.value, "error": row.problem.detail}
    if url is None or (why := url_refusal(url, site.host_overrides)):
        why = "no URL that is asked for: http or https" if url is None else why
        return base | {"outcome": Outcome.REFUSED.value, "error": why}
    found = captures.last(url)
    if found is None:
        return base | {"outcome": Outcome.DEFERRED.value, "error": "not asked for"}
    if captures.hides(url):
        base |= {"url": found["uri"], "kept": []}
    is_held = found["outcome"] in _HELD
    if is_held and (named := _sha256(layout, row)) is not None and named != (found["payload"] or {}).get("sha256"):
        found = {**found, "outcome": Outcome.REFUSED.value, "detail": OTHER_BYTES}
        is_held = False
    said = found["detail"] or (f"the server answered {found['status']}" if found["status"] else found["outcome"])
    said = f"{said}: {Reason(found['reason']).explanation}" if found["reason"] and not found["detail"] else said
    return base | {
        "outcome": found["outcome"], "status": found["status"], "error": None if is_held else said, "uri": found["uri"],
        "media_type": found["media_type"] if is_held else None,
        "payload_bytes": found["payload_bytes"] if is_held else None,
        "payload_sha256": found["payload"]["sha256"] if is_held and found["payload"] else None,
    }  # fmt: skip


def _said(layout: Layout, table: Entry, uri: str, row: Row) -> list[dict[str, Any]]:
    """The captions of a row; none where its column holds no text."""
    value = row.values.get(layout.caption_column or layout.text_column)
    try:
        said = words.texts_of(value, row.values.get(layout.language_column))
    except BrokenError:
        return []
    return [words.annotation(table, uri, one, location="table", locator=f"row {row.number}") for one in said]


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
