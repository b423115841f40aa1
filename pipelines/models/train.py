"""Trains a classifier: a first time on a part of the texts for figures, then on all of them for use.

One thread and a fixed order: the same texts give the same bytes.
"""

import json
import os
import random
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.models import figures, frames
from pipelines.models.classify import classify
from pipelines.models.labelled import File, Labelled, read
from pipelines.models.parts import parts
from pipelines.models.sources import KNOWN
from pipelines.models.tasks import SPAM, Task
from pipelines.models.view import lines, window_lines
from schemas.digest import sha256
from schemas.errors import DataError

SEED = 0
FRAMES = "frames"  # the group of all texts made from them, in figures


def train(
    task: Task, data: Sequence[File], into: Path, *, tests: Sequence[File] = (), loud: bool = False
) -> dict[str, Any]:
    """The card of the model that was trained on these files and written into a folder, with the card, as `<task>.ftz` and `.json`.

    `tests`: files that are only measured on. `loud`: fastText's own progress on stderr.

    Raises:
        DataError: a file cannot be read, or one of the labels has no text.
    """
    rows = [row for file in data for row in read(file, task.aliases)]
    _check(task, rows)
    named = parts(lines(pa.array([row.text for row in rows], pa.large_string()), name=task.name))
    with tempfile.TemporaryDirectory() as scratch:
        trial, tried, final = (Path(scratch, name) for name in ("trial.ftz", "tried.ftz", "final.ftz"))

        def fit(path: Path, *wanted: str) -> Path:
            """The model of these parts, in a file."""
            kept = [row for row, part in zip(rows, named, strict=True) if part in wanted]
            path.write_bytes(_fit(task, [*weighed(task, kept), *made(task, *wanted)], loud=loud))
            return path

        bounds = figures.thresholds(task, *_scored(task, fit(trial, "train"), rows, named, "validation"))
        measured = _measured(task, fit(tried, "train", "validation"), rows, named, bounds)
        weights = fit(final, "train", "validation", "test").read_bytes()
        extra = {file.path.name: evaluate(task, final, file, bounds) for file in tests}
    card = {
        "name": task.name, "file": f"{task.name}.ftz", "sha256": sha256(weights).hex(), "bytes": len(weights),
        "labels": list(task.every),
        "command": f"headwater models train {task.name} --data {' '.join(_shown(file) for file in data)}"
        + (f" --test {' '.join(_shown(file) for file in tests)}" if tests else ""),
        "fit": dict(task.fit) | {"thread": 1, "seed": SEED},
        "data": [_told_of(file, sum(row.topic == file.path.name for row in rows)) for file in data] + _frames_told(task),
        "thresholds": bounds, "figures": measured, "tests": extra,
    }  # fmt: skip
    into.mkdir(parents=True, exist_ok=True)
    _publish(into / f"{task.name}.ftz", weights)
    _publish(into / f"{task.name}.json", (json.dumps(card, indent=2, ensure_ascii=False) + "\n").encode())
    return card


def evaluate(task: Task, model: Path, file: File, bounds: dict[str, float]) -> dict[str, Any]:
    """What a model says of a file: the share flagged of each label that the file has, in the file's own words."""
    rows = read(file)
    scores = classify(
        model, pa.array([row.text for row in rows], pa.large_string()), name=task.name, labels=task.labels
    ).mean
    return figures.figures(task, [replace(row, topic=row.labels[0]) for row in rows], scores, bounds)["flagged"]  # type: ignore[no-any-return]


def made(task: Task, *parts: str) -> list[Labelled]:
    """The texts from frames and words of these parts: train, validation, test."""
    if not task.made:
        return []
    found = frames.make(task.name, parts, each=task.made)
    if task.plain_made:
        plain = [one for one in frames.make(SPAM.name, parts, each=task.plain_made) if one.labels == (SPAM.clean,)]
        found += [replace(one, labels=(task.clean,)) for one in plain]
    return [Labelled(text=one.text, labels=one.labels, topic=one.topic) for one in found]


