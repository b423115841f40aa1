"""The commands of docs/late-policy.md, run at the demo's site."""

import re
import shlex
from contextlib import chdir
from pathlib import Path

from tests.test_cli import headwater

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "late-policy.md").read_text("utf-8")


def said(line):
    """The words of a line of a table or of text."""
    return re.findall(r"[^\s│┃]+", line)


def test_the_commands_of_the_page_print_what_it_shows(demo, tmp_path):
    blocks = [block.strip("\n").split("\n") for block in re.findall(r"```\n(.*?)```", PAGE, re.DOTALL)]
    with chdir(tmp_path):
        ran = 0
        for block, shown in zip(blocks, [*blocks[1:], []], strict=True):
            if not block[0].startswith("$ "):
                continue
            words = shlex.split(block[0].removeprefix("$ ").replace("demo-site", str(demo[1].store.root)))
            code, out, err = headwater(*words[1:])
            assert (code, err) == (0, "")
            printed = [said(line) for line in out.split("\n")]
            wanted = [] if shown and shown[0].startswith("$ ") else [said(line) for line in shown if line != "..."]
            assert [line for line in wanted if line not in printed] == []
            ran += 1
        assert ran == 3
        assert (tmp_path / "cut.png").read_bytes().startswith(b"\x89PNG")
