"""The verb `overlap`: what texts share with evaluation sets or protected works, of a file of one's own or of a site's kept items."""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import InputError

if TYPE_CHECKING:
    from pipelines.dedup.overlap import Hit, Sets


def overlap_arguments(parser: argparse.ArgumentParser) -> None:
    """What `overlap` takes."""
    parser.add_argument(
        "--against", metavar="SET", nargs="+", required=True,
        help="JSONL files (text, question, prompt or content, and an id), text files, or folders of them",
    )  # fmt: skip
    parser.add_argument("--ngram", type=int, default=13, metavar="N", help="the least run of words (default 13)")
    parser.add_argument(
        "--jsonl", metavar="FILE",
        help='a file of your own, lines {"id": ..., "text": ...}; prints {"id", "hits": [{"set", "item", "words", "length", "place"}]} a line; '
        "without it, the kept items of the site's last run are searched",
    )  # fmt: skip
    parser.add_argument("--release", metavar="NAME", help="the kept items of this release of the site")


def overlap(asked: argparse.Namespace) -> None:
    """Print the hits of every text of a file, or of the kept items that have any."""
    from pipelines.dedup.overlap import known_sets
    from pipelines.dedup.sets import entries, set_files
    from pipelines.measures.overlap import NGRAMS

    if not NGRAMS[0] <= asked.ngram <= NGRAMS[1]:
        raise InputError(f"--ngram {asked.ngram} must be from {NGRAMS[0]} to {NGRAMS[1]} words; 13 is usual")
    if asked.jsonl and asked.release:
        raise InputError(
            "search a file of your own with --jsonl FILE, or a release with --release NAME: one of the two"
        )
    sets = known_sets(entries(set_files(asked.against)), asked.ngram)
    if sets.silent:
        named = ", ".join(f"{one.set} {one.item}" for one in sets.silent[:5])
        print(
            f"headwater overlap: {len(sets.silent)} of {len(sets.entries)} entries are too short to be told from chance "
            f"and are not looked for: {named}{', ...' if len(sets.silent) > 5 else ''}",
            file=sys.stderr,
        )
    _of_file(asked, sets) if asked.jsonl else _of_ledger(asked, sets)


def _of_file(asked: argparse.Namespace, sets: "Sets") -> None:
    from pipelines.dedup.overlap import overlaps
    from pipelines.dedup.own import read_lines

    lines = read_lines(Path(asked.jsonl))
    for name, hits in zip(lines.ids, overlaps(sets, lines.texts), strict=True):
        print(json.dumps({"id": name, "hits": _plain(hits)}))


def _of_ledger(asked: argparse.Namespace, sets: "Sets") -> None:
    from pipelines.audit.open import Ledger
    from pipelines.audit.overlap import Looked, held
    from pipelines.site import load_site

    ledger = Ledger.open(load_site(asked.site).store)
    looked = Looked()
    for one in held(ledger.of_release(asked.release) if asked.release else ledger, sets, looked):
        print(json.dumps({"id": one.item_id.hex(), "key": one.key, "hits": _plain(one.hits)}))
    unread = looked.kept - looked.read
    print(
        f"{looked.held} of {looked.read} kept items hold something of {len(sets.entries)} entries"
        + (f"; of {unread} more the texts are no longer in the store: unknown" if unread else ""),
        file=sys.stderr,
    )


def _plain(hits: "Iterable[Hit]") -> list[dict[str, object]]:
    return [{"set": h.set, "item": h.item, "words": h.words, "length": h.length, "place": list(h.place)} for h in hits]