def weighed(task: Task, rows: Sequence[Labelled]) -> list[Labelled]:
    """The rows as they are learnt from: those of plain files thinned out, those of others repeated."""
    of_file: dict[str, list[Labelled]] = {}
    for row in rows:
        of_file.setdefault(row.topic, []).append(row)
    found: list[Labelled] = []
    for topic, own in of_file.items():
        if len({row.labels for row in own}) > 1:
            found += own * task.repeat
        else:
            found += random.Random(f"{topic} {SEED}").sample(own, min(len(own), task.most_plain))
    return found


def _check(task: Task, rows: Sequence[Labelled]) -> None:
    there = {label for row in [*rows, *made(task, "train")] for label in row.labels}
    if missing := [label for label in task.every if label not in there]:
        raise DataError(f"no text is labelled {', '.join(missing)}; give a file of them: --data FILE={missing[0]}")


def _scored(
    task: Task, model: Path, rows: Sequence[Labelled], named: Sequence[str], part: str
) -> tuple[list[Labelled], npt.NDArray[np.float64]]:
    """The texts of a part, of files and of frames, with what a model says of each."""
    kept = [*(row for row, name in zip(rows, named, strict=True) if name == part), *made(task, part)]
    texts = pa.array([row.text for row in kept], pa.large_string())
    return kept, classify(model, texts, name=task.name, labels=task.labels).mean


def _measured(
    task: Task, model: Path, rows: Sequence[Labelled], named: Sequence[str], bounds: dict[str, float]
) -> dict[str, Any]:
    """What the bounds come to on the test part: for each file with more than one label, and for the texts from frames."""
    kept, scores = _scored(task, model, rows, named, "test")
    files = {row.topic for row in rows}
    groups = np.array([row.topic if row.topic in files else FRAMES for row in kept])
    found = {}
    for group in dict.fromkeys(groups.tolist()):
        mine = [row for row, name in zip(kept, groups, strict=True) if name == group]
        if len({row.labels for row in mine}) > 1:
            found[group] = figures.figures(task, mine, scores[groups == group], bounds)
        else:
            passed = scores[groups == group] > np.array([bounds[label] for label in task.labels])
            found[group] = {
                "flagged": {
                    mine[0].labels[0]: {"texts": len(mine), "share": round(float(passed.any(axis=1).mean()), 4)}
                }
            }
    return found


def _fit(task: Task, rows: Sequence[Labelled], *, loud: bool) -> bytes:
    """The bytes of a quantized model of these texts."""
    import fasttext

    views, of = window_lines(pa.array([row.text for row in rows], pa.large_string()), name=task.name)
    labels = [" ".join(f"__label__{label}" for label in row.labels) for row in rows]
    shown = [f"{labels[row]} {view}" for view, row in zip(views.to_pylist(), of.tolist(), strict=True)]
    random.Random(SEED).shuffle(shown)
    with tempfile.TemporaryDirectory() as scratch:
        text, weights = Path(scratch, "train.txt"), Path(scratch, "model.ftz")
        text.write_text("\n".join(shown) + "\n", "utf-8")
        model = fasttext.train_supervised(
            input=str(text), thread=1, seed=SEED, verbose=2 if loud else 0, **dict(task.fit)
        )
        model.quantize(input=str(text), qnorm=True, thread=1, verbose=0)
        model.save_model(str(weights))
        return weights.read_bytes()


def _shown(file: File) -> str:
    return file.path.name if file.label is None else f"{file.path.name}={file.label}"


def _told_of(file: File, texts: int) -> dict[str, Any]:
    title, origin, licence = KNOWN.get(file.sha256, ("", "", ""))
    return {
        "file": file.path.name,
        "label": file.label,
        "sha256": file.sha256,
        "texts": texts,
        "title": title,
        "origin": origin,
        "licence": licence,
    }


def _frames_told(task: Task) -> list[dict[str, Any]]:
    if not task.made:
        return []
    return [
        {
            "file": "pipelines/models/frames/*.toml",
            "label": None,
            "texts": len(made(task, *frames.PARTS)),
            "title": "sentences from frames and word lists",
            "origin": "this project",
            "licence": "Apache-2.0",
        }
    ]


def _publish(path: Path, data: bytes) -> None:
    building = path.with_name(f".{path.name}.{os.getpid()}")
    building.write_bytes(data)
    os.replace(building, path)
