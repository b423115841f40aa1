"""What goes, in the form in which files are rewritten: ids, addresses, and the places of bytes in files of the store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from pipelines.suppression import Suppression
from schemas.item import ID

STAGE = "takedown"  # of the decisions of takedowns


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A file of the store without some ranges of its bytes. `new`: its new path, null where nothing was left.

    `ranges`: (offset, length) in the old file, ascending, none overlapping. `is_zeroed`: they are filled with zeros, so that nothing
    behind them moves.
    """

    old: str
    new: str | None
    length: int
    ranges: Sequence[tuple[int, int]]
    is_zeroed: bool = False

    def moved(self, offset: int) -> int | None:
        """Where the bytes at an offset of the old file lie in the new one; null for those that are gone."""
        before = 0
        for at, length in self.ranges:
            if at <= offset < at + length:
                return None
            if at < offset:
                before += length
        return offset if self.is_zeroed else offset - before


@dataclass(frozen=True)
class Gone:
    """What a request takes out. `subjects`: by which others speak of it; `cuts`: by old path; `taken`: what must not come back.

    `heard`: those of the captures that go whose words about others stay: the page of one picture that goes and of one that stays.
    """

    request: str
    items: frozenset[bytes]
    captures: frozenset[bytes]
    heard: frozenset[bytes]
    uris: frozenset[str]
    subjects: frozenset[str]
    cuts: Mapping[str, Cut]
    taken: Suppression

    @cached_property
    def item_ids(self) -> pa.Array:
        """The items, ascending."""
        return pa.array(sorted(self.items), ID)

    @cached_property
    def capture_ids(self) -> pa.Array:
        """The captures, ascending."""
        return pa.array(sorted(self.captures), ID)

    @cached_property
    def silent_ids(self) -> pa.Array:
        """The captures of whose words nothing stays, ascending."""
        return pa.array(sorted(self.captures - self.heard), ID)

    def place(self, payload: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        """Where a payload lies now; null where it is gone."""
        if payload is None or payload["uri"] not in self.cuts:
            return payload
        cut = self.cuts[payload["uri"]]
        at = cut.moved(payload["offset"])
        return None if at is None or cut.new is None else {**payload, "uri": cut.new, "offset": at}
