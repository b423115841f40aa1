import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.dedup.candidates import PAIRS, Pairs, bucket_pairs
from pipelines.dedup.duplicates import decide, find_duplicates
from pipelines.dedup.known import Earlier
from pipelines.dedup.signatures import RANKS, signatures
from pipelines.dedup.text import TEXT_DEDUP, text_dedup
from pipelines.kernels.minhash import normalise, shingles
from schemas.decision import DECISION, DUPLICATE
from schemas.digest import sha256
from schemas.errors import StageError
from schemas.item import ID

WORDS = [f"word{i}" for i in range(60)]
LONG = " ".join(WORDS)
NEAR = " ".join([*WORDS[:-1], "other"])  # 55 of 57 shingles
STAGE = TEXT_DEDUP.override({"min_shingles": 3}, where="test")


class Corpus:
    """Items of {name: text}, with ids, signature parts and a loader that remembers what it was asked for."""

    def __init__(self, texts, *, quality=None, stage=STAGE, sources=None):
        self.ids = {name: sha256(str(name).encode()) for name in texts}
        self.names = {each: name for name, each in self.ids.items()}
        self.texts, self.stage, self.asked = dict(texts), stage, []
        self.quality, self.sources = quality or {}, sources or {}

    def part(self, names):
        names = list(names)
        ids = pa.array([self.ids[name] for name in names], ID)
        sources = pa.array([self.sources.get(name, "s") for name in names], pa.string())
        texts = pa.array([self.texts[name] for name in names], pa.string())
        quality = pa.array([float(self.quality.get(name, 0.5)) for name in names], pa.float64())
        ranks = [ids, pa.array([0] * len(names), pa.int8()), quality, pa.nulls(len(names), RANKS.field(3).type)]
        items = pa.RecordBatch.from_arrays([ids, sources, texts], names=["item_id", "source", "text"])
        return pa.Table.from_batches([signatures(self.stage, items, pa.RecordBatch.from_arrays(ranks, schema=RANKS))])

    def load(self, ids):
        found = [self.names[each] for each in ids.to_pylist()]
        self.asked += found
        return pa.array([self.texts[name] for name in found], pa.string())

    def find(self, *parts, **how):
        tables = [self.part(names) for names in parts or [self.texts]]
        return find_duplicates(text_dedup(self.stage), tables, self.load, **how)

    def merges(self, found):
        rows = [tuple(row.values()) for row in found.duplicates.to_pylist()]
        return {self.names[m]: (self.names[w], method, similarity) for m, w, method, similarity, _ in rows}


def test_exact_and_near_duplicates_merge_into_kept_witnesses_and_the_rest_stay():
    corpus = Corpus(
        {"best": LONG, "copy": LONG.upper(), "near": NEAR, "short": "a b", "again": "A  b", "none": None, "blank": " "},
        quality={"best": 0.9, "short": 0.8},
    )
    found = corpus.find()
    assert corpus.merges(found) == {
        "copy": ("best", "exact", 1.0),
        "near": ("best", "minhash", 55 / 57),
        "again": ("short", "exact", 1.0),
    }
    assert (found.decisions.schema, found.duplicates.schema) == (DECISION, DUPLICATE)
    assert found.decisions.column("item_id").equals(found.duplicates.column("item_id"))
    cluster = {corpus.names[i]: c for i, c in (tuple(row.values()) for row in found.components.to_pylist())}
    assert cluster["best"] == cluster["copy"] == cluster["near"] == min(map(corpus.ids.get, ["best", "copy", "near"]))
    assert cluster["none"] == corpus.ids["none"]
    edges = {
        frozenset((corpus.names[a], corpus.names[b])): (m, s)
        for a, b, m, s in map(dict.values, found.edges.to_pylist())
    }
    assert edges == {
        frozenset(("best", "copy")): ("exact", 1.0),
        frozenset(("best", "near")): ("minhash", 55 / 57),
        frozenset(("short", "again")): ("exact", 1.0),
    }
    assert found.edges.to_pylist() == sorted(found.edges.to_pylist(), key=lambda row: (row["item_id"], row["other_id"]))
    assert all(row["item_id"] < row["other_id"] for row in found.edges.to_pylist())
    assert found.hot.num_rows == 0


def test_only_candidate_texts_are_read_and_copies_once():
    corpus = Corpus({"a": LONG, "b": LONG, "c": NEAR, "d": " ".join(reversed(WORDS)), "e": None})
    corpus.find()
    assert len(corpus.asked) == 2
    corpus.asked.clear()
    decide(text_dedup(STAGE), [corpus.part(corpus.texts)], all_pairs(5), corpus.load)
    assert len(corpus.asked) == 3  # all pairs: "d" too, but still one of "a" and "b"


def test_a_chain_of_drifting_versions_keeps_its_ends():
    # 57 shingles; each step changes 5 words at one end, so neighbours share 47..52 and ends share too few
    versions = {k: " ".join([*WORDS[5 * k :], *(f"new{i}" for i in range(5 * k))]) for k in range(4)}
    corpus = Corpus(versions, quality={k: 1 - k / 10 for k in range(4)})
    kept = set(versions) - set(corpus.merges(corpus.find()))
    assert kept == {0, 2}


