"""Fixtures of the whole suite.

corpus_recipe   (folder with archives) -> the recipe over it, as TOML would give it
curate          run a recipe at a fresh site and give (site, result)
demo            the shipped demo, run once a session: (recipe, site, result); its server is gone, its site is only read; its log is run.log in it
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

from pipelines.demo import demo_site
from pipelines.recipe import Recipe, load, loads
from pipelines.run import Result, run
from pipelines.site import Site, load_site

# Times go into benchmarks: a slow machine must not fail a law.
settings.register_profile("headwater", deadline=None, print_blob=True)
settings.load_profile("headwater")

# Of what `pytest -n 2` does, the longest: it starts first, so that both workers end at about the same time.
FIRST = ("dagster_project/test_graph.py", "test_five_lanes.py", "demo", "training")
# Folders whose conftest makes something dear once a session.
TOGETHER = ("late", "training")

RECIPE = """
format = 1
name = "test"
policy = "opt_out_respected"
agents = ["HeadwaterBot", "CCBot", "GPTBot", "*"]
max_quarantined = 0.2
{more}
[[source]]
lane = "web"
from = "*.warc.gz"
[source.card]
name = "corpus"
kind = "synthetic"
title = "The test corpus"
provider = "us"
contact = "nobody@corpus.example"
[shards]
validation = 0.1
"""


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What one worker does: a file, or a folder that shares what is dear, or every file that uses the demo."""
    used: dict[Path, set[str]] = {}
    for item in items:
        used.setdefault(item.path, set()).update(item.fixturenames)

    def unit(item: pytest.Item) -> str:
        file = item.path.relative_to(Path(__file__).parent)
        shared = "demo" if "demo" in used[item.path] else file.parts[0]
        return shared if shared in ("demo", *TOGETHER) else file.as_posix()

    rank = {name: place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: rank.get(unit(item), len(rank)))
    for item in items:
        item.add_marker(pytest.mark.xdist_group(unit(item)))


def recipe_over(folder: Path, more: str = "") -> Recipe:
    """A recipe over the archives of a folder."""
    return loads(RECIPE.format(more=more), base=folder)


def site_at(folder: Path, **changes: object) -> Site:
    """A local site in one process."""
    import dataclasses

    return dataclasses.replace(load_site(folder), **{"workers": 1, **changes})


@pytest.fixture
def curate(tmp_path):
    """`curate(archives, site_name, **site changes)` runs the test recipe and gives (site, result)."""

    def do(archives: Path, name: str = "site", more: str = "", **changes: object) -> tuple[Site, Result]:
        site = site_at(tmp_path / name, **changes)
        return site, run(recipe_over(archives, more), site)

    return do


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    site = site_at(tmp_path_factory.mktemp("demo"))
    with warnings.catch_warnings():
        # the server process of the demo ends after its pipes are closed
        warnings.simplefilter("ignore", ResourceWarning)
        with demo_site(load("demo"), site) as (recipe, ready), logged(site.store.local("run.log")):
            return recipe, ready, run(recipe, ready)


@contextmanager
def logged(path: Path) -> Iterator[None]:
    """Everything that is logged meanwhile, in a file."""
    handler = logging.FileHandler(path)
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
        handler.close()
