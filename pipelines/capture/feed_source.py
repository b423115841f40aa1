"""Podcast feeds as a source: recordings with the titles, licences and transcripts that their feed names.

    from = "feed+https://river.example/podcast.xml"

Recordings and transcripts are asked for on whatever host they lie, up to `max_media`, by the rules of any crawl. A transcript with times
becomes one annotation a cue.
"""

import json
import posixpath
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.capture.cues import Cues, json_cues, read_cues
from pipelines.capture.ended import Ended
from pipelines.capture.feed import Feed, Transcript, read_feed
from pipelines.capture.frontier import REDIRECTS
from pipelines.capture.live import Crawled, archives_of, crawled_room, plan_of
from pipelines.orders import CaptureOrder
from pipelines.payload import payload_bytes
from pipelines.receipt import Receipt, Tables, room
from pipelines.recipe import Recipe, Source
from pipelines.rights import spdx
from pipelines.rights.evidence import excerpt
from pipelines.runner import Progress, run_orders
from pipelines.site import Site
from pipelines.split.charset import decode
from pipelines.suppression import suppression
from schemas.annotation import ANNOTATION, Role
from schemas.capture import CAPTURE, Outcome
from schemas.digest import digest
from schemas.rights import LICENCE, RIGHTS, ROBOTS

_Row: TypeAlias = Mapping[str, Any]

_SCHEME = "feed+"
_TRANSCRIPT_BYTES = (
    8 << 20
)  # Chosen: a day of speech is some 2 MiB with times; JSON takes twenty times as much in memory
UNREAD = pa.schema([pa.field("url", pa.string(), nullable=False), pa.field("problem", pa.string(), nullable=False)])
# Source: Podcast Namespace, transcripts: the types in use.
_TIMED = {"text/vtt": ".vtt", "application/srt": ".srt", "application/x-subrip": ".srt", "text/srt": ".srt"}
_SUFFIXES = (".vtt", ".srt")
_PLACES = ("capture_id", "evidence_sha256", "locator")  # where something is said


def is_feed_entry(entry: str) -> bool:
    """Whether a `from` entry is a feed of recordings."""
    return entry.startswith((f"{_SCHEME}http://", f"{_SCHEME}https://"))


def feed_source(
    recipe: Recipe, site: Site, source: Source, entries: Sequence[str], label: str, *,
    clock: Callable[[], float] = time.time, progress: Progress,
) -> Crawled:  # fmt: skip
    """The captures of these feeds, and of what they name, in the round of this label; last comes what the feeds say."""
    name, urls = source.card.name, sorted(entry.removeprefix(_SCHEME) for entry in entries)
    key = digest("room", "crawled", 5, "feed", name, urls, label)
    plan = replace(
        plan_of(source, urls, ("audio",)), is_list=True, max_depth=0, max_pages=len(urls) * (1 + REDIRECTS)
    )  # fmt: skip
    fetched = crawled_room(site, plan, key, recipe.block_lists, chain="-feeds", clock=clock, progress=progress)
    files = archives_of(site, fetched)
    orders = [CaptureOrder(source=name, files=(file,)) for file in files]
    captured = [done[0] for done in run_orders(recipe, site, orders, f"capture {name}", progress)]
    said_key = digest("room", "fed", 2, fetched.key, [receipt.key for receipt in captured])
    said = room(site.store, name, "fed", said_key, lambda: _said(site, urls, [fetched, *captured]))
    unread = site.store.read_part(said.part("unread")).to_pylist()
    return Crawled(
        receipts=(fetched, *captured, said),
        archives=tuple(file.stored for file in files),
        ignored=tuple(f"{row['url']}: not all of it was read: {row['problem']}" for row in unread),
    )


def _said(site: Site, urls: Sequence[str], receipts: Sequence[Receipt]) -> tuple[Tables, dict[str, int]]:
    ended = Ended(site.store, receipts, suppression(site))
    annotations, licences, unread = list[dict[str, Any]](), list[dict[str, Any]](), list[dict[str, Any]]()
    for url in urls:
        row = ended.last(url)
        if row is None or not _is_held(row):
            continue
        feed = read_feed(payload_bytes(site.store, row["payload"]), row["uri"])
        if feed.problem:
            unread.append({"url": row["uri"], "problem": feed.problem})
        for one in _of_feed(site, feed, row, ended):
            (annotations if "role" in one else licences if "raw" in one else unread).append(one)
    annotations, licences, unread = _once(annotations), _once(licences), _once(unread)
    ids = pa.array(sorted({row["capture_id"] for row in (*annotations, *licences)}), CAPTURE.field("capture_id").type)
    tables: Tables = [
        (name, _only(site.store.table([part for one in receipts for part in one.all(name)], schema), ids))
        for name, schema in (("capture", CAPTURE), ("rights", RIGHTS))
    ]
    own = _only(site.store.table([part for one in receipts for part in one.all("licence")], LICENCE), ids)
    own = own.filter(pc.is_null(own.column("subject")))
    tables += [
        ("robots", ROBOTS.empty_table()),
        ("licence", pa.concat_tables([pa.Table.from_pylist(licences, schema=LICENCE), own])),
        ("annotation", pa.Table.from_pylist(annotations, schema=ANNOTATION)),
        ("unread", pa.Table.from_pylist(unread, schema=UNREAD)),
    ]
    return tables, {"annotations": len(annotations), "licences": len(licences)}


