"""The verb `models`: list, fetch, train, evaluate."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.verbs import show
from schemas.errors import DataError

if TYPE_CHECKING:
    from pipelines.models.tasks import Task


def models_arguments(parser: argparse.ArgumentParser) -> None:
    """What `models` takes."""
    parser.add_argument("action", choices=("list", "fetch", "train", "evaluate"))
    parser.add_argument(
        "name", nargs="?", choices=("spam", "hate", "quality"), help="the classifier to train or evaluate"
    )
    parser.add_argument(
        "--data", metavar="FILE", nargs="+", default=[],
        help="labelled texts: .jsonl, .csv, .tsv, .txt, gzipped or in a .zip; FILE=LABEL labels all of a file (docs/models.md)",
    )  # fmt: skip
    parser.add_argument("--test", metavar="FILE", nargs="+", default=[], help="train: files that are only measured on")
    parser.add_argument("--out", metavar="DIR", help="train: the folder for the model and its card")
    parser.add_argument(
        "--model",
        metavar="FILE",
        help="evaluate: what `train` wrote, its card beside it (else the shipped one)",
    )


def models(asked: argparse.Namespace) -> None:
    """Do what the action says and print what came of it."""
    actions = {"list": _list, "fetch": _fetch, "train": _train, "evaluate": _evaluate}
    actions[asked.action](asked)


def _list(asked: argparse.Namespace) -> None:
    from pipelines.models.files import FILES, place

    columns = ("name", "bytes", "licence", "sha256", "from", "there")
    rows = [
        (one.name, one.size_bytes, one.licence, one.sha256, one.url or "shipped", place(one).is_file()) for one in FILES
    ]
    if asked.json:
        show.as_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        show.table("model files", columns, rows)


def _fetch(asked: argparse.Namespace) -> None:
    from pipelines.models.files import FILES, fetch, folder

    found = [{"name": one.name, "fetched": fetch(one, folder()), "folder": str(folder())} for one in FILES if one.url]
    if asked.json:
        show.as_json(found)
    else:
        print(
            "\n".join(f"{one['name']} {'fetched into' if one['fetched'] else 'is in'} {one['folder']}" for one in found)
        )


def _train(asked: argparse.Namespace) -> None:
    from pipelines.models.labelled import File
    from pipelines.models.train import train

    task, files = _task(asked), [File.parse(name) for name in asked.data]
    if not asked.out:
        raise DataError("models train: name a folder for the model with --out DIR")
    tests = [File.parse(name) for name in asked.test]
    card = train(task, files, Path(asked.out), tests=tests, loud=sys.stderr.isatty() and not asked.json)
    if asked.json:
        show.as_json(card)
        return
    _show_figures(card["figures"] | {f"test {name}": {"flagged": flagged} for name, flagged in card["tests"].items()})
    print(f"wrote {Path(asked.out, card['file'])} ({card['bytes']:,} bytes) and its card {task.name}.json")
    if task.name == "quality":
        print(f'in the recipe: [stage."measure.quality"] model = "{card["sha256"]}"')
        print(f'in site.toml: [models] quality = "{Path(asked.out, card["file"]).resolve()}"')


def _evaluate(asked: argparse.Namespace) -> None:
    from pipelines.models.files import SHIPPED
    from pipelines.models.labelled import File
    from pipelines.models.train import evaluate

    task = _task(asked)
    model = Path(asked.model) if asked.model else SHIPPED / f"{task.name}.ftz"
    card = model.with_suffix(".json")
    if not model.is_file() or not card.is_file():
        raise DataError(
            f"model {model} and its card {card.name} are not there; `headwater models train {task.name}` writes both"
        )
    bounds = json.loads(card.read_text("utf-8"))["thresholds"]
    found = {str(path): {"flagged": evaluate(task, model, File.parse(path), bounds)} for path in asked.data}
    if asked.json:
        show.as_json(found)
    else:
        _show_figures(found)


def _task(asked: argparse.Namespace) -> "Task":
    from pipelines.models.tasks import TASKS

    if not asked.name or not asked.data:
        raise DataError(f"models {asked.action}: name a classifier ({', '.join(TASKS)}) and its texts (--data FILE...)")
    return TASKS[asked.name]


def _show_figures(found: dict[str, Any]) -> None:
    measured = [
        (group, label, *(figure[key] for key in ("texts", "precision", "recall", "f1")))
        for group, figures in found.items()
        for label, figure in (figures | figures.get("kinds", {})).items()
        if "f1" in figure
    ]
    flagged = [
        (group, topic, one["texts"], one["share"])
        for group, figures in found.items()
        for topic, one in figures["flagged"].items()
    ]
    if measured:
        show.table("on texts kept apart", ("texts of", "label", "texts", "precision", "recall", "F1"), measured)
    show.table("flagged", ("texts of", "kind of text", "texts", "share flagged"), flagged)
