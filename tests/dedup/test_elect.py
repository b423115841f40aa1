from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.dedup import elect
from pipelines.dedup.signatures import SIGNATURE
from pipelines.dedup.verify import EDGES
from schemas.decision import DECISION, DUPLICATE
from schemas.digest import sha256
from schemas.errors import StageError

EARLY, LATE = (datetime(year, 1, 1, tzinfo=UTC) for year in (2020, 2024))


def item(number, *, text=None, rights=0, quality=0.5, at=EARLY):
    """A signature row; `text` names its content, None for an item without text."""
    return {
        "item_id": bytes([number]) * 32,
        "source": "s",
        "exact_sha256": None if text is None else sha256(str(text).encode()),
        "shingles": 20,
        "minhash": None,
        "rights_rank": rights,
        "quality": quality,
        "fetched_at": at,
    }


def ranks(items):
    return elect.rank(pa.Table.from_pylist(items, schema=SIGNATURE))


def edges(*rows):
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    return pa.RecordBatch.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, EDGES, strict=True)], schema=EDGES
    )


def merges(items, *rows):
    """{merged: (witness, similarity, exact)} in item numbers."""
    found = elect.elect(edges(*rows), ranks(items))
    number = [each["item_id"][0] for each in items]
    columns = (found.merged, found.witness, found.similarity, found.exact)
    return {
        number[m]: (number[w], s, x) for m, w, s, x in zip(*(c.tolist() for c in columns), strict=True)
    }  # fmt: skip


def clusters(items, *rows):
    found = elect.elect(edges(*rows), ranks(items))
    number = [each["item_id"][0] for each in items]
    return {number[i]: number[c] for i, c in enumerate(found.cluster.tolist())}


def greedy(items, rows):
    """The same election, written as the rule reads."""

    def key(i):
        at = items[i]["fetched_at"]
        return (items[i]["rights_rank"], -items[i]["quality"], at is None, at, items[i]["item_id"])

    order = sorted(range(len(items)), key=key)
    stands = {}
    for i in order:
        stands.setdefault(items[i]["exact_sha256"] or i, i)
    similar = {}
    for a, b, similarity in rows:
        a, b = (stands[items[i]["exact_sha256"] or i] for i in (a, b))
        similar[a, b] = similar[b, a] = similarity
    witness = {}
    for place, i in enumerate(order):
        kept = [(similar[i, j], -k, j) for k, j in enumerate(order[:place]) if j not in witness and (i, j) in similar]
        text = stands[items[i]["exact_sha256"] or i]
        if text != i:
            found = witness.get(text)
            witness[i] = (found[0], found[1], False) if found else (text, 1.0, True)
        elif kept:
            witness[i] = (max(kept)[2], max(kept)[0], False)
    number = [each["item_id"][0] for each in items]
    return {number[i]: (number[w], s, x) for i, (w, s, x) in witness.items()}


@st.composite
def elections(draw):
    n = draw(st.integers(1, 9))
    numbers = draw(st.permutations(range(n)))
    items = [
        item(
            number,
            text=draw(st.none() | st.integers(0, 6)),
            rights=draw(st.integers(0, 1)),
            quality=draw(st.sampled_from([0.1, 0.9])),
            at=draw(st.sampled_from([None, EARLY, LATE])),
        )
        for number in numbers
    ]
    pair = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda p: p[0] < p[1])
    found = draw(st.lists(pair, max_size=15, unique=True)) if n > 1 else []
    level = {}  # the same two texts are always as similar
    rows = []
    for a, b in found:
        texts = tuple(sorted(str(items[i]["exact_sha256"] or i) for i in (a, b)))
        rows.append((a, b, level.setdefault(texts, draw(st.sampled_from([0.8, 0.9, 0.95])))))
    return items, rows


def test_the_order_is_rights_then_quality_then_time_then_id():
    items = [
        item(9, quality=0.9, at=None),
        item(1, rights=1, quality=1.0),
        item(8, quality=0.9, at=LATE),
        item(7, quality=0.9, at=EARLY),
        item(2, quality=0.1),
        item(6, quality=0.9, at=EARLY),
    ]
    assert ranks(items).place.tolist() == [3, 5, 2, 1, 4, 0]


