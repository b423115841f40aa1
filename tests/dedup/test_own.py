"""A user's own file: shingles as `re` cuts them, all pairs at or above a similarity and no other, bad lines by number."""

import itertools
import json
import re
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.cli import main
from pipelines.dedup.own import read_lines, repeated, similar
from pipelines.kernels.grams import Shingle
from schemas.errors import InputError

SHARED = Path(__file__).parents[3] / "shared" / "data"

quick = settings(max_examples=150, deadline=None)
ALPHABET = "ab Cß_1٣9İΣσ \n\t-.,'’\u0301\u200b日😀\ud800"
texts = st.lists(
    st.text(ALPHABET, max_size=14) | st.sampled_from(["a b c d e f", "A b c d e f", "a b c d e f g", ""]), max_size=8
)


def slow_shingles(text, shingle):
    """The distinct shingles, in a line of `re` each."""
    units = {
        "char5": lambda: re.sub(r"\W+", " ", re.sub(r"\d+", "0", text.lower())).strip(),
        "word5": lambda: tuple(re.findall(r"\w+", text.lower())),
        "token5": lambda: tuple(re.findall(r"\w+|[^\w\s]", text)),
    }[shingle]()
    return {units[i : i + 5] for i in range(max(1, len(units) - 4))}


def slow_pairs(texts, shingle, at_least):
    sets = [slow_shingles(text, shingle) for text in texts]
    pairs = (
        (a, b, len(sets[a] & sets[b]) / len(sets[a] | sets[b])) for a, b in itertools.combinations(range(len(texts)), 2)
    )
    return [pair for pair in pairs if pair[2] >= at_least]


@quick
@given(texts, st.sampled_from(list(Shingle)), st.sampled_from([0.05, 0.2, 0.5, 0.8, 1.0]))
def test_pairs_are_those_of_all_with_all(texts, shingle, at_least):
    assert list(similar(texts, shingle, at_least)) == slow_pairs(texts, shingle, at_least)


@quick
@given(
    st.lists(st.sets(st.integers(0, 15), max_size=10), max_size=12),
    st.sampled_from([0.1, 0.3, 0.5, 0.6, 0.75, 0.8, 0.9, 1.0]),
)
def test_no_pair_of_sets_is_lost_to_the_prefix_filter(sets, at_least):
    spread = [" ".join(f"{'x' * 5} {member}" for member in sorted(one)) for one in sets]
    assert list(similar(spread, Shingle.TOKEN5, at_least)) == slow_pairs(spread, "token5", at_least)


