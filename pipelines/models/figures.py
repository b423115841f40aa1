"""How good a classifier is on texts it did not learn from, told apart by kind and for texts with and without fault."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.models.labelled import Labelled
from pipelines.models.tasks import Task

Bools = npt.NDArray[np.bool_]
# Chosen: of the validation texts without fault at most this share may pass a threshold, so that what is dropped is what it is called.
MOST_FALSE = 0.01
LEAST = 0.5
_STEPS = tuple(round(step / 20, 2) for step in range(20))  # 0.0 to 0.95


def thresholds(task: Task, rows: Sequence[Labelled], scores: npt.NDArray[np.float64]) -> dict[str, float]:
    """For each label the lowest bound, `LEAST` and that of the task at least, that no more than MOST_FALSE of the clean texts lie above; else 0.95."""
    clean = np.array([row.labels == (task.clean,) for row in rows])
    found = {}
    for column, label in enumerate(task.labels):
        false = {step: float((scores[clean, column] > step).mean()) if clean.any() else 0.0 for step in _STEPS}
        good = [
            step
            for step, share in false.items()
            if step >= max(LEAST, dict(task.least_bounds).get(label, 0.0)) and share <= MOST_FALSE
        ]
        found[label] = min(good, default=_STEPS[-1])
    return found


def figures(
    task: Task, rows: Sequence[Labelled], scores: npt.NDArray[np.float64], bounds: Mapping[str, float]
) -> dict[str, Any]:
    """Precision, recall and F1 of all faulty texts together, of clean ones, and of each label; the share flagged by topic.

    A text is flagged where one of its labels passes its bound. `texts`: how many there are.
    """
    passed = scores > np.array([bounds[label] for label in task.labels])
    flagged: Bools = np.asarray(passed.any(axis=1), bool)
    clean = np.array([row.labels == (task.clean,) for row in rows], dtype=bool)
    topics = dict.fromkeys(row.topic for row in rows)
    found: dict[str, Any] = {"faulty": _figures(~clean, flagged), task.clean: _figures(clean, ~flagged)}
    if len(task.labels) > 1:
        found["kinds"] = {
            label: _figures(np.array([label in row.labels for row in rows]), passed[:, column])
            for column, label in enumerate(task.labels)
            if any(label in row.labels for row in rows)
        }
    found["flagged"] = {topic: _share(flagged[np.array([row.topic == topic for row in rows])]) for topic in topics}
    return found


def _figures(is_so: Bools, is_called: Bools) -> dict[str, float | int]:
    right = int((is_so & is_called).sum())
    precision, recall = right / max(int(is_called.sum()), 1), right / max(int(is_so.sum()), 1)
    f1 = 2 * precision * recall / (precision + recall) if right else 0.0
    return {"texts": int(is_so.sum()), "precision": round(precision, 3), "recall": round(recall, 3), "f1": round(f1, 3)}


def _share(flagged: Bools) -> dict[str, float | int]:
    return {"texts": len(flagged), "share": round(float(flagged.mean()), 3)}
