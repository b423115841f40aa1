"""What the page shows of the papers of a release: the card itself, and a command for every paper."""

import pytest

pytest.importorskip("dagster_pipes")

from dagster_project.step import papers
from pipelines.verbs.exports import KINDS


def test_the_page_shows_the_card_and_how_each_paper_is_written(demo):
    _, site, result = demo
    found = papers(site, result.release, "ours")
    assert found["dataset card"]["raw_value"].startswith(f"# {result.release}\n")
    commands = found["papers"]["raw_value"]
    assert all(f"`headwater export {kind} {result.release} " in commands for kind in KINDS)
    assert f"export eu-summary {result.release} --words eu-summary.toml --out eu-summary.md --site ours`" in commands
