"""The proof: the bytes of a release read again, every member decoded, and none of them is what was taken out."""

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from pipelines.shard.tar import read_shard
from pipelines.store import Store
from pipelines.takedown.release import items_below, release_folder
from pipelines.takedown.work import Work
from schemas.digest import sha256
from schemas.item import text_sha256

Row = dict[str, Any]
_TEXTS = ("json", "txt")
# Chosen: more would make the scan quadratic; then texts are compared whole, by their digests.
_NEEDLES = 2000
_LEAST_CHARACTERS = 20  # Chosen: shorter words are found in texts that have nothing to do with them


def scan(store: Store, name: str, items: Collection[bytes], contents: Collection[bytes], texts: Collection[str]) -> Row:
    """What a release holds of these: `found` (digests and ids, which must be none), and `same_words`, keys of samples that hold a text.

    Two authors may caption two pictures alike: `same_words` is for a person to look at. Raises LedgerError where it is not there.
    """
    folder = release_folder(store, name)
    needles = sorted({text for text in texts if len(text) >= _LEAST_CHARACTERS})[:_NEEDLES]
    told: Row = {"shards": 0, "members": 0, "bytes": 0, "found": [], "same_words": []}
    told["found"] += [f"item {one.hex()}" for one in sorted(items_below(store, folder) & set(items))]
    for path in [one for one in store.list(folder) if one.endswith(".tar")]:
        told["shards"] += 1
        for key, extension, content in _members(store, path):
            told["members"] += 1
            told["bytes"] += len(content)
            if {sha256(content), *_text_digests(extension, content)} & set(contents):
                told["found"].append(f"{path.removeprefix(f'{folder}/')}: {key}.{extension}")
            if extension in _TEXTS and any(
                needle in text for text in _strings(extension, content) for needle in needles
            ):
                told["same_words"].append(f"{key}.{extension}")
    return told


def _members(store: Store, path: str) -> Iterator[tuple[str, str, bytes]]:
    """(key, extension, content) of every member of a shard, as it lies in the store now."""
    with store.lent(path) as tar:
        for sample in read_shard(tar):
            for extension, content in sample.parts.items():
                yield sample.key, extension, content


def _text_digests(extension: str, content: bytes) -> set[bytes]:
    return {text_sha256(text) for text in _strings(extension, content)} if extension in _TEXTS else set()


def _strings(extension: str, content: bytes) -> Iterator[str]:
    """Every text in a member."""
    if extension == "txt":
        yield content.decode("utf-8")
        return
    stack: list[Any] = [json.loads(content)]
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            stack += value.values()
        elif isinstance(value, list):
            stack += value


def report(work: Work, rows: Sequence[Row], told: Row | None) -> Row:
    """The proof of a takedown, without addresses and words: digests, ids, counts. `rows`: of HOLDING; `told`: what the scan found.

    `commit` is null until it was made.
    """
    shards = list(work.release.shards) if work.release is not None else []
    return {
        "request": work.plan.request,
        "plan": work.plan.digest,
        "at": work.at.isoformat(),
        "commit": None,
        "release": {"before": work.old_release, "after": work.release_after},
        "items": [
            {"item_id": row["item_id"].hex(), "lane": row["lane"], "link": row["link"], "similarity": row["similarity"]}
            for row in work.plan.items
        ],
        "captures": len(work.gone.captures),
        "shards": shards,
        "untouched_shards": sum(change["before"] == change["after"] for change in shards),
        "scan": told,
        "cleared": _stores(rows, "cleared"),
        "remaining": _stores(rows, "remaining"),
        "exposure": work.plan.exposure,
        "suppressed": work.suppression.num_rows,
        "beyond": "Copies of earlier releases outside of this site, and models that were trained, are not changed.",
    }


def _stores(rows: Sequence[Row], state: str) -> list[Row]:
    return [{name: row[name] for name in ("store", "what", "reason")} for row in rows if row["state"] == state]