small = st.lists(st.lists(st.sampled_from("abcd"), max_size=14).map(" ".join), min_size=1, max_size=8)


@settings(deadline=None, max_examples=40)
@given(small, st.lists(st.integers(0, 2), min_size=8, max_size=8), st.sampled_from([0.3, 0.5, 0.8]))
def test_given_all_pairs_it_is_the_greedy_election_over_exact_jaccard(texts, quality, threshold):
    stage = STAGE.override({"threshold": threshold, "shingle_words": 2, "min_shingles": 1}, where="test")
    corpus = Corpus(dict(enumerate(texts)), quality=dict(enumerate(quality)), stage=stage)
    flat = shingles(normalise(pa.array(texts)), 2)
    sets = [set(flat.values[a:b].tolist()) for a, b in itertools.pairwise(flat.offsets)]
    expected = {}
    order = sorted(range(len(texts)), key=lambda i: (-quality[i], corpus.ids[i]))
    kept = []
    for i in order:
        alike = [
            (len(sets[i] & sets[j]) / len(sets[i] | sets[j]), -order.index(j), j) for j in kept if sets[i] | sets[j]
        ]
        best = max((each for each in alike if each[0] >= threshold), default=None)
        same = [j for j in order[: order.index(i)] if texts[j] == texts[i] != ""]
        if same:  # the fate of the first of its text
            expected[i] = expected.get(same[0], same[0])
        elif best:
            expected[i] = best[2]
        else:
            kept.append(i)
    found = decide(text_dedup(stage), [corpus.part(range(len(texts)))], all_pairs(len(texts)), corpus.load)
    assert {i: witness for i, (witness, _, _) in corpus.merges(found).items()} == expected


def all_pairs(n):
    columns = list(zip(*itertools.combinations(range(n), 2), strict=True)) or [(), ()]
    pairs = pa.RecordBatch.from_arrays([pa.array(column, pa.uint64()) for column in columns], schema=PAIRS)
    return Pairs(pairs=pairs, hot=bucket_pairs([]).hot)


@st.composite
def versions(draw):
    """{number: text}: some texts, and each with a few words changed."""
    texts = {}
    for _ in range(draw(st.integers(1, 8))):
        base = list(draw(st.sampled_from([WORDS, WORDS[20:], WORDS[:30] * 2])))
        for at in draw(st.lists(st.integers(0, len(base) - 1), max_size=2)):
            base[at] = draw(st.sampled_from(["x", "y"]))
        texts[len(texts)] = " ".join(base)
    return texts


@settings(deadline=None, max_examples=40)
@given(versions(), st.randoms())
def test_decisions_do_not_depend_on_the_order_of_rows_or_the_cut_into_parts(texts, rng):
    corpus = Corpus(texts)
    names = list(texts)
    rng.shuffle(names)
    cut = rng.randint(0, len(names))
    assert corpus.find(names[:cut], names[cut:]) == corpus.find()


@settings(deadline=None, max_examples=25)
@given(versions(), st.sampled_from([1 << 14, 1 << 17]))
def test_decisions_do_not_depend_on_the_memory_there_is(texts, memory):
    corpus = Corpus(texts)
    parts = [[name] for name in texts]
    assert corpus.find(*parts, memory=memory) == corpus.find(*parts)


def test_with_little_memory_places_lie_in_files_and_texts_are_compared_in_blocks(tmp_path):
    groups = {(g, i): " ".join([f"g{g}w{k}" for k in range(60)] + [f"end{i}"]) for g in range(6) for i in range(2)}
    corpus = Corpus(groups)
    loads = []

    def load(ids):
        loads.append(len(ids))
        assert list(tmp_path.iterdir()) == []  # the places are gone before a text is read
        return corpus.load(ids)

    little = find_duplicates(text_dedup(STAGE), [corpus.part(groups)], load, memory=1 << 14, scratch=tmp_path)
    assert loads == [2] * 6
    assert little == corpus.find()
    assert len(corpus.merges(little)) == 6


@settings(deadline=None, max_examples=40)
@given(versions(), st.data())
def test_releases_over_rounds_of_captures_end_as_one_over_all_of_them(texts, data):
    """Each round is signed alone; a release stands on the signatures of all rounds so far."""
    corpus = Corpus(texts)
    names = data.draw(st.permutations(list(texts)))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(names)), max_size=3)))
    rounds = [names[start:end] for start, end in itertools.pairwise([0, *cuts, len(names)])]
    release = None
    for count in range(1, len(rounds) + 1):
        release = corpus.find(*rounds[:count])
        assert release == corpus.find([name for one in rounds[:count] for name in one])
    assert release == corpus.find()


