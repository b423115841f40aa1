"""The proof: the bytes of a release read again, every member decoded, and none of them is what was taken out."""

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from pipelines.shard.tar import read_shard
from pipelines.takedown.release import held
from schemas.digest import sha256
from schemas.item import text_sha256

_TEXTS = ("json", "txt")
# Chosen: more would make the scan quadratic; then texts are compared whole, by their digests.
_NEEDLES = 2000
_LEAST_CHARACTERS = 20  # Chosen: shorter words are found in texts that have nothing to do with them


def scan(folder: Path, items: Collection[bytes], contents: Collection[bytes], texts: Collection[str]) -> dict[str, Any]:
    """What a release holds of these: `found` (digests and ids, which must be none), and `same_words`, keys of samples that hold a text.

    Two authors may caption two pictures alike: `same_words` is for a person to look at.
    """
    needles = sorted({text for text in texts if len(text) >= _LEAST_CHARACTERS})[:_NEEDLES]
    told: dict[str, Any] = {"shards": 0, "members": 0, "bytes": 0, "found": [], "same_words": []}
    told["found"] += [f"item {one.hex()}" for one in sorted(held(folder) & set(items))]
    for tar in sorted(folder.glob("*/data/*.tar")):
        told["shards"] += 1
        for sample in read_shard(tar):
            for extension, content in sample.parts.items():
                told["members"] += 1
                told["bytes"] += len(content)
                if {sha256(content), *_text_digests(extension, content)} & set(contents):
                    told["found"].append(f"{tar.relative_to(folder)}: {sample.key}.{extension}")
                if extension in _TEXTS and any(
                    needle in text for text in _strings(extension, content) for needle in needles
                ):
                    told["same_words"].append(f"{sample.key}.{extension}")
    return told


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
