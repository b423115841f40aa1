"""Spans of kept texts that a better kept text holds too, or the same text further up: what is to be cut from them.

    prints -> places of those that are there twice -> texts, the best first -> runs that an earlier one keeps -> CUT, REPEATED_SPAN

The order is that of the election of duplicates. A run counts where what is left of a better text holds all its words: so whatever is
cut stands in a kept item, word for word, and a second run finds nothing. Each text is compared with what is kept, never with each other
text: the work grows with the words, however many texts share a run.

Held are, beside 24 bytes an item, about 60 bytes a word of what texts have in common; texts are read in blocks.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.dedup.breaker import AT_LEAST
from pipelines.dedup.candidates import mix
from pipelines.dedup.cut import CUT, LEFT
from pipelines.dedup.duplicates import MEMORY, LoadTexts
from pipelines.dedup.elect import best_first
from pipelines.dedup.prints import PLACE, PLACE_BYTES, Bools, flat, place_chunks, shared_places
from pipelines.dedup.settings import MAX_REMOVED_SHARE, check_bounds
from pipelines.dedup.signatures import RANKS
from pipelines.dedup.spill import Spill
from pipelines.kernels.minhash import I64, U32, U64
from pipelines.kernels.runs import Words, cut, prints_of
from pipelines.kernels.spans import Kept
from pipelines.stage import Shape, Stage
from schemas.decision import REPEATED_SPAN
from schemas.errors import StageError, TooManyRemoved
from schemas.item import ID

_KEYS = 16  # Chosen: so many files at most, each of them sorted at once where memory allows
_SORTING = 4  # times the bytes of places: as candidates are sorted
_WORD_BYTES = 80  # of a text in work: its letters, as they are and as they are compared, and where they stand


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats:
    """What is to be cut, each table ascending by item_id: `CUT`, `LEFT`, and `REPEATED_SPAN` with places in the texts before any cut."""

    cuts: pa.Table
    left: pa.Table
    spans: pa.Table


def find_repeats(
    stage: Stage,
    prints: Sequence[pa.Table],
    kept: pa.Array,
    load_texts: LoadTexts,
    *,
    memory: int = MEMORY,
    scratch: Path | None = None,
    places: pa.Table | None = None,
) -> Repeats:
    """The spans to cut from these items. Independent of the order and cut of the parts.

    Args:
        stage: `DEDUP_SPANS`, or one with other settings.
        prints: the parts of `PRINT`; each is asked for as often as it is needed, and not held.
        kept: the ids of the items that are kept; others neither lose words nor hold any.
        load_texts: the texts that the prints were made of, by item id.
        memory: bytes that places and texts may take; not what texts have in common.
        scratch: where places are spilled; the system's temporary folder where none is given.
        places: `shared_places` of all the prints, where a shuffle found them.

    Raises:
        RecipeError: a setting lies outside its bounds.
        StageError: a text is not the one that the prints are of.
        TooManyRemoved: a source loses a larger share of its words than `max_removed_share` allows.
    """
    check_spans(stage)
    items = _items(prints, kept)
    folder = scratch or Path(tempfile.gettempdir())
    # Where words went from, others met: what they share with another text is found in the next round.
    met = np.empty(0, np.uint64)
    while True:
        rows, at = _shared(items, prints, places, met, memory, folder)
        found = _Found(items, int(stage.number("span_words")))
        _elect(found, rows, at, load_texts, least=int(stage.number("min_words_left")), memory=memory)
        new = _among(items, prints, found.met())
        if np.isin(new, met).all():
            break
        met = np.union1d(met, new)
    repeats = found.repeats()
    _check_losses(stage, items, repeats.left)
    return repeats


def check_spans(stage: Stage) -> None:
    """Refuse settings that lie outside their bounds.

    Raises:
        RecipeError: one does.
    """
    # Chosen: shorter spans are phrases that texts share by nature.
    check_bounds(stage, {"span_words": (3, 10_000), "min_words_left": (0, 1_000_000), "max_removed_share": (0.0, 1.0)})


@dataclass(frozen=True, slots=True)
class _Items:
    """All items of the parts end to end: those kept, where each part begins (and the end), the kept ones best first, words of each."""

    table: pa.Table
    is_kept: Bools
    starts: I64
    order: I64
    words: I64

    def part(self, number: int) -> Bools:
        """Which rows of a part are kept."""
        return self.is_kept[self.starts[number] : self.starts[number + 1]]

    def rows(self, numbers: U64) -> I64:
        """The rows that are called so."""
        part, index = (numbers >> np.uint64(32)).astype(np.int64), (numbers & np.uint64(0xFFFFFFFF)).astype(np.int64)
        found: I64 = self.starts[part] + index
        return found

    def ids(self, rows: I64) -> pa.Array:
        """The ids of these rows."""
        return self.table.column("item_id").take(pa.array(rows)).combine_chunks()


def _items(prints: Sequence[pa.Table], kept: pa.Array) -> _Items:
    names = [*RANKS.names, "words", "source"]
    tables = [part.select(names) for part in prints]
    table = pa.concat_tables(tables).combine_chunks() if tables else _NO_ITEMS
    is_kept = pc.is_in(table.column("item_id"), value_set=kept.cast(ID)).to_numpy()
    order = best_first(table)
    return _Items(
        table=table,
        is_kept=is_kept,
        starts=np.cumsum([0, *map(len, tables)]).astype(np.int64),
        order=order[is_kept[order]],
        words=table.column("words").to_numpy().astype(np.int64),
    )


_NO_ITEMS = pa.schema([*RANKS, ("words", pa.int32()), ("source", pa.string())]).empty_table()


def _shared(
    items: _Items, prints: Sequence[pa.Table], places: pa.Table | None, met: U64, memory: int, folder: Path
) -> tuple[I64, U32]:
    """(row, word) of the prints of kept items that are there twice, or are of those that `met`; by row and word."""
    found = [PLACE.empty_table()]
    among = met if len(met) else None
    with Spill(folder, memory // 4) as held:
        for key, chunk in _chunks(items, prints, places, met):
            held.add(key, chunk)
        for key, rows in held.rows().items():
            slices = 1 + rows * PLACE_BYTES * _SORTING // max(memory // 2, 1)
            for one in range(slices):
                batches = (_slice(batch, one, slices) for batch in held.read(key))
                found.append(pa.Table.from_batches([shared_places(batches, among)]))
    table = pa.concat_tables(found)
    row, at = items.rows(table.column("row").to_numpy()), table.column("at").to_numpy()
    order = np.lexsort((at, row))
    return row[order], at[order]


def _chunks(
    items: _Items, prints: Sequence[pa.Table], places: pa.Table | None, met: U64
) -> Iterator[tuple[int, pa.RecordBatch]]:
    for part, table in enumerate(prints):
        if places is None:
            yield from place_chunks(table, part, _KEYS, items.part(part))
        elif len(met):
            yield from place_chunks(table, part, _KEYS, items.part(part), met)
    for batch in places.to_batches() if places is not None else ():
        keep = items.is_kept[items.rows(batch.column("row").to_numpy())]
        if len(met):
            keep &= ~np.isin(batch.column("hash").to_numpy(), met)
        keys = (batch.column("hash").to_numpy() >> np.uint64(32)) % np.uint64(_KEYS)
        for key in np.unique(keys[keep]).tolist():
            yield int(key), batch.filter(pa.array(keep & (keys == key)))


def _slice(chunk: pa.RecordBatch, number: int, slices: int) -> pa.RecordBatch:
    if slices == 1:
        return chunk
    return chunk.filter(pa.array(mix(chunk.column("hash").to_numpy()) % np.uint64(slices) == number))


def _among(items: _Items, prints: Sequence[pa.Table], hashes: U64) -> U64:
    """Those of the hashes, ascending, that a kept item has."""
    found = [np.empty(0, np.uint64)]
    for part, table in enumerate(prints) if len(hashes) else ():
        own = flat(table, items.part(part))[1]
        found.append(np.unique(own[np.isin(own, hashes, kind="sort")]))
    return np.unique(np.concatenate(found))


def _elect(found: "_Found", rows: I64, at: U32, load_texts: LoadTexts, *, least: int, memory: int) -> None:
    """Take the texts with shared prints, the best first, in blocks that a quarter of `memory` holds."""
    items = found.items
    starts = np.searchsorted(rows, np.arange(len(items.words) + 1))
    order = items.order[starts[items.order] < starts[items.order + 1]]
    weights = np.cumsum(items.words[order]) * _WORD_BYTES
    for block in np.split(order, np.flatnonzero(np.diff(weights // max(memory // 4, 1))) + 1):
        if len(block):
            texts = load_texts(items.ids(block))
            _check_texts(items, block, texts)
            words = cut(texts)
            _check_words(items, block, np.diff(words.ends))
            shared = [at[starts[row] : starts[row + 1]] for row in block.tolist()]
            found.add(block, words, np.concatenate(shared), np.cumsum([0, *map(len, shared)]).astype(np.int64), least)


def _check_texts(items: _Items, rows: I64, texts: pa.Array) -> None:
    if len(texts) != len(rows):
        raise StageError(f"spans: {len(rows)} texts were asked for, {len(texts)} came: give one an id, in order")


def _check_words(items: _Items, rows: I64, counts: I64) -> None:
    if (bad := np.flatnonzero(items.words[rows] != counts)).size:
        raise StageError(
            f"spans: the text of item {items.ids(rows[bad[:1]])[0].as_py().hex()} has {counts[bad[0]]} words, its prints say "
            f"{items.words[rows[bad[0]]]}: they are of another text; make them again"
        )


class _Found:
    """What is found, text by text."""

    def __init__(self, items: _Items, span_words: int) -> None:
        self.items, self._size = items, span_words
        self._kept = Kept(span_words)
        self._spans: list[pa.Table] = []
        self._cuts: list[pa.Table] = []
        self._left: list[pa.Table] = []
        self._met: list[U64] = []

    def add(self, rows: I64, words: Words, shared: U32, offsets: I64, least: int) -> None:
        """The next texts: `rows` are their rows."""
        runs, left, stays = self._kept.add(words, rows, shared, offsets, least)
        begins = words.ends[runs.text]
        first, last = begins + runs.first, begins + runs.last
        self._spans.append(
            pa.table(
                [self.items.ids(rows[runs.text]), *_numbers(words.start[first], words.end[last] - words.start[first], runs.last - runs.first + 1),
                 self.items.ids(runs.witness), *_numbers(runs.start, runs.end - runs.start)],
                schema=REPEATED_SPAN,
            )
        )  # fmt: skip
        counts = np.diff(words.ends)
        lost = np.flatnonzero(left < counts)
        self._left.append(pa.table([self.items.ids(rows[lost]), *_numbers(counts[lost], left[lost])], schema=LEFT))
        self._cuts.append(self._cut(rows, words, stays))
        self._met.append(_met(words, stays, left, lost, self._size))

    def _cut(self, rows: I64, words: Words, stays: Bools) -> pa.Table:
        """`CUT` of the words that do not stay."""
        text = np.repeat(np.arange(len(rows)), np.diff(words.ends))
        is_edge = np.append(True, text[1:] != text[:-1])[: len(text)]
        gone = ~stays
        before = np.append(False, gone[:-1])[: len(gone)] & ~is_edge
        after = np.append(gone[1:], False)[: len(gone)] & ~np.append(is_edge[1:], True)[: len(gone)]
        first, last = np.flatnonzero(gone & ~before), np.flatnonzero(gone & ~after)
        left = np.where(is_edge[first], 0, words.end[first - 1]) if len(first) else first
        is_last = np.append(is_edge[1:], True)[: len(gone)]
        following = np.minimum(last + 1, max(len(gone) - 1, 0))
        right = np.where(is_last[last], np.iinfo(np.int32).max, words.start[following]) if len(last) else last
        columns = _numbers(left, words.start[first], words.end[last], right)
        return pa.table([self.items.ids(rows[text[first]]), *columns], schema=CUT)

    def met(self) -> U64:
        """The prints, ascending, that texts have since words went from them, and had not there before."""
        return np.unique(np.concatenate([np.empty(0, np.uint64), *self._met]))

    def repeats(self) -> Repeats:
        """All that was found."""
        return Repeats(
            cuts=_sorted(self._cuts, CUT, "start"),
            left=_sorted(self._left, LEFT),
            spans=_sorted(self._spans, REPEATED_SPAN, "start"),
        )


def _met(words: Words, stays: Bools, left: I64, lost: I64, size: int) -> U64:
    """The prints of the texts `lost` as they are left that did not stand there before. `left`: how many words each text has still."""
    counts = np.diff(words.ends)
    is_lost = np.zeros(len(counts), bool)
    is_lost[lost] = True
    mine = np.flatnonzero(np.repeat(is_lost, counts))
    kept = mine[stays[mine]]
    found = []
    for chosen, sizes in ((mine, counts[lost]), (kept, left[lost])):
        hashes, at = prints_of(words.hashes[chosen], np.cumsum([0, *sizes.tolist()]).astype(np.int64), size)
        found.append((hashes, hashes ^ mix(chosen[at].astype(np.uint64))))
    (_, had), (has, there) = found
    return has[~np.isin(there, had, kind="sort")]


def _numbers(*columns: np.ndarray) -> list[pa.Array]:
    return [pa.array(column.astype(np.int32)) for column in columns]


def _sorted(tables: Iterable[pa.Table], schema: pa.Schema, *more: str) -> pa.Table:
    table = pa.concat_tables([schema.empty_table(), *tables])
    return table.sort_by([(name, "ascending") for name in ("item_id", *more)]).combine_chunks()


def _check_losses(stage: Stage, items: _Items, left: pa.Table) -> None:
    """Refuse to go on where a source loses too large a share of its words, from `AT_LEAST` items or more."""
    cap = stage.number("max_removed_share")
    at = pc.index_in(left.column("item_id"), value_set=items.table.column("item_id").combine_chunks()).to_numpy()
    sources = items.table.column("source").combine_chunks().dictionary_encode()
    codes, n = sources.indices.to_numpy(), len(sources.dictionary)
    gone = (left.column("words").to_numpy() - left.column("words_left").to_numpy()).astype(np.int64)
    lost, touched = np.bincount(codes[at], weights=gone, minlength=n), np.bincount(codes[at], minlength=n)
    total = np.bincount(codes[items.is_kept], weights=items.words[items.is_kept], minlength=n)
    share = lost / np.maximum(total, 1)
    bad = np.flatnonzero((touched >= AT_LEAST) & (share > cap))
    if not len(bad):
        return
    names = sources.dictionary.to_pylist()
    worst = max(bad.tolist(), key=lambda code: (share[code], names[code]))
    others = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
    raise TooManyRemoved(
        f"stage {stage.name}: {lost[worst]:.0f} of {total[worst]:.0f} words of source {names[worst]}{others} stand in spans that other kept "
        f"texts hold, a share of {share[worst]:.2f}; max_removed_share is {cap:g}. Is it boilerplate that the split should leave out? If it "
        f'is right, raise max_removed_share under [stage."{stage.name}"] in the recipe'
    )


DEDUP_SPANS = Stage(
    name="dedup.spans",
    version=1,
    shape=Shape.GROUP,
    fn=find_repeats,
    parameters=(
        # Chosen: off. It changes texts that nobody judges again.
        ("on", False),
        # Source: Lee et al. 2022, arXiv 2107.06499, section 4.1 (50 tokens; a word is one or more of these, so that less is cut here).
        ("span_words", 50),
        # Source: Rae et al. 2021, arXiv 2112.11446, appendix A.1.1: a document of fewer than 50 words is none.
        ("min_words_left", 50),
        ("max_removed_share", MAX_REMOVED_SHARE),
    ),
    check=check_spans,
)
