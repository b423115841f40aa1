"""The small parts of a takedown: whose a file is, where bytes lie after a cut, which pages hold a caption, and the documented commands."""

import re
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.cli import main
from pipelines.store import Store
from pipelines.takedown.bytes import cuts
from pipelines.takedown.closure import is_owned
from pipelines.takedown.texts import words_are_in
from tests.ledger import made

DOCS = Path(__file__).resolve().parents[2] / "docs/takedown.md"


@pytest.mark.parametrize(
    ("uri", "owner", "owned"),
    [
        ("https://github.com/River/ferry/blob/main/a.py", "river", True),
        ("https://raw.githubusercontent.com/river/ferry/main/a.py", "github.com/River", True),
        ("https://gitlab.com/river/ferry/-/raw/main/a.py", "github.com/river", False),
        ("https://github.com/riverside/ferry/a.py", "river", False),
        ("http://river.example/a.py", "river", False),
    ],
)
def test_a_file_is_owned_by_who_owns_its_repository(uri, owner, owned):
    assert is_owned(uri, owner) is owned


@given(st.lists(st.binary(min_size=1, max_size=9), min_size=1, max_size=12), st.data())
def test_what_is_left_of_a_file_is_found_where_the_cut_says(tmp_path_factory, pieces, data):
    gone = data.draw(st.sets(st.integers(0, len(pieces) - 1), min_size=1))
    store = Store(root=str(tmp_path_factory.mktemp("cut")))
    store.put("captures/a.warc", b"".join(pieces))
    offsets = [len(b"".join(pieces[:n])) for n in range(len(pieces))]
    places = [{"uri": "captures/a.warc", "offset": offsets[n], "length": len(pieces[n])} for n in sorted(gone)]
    cut = cuts(store, places, [])["captures/a.warc"]
    left = store.read(cut.new) if cut.new else b""
    rest = [n for n in range(len(pieces)) if n not in gone]
    if cut.new is not None:
        assert left == b"".join(pieces[n] for n in rest)
        assert [left[cut.moved(offsets[n]) :][: len(pieces[n])] for n in rest] == [pieces[n] for n in rest]
    assert all(cut.moved(offsets[n]) is None for n in gone)


def test_bytes_in_a_tar_become_zeros_so_that_nothing_moves(tmp_path):
    store = Store(root=str(tmp_path))
    store.put("captures/a.tar", b"headSECRETtail")
    cut = cuts(store, [{"uri": "captures/a.tar", "offset": 4, "length": 6}], [])["captures/a.tar"]
    assert store.read(cut.new) == b"head\0\0\0\0\0\0tail"
    assert cut.moved(10) == 10


@pytest.mark.parametrize(
    ("words", "page", "held"),
    [
        ("The ferry at dawn, 1901", "A page.\nThe  ferry at dawn,\n1901 is shown.", True),
        ("The ferry at dawn, 1901", "Another page.", False),
        ("A boat", "A boat lies here.", False),  # too short to tell
    ],
)
def test_a_page_holds_a_caption_whatever_its_spaces(words, page, held):
    assert words_are_in(words, page) is held


def test_the_documented_commands_run(store, tmp_path, capsys):
    shown = [
        line
        for block in re.findall(r"```\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
        for line in block.splitlines()
    ]
    ran = [line for line in shown if line.startswith("headwater") and "--apply" not in line and "--file" not in line]
    assert len(ran) == 4
    for line in ran:
        words = [made.HOST if word == "river.example" else word for word in shlex.split(line)[1:]]
        assert main([str(tmp_path / "site") if word == "ours" else word for word in words]) == 0, line
    assert "nothing was changed" in capsys.readouterr().out
