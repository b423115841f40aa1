"""What texts share with sets: found whatever case, marks and breaks; nothing else; places and words true; bad sets named."""

import gzip
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.cli import main
from pipelines.dedup.overlap import MOST_ENTRIES, known_sets, overlaps
from pipelines.dedup.sets import Entry, entries, set_files
from schemas.errors import InputError

SHARED = Path(__file__).parents[3] / "shared" / "data"
quick = settings(max_examples=100, deadline=None)

RIVER = (
    "Tomas rows a ferry across the river nine times a day and carries at most seven goats on every trip. "
    "How many goats can he carry in a week if he rests on Sunday?"
)
BAKER = "A baker's oven holds twelve loaves; how many hours does she need for ninety-six of them, if one batch takes forty minutes?"
SHORT = "What colour is the keeper's lantern?"
CODE = (
    'def lantern_heights(posts: list[int]) -> int:\n    """ Return how many posts are taller than both of their neighbours.\n'
    '    >>> lantern_heights([1, 3, 2])\n    1\n    """\n'
)
SETS = [
    Entry(set="quiz", item="river", asks=(RIVER,), answers=("He carries 9 * 7 = 63 goats",)),
    Entry(set="quiz", item=2, asks=(BAKER,)),
    Entry(set="quiz", item="short", asks=(SHORT,)),
    Entry(
        set="code",
        item="lantern",
        asks=(CODE,),
        answers=("    for i in range(len(a)):\n        for j in range(len(a)):\n",),
    ),
]
KNOWN = known_sets(SETS)
CLEAN = "The harbour was quiet when Tomas rows were mended, and a baker opened her oven before the day had begun in earnest there. "


def found(text, sets=KNOWN):
    return [(hit.set, hit.item) for hit in next(overlaps(sets, [text]))]


@pytest.mark.parametrize(
    "change",
    [
        str.upper,
        str.title,
        lambda text: text.replace(" ", "\n"),
        lambda text: re.sub(r"[.,;?']", "", text),
        lambda text: text.replace("'", "’").replace(",", " --").replace("-", " "),
        lambda text: "".join(f"\n// {line}" for line in text.split(" ")),
        lambda text: text.replace("carries", "car-\nries").replace("batch", "ba\u00adtch"),
        lambda text: text.replace("e", "e\u0301"),
    ],
)  # fmt: skip
def test_a_problem_is_found_however_it_is_written(change):
    assert found(CLEAN + change(RIVER) + CLEAN) == [("quiz", "river")]
    assert found(CLEAN + change(BAKER)) == [("quiz", 2)]


def test_thirteen_running_words_are_found_and_twelve_are_not():
    words = RIVER.split()
    for start in range(len(words) - 12):
        assert found(f"{CLEAN} {' '.join(words[start : start + 13])} {CLEAN}") == [("quiz", "river")]
        assert found(f"{CLEAN} {' '.join(words[start : start + 12])} {CLEAN}") == []


def test_a_part_of_a_word_is_no_word_of_a_run():
    words = RIVER.split()[3:16]
    assert found(f"xx {' '.join(words)} yy") == [("quiz", "river")]
    assert found(f"xx{' '.join(words)} yy") == []
    assert found(f"xx {' '.join(words)}yy") == []


def test_a_short_problem_is_found_whole_only():
    assert found(f"{CLEAN}{SHORT.upper()} {CLEAN}") == [("quiz", "short")]
    assert found("What colour is the keeper's lamp? " + CLEAN) == []


def test_tables_numbers_and_loops_are_no_hits():
    table = known_sets([
        Entry(set="s", item=1, asks=(" ".join(map(str, range(40))),)),
        Entry(set="s", item=2, asks=("One is 1 and 2 two 3 three 4 four 5 five 6 six 7 seven 8 eight",)),
        SETS[3],
    ])  # fmt: skip
    assert found(" ".join(map(str, range(30))), table) == []
    assert found("1 one 2 two 3 three 4 four 5 five 6 six 7 seven 8 eight", table) == []
    assert found("for i in range(len(a)):\n        for j in range(len(a)):\n  swap(a, i, j)", table) == []
    assert [entry.item for entry in table.silent] == [1, 2]


def test_a_form_that_many_entries_share_names_none_and_a_problem_in_it_does():
    form = "Read the passage below and choose the one answer that is true of all the boats in it: "
    many = known_sets([
        Entry(set="s", item=i, asks=(form + f"the {name} boat sails past the old mill at dawn",))
        for i, name in enumerate(["red", "blue", "green", "black", "white", "amber", "olive", "coral", "ivory", "lilac", "mauve", "ochre"])
    ])  # fmt: skip
    assert len(many.entries) > MOST_ENTRIES
    assert found(form, many) == []
    assert found(form + "the coral boat sails past the old mill at dawn", many) == [("s", 7)]


def test_of_problems_that_differ_in_marks_alone_the_one_with_the_same_marks_is_named():
    text = "Given a text of {} say whether every opening mark has a closing mark that belongs to it"
    sets = known_sets([Entry(set="s", item=mark, asks=(text.format(mark),)) for mark in ("()", "<>")])
    assert found(text.format("<>"), sets) == [("s", "<>")]
    assert found(text.format("##"), sets) == [("s", "()"), ("s", "<>")]


def slow(text, other, n):
    """Whether two texts share n running words, as `re` has them."""
    a, b = (re.findall(r"[a-z0-9]+", one.lower()) for one in (text, other))
    grams = {tuple(b[i : i + n]) for i in range(len(b) - n + 1)}
    return any(tuple(a[i : i + n]) in grams for i in range(len(a) - n + 1))


