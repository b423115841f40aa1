"""The verb `duplicates`: the cluster of an item in the ledger, or all similar pairs, or repeated spans, of a file of one's own."""

import argparse
import json
from pathlib import Path

from pipelines.verbs import show
from schemas.errors import InputError


def duplicates_arguments(parser: argparse.ArgumentParser) -> None:
    """What `duplicates` takes."""
    parser.add_argument(
        "name", nargs="?", help="a URI, an item or capture id (hex), a sample key (32 hex) or a file, in the ledger"
    )
    own = parser.add_argument_group("a file of your own, without a ledger")
    own.add_argument(
        "--jsonl", metavar="FILE", help='lines {"id": ..., "text": ...}; prints {"a", "b", "similarity"} a similar pair'
    )
    own.add_argument("--at-least", type=float, default=0.8, metavar="S", help="Jaccard similarity, 0..1 (default 0.8)")
    own.add_argument(
        "--shingle", choices=("char5", "word5", "token5"), default="word5",
        help="what is compared: sets of five characters, words (default), or words and marks",
    )  # fmt: skip
    own.add_argument(
        "--spans", type=int, metavar="WORDS",
        help='print {"a", "a_place", "b", "b_place", "words"} a run of so many words and more in b that stands further up, in a, instead',
    )  # fmt: skip


def duplicates(asked: argparse.Namespace) -> None:
    """Print the clusters of a name, or the pairs or repeated spans of a file."""
    if bool(asked.name) == bool(asked.jsonl):
        raise InputError("name an item of the ledger, or a file of your own with --jsonl FILE: one of the two")
    if asked.spans is not None and not asked.jsonl:
        raise InputError(
            "--spans is for a file of your own: name it with --jsonl FILE; a run's spans are in the ledger's repeated_span"
        )
    if asked.jsonl:
        _of_file(asked) if asked.spans is None else _spans(asked)
    else:
        _of_ledger(asked)


def _of_file(asked: argparse.Namespace) -> None:
    from pipelines.dedup.own import read_lines, similar
    from pipelines.kernels.grams import Shingle

    lines = read_lines(Path(asked.jsonl))
    for a, b, similarity in similar(lines.texts, Shingle(asked.shingle), asked.at_least):
        print(json.dumps({"a": lines.ids[a], "b": lines.ids[b], "similarity": similarity}))


def _spans(asked: argparse.Namespace) -> None:
    from pipelines.dedup.own import read_lines, repeated

    lines = read_lines(Path(asked.jsonl))
    for one in repeated(lines.texts, asked.spans):
        told = {"a": lines.ids[one.a], "a_place": one.a_place, "b": lines.ids[one.b], "b_place": one.b_place}
        print(json.dumps({**told, "words": one.words}))


def _of_ledger(asked: argparse.Namespace) -> None:
    from pipelines.audit.duplicates import duplicates as clusters
    from pipelines.audit.open import Ledger
    from pipelines.site import load_site

    found = clusters(Ledger.open(load_site(asked.site).store), asked.name)
    if asked.json:
        show.as_json(found)
        return
    if not found["clusters"]:
        print(f"{asked.name}: nothing was found to be like it")
    for cluster in found["clusters"]:
        title = f"cluster {cluster['cluster_id'][:16]} of lane {cluster['lane']}: {len(cluster['members'])} items, {cluster['pairs']} verified pairs"
        columns = ("item_id", "state", "uri", "source", "witness_id", "method", "similarity")
        rows = [[_short(name, row.get(name)) for name in columns] for row in cluster["members"]]
        show.table(title, ("item", "state", "uri", "source", "merged into", "method", "similarity"), rows)
        for pair in cluster["closest"]:
            print(f"{pair['item_id'][:16]} and {pair['other_id'][:16]}, {pair['method']} {pair['similarity']:.4f}:")
            if isinstance(pair["differences"], str):
                print("  their texts are no longer in the store")
                continue
            for place in pair["differences"]:
                print(f"  - {place['item']}\n  + {place['other']}")


def _short(name: str, value: object) -> object:
    return str(value)[:16] if name.endswith("_id") and value else value
