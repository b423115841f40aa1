"""Pictures and recordings that a page describes in JSON-LD (schema.org ImageObject and AudioObject)."""

import json
from collections.abc import Iterator
from typing import NamedTuple

from pipelines.capture.medium import Kind
from schemas.annotation import Role

_KINDS: tuple[tuple[str, Kind], ...] = (("ImageObject", "image"), ("AudioObject", "audio"))
_WORDS = (
    ("caption", Role.CAPTION),
    ("description", Role.CAPTION),
    ("name", Role.TITLE),
    ("transcript", Role.TRANSCRIPT),
)


class Described(NamedTuple):
    """An ImageObject or AudioObject. `urls`, `licences`: as written; `language`: as declared, null for none."""

    kind: Kind
    urls: list[str]
    said: list[tuple[Role, str]]
    licences: list[str]
    language: str | None


def described(content: bytes) -> Iterator[Described]:
    """The objects in the content of a JSON-LD script, at any depth, in order; none where it is no JSON."""
    try:
        todo = [json.loads(content.decode("utf-8", "replace"))]
    except (ValueError, RecursionError):
        return
    while todo:
        node = todo.pop()
        if isinstance(node, list):
            todo += reversed(node)
        elif isinstance(node, dict):
            kinds = " ".join(_strings(node.get("@type")))
            if kind := next((kind for name, kind in _KINDS if name in kinds), None):
                yield _object(kind, node)
            todo += reversed(list(node.values()))


def _object(kind: Kind, node: dict[str, object]) -> Described:
    return Described(
        kind=kind,
        # `url` is the picture where there is no `contentUrl`, and often the page about it where there is.
        urls=[*_strings(node.get("contentUrl"))] or [*_strings(node.get("url"))],
        said=[(role, text) for key, role in _WORDS for text in _strings(node.get(key))],
        licences=[*_strings(node.get("license"))],
        language=next(_strings(node.get("inLanguage")), None),
    )


def _strings(value: object) -> Iterator[str]:
    """The texts of a value or a list of values; of a thing its id, else its URL, text or name."""
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict):
            one = next(
                (one[key] for key in ("@id", "url", "@value", "text", "name") if isinstance(one.get(key), str)), None
            )
        if isinstance(one, str) and one.strip():
            yield one.strip()
