"""What each item of a release is owed: title, author, source, licence, and how it was changed; one by one, and gathered into works.

Addresses are as in the samples, without personal data. Authors stay: to name them is what is owed.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
import re2

from pipelines.audit.open import Ledger
from pipelines.audit.questions import ask
from pipelines.audit.words import UNKNOWN, Row
from pipelines.edits.pii import redact_links
from pipelines.exports.facts import config_of, whole
from pipelines.exports.licences import licence_links
from pipelines.exports.samples import samples
from pipelines.rights.spdx import LicenceClass
from schemas.sample import TEXT

OWED = {
    LicenceClass.PERMISSIVE.value: "attribution",
    LicenceClass.SHAREALIKE.value: "attribution and the same terms",
    LicenceClass.RESTRICTED.value: "terms of its own",
    LicenceClass.UNKNOWN.value: UNKNOWN,
}
# Statements stand at the head of a file, or in a licence at its end: all of a file is looked at, for as many as a person would read.
MOST_STATEMENTS = 5
# A statement of copyright that a file makes of itself: the word or the sign, and a year. Chosen: without a year it is mostly prose or code.
_STATEMENT = re2.compile(
    r"(?im)^[^\w\n]{0,12}((?:copyright|\(c\)|©)[^\n\w]{0,6}(?:\(c\)|©)?[^\n\w]{0,3}(?:19|20)\d\d\b[^\n]{0,160})"
)
_END_OF_COMMENT = re2.compile(r"[\s*/#\-=]+$")
# Chosen: how many items of one work are held before they are written; a folder may have any number.
MOST_FILES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Items that are owed the same by the same people, under one address: a page, or a package or folder with the `files` in it.

    `items`: how many. `title`, `author`: null where nothing names one. `copyright`: what files say of themselves. `edited`: stages that changed some of it.
    """

    items: int
    licence: str
    owed: str
    is_of_card: bool
    collection: str | None
    collection_url: str | None
    provider: str | None
    title: str | None
    author: str | None
    place: str | None
    copyright: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    files: tuple[str, ...] = field(default=())


def credited(ledger: Ledger, release: str) -> Iterator[Row]:
    """A row for each item that is owed something, or of which nobody knows: title, author, source, licence and what they stand on.

    title, author: null where neither the sample nor its file names one. `owed`: "attribution", "attribution and the same terms",
    "terms of its own", or "unknown". By licence, source, address and item.

    Raises:
        NotFound: no commit holds that release, or it is gone from the store.
        ShardError: a sample is damaged.
    """
    at = whole(ledger, release)
    found = _with_own(at, release, ask(at, "credits"))
    links: dict[str, list[str]] = {}
    for batch in found.to_batches(max_chunksize=MOST_FILES):
        sources = redact_links(batch.column("uri"))
        for row, source in zip(batch.to_pylist(), sources.to_pylist(), strict=True):
            if row["licence"] not in links:
                links[row["licence"]] = [address for _, address in licence_links(row["licence"])]
            yield {
                "title": row["title"],
                "author": row["author"],
                "copyright": row["copyright"] or [],
                "source": source,
                "licence": row["licence"],
                "licence_url": links[row["licence"]],
                "owed": OWED[row["class"]],
                "licence_is_of": "the source's card" if row["of_card"] else "the item",
                "collection": row["source_title"],
                "collection_url": row["source_url"],
                "provider": row["provider"],
                "edited": row["edited"] or [],
                "item_id": row["item_id"].hex(),
            }


def _with_own(at: Ledger, release: str, found: pa.Table) -> pa.Table:
    """The answer with the columns title and copyright, which the samples of texts say; null and empty for others."""
    lanes = found.column("lane").unique().to_pylist()
    texts = [lane for lane in lanes if config_of(at, release, lane) == TEXT.name]
    # The tars are read from their beginning to their end, whatever the order of the notice.
    order = pc.sort_indices(found, [("shard", "ascending"), ("offset", "ascending")])
    of_text = order.filter(pc.is_in(found.column("lane").take(order), value_set=pa.array(texts, pa.string())))
    titles: list[str | None] = [None] * found.num_rows
    copyrights: list[list[str]] = [[]] * found.num_rows
    places = found.select(["shard", "offset", "length"]).take(of_text)
    rows = (row for batch in places.to_batches(max_chunksize=MOST_FILES) for row in batch.to_pylist())
    for place, (_, parts) in zip(of_text.to_numpy(), samples(at.store, release, rows), strict=True):
        said = json.loads(parts[TEXT.parts[0]][1])
        titles[place], copyrights[place] = said["metadata"]["title"], statements(said["text"])
    return found.append_column("title", pa.array(titles, pa.string())).append_column(
        "copyright", pa.array(copyrights, pa.list_(pa.string()))
    )


def statements(text: str) -> list[str]:
    """The statements of copyright that a text makes, each once, at most MOST_STATEMENTS.

    "// Copyright (c) 2015, Ann Author. */" -> ["Copyright (c) 2015, Ann Author."]; without a year it is none.
    """
    found: dict[str, None] = {}
    for match in _STATEMENT.finditer(text):
        found[_END_OF_COMMENT.sub("", " ".join(match[1].split()))] = None
        if len(found) == MOST_STATEMENTS:
            break
    return list(found)


def works(rows: Iterable[Row]) -> Iterator[Work]:
    """The rows of `credited` as works, in their order: those that follow each other and say the same, under one address."""
    held: list[Row] = []
    for row in rows:
        if held and (_same(row) != _same(held[0]) or len(held) == MOST_FILES):
            yield _work(held)
            held = []
        held.append(row)
    if held:
        yield _work(held)


def _same(row: Row) -> tuple[object, ...]:
    """What the items of one work have alike."""
    names = ("licence", "owed", "licence_is_of", "collection", "provider", "title", "author")
    place = _place(row)
    return (*(row[name] for name in names), place, place == row["source"])


def _place(row: Row) -> str | None:
    """The address of an item that has a title or is no file; else the package in an archive, or the folder, that it lies in."""
    source: str | None = row["source"]
    if source is None or row["title"] or source.endswith("/") or "/" not in source.partition("://")[2]:
        return source
    archive, inside, member = source.rpartition("!/")
    if inside:
        package, folder, _ = member.partition("/")
        return f"{archive}!/{package}/" if folder else f"{archive}!/"
    return source[: source.rfind("/") + 1]


def _work(rows: list[Row]) -> Work:
    first, place = rows[0], _place(rows[0])
    sources = dict.fromkeys(row["source"] for row in rows)
    if len(sources) == 1:
        place = first["source"]
    names = [source[len(place) :] for source in sources if place and source != place]
    return Work(
        items=len(rows), licence=first["licence"], owed=first["owed"], is_of_card=first["licence_is_of"] != "the item", collection=first["collection"],
        collection_url=first["collection_url"], provider=first["provider"], title=first["title"], author=first["author"], place=place,
        copyright=tuple(dict.fromkeys(line for row in rows for line in row["copyright"])),
        edited=tuple(sorted({stage for row in rows for stage in row["edited"]})),
        files=tuple(names),
    )  # fmt: skip
