"""Samples of a release by their places in its tars: one, or many that are read in few pieces."""

import io
from collections.abc import Iterable, Iterator

from pipelines.audit.words import Row
from pipelines.shard.tar import END, read_members
from pipelines.store import Store
from schemas.errors import NotFound, ShardError

Parts = dict[str, tuple[int, bytes]]  # by extension: the byte at which the content starts in the tar, and the content

# Chosen: a piece costs a request where the store is a bucket; what is read in vain between samples costs less than another one.
PIECE_BYTES, GAP_BYTES = 4 << 20, 64 << 10


def sample_at(store: Store, shard: str, offset: int, length: int) -> Parts:
    """The parts of one sample. `shard`: relative to the store.

    Raises:
        NotFound: the tar is gone.
        ShardError: there is no whole sample there.
    """
    return _parts(_piece(store, shard, offset, length), shard, offset)


def samples(store: Store, release: str, places: Iterable[Row]) -> Iterator[tuple[Row, Parts]]:
    """Each place (with `shard`, relative to the release, `offset` and `length`) and the parts of its sample, in order of the places.

    Places that follow each other in a tar are read together: give them by shard and offset. Raises like `sample_at`.
    """
    held: list[Row] = []
    for place in places:
        if held and not _is_near(held, place):
            yield from _together(store, release, held)
            held = []
        held.append(place)
    yield from _together(store, release, held)


def _is_near(held: list[Row], place: Row) -> bool:
    """Whether a place is read with those before it."""
    first, last = held[0], held[-1]
    end = last["offset"] + last["length"]
    return bool(
        place["shard"] == first["shard"]
        and end <= place["offset"] <= end + GAP_BYTES
        and place["offset"] + place["length"] - first["offset"] <= PIECE_BYTES
    )


def _together(store: Store, release: str, held: list[Row]) -> Iterator[tuple[Row, Parts]]:
    if not held:
        return
    shard, start = f"releases/{release}/{held[0]['shard']}", held[0]["offset"]
    piece = memoryview(_piece(store, shard, start, held[-1]["offset"] + held[-1]["length"] - start))
    for place in held:
        at = place["offset"] - start
        yield place, _parts(piece[at : at + place["length"]], shard, place["offset"])


def _piece(store: Store, shard: str, offset: int, length: int) -> bytes:
    try:
        return store.read_range(shard, offset, length)
    except FileNotFoundError as error:
        raise NotFound(f"{shard} is gone from the store; `headwater verify` names all damage") from error


def _parts(data: bytes | memoryview, shard: str, offset: int) -> Parts:
    try:
        members = list(read_members(io.BytesIO(bytes(data) + END), len(data) + len(END)))
    except ShardError as error:
        raise ShardError(f"{shard}, sample at byte {offset}: {error}") from error
    return {member.extension: (offset + member.content_offset, content) for member, content in members}
