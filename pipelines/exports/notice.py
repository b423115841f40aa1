"""The notice: whom a release owes an attribution, item by item, in the form title, author, source, licence.

Addresses are published as in the samples, without personal data. Authors stay: to name them is what is owed.
"""

import json
from collections.abc import Iterator
from typing import BinaryIO

from pipelines.audit.open import Ledger
from pipelines.audit.questions import ask
from pipelines.audit.words import Row
from pipelines.edits.pii import redact_link
from pipelines.exports.facts import NOTICE, config_of
from pipelines.exports.rows import sample_at, write_lines
from schemas.sample import TEXT

_NO_LICENCE = "no licence was found"


def credited(ledger: Ledger, release: str) -> Iterator[Row]:
    """A row for each item that is owed something, or of which nobody knows: title, author, source, licence and what they stand on.

    title, author: null where neither the sample nor its file names one. `owed`: "attribution", "attribution and the same terms",
    "terms of its own", or "unknown".

    Raises:
        NotFound: no commit holds that release.
    """
    at = ledger.of_release(release)
    configs: dict[str, str] = {}
    for row in ask(at, "credits").to_pylist():
        if row["lane"] not in configs:
            configs[row["lane"]] = config_of(at, release, row["lane"])
        yield {
            "title": _title(at, release, row) if configs[row["lane"]] == TEXT.name else None,
            "author": row["author"],
            "source": row["uri"] and redact_link(row["uri"]),
            "licence": row["licence"],
            "owed": _OWED[row["class"]],
            "licence_is_of": "the source's card" if row["of_card"] else "the item",
            "collection": row["source_title"],
            "provider": row["provider"],
            "item_id": row["item_id"].hex(),
        }


_OWED = {
    "permissive": "attribution",
    "sharealike": "attribution and the same terms",
    "restricted": "terms of its own",
    "unknown": "unknown",
}


def _title(at: Ledger, release: str, row: Row) -> str | None:
    parts = sample_at(at.store, f"releases/{release}/{row['shard']}", row["offset"], row["length"])
    title: str | None = json.loads(parts[TEXT.parts[0]][1])["metadata"]["title"]
    return title


def write_notice(ledger: Ledger, release: str, out: BinaryIO) -> int:
    """How many items the notice names; written as plain text, by licence, source and address."""
    out.write(f"NOTICE\n\nWhat the items of release {release} are owed. {NOTICE}\n".encode())
    n, licence = 0, None
    for row in credited(ledger, release):
        if row["licence"] != licence:
            licence = row["licence"]
            out.write(f"\n{_NO_LICENCE if licence == 'unknown' else licence} (owed: {row['owed']})\n\n".encode())
        out.write(_line(row).encode())
        n += 1
    if not n:
        out.write(b"\nNo item is owed an attribution: all are in the public domain, as far as was found.\n")
    return n


def _line(row: Row) -> str:
    title = f'"{_flat(row["title"])}"' if row["title"] else "title not recorded"
    author = f"by {_flat(row['author'])}" if row["author"] else "author not recorded"
    where = _flat(row["source"] or "address not recorded")
    card = "; licence of the collection as a whole" if row["licence_is_of"] != "the item" else ""
    return f"- {title}, {author}, {where} (in: {_flat(row['collection'] or 'unknown')}, {_flat(row['provider'] or 'unknown')}{card})\n"


def _flat(text: str) -> str:
    return " ".join(text.split())


def notice_rows(ledger: Ledger, release: str, out: BinaryIO) -> int:
    """How many items were written, a JSON object a line."""
    return write_lines(credited(ledger, release), out)