words = st.sampled_from(["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel"])
sentences = st.lists(words, min_size=6, max_size=40)


@quick
@given(sentences, st.lists(sentences, min_size=1, max_size=4), st.sampled_from(" .\n-"))
def test_runs_are_those_of_all_with_all(text, others, mark):
    sets = known_sets([Entry(set="s", item=i, asks=(" ".join(one),)) for i, one in enumerate(others)], 6)
    hits = next(overlaps(sets, [mark.join(text)]))
    expected = {i for i, one in enumerate(others) if slow(" ".join(text), " ".join(one), 6)}
    expected &= {i for i, one in enumerate(others) if len("".join(set(one))) >= 16}
    named = {hit.item for hit in hits}
    assert named <= expected
    # A run within a longer one of another entry is not told: then that one is.
    assert bool(named) or not any(len("".join(set(text))) > 50 and i in expected for i in expected)
    for hit in hits:
        words_there = re.findall(r"\w+", mark.join(text)[slice(*hit.place)])
        assert len(words_there) == hit.length
        assert slow(" ".join(words_there), " ".join(others[hit.item]), hit.length)


@quick
@given(
    st.lists(st.sampled_from([RIVER, BAKER, SHORT, CODE, CLEAN, "", "é" * 40, "\ud800"]), max_size=6), st.integers(0, 6)
)
def test_the_hits_of_a_text_do_not_depend_on_its_neighbours(texts, cut):
    alone = [next(overlaps(KNOWN, [text])) for text in texts]
    assert list(overlaps(KNOWN, texts)) == alone
    assert [*overlaps(KNOWN, texts[:cut]), *overlaps(KNOWN, texts[cut:])] == alone


def test_the_order_of_sets_changes_no_hit():
    turned = known_sets(SETS[::-1])
    for text in (RIVER + CODE, CODE + CLEAN + BAKER):
        assert set(next(overlaps(turned, [text]))) == set(next(overlaps(KNOWN, [text])))


def test_overlap_of_a_file(tmp_path, capsys):
    folder = tmp_path / "evals"
    folder.mkdir()
    lines = [{"question": RIVER, "answer": "63"}, {"task_id": "T/1", "prompt": CODE}]
    (folder / "a.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, lines)).encode()))
    (folder / "works").mkdir()
    (folder / "works" / "baker.txt").write_text(BAKER, "utf-8")
    texts = tmp_path / "texts.jsonl"
    rows = [{"id": "x", "text": f"« {RIVER} »"}, {"id": 7, "text": CLEAN}, {"id": "z", "text": BAKER + CODE}]
    texts.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    assert main(["overlap", "--jsonl", str(texts), "--against", str(folder), "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["id"] for row in told] == ["x", 7, "z"]
    assert told[0]["hits"] == [
        {
            "set": "a.jsonl.gz",
            "item": 1,
            "words": RIVER[:-1],
            "length": len(RIVER.split()),
            "place": [2, 1 + len(RIVER)],
        }
    ]
    assert told[1]["hits"] == []
    assert [(hit["set"], hit["item"]) for hit in told[2]["hits"]] == [
        ("evals", "works/baker.txt"),
        ("a.jsonl.gz", "T/1"),
    ]


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.jsonl", b'{"question": "x"}\n{"id": 3}\nnot json\n[1]\n\xff\n', "line 2 has no text.*line 3 is not JSON.*line 4 is a JSON list.*line 5"),
        ("a.jsonl", b"\n", "holds no entry"),
        ("a.jsonl.gz", b"no gzip", "cannot be unpacked"),
        ("a.txt", b"\xff\xfe", "no UTF-8"),
    ],
)  # fmt: skip
def test_a_bad_set_is_named_with_its_fault(tmp_path, name, data, says):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=says):
        entries(set_files([name], tmp_path))


def test_a_set_that_is_not_there_or_has_the_name_of_another_is_an_error(tmp_path):
    with pytest.raises(InputError, match="is neither a file nor a folder"):
        set_files(["none"], tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no file"):
        set_files(["empty"], tmp_path)
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "test.jsonl").write_text('{"text": "x"}')
    with pytest.raises(InputError, match=r"two sets are called test\.jsonl"):
        set_files(["a", "b"], tmp_path)


@pytest.mark.parametrize("n", ["4", "1001"])
def test_an_ngram_that_says_nothing_is_refused(tmp_path, capsys, n):
    assert main(["overlap", "--jsonl", "x", "--against", "y", "--ngram", n]) == 2
    assert "from 5 to 1000" in capsys.readouterr().err


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the shared data beside the checkout")
def test_planted_problems_are_found_each_under_its_name_and_real_texts_stay_clean():
    problems = entries(set_files([str(SHARED / "eval")]))
    sets = known_sets(problems)
    clean = [path.read_text("utf-8", "replace") for path in sorted((SHARED / "books").rglob("*.txt"))]
    assert sum(map(bool, overlaps(sets, clean))) == 0
    pieces = [text[at : at + 800] for text in clean for at in range(5000, 8000, 800)]
    whole = [pieces[i % len(pieces)] + "\n" + one.asks[0].upper() + "\n" + CLEAN for i, one in enumerate(problems)]
    named = [{(hit.set, hit.item) for hit in hits} for hits in overlaps(sets, whole)]
    assert sum(here == {(one.set, one.item)} for here, one in zip(named, problems, strict=True)) == len(problems)
