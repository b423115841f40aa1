"""Which recipe the asset graph is made of, and which site it runs at: two environment variables, read when Dagster loads us."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipelines.recipe import Recipe, load
from pipelines.site import Site, load_site

DEFAULT_RECIPE, DEFAULT_SITE = "demo", "demo-site"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """A recipe and a site by the names a user gives them: a shipped recipe or a file; a folder or a site.toml."""

    recipe: str
    site: str

    def load(self, rounds: Mapping[str, Sequence[str]] | None = None) -> tuple[Recipe, Site]:
        """Both, the recipe with these crawl rounds by source (others as it has them)."""
        recipe = load(self.recipe)
        sources = tuple(
            dataclasses.replace(
                s, crawl=dataclasses.replace(s.crawl, rounds=tuple((rounds or {}).get(s.card.name, s.crawl.rounds)))
            )
            for s in recipe.sources
        )
        return dataclasses.replace(recipe, sources=sources), load_site(self.site)


def workplace() -> Workplace:
    """HEADWATER_RECIPE (else the demo) at HEADWATER_SITE (else ./demo-site)."""
    return Workplace(
        recipe=os.environ.get("HEADWATER_RECIPE", DEFAULT_RECIPE), site=os.environ.get("HEADWATER_SITE", DEFAULT_SITE)
    )
