"""The assets that train on a release: `model/tokenizers` -> `pretrained` -> `finetuned` -> `evaluated`.

Each is `python -m training` started by a step; on a cluster the same command runs under torchrun (`launch`).
"""

import dagster as dg

from dagster_project.assets import RELEASE, run_step
from dagster_project.workplace import Workplace
from pipelines.recipe import Recipe

TOKENIZERS, PRETRAINED, FINETUNED, EVALUATED = (
    dg.AssetKey(["model", name]) for name in ("tokenizers", "pretrained", "finetuned", "evaluated")
)


class Model(dg.Config):
    """How a model is trained. `preset`: one of `training/presets`, or a TOML file. `set`: changes to it, such as `train.steps=50`.

    `launch`: words before `-m training`; empty: this Python. `torchrun --nproc-per-node 8` trains on eight devices.
    """

    preset: str = "nano"
    set: list[str] = []  # noqa: RUF012 - Dagster's own way to give a default
    launch: list[str] = []  # noqa: RUF012


class Task(Model):
    """What is tuned for: the lane that holds the task, and the sources of it (none: all)."""

    lane: str = ""
    sources: list[str] = []  # noqa: RUF012


def model_assets(place: Workplace, recipe: Recipe) -> list[dg.AssetsDefinition]:
    """From the last release at the site to a measured model."""
    task = {"lane": recipe.lanes[-1].name, "sources": []} | dict(_task(recipe))

    @dg.asset(
        key=TOKENIZERS, deps=[RELEASE], group_name="model", kinds={"torch"}, description="Vocabulary, codecs, tokens."
    )
    def tokenizers(context: dg.AssetExecutionContext, pipes: dg.PipesSubprocessClient, config: Model):
        return run_step(context, pipes, place, "tokenizers", config.model_dump()).get_materialize_result()

    @dg.asset(
        key=PRETRAINED, deps=[TOKENIZERS], group_name="model", kinds={"torch"},
        description="One decoder over text, picture and sound tokens.",
        check_specs=[dg.AssetCheckSpec("held_out_loss_falls", asset=PRETRAINED)],
    )  # fmt: skip
    def pretrained(context: dg.AssetExecutionContext, pipes: dg.PipesSubprocessClient, config: Model):
        return run_step(context, pipes, place, "pretrained", config.model_dump()).get_materialize_result()

    @dg.asset(
        key=FINETUNED, deps=[PRETRAINED], group_name="model", kinds={"torch"},
        description=f"Tuned for a task; by default lane {task['lane']}.",
        check_specs=[dg.AssetCheckSpec("hold_out_loss_falls", asset=FINETUNED)],
    )  # fmt: skip
    def finetuned(context: dg.AssetExecutionContext, pipes: dg.PipesSubprocessClient, config: Task):
        asked = config.model_dump()
        if not config.lane:
            asked |= {"lane": task["lane"], "sources": config.sources or task["sources"]}
        return run_step(context, pipes, place, "finetuned", asked).get_materialize_result()

    @dg.asset(key=EVALUATED, deps=[FINETUNED], group_name="model", description="Loss on held-out items, by modality.")
    def evaluated(context: dg.AssetExecutionContext, pipes: dg.PipesSubprocessClient):
        return run_step(context, pipes, place, "evaluated", Model().model_dump()).get_materialize_result()

    return [tokenizers, pretrained, finetuned, evaluated]


def _task(recipe: Recipe) -> list[tuple[str, object]]:
    """The task of a recipe that has a source of questions (its card says so by name), else none."""
    found = [source for source in recipe.sources if "question" in source.card.name]
    return [("lane", found[0].lanes[0]), ("sources", [found[0].card.name])] if found else []
