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

# What one worker of `pytest -n 2` does, by how its files begin: they share what is dear and made once a session. Else a worker takes a file.
TOGETHER = {
    "demo": (
        "audit/test_duplicates", "audit/test_overlap", "dagster_project/test_unique", "exports/", "golden/", "late/",
        "takedown/test_canaries", "test_closure", "test_demo", "test_private", "test_readers",
    ),
    "training": ("training/",),
}  # fmt: skip
# The longest start first, so that both workers end at about the same time.
FIRST = ("dagster_project/test_graph.py", "test_five_lanes.py", "demo", "training")

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


def work_of(test: str) -> str:
    """The name of what a worker takes at once, for the id of a test."""
    file = test.partition("::")[0].removeprefix("tests/")
    return next((name for name, begins in TOGETHER.items() if file.startswith(begins)), file)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {name: place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: rank.get(work_of(item.nodeid), len(rank)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Not `--dist loadgroup`, which since pytest 9.2 groups nothing (pytest-dev/pytest-xdist#1386)."""
    from xdist.scheduler import LoadScopeScheduling

    class ByWork(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return work_of(nodeid)

    return ByWork(config, log)


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
