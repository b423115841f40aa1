"""Machine-readable copyright files of Debian (DEP-5): which paths of a source tree have which licence.

    covered(data)  -> paths with their licences

A path that ends in "/" is a folder and all below it, "" the whole tree.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.rights.markup import pattern
from pipelines.rights.names import from_name
from pipelines.rights.texts import known_texts

# Source: debian.org/doc/packaging-manuals/copyright-format/1.0
_FORMAT = pattern(rb"\A\s*Format(?:-Specification)?:[^\n]{0,200}(?:copyright-format|dep-?5)")
_WILD = re.compile(r"[*?]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """One pattern of a Files paragraph. `expression`: null where its licence cannot be read."""

    path: str
    start: int
    expression: str | None
    raw: str


def is_dep5(data: bytes) -> bool:
    """Whether a file says it is in this format, whatever its name."""
    return _FORMAT.search(data[:1024]) is not None


def covered(data: bytes) -> list[Covered]:
    """What each Files paragraph covers, in order; of several that fit a path the last one counts.

    A pattern other than a file or a whole folder (`src/*.c`) counts for the folder it lies in, beside what this folder has
    already: it may be stricter for more files than it means, never freer.
    """
    found: list[Covered] = []
    for start, fields in _paragraphs(data):
        name, _, text = fields.get("license", "").partition("\n")
        if "files" not in fields or not name.strip():
            continue
        expression = _expression(name, text)
        for glob in fields["files"].split():
            path, is_exact = _path(glob.removeprefix("./"))
            if not is_exact and (wider := _of_folder(found, path)):
                found.append(Covered(path=path, start=wider.start, expression=wider.expression, raw=wider.raw))
            found.append(Covered(path=path, start=start, expression=expression, raw=name.strip()))
    return found


def _of_folder(found: list[Covered], path: str) -> Covered | None:
    """What holds for a folder so far."""
    return next((one for one in reversed(found) if one.path == "" or path.startswith(one.path)), None)


def _path(glob: str) -> tuple[str, bool]:
    """The file or folder a pattern means, and whether it means just that: `src/*` -> `src/`, `src/*.c` -> `src/` but not just it."""
    wild = _WILD.search(glob)
    if wild is None:
        return glob, True
    path = "".join(glob[: wild.start()].rpartition("/")[:2])
    return path, glob == f"{path}*"


def _expression(name: str, text: str) -> str | None:
    if known := from_name(name):
        return known
    return next((known.expression for known in known_texts(text.encode())), None)


def _paragraphs(data: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    """Fields of each paragraph by lower-case name, and the byte it starts at."""
    at = 0
    for block in data.replace(b"\r\n", b"\n").split(b"\n\n"):
        fields: dict[str, str] = {}
        last = ""
        for line in block.decode("utf-8", "replace").split("\n"):
            if line[:1] in (" ", "\t"):
                fields[last] = f"{fields.get(last, '')}\n{line.strip()}"
            elif ":" in line and not line.startswith("#"):
                last, _, value = line.partition(":")
                last = last.strip().lower()
                fields[last] = value.strip()
        yield at, fields
        at += len(block) + 2