@settings(deadline=None, max_examples=40)
@given(versions(), st.data())
def test_what_an_earlier_release_verified_changes_nothing_and_is_not_compared_again(texts, data):
    stage = STAGE.override({"hot_bucket_cap": data.draw(st.sampled_from([2, 3, 1000]))}, where="test")
    corpus = Corpus(texts, stage=stage, quality={name: data.draw(st.integers(0, 3)) for name in texts})
    names = data.draw(st.permutations(list(texts)))
    first, second = sorted(data.draw(st.tuples(*[st.integers(0, len(names))] * 2)))
    rounds = [names[:first], names[first:second], names[second:]]
    one = corpus.find(*rounds[:2])
    corpus.asked.clear()
    memory = data.draw(st.sampled_from([1 << 10, 1 << 31]))
    now = [rounds[0], rounds[2], rounds[1]]
    edges, duplicates = (pa.Table.from_batches([batch]) for batch in (one.edges, one.duplicates))
    earlier = Earlier(parts=np.array([True, False, True]), edges=edges, duplicates=duplicates)
    two = corpus.find(*now, earlier=earlier, memory=memory)
    if stage.settings["hot_bucket_cap"] == 1000 and not rounds[2]:
        assert corpus.asked == []
    assert two == corpus.find(*now)


def test_an_item_merged_in_one_release_is_kept_in_the_next_where_its_witness_falls():
    # Of 56 shingles far and middle share 53, so do middle and best; far and best share 50, and are not similar.
    middle = " ".join([*WORDS[:-3], "x", "y", "z"])
    far = " ".join(["u", "v", "w", *WORDS[3:-3], "x", "y", "z"])
    stage = STAGE.override({"threshold": 0.88}, where="test")
    corpus = Corpus({"far": far, "middle": middle, "best": LONG}, quality={"best": 1.0, "middle": 0.9}, stage=stage)
    first, second = (corpus.merges(corpus.find(names)) for names in (["far", "middle"], ["far", "middle", "best"]))
    assert (set(first), set(second)) == ({"far"}, {"middle"})


@settings(deadline=None, max_examples=40)
@given(versions())
def test_every_cluster_keeps_one_and_no_two_kept_items_are_candidates_and_similar(texts):
    corpus = Corpus(texts)
    found = corpus.find()
    merged = corpus.merges(found)
    clusters = {}
    for row in found.components.to_pylist():
        clusters.setdefault(row["cluster_id"], []).append(corpus.names[row["item_id"]])
    assert all(any(name not in merged for name in names) for names in clusters.values())
    edges = [(corpus.names[row["item_id"]], corpus.names[row["other_id"]]) for row in found.edges.to_pylist()]
    assert [pair for pair in edges if not {*pair} & merged.keys()] == []


@settings(deadline=None, max_examples=40)
@given(versions())
def test_every_witness_is_kept_verified_and_another_and_a_second_run_removes_nothing(texts):
    corpus = Corpus(texts)
    merged = corpus.merges(corpus.find())
    for name, (witness, _, similarity) in merged.items():
        assert witness not in merged
        assert witness != name
        assert similarity >= 0.8
    rest = corpus.find([name for name in texts if name not in merged])
    assert rest.duplicates.num_rows == rest.decisions.num_rows == 0


def test_a_hot_bucket_is_reported_and_still_merges_what_is_like_its_anchors():
    stage = STAGE.override({"hot_bucket_cap": 10}, where="test")
    corpus = Corpus({i: " ".join([*WORDS, f"end{i}"]) for i in range(30)}, stage=stage)
    found = corpus.find()
    assert found.hot.num_rows > 0
    assert len(corpus.merges(found)) == 29


def test_nothing_gives_nothing():
    found = find_duplicates(text_dedup(STAGE), [], Corpus({}).load)
    tables = (found.decisions, found.duplicates, found.components, found.edges, found.hot)
    assert [batch.num_rows for batch in tables] == [0] * 5
    assert Corpus({}).find([]) == found


def test_a_text_that_is_not_the_signed_one_is_refused_by_name():
    corpus = Corpus({"a": LONG, "b": NEAR})
    parts = [corpus.part(corpus.texts)]
    corpus.texts["b"] = "changed"
    with pytest.raises(
        StageError, match=rf"text of item {corpus.ids['b'].hex()} has 1 shingles, its signature says 56"
    ):
        find_duplicates(text_dedup(STAGE), parts, corpus.load)
    with pytest.raises(StageError, match="2 texts were asked for, 1 came"):
        find_duplicates(text_dedup(STAGE), parts, lambda ids: corpus.load(ids)[:1])


def test_a_pair_outside_the_signatures_is_refused():
    corpus = Corpus({"a": LONG, "b": NEAR})
    pairs = pa.RecordBatch.from_pylist([{"a": 0, "b": 1 << 32 | 5}], schema=PAIRS)
    with pytest.raises(StageError, match="row 5 of part 1"):
        decide(text_dedup(STAGE), [corpus.part("ab")], Pairs(pairs=pairs, hot=bucket_pairs([]).hot), corpus.load)


def test_a_new_capture_is_compared_with_the_earlier_ones():
    corpus = Corpus({"old": LONG, "new": NEAR}, quality={"old": 0.9})
    assert corpus.merges(corpus.find(["old"], ["new"])) == {"new": ("old", "minhash", 55 / 57)}