def _once(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of rows that say the same of the same, wherever, the first: feeds repeat episodes."""
    first: dict[tuple[object, ...], dict[str, Any]] = {}
    for row in rows:
        first.setdefault(tuple(value for name, value in row.items() if name not in _PLACES), row)
    return list(first.values())


def _only(table: pa.Table, ids: pa.Array) -> pa.Table:
    """The rows of these captures, each once."""
    found = table.filter(pc.is_in(table.column("capture_id"), value_set=ids))
    if "payload" not in found.column_names:
        return found
    first: dict[bytes, int] = {}
    for number, key in enumerate(found.column("capture_id").to_pylist()):
        first.setdefault(key, number)
    return found.take(pa.array(list(first.values()), pa.int64()))


def _is_held(row: _Row) -> bool:
    return row["outcome"] in (Outcome.FETCHED, Outcome.REVISIT) and row["payload"] is not None


def _of_feed(site: Site, feed: Feed, sayer: _Row, ended: Ended) -> Iterator[dict[str, Any]]:
    """Rows of ANNOTATION and LICENCE about the recordings of a feed that were captured, and of UNREAD."""
    for number, episode in enumerate(feed.episodes, 1):
        heard = [row for url in episode.recordings if (row := ended.last(url)) is not None and _is_held(row)]
        for row in heard:
            by = {
                "capture_id": sayer["capture_id"],
                "subject": row["uri"],
                "location": "feed",
                "locator": f"item {number}",
            }
            by["evidence_sha256"] = sayer["payload"]["sha256"]
            if episode.title:
                yield by | {"role": Role.TITLE.value, "text": episode.title, "language": feed.language}
            # What the feed licenses is the episode: the recording, and its transcripts.
            written = (ended.last(transcript.url) for transcript in episode.transcripts)
            subjects = [row["uri"], *(one["uri"] for one in written if one is not None)]
            for raw in dict.fromkeys(episode.licences or feed.licences):
                named = spdx.from_url(raw) or spdx.from_id(raw) or spdx.from_text(raw)
                yield from (by | {"subject": subject, "expression": named, "raw": excerpt(raw)} for subject in subjects)
            for transcript in episode.transcripts:
                yield from _transcribed(site, transcript, row["uri"], feed.language, ended)


def _transcribed(
    site: Site, transcript: Transcript, subject: str, language: str | None, ended: Ended
) -> Iterator[dict[str, Any]]:
    row = ended.last(transcript.url)
    if row is None or not _is_held(row):
        return
    if row["payload_bytes"] > _TRANSCRIPT_BYTES:
        yield {"url": row["uri"], "problem": f"a transcript of more than {_TRANSCRIPT_BYTES} bytes"}
        return
    found = decode(payload_bytes(site.store, row["payload"]), row["charset"])
    if found is None:
        yield {"url": row["uri"], "problem": "a transcript that is no text in any charset"}
        return
    by = {
        "capture_id": row["capture_id"], "subject": subject, "role": Role.TRANSCRIPT.value, "location": "feed",
        "language": transcript.language or language, "evidence_sha256": row["payload"]["sha256"],
    }  # fmt: skip
    cues = _cues(found.text, transcript.media_type or row["media_type"] or "", posixpath.basename(row["uri"]))
    if cues is not None:
        for number, cue in enumerate(cues.found, 1):
            yield by | {"text": cue.text, "locator": f"cue {number}", "start_s": cue.start_s, "end_s": cue.end_s}
    elif (row["media_type"] or "") == "text/plain" and found.text.strip():
        yield by | {"text": found.text.strip(), "locator": "file"}


def _cues(text: str, media_type: str, name: str) -> Cues | None:
    """The cues of a transcript; null for one without times."""
    kind = media_type.partition(";")[0].strip().lower()
    if kind.endswith("json"):
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            return Cues()
        return json_cues(values) if isinstance(values, dict) else Cues()
    suffix = _TIMED.get(kind) or next((one for one in _SUFFIXES if name.lower().endswith(one)), None)
    return read_cues(text, f"x{suffix}") if suffix else None