def test_equal_texts_merge_into_the_best_and_items_without_text_never_do():
    items = [item(3, text="t"), item(1, text="t", rights=1), item(2, text="t"), item(5), item(4), item(6, text="u")]
    assert merges(items) == {1: (2, 1.0, True), 3: (2, 1.0, True)}
    assert clusters(items) == {1: 1, 2: 1, 3: 1, 4: 4, 5: 5, 6: 6}


def test_a_chain_does_not_collapse():
    items = [item(1, quality=0.9), item(2, quality=0.5), item(3, quality=0.1)]
    assert merges(items, (0, 1, 0.9), (1, 2, 0.9)) == {2: (1, 0.9, False)}
    assert clusters(items, (0, 1, 0.9), (1, 2, 0.9)) == {1: 1, 2: 1, 3: 1}


def test_the_witness_is_the_most_similar_kept_item_then_the_best():
    items = [item(1, quality=0.9), item(2, quality=0.8), item(3, quality=0.7), item(4, quality=0.1)]
    assert merges(items, (0, 3, 0.85), (1, 3, 0.95), (2, 3, 0.95)) == {4: (2, 0.95, False)}


def test_copies_of_a_near_duplicate_have_its_kept_witness():
    items = [item(1, text="a", quality=0.9), item(2, text="b"), item(3, text="b", quality=0.1)]
    assert merges(items, (0, 2, 0.9)) == {2: (1, 0.9, False), 3: (1, 0.9, False)}


@settings(deadline=None, max_examples=300)  # the first call compiles
@given(elections())
def test_it_is_the_greedy_election(case):
    assert merges(case[0], *case[1]) == greedy(*case)


@settings(deadline=None)
@given(elections(), st.randoms())
def test_order_of_rows_and_edges_does_not_matter(case, rng):
    items, rows = case
    order = list(range(len(items)))
    rng.shuffle(order)
    moved = [tuple(sorted(order.index(i) for i in row[:2])) + row[2:] for row in rows]
    rng.shuffle(moved)
    shuffled = [items[i] for i in order]
    assert merges(shuffled, *moved) == merges(items, *rows)
    assert clusters(shuffled, *moved) == clusters(items, *rows)


@settings(deadline=None)
@given(elections())
def test_every_witness_is_kept_and_survivors_have_nothing_left_to_merge(case):
    items, rows = case
    found = merges(items, *rows)
    assert not {witness for witness, _, _ in found.values()} & set(found)
    left = [i for i, each in enumerate(items) if each["item_id"][0] not in found]
    rest = [(left.index(a), left.index(b), s) for a, b, s in rows if a in left and b in left]
    assert merges([items[i] for i in left], *rest) == {}


def test_the_records_name_reason_witness_proof_and_cluster():
    items = [item(2, text="a"), item(3, text="a"), item(1, text="b", quality=0.1), item(4)]
    order = ranks(items)
    found = elect.elect(edges((0, 2, 0.9)), order)
    made = elect.decisions("dedup.text", found, order, threshold=0.8)
    one, two, three, four = (bytes([k]) * 32 for k in (1, 2, 3, 4))
    shared = {
        "stage": "dedup.text", "verdict": "merge", "signal": "similarity", "detail": two.hex(),
        "before_sha256": None, "after_sha256": None, "spans": None,
    }  # fmt: skip
    assert made.schema == DECISION
    assert made.to_pylist() == [
        shared | {"item_id": one, "reason": "near_duplicate", "value": 0.9, "threshold": 0.8},
        shared | {"item_id": three, "reason": "exact_duplicate", "value": 1.0, "threshold": 1.0},
    ]
    records = elect.duplicates(found, order, method="minhash")
    assert records.schema == DUPLICATE
    assert [tuple(row.values()) for row in records.to_pylist()] == [
        (one, two, "minhash", 0.9, one),
        (three, two, "exact", 1.0, one),
    ]
    pairs = [tuple(row.values()) for row in elect.components(found, order).to_pylist()]
    assert pairs == [(one, one), (two, one), (three, one), (four, four)]


def test_no_items_elect_nothing():
    found = elect.elect(edges(), ranks([]))
    assert [len(column) for column in (found.merged, found.witness, found.cluster)] == [0, 0, 0]


def test_an_item_with_two_signatures_is_refused_by_name():
    with pytest.raises(StageError, match=r"item 0505.* has two signatures"):
        ranks([item(5), item(5, quality=0.1)])
