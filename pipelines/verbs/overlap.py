"""The verb `overlap`: what texts share with evaluation sets or protected works, of a file of one's own or of a site's items."""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import InputError

if TYPE_CHECKING:
    from pipelines.dedup.overlap import Hit


def overlap_arguments(parser: argparse.ArgumentParser) -> None:
    """What `overlap` takes."""
    parser.add_argument(
        "--jsonl", metavar="FILE", required=True,
        help='lines {"id": ..., "text": ...}; prints {"id", "hits": [{"set", "item", "words", "length", "place"}]} a line',
    )  # fmt: skip
    parser.add_argument(
        "--against", metavar="SET", nargs="+", required=True,
        help="JSONL files (text, question, prompt or content, and an id), text files, or folders of them",
    )  # fmt: skip
    parser.add_argument("--ngram", type=int, default=13, metavar="N", help="the least run of words (default 13)")


def overlap(asked: argparse.Namespace) -> None:
    """Print the hits of every text, one line each, in the order of the file."""
    from pipelines.measures.overlap import NGRAMS

    if not NGRAMS[0] <= asked.ngram <= NGRAMS[1]:
        raise InputError(f"--ngram {asked.ngram} must be from {NGRAMS[0]} to {NGRAMS[1]} words; 13 is usual")
    from pipelines.dedup.overlap import known_sets, overlaps
    from pipelines.dedup.own import read_lines
    from pipelines.dedup.sets import entries, set_files

    sets = known_sets(entries(set_files(asked.against)), asked.ngram)
    lines = read_lines(Path(asked.jsonl))
    if sets.silent:
        named = ", ".join(f"{one.set} {one.item}" for one in sets.silent[:5])
        print(
            f"headwater overlap: {len(sets.silent)} of {len(sets.entries)} entries are too short to be told from chance "
            f"and are not looked for: {named}{', ...' if len(sets.silent) > 5 else ''}",
            file=sys.stderr,
        )
    for name, hits in zip(lines.ids, overlaps(sets, lines.texts), strict=True):
        print(json.dumps({"id": name, "hits": as_json(hits)}))


def as_json(hits: "Iterable[Hit]") -> list[dict[str, object]]:
    """The hits as JSON values."""
    return [{"set": h.set, "item": h.item, "words": h.words, "length": h.length, "place": list(h.place)} for h in hits]