def jsonl(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(path)


def test_the_command_prints_one_pair_a_line_in_the_order_of_the_file(tmp_path, capsys):
    rows = [
        {"id": "x", "text": "a b c d e f"},
        {"id": 7, "text": "other"},
        {"id": "é", "text": "A, b c d e f g", "more": 1},
    ]
    file = jsonl(tmp_path / "own.jsonl", [*rows, {"id": 8, "text": "OTHER"}])
    assert main(["duplicates", "--jsonl", file, "--at-least", "0.5"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert found == [{"a": "x", "b": "é", "similarity": 2 / 3}, {"a": 7, "b": 8, "similarity": 1.0}]


BAD = {
    b"nope": "line 2 is not JSON",
    b'["id", "text"]': "line 2 is a JSON list, not an object",
    b'{"text": "x"}': "line 2 has no id",
    b'{"id": 2}': "line 2 has no text",
    b'{"id": 2, "text": null}': "line 2 has a text that is no string",
    b'{"id": true, "text": "x"}': "line 2 has an id that is neither",
    b'{"id": "first", "text": "x"}': "line 2 has the id 'first' of line 1",
    b'{"id": "\xff", "text": "x"}': "line 2 is not UTF-8",
    b'{"id": "\\ud800", "text": "x"}': "line 2 has an id that is no Unicode text",
    b"[" * 100_000: "line 2 is not JSON",
}


@pytest.mark.parametrize("line", BAD, ids=range(len(BAD)))
def test_a_bad_line_is_named_with_its_number_and_nothing_is_printed(tmp_path, capsys, line):
    file = tmp_path / "own.jsonl"
    file.write_bytes(b'{"id": "first", "text": "a"}\n' + line + b'\n\n{"id": "last", "text": "a"}\n')
    assert main(["duplicates", "--jsonl", str(file)]) == 2
    said = capsys.readouterr()
    assert (said.out, BAD[line] in said.err) == ("", True)


def test_of_many_bad_lines_the_first_five_are_named():
    with pytest.raises(InputError, match=r"line 5 is not JSON \(Expecting value\); and 2 more\. Every line must"):
        read_lines(Bytes(b"x\n" * 7))


class Bytes:
    """A path to a file of these bytes."""

    def __init__(self, data):
        self._data = data

    def read_bytes(self):
        return self._data


def test_blank_lines_a_byte_order_mark_and_windows_line_ends_are_no_fault():
    lines = read_lines(Bytes(b'\xef\xbb\xbf{"id": 1, "text": "a"}\r\n\r\n  \n{"id": 2, "text": "b"}'))
    assert (lines.ids, lines.texts) == ((1, 2), ("a", "b"))


@pytest.mark.parametrize("asked", [["--at-least", "0"], ["--at-least", "1.01"], ["--at-least", "nan"]])
def test_a_similarity_that_is_none_is_refused(tmp_path, asked):
    assert main(["duplicates", "--jsonl", jsonl(tmp_path / "own.jsonl", []), *asked]) == 2


def test_a_name_or_a_file_but_not_both_nor_none(tmp_path):
    assert main(["duplicates"]) == 2
    assert main(["duplicates", "name", "--jsonl", "file"]) == 2
    assert main(["duplicates", "--jsonl", str(tmp_path / "not there")]) == 2


# The gold of the shared corpus


@pytest.fixture(scope="module")
def shared():
    if not SHARED.is_dir():
        pytest.skip("shared/data is not beside the checkout")
    return SHARED


def check_against(gold, key, shingle, texts, at_least=0.8):
    """Every pair of the gold is found with its similarity, and no other is."""
    names = list(texts)
    found = {(names[a], names[b]): round(s, 4) for a, b, s in similar(list(texts.values()), shingle, at_least)}
    rows = [json.loads(line) for line in gold.read_text().splitlines()]
    wanted = {
        tuple(sorted((row["a"], row["b"]), key=names.index)): row[key]
        for row in rows
        if row[key] >= at_least and row["a"] in texts and row["b"] in texts
    }
    assert found == wanted
    return len(found)


def test_messages_of_the_gold(shared):
    rows = [
        line.split("\t", 2) for line in (shared / "labels/spam/sms_spam.tsv").read_text("utf-8").split("\n") if line
    ]
    texts = {int(number): text for number, _, text in rows}
    assert check_against(shared / "neardup/sms_pairs.jsonl", "jaccard_char5", Shingle.CHAR5, texts) == 1241


def test_code_of_the_gold(shared):
    with tarfile.open(shared / "code/python_packages.tar.gz") as tar:
        files = {member.name: tar.extractfile(member).read() for member in tar if member.name.endswith(".py")}
    texts = {name: data.decode("utf-8", "replace") for name, data in files.items() if len(data) > 400}
    assert check_against(shared / "neardup/code_pairs.jsonl", "jaccard_tok5", Shingle.TOKEN5, texts, 0.5) == 51


def test_books_of_the_gold(shared):
    names = ["11-0.txt", "11.txt", "book.asciidoc", "old/alice30.txt"]
    texts = {name: (shared / "books/gutenberg_11" / name).read_bytes().decode("utf-8") for name in names}
    bodies = {name: re.split(r"\*\*\* (?:START|END) OF.*\n", text) for name, text in texts.items()}
    cut = {name: parts[1] if len(parts) > 1 else parts[0] for name, parts in bodies.items()}
    assert check_against(shared / "neardup/books_pairs.jsonl", "jaccard_word5", Shingle.WORD5, cut) == 6


@settings(max_examples=60)
@given(st.lists(st.lists(st.sampled_from("abc"), max_size=14), max_size=5), st.integers(1, 4))
def test_repeated_spans_are_every_word_of_every_run_that_stands_further_up_and_no_other(lists, size):
    texts = [" ".join(words) for words in lists]
    windows = [(n, at) for n, words in enumerate(lists) for at in range(len(words) - size + 1)]
    expected = set()
    for k, (n, at) in enumerate(windows):
        run = lists[n][at : at + size]
        if any(lists[m][i : i + size] == run and (m < n or i + size <= at) for m, i in windows[:k]):
            expected |= {(n, at + j) for j in range(size)}
    found = set()
    for one in repeated(texts, size):
        (a, a_end), (b, b_end) = one.a_place, one.b_place
        words = texts[one.b][b:b_end].split()
        assert texts[one.a][a:a_end].split() == words
        assert len(words) == one.words >= size
        assert one.a < one.b or a_end <= b
        found |= {(one.b, b // 2 + j) for j in range(len(words))}
    assert found == expected


def test_the_command_tells_repeated_spans_with_their_places(tmp_path, capsys):
    rows = [{"id": "x", "text": "One: two, three four"}, {"id": 7, "text": "no. ONE TWO\nthree \ud83d\ude00 four!"}]
    assert main(["duplicates", "--jsonl", jsonl(tmp_path / "own.jsonl", rows), "--spans", "3"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {"a": "x", "a_place": [0, 20], "b": 7, "b_place": [4, 24], "words": 4}
    assert main(["duplicates", "--jsonl", jsonl(tmp_path / "own.jsonl", rows), "--spans", "0"]) == 2
    assert "a span of at least 0 words is none" in capsys.readouterr().err
    assert main(["duplicates", "name", "--spans", "3"]) == 2
    assert "--spans is for a file of your own" in capsys.readouterr().err
