"""Books, questions and code: good by the rules of texts, alike where they are copies, and programs that run."""

import ast
import json
import re
import subprocess
import sys
from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest

from pipelines import rooms
from pipelines.kernels.minhash import jaccard, normalise, shingles
from pipelines.lanes.web import WEB
from pipelines.rights import spdx
from tests.corpus import books, programs
from tests.corpus.questions import questions
from tests.corpus.uploads import write
from tests.laws.batches import items_of

TALES = books.tales()
CODE = {**programs.tally(), **programs.gauge(), **{f"ferry/{name}": text for name, text in programs.ferry().items()}}


def failing(texts):
    """(row, reason) of every rule of the web lane that a text does not meet."""
    items = items_of(WEB, texts)
    signals, _ = rooms.measure(WEB, items)
    items = rooms.with_language(items, signals)
    return [
        (row, one["reason"])
        for stage in WEB.judges
        for row, one in enumerate(stage.fn(stage, items, signals).to_pylist())
        if one["verdict"] != "keep"
    ]


def similarities(texts):
    """The similarity of every two texts, as near-duplicates are measured."""
    left, right = (np.array(side) for side in zip(*combinations(range(len(texts)), 2), strict=True))
    return jaccard(shingles(normalise(pa.array(texts)), 5), left, right)


def test_chapters_and_books_pass_the_rules_of_texts():
    chapters = ["\n\n".join(paragraphs) for tale in TALES for _, paragraphs in tale.chapters]
    assert all(3_000 < len(chapter) < 6_000 for chapter in chapters)
    assert failing([*chapters, *map(books.plain, TALES)]) == []


def test_no_two_chapters_are_near():
    chapters = ["\n\n".join(paragraphs) for tale in TALES for _, paragraphs in tale.chapters]
    assert max(similarities(chapters)) < 0.1


def test_a_second_edition_is_near_the_first_and_not_equal():
    for tale in TALES:
        first, second = books.html(tale, revised=False), books.html(tale, revised=True)
        assert 0.95 < similarities([first, second])[0] < 1.0


def test_an_archived_book_is_the_plain_one_between_two_markers():
    tale = TALES[0]
    before, after = books.archived(tale).split(books.plain(tale))
    assert before.rstrip().endswith("*** START OF THE PROJECT GUTENBERG EBOOK THE LOCK KEEPER ***")
    assert after.lstrip().startswith("*** END OF THE PROJECT GUTENBERG EBOOK THE LOCK KEEPER ***")


def test_there_are_sixty_questions_each_with_its_answer():
    texts = questions()
    assert len(set(texts)) == 60
    assert all(text.startswith("Question: ") and text.count("\nAnswer: ") == 1 for text in texts)
    assert questions() == texts
    assert max(map(len, texts)) < 120  # what a row of the smallest model holds


@pytest.mark.parametrize("name", [name for name in CODE if name.endswith(".py")])
def test_python_parses(name):
    assert ast.parse(CODE[name]).body or not CODE[name].strip()


def test_the_tally_counts(tmp_path):
    for name, text in programs.tally().items():
        write(tmp_path / name, text.encode())
    command = [sys.executable, "-m", "tally", "--most", "1", "--json"]
    ran = subprocess.run(
        command, cwd=tmp_path / "tally", input="The river, the RIVER;\na river.", capture_output=True, text=True
    )
    assert json.loads(ran.stdout) == {"lines": 2, "total": 6, "words": [{"word": "river", "count": 3}]}


def test_every_file_of_c_and_go_names_its_licence():
    for name, text in CODE.items():
        if name.endswith((".c", ".h", ".go")):
            named = text.split("SPDX-License-Identifier: ")[1].split()[0]
            assert named == ("Apache-2.0" if name.startswith("ferry/") else "GPL-2.0-or-later")
            assert spdx.from_id(named) == named


def test_what_is_minified_is_one_long_line_that_says_the_same():
    script, short = CODE["tally/web/chart.js"], CODE["tally/web/chart.min.js"]
    assert short.count("\n") == 1
    assert len(short) > 700
    code = "\n".join(line for line in script.split("\n") if not line.strip().startswith("//"))
    assert "".join(short.split()) == "".join(code.split())


def test_copies_of_code_are_exact_or_near():
    assert CODE["tally/tally/_vendor/words.py"] == CODE["tally/tally/words.py"]
    assert CODE["ferry/vendor/queue.example/queue/queue.go"] == CODE["ferry/queue/queue.go"]
    assert 0.9 < similarities([CODE["gauge/src/ring.c"], CODE["gauge-fork/src/ring.c"]])[0] < 1.0


def test_no_other_files_of_code_are_near():
    lone = [text for name, text in CODE.items() if name.endswith((".py", ".c", ".h", ".go", "chart.js"))
            and not re.search("vendor|fork", name)]  # fmt: skip
    assert max(similarities(lone)) < 0.5


def test_the_repository_has_one_commit_of_one_id(tmp_path):
    for name, text in programs.ferry().items():
        write(tmp_path / name, text.encode())
    if not programs.commit(tmp_path):
        pytest.skip("there is no git")
    head = (tmp_path / ".git/refs/heads/main").read_text()
    assert programs.commit(tmp_path)  # a second time nothing is done
    assert (tmp_path / ".git/refs/heads/main").read_text() == head
    assert len(head.strip()) == 40
