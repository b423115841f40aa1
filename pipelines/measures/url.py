"""Which list of a recipe names the address that an item was captured from: domains, addresses and words, in files by category.

    [stage."measure.url"]
    url_lists = ["adult=lists/adult/domains", "adult=lists/adult/urls"]
    word_lists = ["gambling=lists/gambling-words.txt"]

A line of a list is a domain (`example.com`: it and every host below it) or an address without scheme (`example.com/a`: it and every
page below it), as in the lists of the University of Toulouse (UT1); a line of a list of words is one. `#` begins a comment.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.capture.uri import host
from pipelines.stage import Shape, Stage
from schemas.digest import sha256
from schemas.errors import RecipeError

SETTINGS = ("url_lists", "word_lists")  # whose values name files
_APART = r"[^\pL\pN]+"  # between the words of an address


@dataclass(frozen=True, slots=True)
class UrlList:
    """The entries of one file, lower case. `paths`: addresses with a path, by their host."""

    category: str
    names: frozenset[str]
    paths: dict[str, tuple[str, ...]]


def url_category(stage: Stage, items: pa.RecordBatch) -> pa.StructArray:
    """`url_category`, string: the category of the first list, in the order of the settings, that names the item's address.

    Null where none does, where no list is set, and where the address is not known (uploads).
    """
    n = len(items)
    is_known = "uri" in items.schema.names
    found = np.full(n, None, dtype=object)
    if is_known and any(stage.settings[name] for name in SETTINGS):
        uris = pc.utf8_lower(items.column("uri").fill_null(""))
        for category, is_listed in _listed(stage, uris):
            found[is_listed & (found == None)] = category  # noqa: E711
    return pa.StructArray.from_arrays([pa.array(found, pa.string())], names=["url_category"])


def _listed(stage: Stage, uris: pa.Array) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    """(category, bool[items]) of every list."""
    digests = dict(stage.files)
    unique = uris.dictionary_encode()
    addresses = unique.dictionary.to_pylist()
    hosts = [host(address) or "" for address in addresses]
    for entry in _entries(stage, "url_lists"):
        known = url_list(stage.base, entry, digests[entry])
        named = [_names(known, one, address) for one, address in zip(hosts, addresses, strict=True)]
        yield known.category, np.array(named, np.bool_)[unique.indices.to_numpy()]
    for entry in _entries(stage, "word_lists"):
        known = url_list(stage.base, entry, digests[entry])
        split = pc.split_pattern_regex(unique.dictionary, _APART)
        is_word = pc.is_in(split.flatten(), value_set=pa.array(sorted(known.names), pa.string()))
        rows = pc.list_parent_indices(split).filter(is_word).to_numpy()
        yield known.category, np.isin(unique.indices.to_numpy(), rows)


def _entries(stage: Stage, name: str) -> tuple[str, ...]:
    values = stage.settings[name]
    assert isinstance(values, tuple)
    return values


def _names(known: UrlList, host: str, address: str) -> bool:
    """Whether a list names this host, one above it, or the address or one above that."""
    labels = host.split(".")
    above = [".".join(labels[i:]) for i in range(len(labels))]
    if not known.names.isdisjoint(above):
        return True
    own = host.removeprefix("www.")
    paths = known.paths.get(own, ())
    place = address.partition("://")[2].removeprefix("www.")
    return any(place == path or place.startswith((f"{path}/", f"{path}?", f"{path}#")) for path in paths)


def find_lists(stage: Stage, base: Path) -> tuple[tuple[str, str], ...]:
    """Every entry of the settings with the digest of its list. Raises RecipeError as `list_digest`."""
    return tuple((entry, list_digest(base, entry)) for name in SETTINGS for entry in _entries(stage, name))


def list_digest(base: Path, entry: str) -> str:
    """The sha256, hex, of the list that an entry `category=path` names, after a look at it; relative paths start from `base`.

    Raises:
        RecipeError: the entry has no category, or the file cannot be read, is no UTF-8 or holds nothing.
    """
    digest = sha256(_read(base, entry)).hex()
    url_list(base, entry, digest)
    return digest


@cache
def url_list(base: Path, entry: str, digest: str) -> UrlList:
    """The list that an entry names. Kept for the life of the process: some hundred bytes an entry.

    Raises:
        RecipeError: as `list_digest`; or the file is not the one that was there when the recipe was read.
    """
    category, data = entry.partition("=")[0].strip(), _read(base, entry)
    if sha256(data).hex() != digest:
        raise RecipeError(f"stage measure.url: list {entry} has changed since the recipe was read; run it again")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecipeError(f"stage measure.url: list {entry} is not UTF-8: {error}") from error
    lines = (line.partition("#")[0].strip().lower() for line in text.split("\n"))
    entries = [line.partition("://")[2] or line for line in lines if line]
    if not entries:
        raise RecipeError(f"stage measure.url: list {entry} has no entry")
    paths: dict[str, list[str]] = {}
    for plain in (one.rstrip("/").removeprefix("www.") for one in entries if "/" in one.rstrip("/")):
        paths.setdefault(plain.partition("/")[0], []).append(plain)
    names = frozenset(one.rstrip("/") for one in entries if "/" not in one.rstrip("/"))
    return UrlList(category, names, {key: tuple(values) for key, values in paths.items()})


def _read(base: Path, entry: str) -> bytes:
    category, _, name = entry.partition("=")
    if not category.strip() or not name.strip():
        raise RecipeError(f'stage measure.url: {entry!r} must be "category=path of a list"')
    path = base / name.strip()
    try:
        return path.read_bytes()
    except OSError as error:
        raise RecipeError(f"stage measure.url: list {category} cannot be read: {path}: {error.strerror}") from error


URL_CATEGORY = Stage(
    name="measure.url",
    version=1,
    shape=Shape.MEASURE,
    fn=url_category,
    parameters=tuple((name, ()) for name in SETTINGS),
    signals=("url_category",),
    find_files=find_lists,
)
