"""The demo's input: the small corpus in tests/corpus, its sites served on loopback and its uploads written by a process of its own."""

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.recipe import SHIPPED, Recipe
from pipelines.site import Site
from schemas.errors import SourceError

CHECKOUT = Path(__file__).resolve().parent.parent


@contextmanager
def demo_site(recipe: Recipe, site: Site) -> Iterator[tuple[Recipe, Site]]:
    """Both as they are; for the shipped demo, a recipe whose uploads lie in the site's scratch folder, and a site in which the
    demo's host names lead to a server that runs meanwhile.

    Raises:
        SourceError: the demo was asked for outside a checkout of the project.
    """
    if recipe.base != SHIPPED or recipe.name != "demo":
        yield recipe, site
        return
    if not (CHECKOUT / "tests/corpus").is_dir():
        raise SourceError("the demo serves tests/corpus, which is not installed; run it in a checkout: `make demo`")
    uploads = site.scratch / "demo"
    command = [sys.executable, "-m", "tests.corpus", str(uploads)]
    # In a session of its own, so that Ctrl-C is for us: the server ends when its standard input does.
    with subprocess.Popen(
        command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        hosts = json.loads(server.stdout.readline())["hosts"]
        try:
            yield (
                dataclasses.replace(recipe, base=uploads),
                dataclasses.replace(site, hosts=tuple(sorted({**dict(site.hosts), **hosts}.items()))),
            )
        finally:
            server.stdin.close()


def with_uploads(recipe: Recipe, site: Site) -> Recipe:
    """The recipe; for the shipped demo, after its uploads were written, which is all that reading its files takes."""
    with demo_site(recipe, site) as (there, _):
        return there
