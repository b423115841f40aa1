"""Payload bytes of captures in files of the store: cut out, so that no byte of what goes is left.

Records of a web archive are whole gzip members, or stretches of a plain file: the rest reads as before. Members copied out of an archive
and converted media lie end to end. In a tar the bytes become zeros, for its headers count them. Any other container (zip, compressed tar,
table) goes as a whole: its members were copied beside it when it was captured.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipelines.capture.layout import ARCHIVES, MEMBERS, TABLES
from pipelines.store import Store
from pipelines.takedown.gone import Cut
from schemas.digest import sha256


def cuts(store: Store, places: Iterable[Mapping[str, Any]], containers: Iterable[str]) -> dict[str, Cut]:
    """The new files, now in the store, by the path of the old ones, which are still there.

    `places`: payloads that go. `containers`: files of which members or rows go that were copied elsewhere.
    """
    ranges: dict[str, set[tuple[int, int]]] = defaultdict(set)
    for place in places:
        ranges[place["uri"]].add((place["offset"], place["length"]))
    found = {path: _cut(store, path, _merged(ranges[path])) for path in sorted(ranges) if store.exists(path)}
    for path in sorted(set(containers) - found.keys()):
        if store.exists(path):
            found[path] = Cut(old=path, new=None, length=0, ranges=())
    return found


def _merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same bytes as ranges that do not overlap, ascending."""
    found: list[tuple[int, int]] = []
    for at, length in sorted(ranges):
        if found and at < sum(found[-1]):
            start = found[-1][0]
            found[-1] = (start, max(sum(found[-1]), at + length) - start)
        else:
            found.append((at, length))
    return found


def _cut(store: Store, path: str, ranges: Sequence[tuple[int, int]]) -> Cut:
    data = store.read(path)
    is_tar = path.endswith(MEMBERS)
    pieces, end = [], 0
    for at, length in ranges:
        pieces += [data[end:at], bytes(length) if is_tar else b""]
        end = at + length
    left = b"".join([*pieces, data[end:]])
    if not left.strip(b"\0"):
        return Cut(old=path, new=None, length=0, ranges=ranges, is_zeroed=is_tar)
    new = f"{path.rpartition('/')[0]}/{sha256(left).hex()}{_suffix(path)}"
    store.put(new, left)
    return Cut(old=path, new=new, length=len(left), ranges=ranges, is_zeroed=is_tar)


def _suffix(path: str) -> str:
    known = [suffix for suffix in (*ARCHIVES, *MEMBERS, *TABLES) if path.endswith(suffix)]
    name = path.rpartition("/")[2]
    return max(known, key=len) if known else name[name.index(".") :] if "." in name else ""
